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

/// The median and the 95th percentile of all files' lengths.
pub(crate) fn measures(sources: &[Source]) -> Vec<Finding> {
    let mut lengths: Vec<usize> = sources.iter().map(|source| source.text.lines().count()).collect();
    lengths.sort_unstable();
    let mut findings = Vec::new();
    for (share, longest) in [(50, 150), (95, 400)] {
        let length = lengths.get(lengths.len() * share / 100).copied().unwrap_or_default();
        if length > longest {
            let what = format!("{share} % of the files have up to {length} lines, above {longest}");
            findings.push(Finding::new("(all files)", 1, what));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{check, measures};
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

    #[test]
    fn files_that_grow_together_are_found() {
        let of = |lengths: &[usize]| {
            lengths.iter().map(|length| fixture("host/src/a.rs", &"x\n".repeat(*length))).collect::<Vec<_>>()
        };
        assert!(measures(&of(&[10, 150, 150, 400])).is_empty());
        assert_eq!(measures(&of(&[10, 151, 151, 400])).len(), 1);
        assert_eq!(measures(&of(&[10, 151, 151, 401])).len(), 2);
    }
}
