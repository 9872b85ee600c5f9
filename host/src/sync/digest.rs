//! Digests that tell whether something changed: of an item as it was sent, and of what maps it.
//!
//! They are for comparing, never for security.

use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

use super::slice::Pointers;

/// The digest of an item: 128 bits of xxh3.
pub type Hash = [u8; 16];

/// Digests items, leaving out the values that the connector said not to count.
#[derive(Debug, Clone)]
pub struct Digest {
    ignored: Option<Pointers>,
}

impl Digest {
    /// Leaves out the values at some pointers.
    pub fn without(ignored: &[String]) -> Result<Self, super::slice::BadPointer> {
        let ignored = if ignored.is_empty() { None } else { Some(Pointers::new(ignored.iter().map(String::as_str))?) };
        Ok(Self { ignored })
    }

    /// The digest of an item as it was sent. Another order of keys is another digest, which costs a mapping and no more.
    pub fn of(&self, text: &str) -> Hash {
        let Some(ignored) = &self.ignored else { return xxh3_128(text.as_bytes()).to_be_bytes() };
        let base = text.as_ptr() as usize;
        // What is no JSON was refused before it came here.
        let found = ignored.find(text).unwrap_or_default();
        let mut cuts: Vec<(usize, usize)> =
            found.into_iter().flatten().map(|value| (value.as_ptr() as usize - base, value.len())).collect();
        cuts.sort_unstable();
        let mut hasher = Xxh3::new();
        let mut at = 0;
        for (start, length) in cuts {
            if start >= at {
                hasher.update(&text.as_bytes()[at..start]);
                at = start + length;
            }
        }
        hasher.update(&text.as_bytes()[at..]);
        hasher.digest128().to_be_bytes()
    }
}

/// A number that stands for a text: an external id, a cursor.
pub fn short(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// Digests the parts of what maps a kind (code of connector and extensions, mapping settings, schema) into one number.
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> i64 {
    let mut hasher = Xxh3::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.digest() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(ignored: &[&str], item: &str) -> Hash {
        let ignored: Vec<String> = ignored.iter().map(|p| (*p).to_owned()).collect();
        Digest::without(&ignored).expect("pointers").of(item)
    }

    #[test]
    fn only_what_counts_changes_the_digest() {
        let a = r#"{"id": 1, "seen": "10:00", "meta": {"n": 1, "t": 2}}"#;
        let b = r#"{"id": 1, "seen": "10:01", "meta": {"n": 1, "t": 3}}"#;
        assert_ne!(digest(&[], a), digest(&[], b));
        assert_ne!(digest(&["/seen"], a), digest(&["/seen"], b));
        assert_eq!(digest(&["/seen", "/meta/t"], a), digest(&["/seen", "/meta/t"], b));
        assert_eq!(digest(&["/meta", "/meta/t", "/seen"], a), digest(&["/meta", "/meta/t", "/seen"], b));
        assert_eq!(digest(&["/nowhere"], a), digest(&[], a));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(fingerprint(["ab", "c"]), fingerprint(["a", "bc"]));
        assert_eq!(fingerprint(["ab", "c"]), fingerprint(["ab", "c"]));
    }
}
