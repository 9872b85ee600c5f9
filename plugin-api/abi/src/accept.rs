//! The rule by which a host accepts a library: its version first, then its layout, the newer side taken as the whole.
//!
//! It stands beside the types that it is about, so that every version of this crate carries the rule it was released
//! with. It opens no files: whoever calls it has found the header in a library.

use std::fmt;

use abi_stable::{
    StableAbi,
    abi_stability::abi_checking::{CheckingGlobals, check_layout_compatibility_with_globals},
    library::{AbiHeaderRef, LibHeader, RootModule},
    sabi_types::{VersionNumber, VersionStrings},
};

use crate::PluginMod_Ref;

/// Why a library is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// It was built with another major version of this crate.
    Major {
        /// The library's version.
        found: String,
        /// This side's version.
        wanted: String,
        /// Whether the library is the newer one.
        is_newer: bool,
    },
    /// Its types are laid out differently although the version fits. abi_stable's text, tens of kilobytes long.
    Layout(String),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Major { found, wanted, .. } => write!(f, "the library speaks interface {found}, this side {wanted}"),
            Self::Layout(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Mismatch {}

/// The root module of a library, where its version and its layout fit.
///
/// Minors fit both ways: of two versions the newer holds the older, and what the older side does not have is read as
/// `None`. The stock check of abi_stable knows only "library newer than user" and refuses every older library, so the
/// sides are swapped where this one is the newer.
///
/// ```no_run
/// # fn found_in_a_library() -> bindery_abi::abi_stable::library::AbiHeaderRef { unimplemented!() }
/// match bindery_abi::accept(found_in_a_library()) {
///     Ok(module) => drop((module.manifest())()),
///     Err(mismatch) => println!("{mismatch}"),
/// }
/// ```
///
/// # Errors
/// [`Mismatch`], before anything of the library but its header was used.
pub fn accept(header: AbiHeaderRef) -> Result<PluginMod_Ref, Mismatch> {
    let layout = |error: &dyn fmt::Display| Mismatch::Layout(error.to_string());
    let header = header.upgrade().map_err(|error| layout(&error))?;
    let found = version(header.version_strings())?;
    let ours = version(PluginMod_Ref::VERSION_STRINGS)?;
    if found.major != ours.major {
        let is_newer = found.major > ours.major;
        return Err(Mismatch::Major { found: found.to_string(), wanted: ours.to_string(), is_newer });
    }
    check_layout(header, found.minor > ours.minor)?;
    // SAFETY: the layouts were compared just above, with the newer side as the implementation; accessors of what the
    // older side lacks look at the number of fields that are really there.
    let module = unsafe { header.init_root_module_with_unchecked_layout::<PluginMod_Ref>() };
    module.map_err(|error| layout(&error))
}

fn version(strings: VersionStrings) -> Result<VersionNumber, Mismatch> {
    VersionNumber::new(strings).map_err(|error| Mismatch::Layout(error.to_string()))
}

fn check_layout(header: &LibHeader, library_is_newer: bool) -> Result<(), Mismatch> {
    let ours = <PluginMod_Ref as StableAbi>::LAYOUT;
    let theirs =
        header.layout().ok_or_else(|| Mismatch::Layout("the library was built without its layout".to_owned()))?;
    let (older, newer) = if library_is_newer { (ours, theirs) } else { (theirs, ours) };
    // Globals of its own, so that nothing of the library is kept in the process-wide ones.
    check_layout_compatibility_with_globals(older, newer, &CheckingGlobals::new())
        .map_err(|error| Mismatch::Layout(error.to_string()))
}
