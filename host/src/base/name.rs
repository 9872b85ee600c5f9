//! Names that people mistype: the known one that was most likely meant.

/// The known name that is most like a mistyped one, if any is like it.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|known| (strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase()), known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score > 0.75);
    best.map(|(_, known)| known)
}

/// `; did you mean NAME?`, or nothing.
pub fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_found_and_nothing_is_made_up() {
        let known = || ["product.template", "product.product", "sale.order"].into_iter();
        assert_eq!(nearest("prodcut.template", known()), Some("product.template"));
        assert_eq!(nearest("Sale.Orders", known()), Some("sale.order"));
        assert_eq!(nearest("xyz", known()), None);
        assert_eq!(hint(nearest("xyz", known())), "");
    }
}
