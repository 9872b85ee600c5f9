//! The glossary: one row a word, in the order of the alphabet, so that a word that is there already is seen.

use crate::finding::Finding;

pub(crate) fn check(document: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(start) = document.lines().position(|line| line == "## Glossary") else {
        return vec![Finding::new("docs/architecture.md", 1, "there is no `## Glossary`")];
    };
    let mut before = String::new();
    for (at, line) in document.lines().enumerate().skip(start).filter(|(_, line)| line.starts_with("| ")) {
        let word = line.trim_start_matches("| ").split(" | ").next().unwrap_or_default().to_owned();
        if word == "word" {
            continue;
        }
        if word <= before {
            findings.push(Finding::new("docs/architecture.md", at + 1, format!("`{word}` comes after `{before}`")));
        }
        before = word;
    }
    if before.is_empty() {
        findings.push(Finding::new("docs/architecture.md", start + 1, "the glossary has no words"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_word_twice_or_out_of_order_is_found() {
        let page = |words: &str| format!("## Glossary\n\n| word | meaning |\n|---|---|\n{words}");
        assert!(check(&page("| apply | a |\n| call | b |\n")).is_empty());
        assert_eq!(check(&page("| call | a |\n| call | b |\n")).len(), 1);
        assert_eq!(check(&page("| call | a |\n| apply | b |\n")).len(), 1);
        assert_eq!(check(&page("")).len(), 1);
        assert_eq!(check("nothing").len(), 1);
    }
}
