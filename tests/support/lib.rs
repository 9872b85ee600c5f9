//! What tests of the whole stand on: built files, temporary data directories, the real host as a process, its command
//! line, and a shop. It never builds anything and never waits by sleeping.

mod artifact;
pub mod backend;
mod command;
mod data;
mod export;
pub mod fake_http;
mod host;
pub mod import;
mod loaded;
pub mod log;
pub mod portable;
mod process;
pub mod queue;
pub mod raw;
pub mod records;
pub mod script;
mod small_disk;
mod tryton;

pub use artifact::{artifact, artifact_names, plugin};
pub use bindery_shop::{Fault, Gate, Habit, Options, Point, Shop, When};
pub use command::Answer;
pub use data::Data;
pub use host::TestHost;
pub use loaded::Loaded;
pub use process::HostProcess;
pub use small_disk::SmallDisk;
pub use tryton::Tryton;

/// A client as a customer of a shop or a user of the host's API has it.
///
/// # Panics
/// Never in practice: its options are fixed.
pub fn http() -> reqwest::Client {
    // Fails where another part of this process installed it first, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(std::time::Duration::from_secs(30)).build().expect("fixed options")
}

/// Whether the long tortures run too (`cargo xtask check --full`).
pub fn full() -> bool {
    std::env::var_os("BINDERY_FULL").is_some()
}
