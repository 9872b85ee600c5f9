//! Which requests a fault or a gate is meant for: `GET /products`, `/products/7`, `POST /orders*`.

/// A method, where one is named, and a path that is whole or, with `*` at its end, a beginning.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    method: Option<String>,
    path: String,
    prefix: bool,
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Self {
        let (method, path) = match text.trim().split_once(' ') {
            Some((method, path)) => (Some(method.to_ascii_uppercase()), path.trim()),
            None => (None, text.trim()),
        };
        let prefix = path.ends_with('*');
        Self { method, path: path.trim_end_matches('*').to_owned(), prefix }
    }

    pub(crate) fn matches(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method)
            && if self.prefix { path.starts_with(&self.path) } else { path == self.path }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn whole_paths_methods_and_beginnings() {
        let check = |pattern: &str, method: &str, path: &str| Pattern::parse(pattern).matches(method, path);
        assert!(check("GET /products", "GET", "/products"));
        assert!(!check("GET /products", "POST", "/products"));
        assert!(!check("GET /products", "GET", "/products/7"));
        assert!(check("get /products*", "GET", "/products/7"));
        assert!(check("/products", "PUT", "/products"));
        assert!(check("*", "PUT", "/anything"));
    }
}
