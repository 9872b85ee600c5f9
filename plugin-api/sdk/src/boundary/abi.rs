//! The entry points that a host calls, and the host behind its vtable. The only unsafe code of the SDK.
//!
//! Nothing here may unwind: every body is caught, every future guarded.
#![allow(unsafe_code, reason = "this is the ABI: the instance crosses as an opaque pointer")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bindery_abi::{
    AbiError, AbiResult, FfiFuture, FutureExt, HostApi, Opaque, PluginMod,
    abi_stable::{
        library::{__call_root_module_loader, CheckTypeLayout},
        prefix_type::PrefixTypeTrait,
        std_types::{ROption, RResult, RSlice, RStr, RVec},
    },
};
pub use bindery_abi::{
    PluginMod_Ref,
    abi_stable::library::{LibHeader, RootModuleResult},
};
use bindery_contract::{self as contract, ErrorClass, Frame, op};

use super::{Plugin, dispatch::dispatch, guard, log, manifest::manifest};
use crate::{
    Connector, Context,
    component::Registry,
    context::Instance,
    error::{Error, Result},
    host::{Answer, BoxFuture, Host},
    settings,
};

/// The header that a host looks for.
///
/// # Safety
/// `constructor` must be [`root`] of the plugin.
pub const unsafe fn header(constructor: extern "C" fn() -> RootModuleResult) -> LibHeader {
    // SAFETY: `root` answers with a `PluginMod_Ref`, as the caller promises.
    unsafe { LibHeader::from_constructor::<PluginMod_Ref>(constructor, CheckTypeLayout::Yes) }
}

/// The root module of a plugin.
pub fn root<P: Plugin>() -> RootModuleResult {
    __call_root_module_loader(|| {
        PluginMod { manifest: manifest_of::<P>, open: open::<P>, invoke: invoke::<P::Connector> }.leak_into_prefix()
    })
}

/// The host behind its vtable.
struct AbiHost(HostApi);

impl Host for AbiHost {
    fn invoke(&self, call: u64, op: &str, payload: &[u8]) -> BoxFuture<Result<Answer, contract::Error>> {
        let answer = (self.0.vt.invoke())(&self.0.ctx, call, op.into(), RSlice::from_slice(payload));
        Box::pin(async move {
            match answer.await {
                RResult::ROk(bytes) => Ok(bytes),
                RResult::RErr(error) => Err(contract::Error {
                    class: ErrorClass::from_code(error.code),
                    message: error.message.into(),
                    detail: serde_json::from_slice(&error.detail).unwrap_or_default(),
                }),
            }
        })
    }
}

pub(super) fn abi_error(error: contract::Error) -> AbiError {
    let detail = serde_json::to_vec(&error.detail).unwrap_or_default();
    AbiError { code: error.class.code(), message: error.message.into(), detail: detail.into() }
}

/// Runs code that must not unwind.
fn caught<T>(code: impl FnOnce() -> Result<T>) -> RResult<T, AbiError> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(Ok(value)) => RResult::ROk(value),
        Ok(Err(error)) => RResult::RErr(abi_error(error.into_contract())),
        Err(payload) => RResult::RErr(abi_error(guard::panic_error(payload))),
    }
}

extern "C" fn manifest_of<P: Plugin>() -> AbiResult {
    guard::install_hook();
    caught(|| {
        let manifest = manifest::<P::Connector>(P::VERSION, P::DESCRIPTION)?;
        Ok(RVec::from(Frame::encode(&manifest, &[])?))
    })
}

extern "C" fn open<P: Plugin>(host: HostApi, request: RSlice<'_, u8>) -> RResult<Opaque, AbiError> {
    guard::install_hook();
    caught(|| {
        if let Some(ctx) = host.ctx.try_clone() {
            log::install(HostApi { ctx, vt: host.vt });
        }
        let open: op::Open = Frame::decode(request.as_slice())?.header()?;
        let instance = instance(P::make(), open, Box::new(AbiHost(host)))?;
        let ptr = Arc::into_raw(Arc::new(instance)).cast();
        Ok(Opaque { ptr, clone: ROption::RNone, drop: close::<P::Connector> })
    })
}

/// Opens a connector for a backend.
pub(crate) fn instance<C: Connector>(connector: C, open: op::Open, host: Box<dyn Host>) -> Result<Instance<C>> {
    let wrong = |error| Error::invalid(format!("the settings of {} can't be read: {error}", open.backend));
    let settings: C::Settings = serde_json::from_value(open.settings.clone()).map_err(wrong)?;
    let base_url = settings::base_url(&settings::schema::<C::Settings>(), &open.settings).unwrap_or_default();
    let open = op::Open { settings: serde_json::Value::Null, ..open };
    Ok(Instance { connector, settings, open, base_url, registry: Registry::of()?, host })
}

extern "C" fn close<C: Connector>(ptr: *const ()) {
    let dropped = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `ptr` came from `Arc::into_raw` in `open` for this connector, and an `Opaque` is dropped once.
        drop(unsafe { Arc::from_raw(ptr.cast::<Instance<C>>()) });
    }));
    if let Err(payload) = dropped {
        guard::forget(payload);
    }
}

extern "C" fn invoke<C: Connector>(
    instance: &Opaque,
    call: u64,
    op: RStr<'_>,
    payload: RSlice<'_, u8>,
) -> FfiFuture<AbiResult> {
    let ptr = instance.ptr.cast::<Instance<C>>();
    // SAFETY: `ptr` came from `Arc::into_raw` in `open` for this connector, and `instance` still owns a count.
    let instance = unsafe {
        Arc::increment_strong_count(ptr);
        Arc::from_raw(ptr)
    };
    let (op, payload): (String, Arc<[u8]>) = (op.as_str().to_owned(), payload.as_slice().into());
    let work = async move {
        let cx = Context::new(instance, call);
        match dispatch(&cx, &op, payload).await {
            Ok(answer) => RResult::ROk(RVec::from(answer)),
            Err(error) => RResult::RErr(abi_error(error.into_contract())),
        }
    };
    guard::Guarded::new(call, work).into_ffi()
}
