//! Redaction: takes known secret values out of texts that people will see. It knows nothing of where they come from.

use std::{borrow::Cow, sync::LazyLock};

use arc_swap::ArcSwap;
use base64::Engine as _;

use super::Secret;

/// What stands where a secret stood.
pub const MASK: &str = "***";

/// Shorter values are not looked for: they would be found by accident everywhere.
const SHORTEST: usize = 4;

/// The secret values of one backend, in every spelling in which they may turn up.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that no part of a longer one is left behind.
    needles: Vec<Secret>,
}

impl Redactor {
    /// Looks for these values, plain, percent-encoded, JSON-escaped and in base64.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut redactor = Self::default();
        for secret in secrets {
            redactor.add(secret.expose());
        }
        redactor
    }

    /// Looks for one more value.
    pub fn add(&mut self, value: &str) {
        if value.len() < SHORTEST {
            return;
        }
        let escaped = serde_json::to_string(value).unwrap_or_default();
        let spellings = [
            value.to_owned(),
            url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
            percent_encoded(value),
            escaped.trim_matches('"').to_owned(),
            base64::engine::general_purpose::STANDARD.encode(value),
        ];
        for spelling in spellings {
            if !self.needles.iter().any(|needle| needle.expose() == spelling) {
                self.needles.push(Secret::new(spelling));
            }
        }
        self.needles.sort_by_key(|needle| std::cmp::Reverse(needle.expose().len()));
    }

    /// Looks for the header value that Basic makes of a user and a secret.
    pub fn add_basic(&mut self, user: &str, secret: &str) {
        let pair = zeroize::Zeroizing::new(format!("{user}:{secret}"));
        self.needles.push(Secret::new(base64::engine::general_purpose::STANDARD.encode(pair.as_bytes())));
        self.add(secret);
    }

    /// The text without the secrets.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for needle in &self.needles {
            if text.contains(needle.expose()) {
                text = Cow::Owned(text.replace(needle.expose(), MASK));
            }
        }
        text
    }

    /// Whether a text holds one of the secrets.
    pub fn finds(&self, text: &str) -> bool {
        self.needles.iter().any(|needle| text.contains(needle.expose()))
    }
}

/// What this process keeps out of its log, whoever writes a line: the net below all other care.
static HIDDEN: LazyLock<ArcSwap<Redactor>> = LazyLock::new(ArcSwap::default);

/// Keeps a value out of the log of this process from now on.
pub fn hide_in_log(secret: &Secret) {
    if HIDDEN.load().needles.iter().any(|needle| needle == secret) {
        return;
    }
    HIDDEN.rcu(|hidden| {
        let mut wider = Redactor::clone(hidden);
        wider.add(secret.expose());
        wider
    });
}

/// A text as it may stand in the log.
pub(super) fn for_log(text: &str) -> Cow<'_, str> {
    HIDDEN.load().redact(text)
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} spellings)", self.needles.len())
    }
}

/// As URLs are written: a space is `%20`, where a form has `+`.
fn percent_encoded(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        let redactor = Redactor::new([&Secret::new("s3 cr\"t/ü")]);
        for text in ["s3 cr\"t/ü", "s3+cr%22t%2F%C3%BC", "s3%20cr%22t%2F%C3%BC", "s3 cr\\\"t/ü", "czMgY3IidC/DvA=="] {
            assert_eq!(redactor.redact(&format!("a {text} b")), "a *** b", "{text}");
        }
        assert_eq!(redactor.redact("nothing here"), "nothing here");
    }

    #[test]
    fn no_part_of_a_longer_secret_is_left() {
        let redactor = Redactor::new([&Secret::new("abcd"), &Secret::new("abcdefgh")]);
        assert_eq!(redactor.redact("abcdefgh abcd"), "*** ***");
    }

    #[test]
    fn basic_credentials_are_found_in_the_header() {
        let mut redactor = Redactor::default();
        redactor.add_basic("user", "password");
        assert_eq!(redactor.redact("Basic dXNlcjpwYXNzd29yZA=="), "Basic ***");
    }

    #[test]
    fn it_does_not_print_what_it_looks_for() {
        assert!(!format!("{:?}", Redactor::new([&Secret::new("hidden-value")])).contains("hidden"));
    }
}
