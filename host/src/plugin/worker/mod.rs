//! Plugins in a process of their own: the host's end, the worker's end, and the frames between them.

mod process;

pub use process::main;
pub(super) use process::{Process, describe};
