//! The reference pages `docs/cli.md` and `docs/errors.md`, made from the list of commands and the list of codes.

use clap::{Command, CommandFactory};

use super::arguments::Arguments;
use crate::base::{Code, Retry};

/// `docs/cli.md`.
pub fn commands() -> String {
    let mut root = Arguments::command().term_width(96);
    root.build();
    let mut page = String::from(
        "# Command line\n\nMade from the program itself by `BINDERY_UPDATE=1 cargo test -p bindery-tests --test it \
         reference`; a test compares.\n\nWith `--json`, standard output has exactly one JSON document: the answer, or \
         `{\"error\": …}` with `message`, `code`,\n`cause`, `cure`, `retry` and `fields`. Progress and notes go to \
         standard error. Without a running host a command takes\nthe data directory's lock, works in process and runs \
         only the jobs that it asked for.\n",
    );
    section(&mut root, &mut page, 2);
    page
}

fn section(command: &mut Command, page: &mut String, level: usize) {
    // What every command takes is told once, at the top.
    let mut shown = match level {
        2 => command.clone(),
        _ => command.clone().mut_args(|argument| {
            let is_common = argument.is_global_set() || matches!(argument.get_id().as_str(), "help" | "version");
            argument.hide(is_common)
        }),
    };
    let help = shown.render_long_help().to_string();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    page.push_str(&format!("\n{} `{name}`\n\n```text\n{}\n```\n", "#".repeat(level), clean(&help)));
    for inner in command.get_subcommands_mut() {
        if inner.get_name() != "help" && !inner.is_hide_set() {
            section(inner, page, (level + 1).min(4));
        }
    }
}

/// Neither trailing blanks nor the environment of whoever makes the page.
fn clean(help: &str) -> String {
    help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// `docs/errors.md`.
pub fn errors(codes: &[&'static Code]) -> String {
    let mut page = String::from(
        "# Errors\n\nEvery error ends with a code. Made from the program itself by `BINDERY_UPDATE=1 cargo test -p \
         bindery-tests --test it\nreference`; a test compares. `bindery explain CODE` prints one of them.\n",
    );
    let mut codes = codes.to_vec();
    codes.sort_by_key(|code| code.name);
    let mut room = "";
    for code in codes {
        let own = code.name.split('.').next().unwrap_or_default();
        if own != room {
            page.push_str(&format!("\n## {own}\n"));
            room = own;
        }
        page.push_str(&format!(
            "\n### `{}`\n\n{}\n\n- **Cure:** {}\n- **Retry:** {}\n",
            code.name,
            code.cause,
            code.cure,
            retry(code.retry)
        ));
    }
    page
}

/// Whether a retry helps, in words.
pub(super) fn retry(retry: Retry) -> &'static str {
    match retry {
        Retry::Never => "does not help until something is changed",
        Retry::Later => "may help after a while",
        Retry::Now => "may help at once",
    }
}
