//! What the command line prints: answers to standard output, errors and progress to standard error; with `--json`
//! exactly one JSON document on standard output, also where the command fails.

use std::io::{IsTerminal, Write};

use clap::CommandFactory;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::de::DeserializeOwned;

use super::{Done, arguments::Arguments, error::Error};
use crate::operation::wire::Problem;

/// Where and how to print.
pub(super) struct Output {
    /// One JSON document instead of text for people.
    pub json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a person watches progress.
    pub(super) fn is_watched(&self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }

    /// Shows an answer: as it came with `--json`, else as `render` words it.
    pub(super) fn answer<A: DeserializeOwned>(&self, raw: &str, render: impl FnOnce(A) -> String) -> Done {
        if self.json {
            self.print(raw);
        } else {
            let answer = serde_json::from_str(raw).map_err(|error| Error::Answer(error.to_string()))?;
            self.print(render(answer).trim_end());
        }
        Ok(())
    }

    /// Prints a text and ends the line. A reader that went away (`| head`) is no failure.
    pub(super) fn print(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    }

    /// Says something beside the answer; nothing with `--json`.
    pub(super) fn note(&self, text: &str) {
        if !self.json {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// Shows why a command failed.
    pub(super) fn problem(&self, problem: &Problem) {
        if self.json {
            self.print(&serde_json::json!({ "error": problem }).to_string());
        } else {
            let _ = std::io::stderr().lock().write_all(worded(problem).as_bytes());
        }
    }

    /// Prints completions for a shell.
    pub(super) fn completions(&self, shell: clap_complete::Shell) -> Done {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "bindery", &mut script);
        self.print(String::from_utf8_lossy(&script).trim_end());
        Ok(())
    }
}

/// An error in words: message, values at fault, cause, cure, code.
fn worded(problem: &Problem) -> String {
    let (message, fields) = apart(problem);
    let mut text = format!("error: {message}\n");
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, wrong) in fields {
        text.push_str(&format!("  {name:width$}  {wrong}\n"));
    }
    for (label, part) in [("cause", &problem.cause), ("cure", &problem.cure)] {
        if !part.is_empty() {
            text.push_str(&format!("{label:>5}: {part}\n"));
        }
    }
    match (problem.retry.as_str(), problem.retry_after) {
        (_, Some(seconds)) => text.push_str(&format!("retry: in {seconds:.0} s\n")),
        ("later", None) => text.push_str("retry: may help after a while\n"),
        ("now", None) => text.push_str("retry: may help at once\n"),
        _ => {}
    }
    text.push_str(&format!(" code: {}\n", problem.code));
    text
}

/// Message and values at fault, each said once: a message that lists them all is cut before the list, and one that
/// tells the only one stands alone.
fn apart(problem: &Problem) -> (&str, &[(String, String)]) {
    let (message, fields) = (problem.message.as_str(), problem.fields.as_slice());
    let is_told = !fields.is_empty() && fields.iter().all(|(_, wrong)| message.contains(wrong.as_str()));
    if !is_told {
        return (message, fields);
    }
    if fields.len() == 1 {
        return (message, &[]);
    }
    let start =
        fields.iter().filter_map(|(name, wrong)| message.find(wrong.as_str())?.checked_sub(name.len() + 1)).min();
    match start.and_then(|start| message.get(..start)) {
        Some(head) => (head.trim_end_matches([' ', ':', ';']), fields),
        None => (message, fields),
    }
}

/// A table without lines, as wide as the terminal; `empty` where it has no rows.
pub(super) fn table(header: &[&str], rows: Vec<Vec<String>>, empty: &str) -> String {
    if rows.is_empty() {
        return empty.to_owned();
    }
    let numbers: Vec<bool> = (0..header.len())
        .map(|at| rows.iter().all(|row| row.get(at).is_some_and(|cell| cell.parse::<f64>().is_ok() || cell.is_empty())))
        .collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().map(|name| name.to_uppercase()));
    table.add_rows(rows);
    for (column, is_number) in table.column_iter_mut().zip(numbers) {
        column.set_padding((0, 2));
        if is_number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Names and values below each other; what is empty is left out.
pub(super) fn pairs(pairs: &[(&str, String)]) -> String {
    let shown = || pairs.iter().filter(|(_, value)| !value.is_empty());
    let width = shown().map(|(name, _)| name.len()).max().unwrap_or(0);
    shown()
        .map(|(name, value)| format!("{name:width$}  {}\n", value.replace('\n', &format!("\n{:width$}  ", ""))))
        .collect()
}

/// A value of a record or of the settings, in one line.
pub(super) fn value(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Something that may be absent.
pub(super) fn maybe<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_each_value_at_fault_and_ends_with_its_code() {
        let problem = Problem {
            message: "the settings of shop are not valid".to_owned(),
            code: "backend.settings".to_owned(),
            cause: "A value breaks a rule.".to_owned(),
            cure: "Set it.".to_owned(),
            retry: "never".to_owned(),
            retry_after: None,
            fields: vec![
                ("api_url".to_owned(), "is missing".to_owned()),
                ("page".to_owned(), "is no number".to_owned()),
            ],
        };
        assert_eq!(
            worded(&problem),
            "error: the settings of shop are not valid\n  api_url  is missing\n  page     is no number\n\
             cause: A value breaks a rule.\n cure: Set it.\n code: backend.settings\n"
        );
    }

    #[test]
    fn what_the_message_tells_is_not_told_again() {
        let fields = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), format!("{name} is bad"))).collect();
        let problem = |message: &str, names: &[&str]| Problem {
            message: message.to_owned(),
            code: String::new(),
            cause: String::new(),
            cure: String::new(),
            retry: String::new(),
            retry_after: None,
            fields: fields(names),
        };
        let one = problem("shop is refused: a a is bad", &["a"]);
        assert_eq!(apart(&one), ("shop is refused: a a is bad", [].as_slice()));
        let two = problem("shop is refused: a a is bad; b b is bad", &["a", "b"]);
        assert_eq!(apart(&two).0, "shop is refused");
        let untold = problem("shop is refused", &["a", "b"]);
        assert_eq!(apart(&untold), ("shop is refused", untold.fields.as_slice()));
    }

    #[test]
    fn numbers_stand_to_the_right_and_nothing_trails() {
        let text = table(&["name", "count"], vec![vec!["a".into(), "7".into()], vec!["bcd".into(), "1000".into()]], "");
        assert_eq!(text, "NAME  COUNT\na         7\nbcd    1000");
    }
}
