//! The frozen binary interface between a host and a connector: a handful of functions, payloads as bytes.
//!
//! This crate's version *is* the version of the interface (1.0.0), never the product's. Within major 1 a type may
//! only gain fields after its `last_prefix_field`, in one line of versions, so that every 1.n holds every 1.(n-1).
//! Everything that can evolve travels inside the payloads (see `bindery-contract`). It never holds behaviour beyond
//! ownership of what crosses and the rule by which the two sides accept each other, and authors never see it.
#![warn(missing_docs)]
#![allow(
    unsafe_code,
    non_camel_case_types,
    reason = "an opaque pointer crosses here; the prefix types' names are made by abi_stable"
)]

mod accept;

pub use accept::{Mismatch, accept};

pub use abi_stable;
pub use async_ffi::{FfiFuture, FutureExt};

use abi_stable::{
    StableAbi, declare_root_module_statics,
    library::RootModule,
    package_version_strings,
    sabi_types::VersionStrings,
    std_types::{ROption, RResult, RSlice, RStr, RString, RVec},
};

/// The exported symbol under which a connector's root module is found.
///
/// abi_stable derives it from the loader's name; a test compares the two, since authors' macros spell it out.
pub const ROOT_SYMBOL: &str = "_1as_0lib_1header_0root_bmodule_bloader";

/// Why a call did not give an answer. `code` is one of `bindery_contract::error::code`; `detail` is JSON.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct AbiError {
    /// The class of the error.
    pub code: u32,
    /// What happened, in one sentence.
    pub message: RString,
    /// JSON: what the class needs (seconds to wait, the field, the path), or empty.
    pub detail: RVec<u8>,
}

/// What every call answers: bytes in the form of `bindery_contract::Frame`.
pub type AbiResult = RResult<RVec<u8>, AbiError>;

/// One line of a plugin's log, borrowed for the duration of the call.
#[repr(C)]
#[derive(StableAbi)]
pub struct LogRecord<'a> {
    /// The host's call id under which the line was written; 0 outside any call.
    pub call: u64,
    /// 1 error, 2 warn, 3 info, 4 debug, 5 trace.
    pub level: u8,
    /// The module that wrote it.
    pub target: RStr<'a>,
    /// The text.
    pub message: RStr<'a>,
    /// JSON object of the event's fields.
    pub fields_json: RStr<'a>,
    /// JSON array of the spans around it, outermost first.
    pub spans: RStr<'a>,
    /// Source file, or empty.
    pub file: RStr<'a>,
    /// Source line, or 0.
    pub line: u32,
}

/// An owned object of the other side: a pointer with the functions that copy and free it.
///
/// Invariant: what `ptr` points to may be used and dropped from any thread; whoever makes an `Opaque` promises it.
#[repr(C)]
#[derive(StableAbi)]
pub struct Opaque {
    /// The object; only its maker looks behind it.
    pub ptr: *const (),
    /// Makes another owner of the same object, where the maker allows it.
    pub clone: ROption<extern "C" fn(*const ()) -> *const ()>,
    /// Ends this owner. Never unwinds.
    pub drop: extern "C" fn(*const ()),
}

// SAFETY: the maker of an `Opaque` promises (see its invariant) that the object is usable from every thread.
unsafe impl Send for Opaque {}
// SAFETY: as above; all access goes through functions of the maker that take shared references.
unsafe impl Sync for Opaque {}

impl Opaque {
    /// Another owner of the same object, or `None` where its maker does not allow copies.
    pub fn try_clone(&self) -> Option<Self> {
        let copy = self.clone.into_option()?;
        Some(Self { ptr: copy(self.ptr), clone: self.clone, drop: self.drop })
    }
}

impl Drop for Opaque {
    fn drop(&mut self) {
        (self.drop)(self.ptr);
    }
}

/// What the host offers a connector. New functions are appended after `invoke` and read as `Option`.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = HostVt_Ref)))]
#[sabi(missing_field(option))]
pub struct HostVt {
    /// Takes one line of log.
    pub log: extern "C" fn(ctx: &Opaque, record: &LogRecord<'_>),
    /// The most verbose level that the host wants (0 nothing … 5 trace).
    pub log_level: extern "C" fn(ctx: &Opaque) -> u8,
    /// Asks the host for a service on behalf of `call`. The payload is borrowed for the call only.
    #[sabi(last_prefix_field)]
    pub invoke: extern "C" fn(ctx: &Opaque, call: u64, op: RStr<'_>, payload: RSlice<'_, u8>) -> FfiFuture<AbiResult>,
}

/// The host as an instance sees it: its context, and the functions over it.
#[repr(C)]
#[derive(StableAbi)]
pub struct HostApi {
    /// Opaque to the connector. The host makes it copyable.
    pub ctx: Opaque,
    /// The functions.
    pub vt: HostVt_Ref,
}

/// What a connector's file offers the host. New functions are appended after `invoke` and read as `Option`.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginMod_Ref)))]
#[sabi(missing_field(option))]
pub struct PluginMod {
    /// What the file contains: `bindery_contract::Manifest`. Opens nothing.
    pub manifest: extern "C" fn() -> AbiResult,
    /// Makes one instance for one backend.
    pub open: extern "C" fn(host: HostApi, request: RSlice<'_, u8>) -> RResult<Opaque, AbiError>,
    /// Runs one op of the contract on an instance, on behalf of the host's `call`.
    #[sabi(last_prefix_field)]
    pub invoke:
        extern "C" fn(instance: &Opaque, call: u64, op: RStr<'_>, payload: RSlice<'_, u8>) -> FfiFuture<AbiResult>,
}

impl RootModule for PluginMod_Ref {
    declare_root_module_statics! {PluginMod_Ref}
    const BASE_NAME: &'static str = "bindery_connector";
    const NAME: &'static str = "bindery_connector";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spelled_out_symbol_is_the_one_that_abi_stable_looks_for() {
        assert_eq!(abi_stable::library::ROOT_MODULE_LOADER_NAME, ROOT_SYMBOL);
    }
}
