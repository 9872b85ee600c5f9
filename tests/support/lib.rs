//! What tests share: hosts, plugin files, outside systems.

pub mod raw;
