//! The test kit: mappers and adapters against recorded or scripted HTTP, without a host.

use crate::{Connector, error::Result, glue};
use bindery_contract::Manifest;

/// Checks everything that a host checks when it loads the connector, and answers with its manifest.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # struct Acme;
/// # impl Connector for Acme { const ID: &'static str = "acme"; type Settings = NoSettings;
/// #   fn components(_: &mut Components<Self>) {}
/// #   async fn test_connection(&self, _: Context<Self>) -> Result<Report> { Ok(Report::connected("Acme")) } }
/// let manifest = bindery_plugin::testing::check_manifest::<Acme>()?;
/// assert_eq!(manifest.id, "acme");
/// # Ok::<_, Error>(())
/// ```
pub fn check_manifest<C: Connector>() -> Result<Manifest> {
    glue::manifest::<C>("0.0.0", "")
}
