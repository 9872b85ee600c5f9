//! Sealing and opening: XChaCha20-Poly1305 with a random nonce, bound to the place where the bytes belong.
//!
//! A sealed secret that is moved to another backend, another setting or under another key does not open.

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use zeroize::Zeroizing;

use super::{Error, Key};
use crate::base::Secret;

/// The form of the bytes: this, then 24 bytes of nonce, then the ciphertext with its tag.
const VERSION: u8 = 1;
const NONCE: usize = 24;

/// A sealed secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key that sealed it.
    pub key_id: String,
    /// Version, nonce and ciphertext.
    pub bytes: Vec<u8>,
}

pub(super) fn seal(key: &Key, backend: i64, field: &str, secret: &Secret) -> Sealed {
    let mut nonce = [0_u8; NONCE];
    getrandom::fill(&mut nonce).expect("the system gives randomness");
    let aad = aad(backend, field, key.id());
    let payload = Payload { msg: secret.expose().as_bytes(), aad: &aad };
    let sealed = XChaCha20Poly1305::new(key.bytes().into())
        .encrypt(&XNonce::from(nonce), payload)
        .expect("a secret is shorter than the cipher's limit of 256 GiB");
    let mut bytes = vec![VERSION];
    bytes.extend(nonce);
    bytes.extend(sealed);
    Sealed { key_id: key.id().to_owned(), bytes }
}

pub(super) fn open(key: &Key, backend: i64, field: &str, sealed: &Sealed) -> Result<Secret, Error> {
    let tampered = || Error::Tampered { field: field.to_owned() };
    let (head, rest) = sealed.bytes.split_first().ok_or_else(tampered)?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>().ok_or_else(tampered)?;
    if *head != VERSION {
        return Err(tampered());
    }
    let aad = aad(backend, field, &sealed.key_id);
    let payload = Payload { msg: ciphertext, aad: &aad };
    let opened =
        XChaCha20Poly1305::new(key.bytes().into()).decrypt(&XNonce::from(*nonce), payload).map_err(|_| tampered())?;
    let opened = Zeroizing::new(opened);
    std::str::from_utf8(&opened).map(Secret::new).map_err(|_| tampered())
}

/// What the bytes are bound to. The lengths keep two different places from looking alike.
fn aad(backend: i64, field: &str, key_id: &str) -> Vec<u8> {
    let mut aad = b"bindery secret 1\0".to_vec();
    aad.extend(backend.to_le_bytes());
    for part in [field, key_id] {
        aad.extend((part.len() as u64).to_le_bytes());
        aad.extend(part.as_bytes());
    }
    aad
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_where_it_belongs() {
        let key = Key::generate();
        let secret = Secret::new("the secret");
        let sealed = seal(&key, 7, "api_key", &secret);
        assert_eq!(open(&key, 7, "api_key", &sealed).expect("opens"), secret);
        assert!(open(&key, 8, "api_key", &sealed).is_err(), "another backend");
        assert!(open(&key, 7, "api_secret", &sealed).is_err(), "another setting");
        assert!(open(&Key::generate(), 7, "api_key", &sealed).is_err(), "another key");
        let renamed = Sealed { key_id: "0000".to_owned(), ..sealed.clone() };
        assert!(open(&key, 7, "api_key", &renamed).is_err(), "another key id");
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let key = Key::generate();
        let sealed = seal(&key, 1, "f", &Secret::new("x"));
        for at in 0..sealed.bytes.len() {
            let mut bytes = sealed.bytes.clone();
            bytes[at] ^= 1;
            assert!(open(&key, 1, "f", &Sealed { bytes, ..sealed.clone() }).is_err(), "byte {at}");
        }
        for length in 0..sealed.bytes.len() {
            let bytes = sealed.bytes[..length].to_vec();
            assert!(open(&key, 1, "f", &Sealed { bytes, ..sealed.clone() }).is_err(), "length {length}");
        }
    }

    #[test]
    fn the_same_secret_never_looks_the_same() {
        let key = Key::generate();
        let secret = Secret::new("x");
        assert_ne!(seal(&key, 1, "f", &secret).bytes, seal(&key, 1, "f", &secret).bytes);
    }
}
