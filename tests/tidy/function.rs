//! A function fits on a screen, so that it can be read at once.

use crate::{finding::Finding, source::Source};

const LONGEST: usize = 60;

pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let lines: Vec<&str> = source.code.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(name) = declared(line) else { continue };
            let length = length(&lines[at..]);
            if length > LONGEST {
                findings.push(Finding::new(
                    &source.path,
                    at + 1,
                    format!("`{name}` has {length} lines, above {LONGEST}"),
                ));
            }
        }
    }
    findings
}

/// The name of the function that a line declares.
fn declared(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("fn ")?;
    let known = ["pub", "pub(crate)", "pub(super)", "async", "const", "unsafe", "extern"];
    // The name of an ABI is blanked, as all strings are.
    let word = |word: &str| known.contains(&word) || word.chars().all(|character| character == '"');
    if !before.split_whitespace().all(word) {
        return None;
    }
    let end = rest.find(|character: char| !character.is_alphanumeric() && character != '_')?;
    (end > 0).then(|| &rest[..end])
}

/// Lines from the declaration to the end of its body; 0 where it has none.
fn length(lines: &[&str]) -> usize {
    let mut depth = 0_usize;
    for (at, line) in lines.iter().enumerate() {
        for character in line.chars() {
            match character {
                '{' => depth += 1,
                '}' if depth == 1 => return at + 1,
                '}' => depth = depth.saturating_sub(1),
                ';' if depth == 0 => return 0,
                _ => {}
            }
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::fixture;

    fn found(lines: usize) -> usize {
        let text = format!(
            "trait A {{\n    fn a();\n    pub(crate) async fn b(&self) {{\n{}    }}\n}}\n",
            "x();\n".repeat(lines)
        );
        check(&[fixture("host/src/a.rs", &text)]).len()
    }

    #[test]
    fn a_function_of_more_than_a_screen_is_found() {
        assert_eq!((found(58), found(59)), (0, 1));
    }
}
