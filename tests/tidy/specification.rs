//! The table of `docs/specification.md`: every row has our name and a test that exists, or says which later issue has it.

use std::collections::BTreeSet;

use crate::{finding::Finding, source::Source};

/// Names of all tests, those that `in_both!` makes once: `it import::a_test` for those of `tests/it`, `host::queue::claim::a_test` and the like else.
pub(crate) fn tests(sources: &[Source]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in sources {
        let module = module_of(&source.path);
        let lines: Vec<&str> = source.code.lines().collect();
        let from = lines.iter().position(|line| line.trim() == "in_both!(").map_or(lines.len(), |at| at + 1);
        let both = lines[from..].iter().map(|line| line.trim()).take_while(|line| !line.starts_with(')'));
        found.extend(both.map(|name| format!("{module}::{}", name.trim_end_matches(','))));
        for (at, line) in lines.iter().enumerate() {
            let line = line.trim_start();
            if !(line.starts_with("#[test]") || line.starts_with("#[tokio::test")) {
                continue;
            }
            let declared = lines[at + 1..].iter().map(|line| line.trim_start()).find(|line| !line.starts_with('#'));
            let name = declared.and_then(|line| line.split("fn ").nth(1)).and_then(|rest| rest.split('(').next());
            if let Some(name) = name {
                found.insert(format!("{module}::{name}"));
            }
        }
    }
    found
}

/// `tests/it/import.rs` is `it::import`, `host/src/queue/mod.rs` is `host::queue`, `plugin-api/sdk/src/page.rs` `sdk::page`.
fn module_of(path: &str) -> String {
    let short =
        path.trim_end_matches(".rs").trim_end_matches("/mod").trim_end_matches("/lib").trim_end_matches("/main");
    let short = short.strip_prefix("tests/").or_else(|| short.strip_prefix("plugin-api/")).unwrap_or(short);
    short.replace("/src", "").replace('/', "::")
}

/// Checks rows `| theirs | ours | proof |`.
pub(crate) fn check(document: &str, tests: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut rows = 0;
    for (at, line) in document.lines().enumerate().filter(|(_, line)| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        let finding = |what: String| Finding::new("docs/specification.md", at + 1, what);
        if line.contains("|---") || cells.last() == Some(&"test") {
            continue;
        }
        rows += 1;
        let [theirs, ours, proof] = cells[..] else {
            findings.push(finding(format!("{} cells instead of three", cells.len())));
            continue;
        };
        if theirs.is_empty() || ours.is_empty() {
            findings.push(finding("a name is missing".to_owned()));
        }
        findings.extend(unproven(proof, tests).into_iter().map(finding));
    }
    if rows == 0 {
        findings.push(Finding::new("docs/specification.md", 1, "there are no rows"));
    }
    findings
}

/// Checks the table of invariants: rows `| invariant | tests |` of the section with that title.
pub(crate) fn invariants(document: &str, tests: &BTreeSet<String>) -> Vec<Finding> {
    let place = "docs/architecture.md";
    let lines = document.lines().enumerate().skip_while(|(_, line)| *line != "## Invariants").skip(1);
    let section = lines.take_while(|(_, line)| !line.starts_with("## "));
    let rows: Vec<(usize, &str)> = section.filter(|(_, line)| line.starts_with("| ")).skip(1).collect();
    if rows.is_empty() {
        return vec![Finding::new(place, 1, "there are no invariants")];
    }
    let proof = |line: &str| line.trim_end_matches('|').rsplit(" | ").next().unwrap_or_default().trim().to_owned();
    let unproven = |(at, line): (usize, &str)| {
        let findings = unproven(&proof(line), tests).into_iter();
        findings.map(move |what| Finding::new(place, at + 1, what)).collect::<Vec<_>>()
    };
    rows.into_iter().flat_map(unproven).collect()
}

/// What is wrong with a proof: names of tests in backticks, or `issue N`.
fn unproven(proof: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let later = proof
        .strip_prefix("issue ")
        .is_some_and(|number| number.split(':').next().is_some_and(|number| number.trim().parse::<u32>().is_ok()));
    if later {
        return Vec::new();
    }
    let named: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
    if named.is_empty() {
        return vec![format!("`{proof}` is neither a test nor a later issue")];
    }
    named.iter().filter(|name| !tests.contains(**name)).map(|name| format!("there is no test `{name}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::{check, invariants, tests};
    use crate::fixture;

    #[test]
    fn tests_are_found_by_their_module() {
        let found = tests(&[
            fixture("tests/it/import.rs", "#[test]\nfn one() {}\n#[tokio::test]\nasync fn two() {}\nfn three() {}"),
            fixture("host/src/queue/mod.rs", "#[cfg(test)]\nmod tests {\n#[test]\n#[should_panic]\nfn four() {}\n}"),
        ]);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["host::queue::four", "it::import::one", "it::import::two"]);
    }

    #[test]
    fn rows_without_a_true_proof_are_found() {
        let tests = ["it::import::one".to_owned()].into();
        let document = |row: &str| format!("| specification | ours | test |\n|---|---|---|\n{row}\n");
        assert!(check(&document("| `get` | `Context::get` | `it::import::one` |"), &tests).is_empty());
        assert!(check(&document("| `webhook` | inbox | issue 5 |"), &tests).is_empty());
        for row in ["| a | b | `it::import::two` |", "| a | b | |", "| a | | `it::import::one` |", "| a | b |"] {
            assert_eq!(check(&document(row), &tests).len(), 1, "{row}");
        }
        assert_eq!(check("no table", &tests).len(), 1);
    }

    #[test]
    fn an_invariant_without_its_test_is_found() {
        let tests = ["it::import::one".to_owned()].into();
        let page =
            |row: &str| format!("## Invariants\n\n| invariant | test |\n|---|---|\n{row}\n\n## Glossary\n| a | b |\n");
        assert!(invariants(&page("| holds | `it::import::one` |"), &tests).is_empty());
        assert_eq!(invariants(&page("| holds | `it::import::two` |"), &tests).len(), 1);
        assert_eq!(invariants(&page("| holds | trust me |"), &tests).len(), 1);
        assert_eq!(invariants("## Invariants", &tests).len(), 1);
    }
}
