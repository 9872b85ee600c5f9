//! One master key: 32 bytes and the id that tells it from others without telling what it is.

use base64::Engine as _;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Error;
use crate::base::Secret;

/// A master key. Never printed, wiped when dropped.
#[derive(Clone)]
pub struct Key {
    id: String,
    bytes: Zeroizing<[u8; 32]>,
}

impl Key {
    /// A new one from the system's randomness.
    ///
    /// # Panics
    /// Where the system has no randomness, since no secret could be kept then.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        getrandom::fill(&mut *bytes).expect("the system gives randomness");
        Self::new(bytes)
    }

    /// Reads 64 hexadecimal digits, or base64 with or without padding. `place` is for the error.
    pub fn parse(text: &str, place: &str) -> Result<Self, Error> {
        let text = text.trim();
        let decoded = Zeroizing::new(hexadecimal(text).or_else(|| base64(text)).ok_or_else(|| Error::BadKey {
            place: place.to_owned(),
            why: "it is neither hexadecimal nor base64".to_owned(),
        })?);
        let bytes: [u8; 32] = decoded.as_slice().try_into().map_err(|_| Error::BadKey {
            place: place.to_owned(),
            why: format!("it has {} bytes where 32 are needed", decoded.len()),
        })?;
        Ok(Self::new(Zeroizing::new(bytes)))
    }

    /// Its id: public, the same wherever the key is used.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// As it is kept in a file.
    pub fn to_text(&self) -> Secret {
        Secret::new(base64::engine::general_purpose::STANDARD.encode(*self.bytes))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        let digest = Sha256::new().chain_update(b"bindery master key id\0").chain_update(*bytes).finalize();
        Self { id: digest[..8].iter().map(|byte| format!("{byte:02x}")).collect(), bytes }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| (0..32).filter_map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()).collect())
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let engines =
        [&base64::engine::general_purpose::STANDARD_NO_PAD, &base64::engine::general_purpose::URL_SAFE_NO_PAD];
    engines.iter().find_map(|engine| engine.decode(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let key = Key::generate();
        let text = key.to_text();
        let again = Key::parse(&format!(" {}\n", text.expose()), "test").expect("the same");
        assert_eq!((again.id(), again.bytes()), (key.id(), key.bytes()));
        let hex: String = key.bytes().iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(Key::parse(&hex, "test").expect("hexadecimal").id(), key.id());
        assert!(!format!("{key:?}").contains(text.expose()));
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        for bad in ["", "swordfish", "c3dvcmRmaXNo", "!!!!", &"ab".repeat(31)] {
            let error = Key::parse(bad, "BINDERY_KEY").expect_err(bad).to_string();
            assert!(error.contains("BINDERY_KEY"));
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
    }
}
