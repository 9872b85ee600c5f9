//! The repository stands alone: no file names a place of some developer's machine or a folder beside the checkout.

use crate::finding::Finding;

/// Pieces put together here, so that this file does not break its own rule.
fn banned() -> Vec<String> {
    let slash = '/';
    ["home", "root", "work", "Users", "private", "mnt"]
        .iter()
        .map(|folder| format!("{slash}{folder}{slash}"))
        .chain([
            format!("..{slash}shared"),
            format!("index.crates{}io", '.'),
            format!("pypi{}org", '.'),
            format!("registry.npmjs{}org", '.'),
        ])
        .collect()
}

pub(crate) fn places(texts: &[(String, String)]) -> Vec<Finding> {
    let banned = banned();
    let mut findings = Vec::new();
    for (path, text) in texts.iter().filter(|(path, _)| !path.ends_with(".lock")) {
        for (at, line) in text.lines().enumerate() {
            for place in banned.iter().filter(|place| names(line, place)) {
                findings.push(Finding::new(path, at + 1, format!("names `{place}`")));
            }
        }
    }
    findings
}

/// Whether the line has the place as the beginning of a path, not within a longer one.
fn names(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !place.starts_with('/')
            || !before.is_some_and(|character| character.is_alphanumeric() || "_-.}/)*".contains(character))
    })
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn a_path_of_a_machine_is_found_and_a_path_within_the_repository_is_not() {
        let text = |line: String| vec![("docs/a.md".to_owned(), line)];
        assert_eq!(places(&text(format!("see {}home/ada/notes", '/'))).len(), 1);
        assert_eq!(places(&text(format!("see ..{}shared/notes", '/'))).len(), 1);
        assert!(places(&text("see docs/work/notes and https://example.org/home/x".to_owned())).is_empty());
    }
}
