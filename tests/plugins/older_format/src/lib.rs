//! The connector of `format` as it was before cursors had a second format: for tests of a reload in the middle of a run.
#![forbid(unsafe_code)]

#[path = "../../format/src/connector.rs"]
pub mod connector;

use connector::Format;

/// The format of what it stores.
const STATE_FORMAT: u32 = 1;

bindery_plugin::export_connector!(Format);
