//! Rules of what may stand where: SQL, `unsafe`, outside libraries, `unwrap`, silenced lints, and the manners of tests.

use crate::{finding::Finding, source::Source};

/// Files that may hold `unsafe`: the boundary on both sides, and the worker.
const UNSAFE_PLACES: [&str; 6] = [
    "plugin-api/abi/src/",
    "plugin-api/sdk/src/boundary/abi",
    // The macro that exports a connector.
    "plugin-api/sdk/src/lib.rs",
    "host/src/plugin/abi",
    "host/src/plugin/load",
    "host/src/plugin/worker",
];

/// Libraries that one room alone knows.
const LIBRARIES: [(&str, &str); 10] = [
    ("rusqlite", "storage"),
    ("postgres", "storage"),
    ("libloading", "plugin"),
    ("abi_stable", "plugin"),
    ("async_ffi", "plugin"),
    ("reqwest", "egress"),
    ("chacha20poly1305", "security"),
    ("clap", "cli"),
    ("croner", "schedule"),
    ("chrono", "schedule"),
];

/// SQL outside `host/src/storage`.
pub(crate) fn sql(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !source.path.starts_with("host/src/storage")) {
        for (line, text) in &source.strings {
            if is_sql(text) && !source.is_test_line(*line) {
                findings.push(Finding::new(&source.path, *line, "SQL outside the storage room"));
            }
        }
    }
    findings
}

fn is_sql(text: &str) -> bool {
    let text = text.trim_start().trim_start_matches('\\').trim_start().to_ascii_lowercase();
    let both = |start: &str, within: &str| text.starts_with(start) && text.contains(within);
    let starts = [
        "insert into ",
        "delete from ",
        "create table ",
        "create index ",
        "create unique index ",
        "alter table ",
        "drop table ",
        "pragma ",
        "begin immediate",
        "select count(",
        "select exists(",
    ];
    both("select ", " from ")
        || both("update ", " set ")
        || both("with ", " as (select")
        || starts.iter().any(|start| text.starts_with(start))
}

/// `unsafe` where it may not be, or without its reason.
pub(crate) fn unsafe_code(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !source.path.starts_with("tests/")) {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in source.code.lines().enumerate() {
            if !has_word(line, "unsafe") {
                continue;
            }
            if !UNSAFE_PLACES.iter().any(|place| source.path.starts_with(place)) {
                findings.push(Finding::new(&source.path, number + 1, "`unsafe` outside the boundary and the worker"));
                continue;
            }
            let reasoned = lines[number.saturating_sub(6)..=number]
                .iter()
                .any(|line| line.contains("SAFETY:") || line.contains("# Safety"));
            if !reasoned && !line.contains("unsafe fn") && !line.contains("unsafe extern") {
                findings.push(Finding::new(&source.path, number + 1, "`unsafe` without `// SAFETY:` above it"));
            }
        }
    }
    findings
}

fn has_word(line: &str, word: &str) -> bool {
    let part_of_name =
        |character: Option<char>| character.is_some_and(|character| character.is_alphanumeric() || character == '_');
    line.match_indices(word).any(|(at, _)| {
        !part_of_name(line[..at].chars().next_back()) && !part_of_name(line[at + word.len()..].chars().next())
    })
}

/// A crate of the plugin API whose undocumented items nobody would notice.
pub(crate) fn documented(sources: &[Source]) -> Vec<Finding> {
    let asks = |source: &Source| source.code.contains("#![warn(missing_docs)]");
    let crates = sources.iter().filter(|source| source.path.ends_with("/src/lib.rs"));
    crates
        .filter(|source| !asks(source))
        .map(|source| Finding::new(&source.path, 1, "no `#![warn(missing_docs)]`"))
        .collect()
}

/// A library used outside the one room that may know it.
pub(crate) fn libraries(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let inner = source.path.trim_start_matches("host/src/");
        for (library, room) in LIBRARIES {
            let at_home = inner.starts_with(&format!("{room}/")) || inner == format!("{room}.rs");
            if at_home {
                continue;
            }
            for (line, code) in source.code_lines() {
                if code.contains(&format!("{library}::")) || code.contains(&format!("use {library}")) {
                    findings.push(Finding::new(&source.path, line, format!("`{library}` is known to `{room}` only")));
                }
            }
        }
    }
    findings
}

