//! A connector of the demo shop's categories whose cursors have a second format. It carries over what begins with `old:`
//! and nothing else, so that a test sees both ways. `older_format` is the same connector before it had the second.
#![forbid(unsafe_code)]

pub mod connector;

use connector::Format;

/// The format of what it stores.
const STATE_FORMAT: u32 = 2;

bindery_plugin::export_connector!(Format);
