//! Plugins in a process of their own: the host's end, the worker's end, and the frames between them.
//!
//! Crash isolation first, security second: a plugin that dies takes its worker along and nothing else.

mod child;
mod frame;
mod link;
mod process;
mod sandbox;

pub use child::main;
pub(super) use process::{Process, describe};
pub use sandbox::Sandbox;
