//! Search domains as people type them: JSON, or the ERP's own notation with single quotes, round brackets and True,
//! False, None. It turns the second into the first; what a domain means is the host's business.

use serde_json::Value;

use super::{error::Error, input};

/// Reads a domain.
pub(super) fn read(text: &str) -> Result<Value, Error> {
    if let Ok(domain) = serde_json::from_str(text) {
        return Ok(domain);
    }
    input::json("DOMAIN", &translate(text))
}

/// The notation of the ERP as JSON. Texts are left alone, whatever they hold.
fn translate(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '\'' | '"' => quoted(char, &mut rest, &mut out),
            '(' => out.push('['),
            ')' | ']' => {
                // A trailing comma is fine there, but not in JSON.
                if out.trim_end().ends_with(',') {
                    out.truncate(out.trim_end().len() - 1);
                }
                out.push(']');
            }
            letter if letter.is_ascii_alphabetic() => {
                let mut word = String::from(letter);
                while let Some(next) = rest.next_if(char::is_ascii_alphabetic) {
                    word.push(next);
                }
                out.push_str(match word.as_str() {
                    "True" => "true",
                    "False" => "false",
                    "None" => "null",
                    other => other,
                });
            }
            other => out.push(other),
        }
    }
    out
}

fn quoted(quote: char, rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    out.push('"');
    while let Some(char) = rest.next() {
        match char {
            '\\' => match rest.next() {
                Some('\'') => out.push('\''),
                Some(escaped) => out.extend(['\\', escaped]),
                None => out.push('\\'),
            },
            '"' if quote == '\'' => out.push_str("\\\""),
            char if char == quote => break,
            char => out.push(char),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_notations_say_the_same() {
        let wanted = json!(["|", ["name", "ilike", "it's (true)"], ["active", "=", false], ["categ_id", "in", [1, 2]]]);
        for text in [
            r#"["|", ["name", "ilike", "it's (true)"], ["active", "=", false], ["categ_id", "in", [1, 2]]]"#,
            r"['|', ('name', 'ilike', 'it\'s (true)'), ('active', '=', False), ('categ_id', 'in', (1, 2)),]",
        ] {
            assert_eq!(read(text).expect(text), wanted);
        }
        assert_eq!(read(r#"[('a', '=', 'say "x"')]"#).expect("quotes"), json!([["a", "=", "say \"x\""]]));
        assert_eq!(read("[('a', '=', None)]").expect("none"), json!([["a", "=", null]]));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["", "name = x", "[('a', '='", "['a"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
