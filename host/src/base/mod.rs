//! The ground floor: time, identity, secrets, configuration, error codes, logging. It knows nothing of connectors.

pub mod clock;
pub mod code;
pub mod config;
pub mod id;
mod map;
pub mod name;
pub mod redact;
pub mod secret;
pub mod socket;
pub mod telemetry;

pub use clock::{Clock, Timestamp};
pub use code::{Code, Coded, Fault, Retry};
pub use map::{Map, Set};
pub use redact::Redactor;
pub use secret::Secret;
