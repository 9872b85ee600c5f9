//! Digests of the source values that `changed_by` names: how a rule knows that nothing it cares for has changed.
//!
//! The text goes to the host and comes back as it was. Digests tell change, they protect nothing.

use std::fmt::Write;

/// FNV-1a over the parts, each followed by a byte that no JSON value holds, so that parts can't run together.
pub(crate) fn digest<'a>(parts: impl IntoIterator<Item = Option<&'a [u8]>>) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325u64;
    let mut eat = |byte: u8| {
        state ^= u64::from(byte);
        state = state.wrapping_mul(0x0100_0000_01b3);
    };
    for part in parts {
        part.unwrap_or_default().iter().copied().for_each(&mut eat);
        eat(if part.is_some() { 1 } else { 2 });
    }
    state
}

/// Appends the digest of a rule to a text of digests.
pub(crate) fn append(text: &mut String, rule: &str, digest: u64) {
    if !text.is_empty() {
        text.push(';');
    }
    let _ = write!(text, "{rule}={digest:016x}");
}

/// Whether a text of digests holds just this digest for the rule.
pub(crate) fn is_known(text: &str, rule: &str, digest: u64) -> bool {
    text.split(';')
        .filter_map(|entry| entry.rsplit_once('='))
        .any(|(name, known)| name == rule && u64::from_str_radix(known, 16).is_ok_and(|known| known == digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(digest([Some(b"ab".as_slice()), Some(b"c")]), digest([Some(b"a".as_slice()), Some(b"bc")]));
        assert_ne!(digest([Some(b"".as_slice())]), digest([None]));
    }

    #[test]
    fn a_digest_is_known_again() {
        let mut text = String::new();
        append(&mut text, "a", 1);
        append(&mut text, "b", 2);
        assert!(is_known(&text, "a", 1) && is_known(&text, "b", 2));
        assert!(!is_known(&text, "a", 2) && !is_known(&text, "c", 1) && !is_known("", "a", 1));
    }
}
