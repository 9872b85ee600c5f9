//! What tests share: hosts, plugin files, outside systems.

pub mod backend;
pub mod fake_http;
pub mod log;
pub mod raw;
pub mod records;
