//! The host's socket: HTTP/1.1 over a Unix socket that only its owner may use. It calls operations by name and turns
//! faults into answers; it decides nothing.

mod error;
mod server;

pub use error::{CODES, Error};
pub use server::{Readiness, Server};
