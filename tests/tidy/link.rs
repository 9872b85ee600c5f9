//! Links of documents: what a page points at inside the repository must be there.

use crate::{finding::Finding, source::Repository};

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for path in repository.paths().iter().filter(|path| path.ends_with(".md")) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, target) in links(&repository.text(path)) {
            if !repository.exists(&joined(folder, &target)) {
                findings.push(Finding::new(path, line, format!("the link to `{target}` leads nowhere")));
            }
        }
    }
    findings
}

/// Targets of `](…)` that are paths, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (at, line) in text.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        for (start, _) in line.match_indices("](") {
            let target = line[start + 2..].split([')', ' ', '#']).next().unwrap_or_default();
            let outside = target.contains("://") || target.starts_with("mailto:") || target.is_empty();
            if !outside {
                found.push((at + 1, target.to_owned()));
            }
        }
    }
    found
}

fn joined(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::{joined, links};

    #[test]
    fn targets_are_found_and_joined() {
        let text = "[a](docs/b.md#c) [d](https://example.org)\n```\n[e](f.md)\n```\n[g](../h.md)";
        assert_eq!(links(text), [(1, "docs/b.md".to_owned()), (5, "../h.md".to_owned())]);
        assert_eq!(joined("docs/x", "../h.md"), "docs/h.md");
        assert_eq!(joined("", "LICENSE"), "LICENSE");
    }
}
