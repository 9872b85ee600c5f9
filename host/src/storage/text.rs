//! Text comparison that is the same on every engine: patterns with `%`, `_` and `\`, and case folded by Unicode.

use rusqlite::{Connection, functions::FunctionFlags, types::ValueRef};

/// Makes `text_matches` and `text_matches_folded` known to a connection.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for (name, fold) in [("text_matches", false), ("text_matches_folded", true)] {
        connection.create_scalar_function(
            name,
            2,
            FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
            move |context| {
                let text = match context.get_raw(0) {
                    ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    ValueRef::Integer(number) => number.to_string(),
                    _ => return Ok(false),
                };
                let pattern = context.get_raw(1).as_str()?;
                Ok(if fold { matches(&text.to_lowercase(), &pattern.to_lowercase()) } else { matches(&text, pattern) })
            },
        )?;
    }
    Ok(())
}

/// Whether a text matches a pattern: `%` any run, `_` any character, `\` takes the next one literally.
pub fn matches(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<Piece>) = (text.chars().collect(), pieces(pattern));
    let (mut at, mut piece) = (0, 0);
    // Where to go on when a run must take one character more.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match pattern.get(piece) {
            Some(Piece::Run) => {
                retry = Some((at, piece));
                piece += 1;
            }
            Some(Piece::Any) if at < text.len() => {
                at += 1;
                piece += 1;
            }
            Some(Piece::Exactly(wanted)) if text.get(at) == Some(wanted) => {
                at += 1;
                piece += 1;
            }
            None if at == text.len() => return true,
            _ => match retry {
                Some((from, run)) if from < text.len() => {
                    retry = Some((from + 1, run));
                    at = from + 1;
                    piece = run + 1;
                }
                _ => return false,
            },
        }
    }
}

enum Piece {
    Run,
    Any,
    Exactly(char),
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut out = Vec::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '%' => Piece::Run,
            '_' => Piece::Any,
            '\\' => Piece::Exactly(chars.next().unwrap_or('\\')),
            other => Piece::Exactly(other),
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_sql() {
        for (text, pattern, expected) in [
            ("", "", true),
            ("", "%", true),
            ("a", "", false),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "a_c", true),
            ("abc", "_", false),
            ("aXbXc", "%X%c", true),
            ("100%", "100\\%", true),
            ("1000", "100\\%", false),
            ("a\nb", "a%b", true),
            ("ababab", "%abab", true),
            ("é", "_", true),
        ] {
            assert_eq!(matches(text, pattern), expected, "{text:?} like {pattern:?}");
        }
    }
}