/// `.unwrap()` outside tests, and lints switched off without a reason.
pub(crate) fn shortcuts(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (line, code) in source.code_lines() {
            if code.contains(".unwrap()") && !source.is_test() {
                findings.push(Finding::new(&source.path, line, "`unwrap` outside tests"));
            }
            let silenced =
                ["#[allow(", "#![allow(", "#[expect(", "#![expect("].iter().any(|start| code.contains(start));
            let window: String = source.code.lines().skip(line - 1).take(8).collect();
            let attribute = window.split(")]").next().unwrap_or_default();
            if silenced && !attribute.contains("reason") {
                findings.push(Finding::new(&source.path, line, "a lint is silenced without a reason"));
            }
        }
    }
    findings
}

/// Tests that sleep, or are switched off.
pub(crate) fn test_manners(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (line, code) in source.code.lines().enumerate() {
            if code.contains("sleep(") {
                findings.push(Finding::new(&source.path, line + 1, "a test sleeps; wait for what happens instead"));
            }
            if code.contains("#[ignore") && !code.contains("#[ignore = ") {
                findings.push(Finding::new(&source.path, line + 1, "a test is switched off without a reason"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{libraries, shortcuts, sql, test_manners, unsafe_code};
    use crate::fixture;

    #[test]
    fn sql_is_found_outside_storage_only() {
        let text = r#"fn a() { run("select id from job where state = 'done'") }"#;
        assert_eq!(sql(&[fixture("host/src/queue/claim.rs", text)]).len(), 1);
        assert!(sql(&[fixture("host/src/storage/job.rs", text)]).is_empty());
        assert!(sql(&[fixture("host/src/queue/claim.rs", r#"fn a() { say("select a record") }"#)]).is_empty());
        assert_eq!(sql(&[fixture("host/src/queue/claim.rs", r#"fn a() { run("UPDATE job SET a = 1") }"#)]).len(), 1);
    }

    #[test]
    fn unsafe_is_found_outside_the_boundary_and_without_reason() {
        assert_eq!(unsafe_code(&[fixture("host/src/queue/claim.rs", "fn a() { unsafe { b() } }")]).len(), 1);
        assert_eq!(unsafe_code(&[fixture("host/src/plugin/abi.rs", "fn a() { unsafe { b() } }")]).len(), 1);
        assert!(
            unsafe_code(&[fixture("host/src/plugin/abi.rs", "// SAFETY: b is alive.\nfn a() { unsafe { b() } }")])
                .is_empty()
        );
        assert!(unsafe_code(&[fixture("host/src/queue/claim.rs", "// unsafe\nlet is_unsafe = 1;")]).is_empty());
    }

    #[test]
    fn a_library_outside_its_room_is_found() {
        assert_eq!(libraries(&[fixture("host/src/sync/page.rs", "use reqwest::Client;")]).len(), 1);
        assert!(libraries(&[fixture("host/src/egress/client.rs", "use reqwest::Client;")]).is_empty());
    }

    #[test]
    fn unwrap_and_silenced_lints_are_found() {
        assert_eq!(shortcuts(&[fixture("host/src/a.rs", "fn a() { b.unwrap() }")]).len(), 1);
        assert!(shortcuts(&[fixture("host/src/a.rs", "#[cfg(test)]\nmod tests { fn a() { b.unwrap() } }")]).is_empty());
        assert_eq!(shortcuts(&[fixture("host/src/a.rs", "#[allow(dead_code)]\nfn a() {}")]).len(), 1);
        assert!(shortcuts(&[fixture("host/src/a.rs", "#[expect(dead_code, reason = \"x\")]\nfn a() {}")]).is_empty());
    }

    #[test]
    fn sleeping_and_hiding_tests_are_found() {
        assert_eq!(test_manners(&[fixture("tests/it/a.rs", "fn a() { std::thread::sleep(b) }")]).len(), 1);
        assert_eq!(test_manners(&[fixture("tests/it/a.rs", "#[ignore]\nfn a() {}")]).len(), 1);
    }
}
