//! The reference pages say what the program says. `BINDERY_UPDATE=1` writes them anew.

use std::path::Path;

#[track_caller]
pub(crate) fn compare(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    if std::env::var_os("BINDERY_UPDATE").is_some() {
        std::fs::write(&path, made).expect("the page can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(made.lines()).position(|(kept, made)| kept != made);
    assert!(
        kept == made,
        "docs/{name} is not what the program says (from line {}); write it anew with \
         `BINDERY_UPDATE=1 cargo test -p bindery-tests --test it reference`",
        differs.unwrap_or_else(|| kept.lines().count().min(made.lines().count())) + 1
    );
}

#[test]
fn the_page_of_commands_is_that_of_the_program() {
    compare("cli.md", &bindery::cli::reference::commands());
}

#[test]
fn the_page_of_errors_is_that_of_the_program() {
    compare("errors.md", &bindery::cli::reference::errors(&bindery::app::codes()));
}

#[test]
fn every_code_is_unique_and_says_cause_and_cure() {
    let codes = bindery::app::codes();
    for (at, code) in codes.iter().enumerate() {
        assert!(codes[..at].iter().all(|other| other.name != code.name), "{} stands twice", code.name);
        let is_named = code.name.split_once('.').is_some_and(|(room, what)| {
            [room, what].iter().all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        });
        assert!(is_named, "{} is not room.what_happened", code.name);
        assert!(code.cause.ends_with('.') && code.cure.ends_with('.'), "{} wants sentences", code.name);
    }
}
