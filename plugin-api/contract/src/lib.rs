//! The payloads that cross the plugin boundary: serde types of every op, in both directions, and how JSON text in them is
//! cut ([`scan`]).
//!
//! Compatibility rules: unknown fields are ignored, every enum has an
//! `Unknown` arm, fields are added with a default and never change their meaning, ops are added and never change theirs.
//! It holds data and its encoding only: no behaviour of a host or of a connector, no I/O.
#![warn(missing_docs)]

pub mod error;
pub mod field;
pub mod frame;
pub mod http;
pub mod manifest;
pub mod op;
pub mod record;
pub mod scan;
pub mod service;

pub use error::{Error, ErrorClass};
pub use field::{FieldDecl, FieldType};
pub use frame::Frame;
pub use manifest::Manifest;

/// The version of this contract, written into every manifest.
///
/// It rises when something is added; a host refuses only what it cannot serve (see [`manifest::Manifest::contract`]).
pub const CONTRACT: u32 = 1;
