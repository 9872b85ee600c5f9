//! Rules of a file: it opens with what it is for, stays small, and has a name that says something.

use crate::{finding::Finding, source::Source};

const LONGEST: usize = 600;
const EMPTY_NAMES: [&str; 12] =
    ["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "core", "stuff", "types", "shared"];

pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let lines = source.text.lines().count();
        if lines > LONGEST {
            findings.push(Finding::new(&source.path, lines, format!("{lines} lines, above {LONGEST}")));
        }
        let head = source.text.lines().find(|line| !line.starts_with("#!")).unwrap_or_default();
        if !head.starts_with("//!") || head.trim().len() < 20 {
            findings.push(Finding::new(&source.path, 1, "does not open with `//!` and what it is for"));
        }
        for part in source.path.split('/') {
            let name = part.trim_end_matches(".rs");
            if EMPTY_NAMES.contains(&name) {
                findings.push(Finding::new(&source.path, 1, format!("`{name}` says nothing; name what it is")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::fixture;

    #[test]
    fn long_headless_and_meaningless_files_are_found() {
        let head = "//! Something with a purpose.\n";
        assert!(check(&[fixture("host/src/queue/claim.rs", head)]).is_empty());
        assert_eq!(check(&[fixture("host/src/queue/claim.rs", &format!("{head}{}", "x\n".repeat(600)))]).len(), 1);
        assert_eq!(check(&[fixture("host/src/queue/claim.rs", "use a;\n//! Something with a purpose.\n")]).len(), 1);
        assert_eq!(check(&[fixture("host/src/queue/claim.rs", "//! x\n")]).len(), 1);
        assert_eq!(check(&[fixture("host/src/util/claim.rs", head)]).len(), 1);
        assert_eq!(check(&[fixture("host/src/queue/helper.rs", head)]).len(), 1);
    }
}
