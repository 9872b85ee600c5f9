//! The crossing itself: loading a checked file, the host's functions as C sees them, and calls into an instance.
//!
//! The only file with `unsafe` besides the worker's start. Nothing that is loaded is ever unloaded: wakers, panic
//! payloads and thread-locals of a plugin may outlive every handle we know of. It decides nothing.
#![allow(unsafe_code, reason = "loading a library and crossing into it can't be expressed safely")]

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, OnceLock},
};

use abi_stable::{
    library::AbiHeaderRef,
    prefix_type::PrefixTypeTrait,
    std_types::{ROption, RResult, RSlice, RStr, RVec},
};
use bindery_abi::{
    AbiError, AbiResult, FfiFuture, FutureExt, HostApi, HostVt, HostVt_Ref, LogRecord, Mismatch, Opaque, PluginMod_Ref,
};
use bindery_contract::{Error, ErrorClass};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::{
    error::Error as Refusal,
    guard::{Answer, AnswerFuture, Guarded},
};

/// The library stays even if a handle to it were closed.
const RTLD_NODELETE: i32 = 0x1000;

/// What the host does for one instance: services, and a place for its log lines. The worker has one that forwards.
pub(super) trait Door: Send + Sync + 'static {
    /// Takes a line of log.
    fn log(&self, line: &Line<'_>);
    /// The most verbose level that is wanted, 0 to 5.
    fn level(&self) -> u8;
    /// Serves one request of a call.
    fn serve(&self, call: u64, service: &str, payload: &[u8]) -> AnswerFuture;
}

/// One line of a plugin's log.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Line<'a> {
    pub(super) call: u64,
    pub(super) level: u8,
    pub(super) target: std::borrow::Cow<'a, str>,
    pub(super) message: std::borrow::Cow<'a, str>,
    pub(super) fields: std::borrow::Cow<'a, str>,
    pub(super) spans: std::borrow::Cow<'a, str>,
}

/// The root module of a loaded file. Copies are the same module; it is there until the process ends.
#[derive(Clone, Copy)]
pub(super) struct Module(PluginMod_Ref);

/// Loads a file that `elf::check` has passed and that nobody writes to any more. Runs its constructors.
pub(super) fn load(file: &Path) -> Result<Module, Refusal> {
    keep_memory_of_plugins();
    let shown = file.display().to_string();
    // SAFETY: the file is a complete library of this machine and a private copy; that its constructors are harmless
    // is the operator's trust in the plugin, as documented.
    let library = unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
        .map_err(|error| Refusal::NotLoadable { file: shown.clone(), reason: error.to_string() })?;
    // SAFETY: the symbol is the header that abi_stable's macro and the SDK's export there. Its magic number and the
    // version of abi_stable are compared by `accept` before anything else of it is read.
    let header = unsafe { library.get::<AbiHeaderRef>(bindery_abi::ROOT_SYMBOL.as_bytes()).map(|symbol| *symbol) };
    let header = header.map_err(|error| Refusal::NotAPlugin { file: shown, reason: error.to_string() });
    std::mem::forget(library);
    bindery_abi::accept(header?).map(Module).map_err(refusal)
}

/// Bytes that the C library's allocator keeps rather than giving them back to the system.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: libc::c_int = 8 << 20;

/// Plugins bring the C library's allocator, and each call allocates about a page of records. By default that allocator
/// gives such blocks back to the system at once, and the next call has them cleared again.
fn keep_memory_of_plugins() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        // SAFETY: `mallopt` may be called at any time; both are parameters that it knows.
        ONCE.call_once(|| unsafe {
            libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
            libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT);
        });
    }
}

fn refusal(mismatch: Mismatch) -> Refusal {
    match mismatch {
        Mismatch::Major { found, wanted, is_newer } => Refusal::OtherMajor { found, wanted, newer: is_newer },
        Mismatch::Layout(text) => Refusal::WrongLayout { reason: lines_that_matter(&text) },
    }
}

/// abi_stable's errors are tens of kilobytes; the lines that start with `Error:` and their two neighbours say it all.
fn lines_that_matter(text: &str) -> String {
    tracing::debug!(target: "plugin", "layout check: {text}");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut kept: Vec<String> = Vec::new();
    for (at, _) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("Error:")) {
        let line = lines[at..lines.len().min(at + 6)].join(" ");
        let line = line.trim_start_matches("Error:").trim().chars().take(160).collect();
        if !kept.contains(&line) {
            kept.push(line);
        }
        if kept.len() == 3 {
            break;
        }
    }
    if kept.is_empty() {
        kept.push(text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect());
    }
    kept.join(" | ")
}

