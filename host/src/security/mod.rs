//! Security: the master key and what it seals, and the rules of who may do what.
//!
//! It decides, and changes nothing: `operation` asks it before each use case. It knows no plugin and no network, and
//! gives a secret in clear only to whoever holds the keyring.

mod cipher;
mod error;
mod key;
mod keyring;
pub mod role;

pub use cipher::Sealed;
pub use error::{CODES, Error};
pub use key::Key;
pub use keyring::{Keyring, Origin, Source};
