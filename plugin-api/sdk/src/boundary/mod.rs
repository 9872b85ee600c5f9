//! What stands between a connector and the ABI: entry points, guards, dispatch, manifest, log.
//!
//! Authors never name anything here; [`crate::export_connector!`] does.

mod abi;
mod dispatch;
mod guard;
mod log;
mod manifest;

#[cfg(any(feature = "testing", test))]
pub(crate) use abi::instance;
pub use abi::{LibHeader, PluginMod_Ref, RootModuleResult, header, root};
#[cfg(any(feature = "testing", test))]
pub(crate) use dispatch::dispatch;
#[cfg(any(feature = "testing", test))]
pub(crate) use manifest::manifest;

use crate::Connector;

/// What `export_connector!` tells about the crate that it stands in.
pub trait Plugin: 'static {
    /// The connector.
    type Connector: Connector;
    /// Version of the crate.
    const VERSION: &'static str;
    /// Description of the crate.
    const DESCRIPTION: &'static str;
    /// The connector's value: state lives in the host, so this is cheap.
    fn make() -> Self::Connector;
}