impl Module {
    /// The manifest, as bytes of JSON or of a frame.
    pub(super) fn manifest(self) -> Answer {
        answer((self.0.manifest())())
    }

    /// Makes an instance; runs the connector's `open` on this thread.
    pub(super) fn open(self, door: Arc<dyn Door>, request: &[u8]) -> Result<Opened, Error> {
        match (self.0.open())(host_api(door), RSlice::from_slice(request)) {
            RResult::ROk(object) => Ok(Opened(Arc::new(Object { module: self, object }))),
            RResult::RErr(error) => Err(read_error(error)),
        }
    }
}

struct Object {
    module: Module,
    object: Opaque,
}

/// An open instance. Clones are the same one; the last ends it.
#[derive(Clone)]
pub(super) struct Opened(Arc<Object>);

impl Opened {
    /// Starts an op. The instance lives at least as long as the future.
    pub(super) fn invoke(&self, call: u64, op: &str, payload: &[u8]) -> impl Future<Output = Answer> + Send + 'static {
        let object = self.0.clone();
        let future = (object.module.0.invoke())(&object.object, call, RStr::from_str(op), RSlice::from_slice(payload));
        async move {
            let result = future.await;
            drop(object);
            answer(result)
        }
    }
}

fn answer(result: AbiResult) -> Answer {
    match result {
        RResult::ROk(bytes) => Ok(bytes.into_vec()),
        RResult::RErr(error) => Err(read_error(error)),
    }
}

fn read_error(error: AbiError) -> Error {
    let mut read = Error::new(ErrorClass::from_code(error.code), error.message.into_string());
    read.detail = serde_json::from_slice(&error.detail).unwrap_or_default();
    read
}

fn write_error(error: Error) -> AbiError {
    let detail = serde_json::to_vec(&error.detail).unwrap_or_default();
    AbiError { code: error.class.code(), message: error.message.into(), detail: detail.into() }
}

type Context = Arc<dyn Door>;

fn host_api(door: Context) -> HostApi {
    static VT: OnceLock<HostVt_Ref> = OnceLock::new();
    let vt =
        *VT.get_or_init(|| HostVt { log: host_log, log_level: host_log_level, invoke: host_invoke }.leak_into_prefix());
    let ptr = Box::into_raw(Box::new(door)).cast_const().cast();
    HostApi { ctx: Opaque { ptr, clone: ROption::RSome(host_clone), drop: host_drop }, vt }
}

/// Runs what a plugin asked of the host; a panic of ours must not unwind into it.
fn guarded<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        std::mem::forget(payload);
        otherwise
    })
}

fn context(object: &Opaque) -> &Context {
    // SAFETY: contexts are made by `host_api` and `host_clone` only, from a `Box<Context>` that `host_drop` ends.
    unsafe { &*object.ptr.cast::<Context>() }
}

extern "C" fn host_log(object: &Opaque, record: &LogRecord<'_>) {
    guarded((), || {
        context(object).log(&Line {
            call: record.call,
            level: record.level,
            target: record.target.as_str().into(),
            message: record.message.as_str().into(),
            fields: record.fields_json.as_str().into(),
            spans: record.spans.as_str().into(),
        });
    });
}

extern "C" fn host_log_level(object: &Opaque) -> u8 {
    guarded(0, || context(object).level())
}

extern "C" fn host_invoke(object: &Opaque, call: u64, op: RStr<'_>, payload: RSlice<'_, u8>) -> FfiFuture<AbiResult> {
    let served = Guarded::new(|| context(object).serve(call, op.as_str(), payload.as_slice()));
    async move {
        match served.await {
            Ok(bytes) => RResult::ROk(RVec::from(bytes)),
            Err(error) => RResult::RErr(write_error(error)),
        }
    }
    .into_ffi()
}

extern "C" fn host_clone(ptr: *const ()) -> *const () {
    // SAFETY: as in `context`; the copy is a new box of its own.
    let copy = unsafe { (*ptr.cast::<Context>()).clone() };
    Box::into_raw(Box::new(copy)).cast_const().cast()
}

extern "C" fn host_drop(ptr: *const ()) {
    // SAFETY: the pointer came from `Box::into_raw` of a `Box<Context>`, and its owner ends it once.
    let owned = unsafe { Box::from_raw(ptr.cast_mut().cast::<Context>()) };
    guarded((), || drop(owned));
}
