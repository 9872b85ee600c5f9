//! SQL texts in the portable subset, translated once per engine.
//!
//! Written with `?1..?n` and these tokens: `{ints:n}` and `{texts:n}` ("is one of the list in parameter n"),
//! `{each:n}` (that list as a table with the column `value`), `{identity}`, `{row_id}`, `{blob}` (column types),
//! `{refers:table}` (in a column's definition, see [`super::Tx::refer`]), `{in_turn:alias}` (at the end: the rows come in
//! the order of the list that has this alias), `{next_id:table}` (the next id of a table whose id is a `{row_id}`), `{skip_locked}`, `{extra_int:alias.key}` and `{extra_text:alias.key}` (a value in
//! the JSON text of a column `extra`; the alias may be left out). All integers are 64 bit, booleans 0 and 1, times
//! microseconds given by the host. No `like`, no `insert or ignore`, no rowid.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{Mutex, OnceLock, PoisonError},
};

use super::postgres::dialect;

/// One SQL statement.
#[derive(Debug)]
pub struct Statement {
    text: Cow<'static, str>,
    sqlite: OnceLock<Translated>,
    postgres: OnceLock<Translated>,
    /// Understood by one engine alone, and sent as it is.
    is_own: bool,
}

impl Statement {
    /// A statement written in the source, usually in a `static`.
    pub const fn new(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), sqlite: OnceLock::new(), postgres: OnceLock::new(), is_own: false }
    }

    /// A statement that only the engine understands in whose file it stands.
    pub(super) const fn own(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), sqlite: OnceLock::new(), postgres: OnceLock::new(), is_own: true }
    }

    /// A statement made at run time (record tables). Keep and reuse it: it holds its translation.
    pub fn generated(text: String) -> Self {
        Self { text: Cow::Owned(text), sqlite: OnceLock::new(), postgres: OnceLock::new(), is_own: false }
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text for SQLite.
    pub(super) fn sqlite(&self) -> &str {
        &self.translated().text
    }

    /// The text for PostgreSQL.
    pub(super) fn postgres(&self) -> &str {
        let translated = self.postgres.get_or_init(|| Translated {
            text: if self.is_own { self.text.clone().into_owned() } else { dialect::translate(&self.text) },
            numbers: None,
            // Rows of the outbox are gathered on SQLite only.
            names_outbox: false,
        });
        &translated.text
    }

    /// The table whose next id the text wants as one parameter more.
    pub(super) fn numbers(&self) -> Option<&str> {
        self.translated().numbers.as_deref()
    }

    /// Whether the text names the outbox, or a table that goes with it.
    pub(super) fn names_outbox(&self) -> bool {
        self.translated().names_outbox
    }

    fn translated(&self) -> &Translated {
        self.sqlite.get_or_init(|| Translated {
            text: if self.is_own { self.text.clone().into_owned() } else { sqlite(&self.text) },
            numbers: numbered(&self.text).map(str::to_owned),
            names_outbox: self.text.contains("outbox"),
        })
    }
}

#[derive(Debug)]
struct Translated {
    text: String,
    numbers: Option<String>,
    names_outbox: bool,
}

const NEXT_ID: &str = "{next_id:";

fn numbered(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(NEXT_ID)?;
    rest.split_once('}').map(|(table, _)| table)
}

/// The highest number of a parameter.
pub(super) fn parameters(text: &str) -> usize {
    let number = |part: &str| part.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok());
    text.split('?').skip(1).filter_map(number).max().unwrap_or_default()
}

/// Texts that were translated: what the check of the portable subset looks at. Kept in builds with debug assertions.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Every portable text that this process has sent to an engine so far; none in builds without debug assertions.
pub fn seen() -> Vec<String> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

/// Keeps a text for the check of the portable subset.
pub(super) fn note(text: &str) {
    if cfg!(debug_assertions) {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned());
    }
}

/// Translates the tokens for SQLite.
pub(super) fn sqlite(text: &str) -> String {
    note(text);
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        let end = rest[at..].find('}').map_or(rest.len(), |end| at + end + 1);
        match &rest[at..end] {
            "{identity}" => out.push_str("integer primary key autoincrement"),
            "{row_id}" => out.push_str("integer primary key"),
            "{blob}" => out.push_str("blob"),
            "{skip_locked}" => {}
            token => match token.trim_matches(['{', '}']).split_once(':') {
                Some(("ints" | "texts", n)) => {
                    out.push_str("in (select value from rarray(?");
                    out.push_str(n);
                    out.push_str("))");
                }
                Some(("refers", table)) => out.push_str(&format!("references \"{table}\"(id)")),
                // A list that stands first is read from its beginning.
                Some(("in_turn", _)) => {}
                Some(("next_id", _)) => out.push_str(&format!("?{}", parameters(text) + 1)),
                Some(("each", n)) => {
                    out.push_str("rarray(?");
                    out.push_str(n);
                    out.push(')');
                }
                Some(("extra_int" | "extra_text", place)) => match place.split_once('.') {
                    Some((alias, key)) => out.push_str(&format!("({alias}.extra ->> '{key}')")),
                    None => out.push_str(&format!("(extra ->> '{place}')")),
                },
                _ => out.push_str(token),
            },
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_translated_and_the_rest_is_left_alone() {
        assert_eq!(sqlite("a {ints:2} b {skip_locked} c '{x}'"), "a in (select value from rarray(?2)) b  c '{x}'");
        assert_eq!(sqlite("a from {each:2} e"), "a from rarray(?2) e");
        let insert = Statement::new("insert into t(id, a, b) values ({next_id:t}, ?1, ?12)");
        assert_eq!(insert.sqlite(), "insert into t(id, a, b) values (?13, ?1, ?12)");
        assert_eq!((insert.numbers(), Statement::new("select 1").numbers()), (Some("t"), None));
        assert_eq!(sqlite("{extra_int:b.size} {extra_text:sku}"), "(b.extra ->> 'size') (extra ->> 'sku')");
    }
}
