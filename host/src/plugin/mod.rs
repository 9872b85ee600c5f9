//! Plugins: files that are checked, loaded as generations, opened as instances, and called on behalf of somebody.
//!
//! This room is the only one that knows the binary interface. It decides nothing about records or jobs: it carries
//! calls in and serves what connectors ask for, within the scope of the call.

mod abi;
mod call;
pub mod commit;
mod elf;
mod error;
mod generation;
mod guard;
mod install;
mod instance;
mod job_log;
mod load;
pub mod manifest;
mod registry;
mod scope;
pub mod services;
mod temporary;
mod watch;
pub mod worker;
mod write;

pub use call::Counts;
pub use commit::{Committed, Guard, commit};
pub use error::Error;
pub use generation::{Generation, Isolation};
pub use guard::Answer;
pub use install::{Stage, Staged};
pub use instance::Instance;
pub use job_log::JobLog;
pub use registry::{Extender, Listed, Options, Registry, State};
pub use scope::{Context, DEADLINE, Grants, Kept, Scope};
pub use services::{
    Jobs, Services,
    http::{Answered, Egress},
};
pub use temporary::Ids;
pub use watch::Watch;
pub use write::{What, Write, Writes};

use crate::base::Code;

/// The codes of this room, file by file.
pub const CODES: [&[Code]; 3] = [error::CODES, commit::CODES, services::refusal::CODES];

/// The code of that name among those that a service may refuse with.
pub fn known_code(name: &str) -> Option<&'static Code> {
    let refusals = [commit::CODES, services::refusal::CODES, crate::record::CODES, crate::queue::CODES];
    refusals.into_iter().flatten().find(|code| code.name == name)
}
