//! A connector on the bare interface, without the SDK and its guards: does whatever an op's name says, also harm.
//!
//! Its manifest lies in a region of the file that tests overwrite, so that one build gives every manifest. It is no
//! example for authors.
#![allow(unsafe_code, clippy::unwrap_used, reason = "a fixture that misbehaves on purpose")]

use bindery_abi::{
    AbiError, AbiResult, FfiFuture, FutureExt, HostApi, Opaque, PluginMod, PluginMod_Ref,
    abi_stable::{
        library::{CheckTypeLayout, LibHeader, RootModuleResult},
        prefix_type::PrefixTypeTrait,
        std_types::{ROption, RResult, RSlice, RStr, RVec},
    },
};

/// Marks the region, then JSON, then spaces. Tests look for the mark and overwrite what follows it.
#[used]
#[unsafe(no_mangle)]
pub static BINDERY_RAW_MANIFEST: [u8; 16_384] = region();

const MARK: &[u8] = b"@@BINDERY-RAW-MANIFEST@@";
const DEFAULT: &[u8] = br#"{"contract":1,"sdk":"none","unwind":true,"id":"raw","version":"1.0.0","backend_types":["raw"],"ops":["test_connection","list"],"settings_schema":{"type":"object"}}"#;

const fn region() -> [u8; 16_384] {
    let mut bytes = [b' '; 16_384];
    let mut at = 0;
    while at < MARK.len() {
        bytes[at] = MARK[at];
        at += 1;
    }
    let mut from = 0;
    while from < DEFAULT.len() {
        bytes[at] = DEFAULT[from];
        at += 1;
        from += 1;
    }
    bytes
}

#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
static ROOT: LibHeader = {
    extern "C" fn constructor() -> RootModuleResult {
        bindery_abi::abi_stable::library::__call_root_module_loader(|| module().leak_into_prefix())
    }
    // SAFETY: the constructor gives a `PluginMod_Ref`.
    unsafe { LibHeader::from_constructor::<PluginMod_Ref>(constructor, CheckTypeLayout::Yes) }
};

fn module() -> PluginMod {
    PluginMod { manifest, open, invoke }
}

extern "C" fn manifest() -> AbiResult {
    let region = &raw const BINDERY_RAW_MANIFEST;
    // SAFETY: a static of this file; volatile, since the file may have been changed after it was compiled.
    let bytes = unsafe { region.read_volatile() };
    let json = std::str::from_utf8(&bytes[MARK.len()..]).unwrap_or_default().trim_end();
    RResult::ROk(frame(json.as_bytes(), &[]))
}

struct Raw {
    host: HostApi,
}

extern "C" fn open(host: HostApi, request: RSlice<'_, u8>) -> RResult<Opaque, AbiError> {
    if contains(request.as_slice(), b"\"refuse\":true") {
        return RResult::RErr(error(14, "refused to be opened"));
    }
    if contains(request.as_slice(), b"\"sleep\":true") {
        std::thread::sleep(std::time::Duration::from_secs(3600));
    }
    let raw = Box::into_raw(Box::new(Raw { host }));
    RResult::ROk(Opaque { ptr: raw.cast_const().cast(), clone: ROption::RNone, drop: end })
}

extern "C" fn end(ptr: *const ()) {
    // SAFETY: `open` made it with `Box::into_raw`; its owner ends it once.
    drop(unsafe { Box::from_raw(ptr.cast_mut().cast::<Raw>()) });
}

extern "C" fn invoke(instance: &Opaque, call: u64, op: RStr<'_>, payload: RSlice<'_, u8>) -> FfiFuture<AbiResult> {
    // SAFETY: `open` made the instance from a `Box<Raw>`, and the host keeps it while calls run.
    let raw = unsafe { &*instance.ptr.cast::<Raw>() };
    let payload = payload.as_slice().to_vec();
    let op = op.as_str().to_owned();
    let host = HostApi { ctx: raw.host.ctx.try_clone().unwrap(), vt: raw.host.vt };
    async move { run(host, call, &op, payload).await }.into_ffi()
}

/// `serve:SERVICE` and `serve_as:CALL:SERVICE` pass the payload on to the host; the rest is what its name says.
async fn run(host: HostApi, call: u64, op: &str, payload: Vec<u8>) -> AbiResult {
    if let Some(service) = op.strip_prefix("serve:") {
        return (host.vt.invoke())(&host.ctx, call, service.into(), RSlice::from_slice(&payload)).await;
    }
    if let Some((claimed, service)) = op.strip_prefix("serve_as:").and_then(|rest| rest.split_once(':')) {
        let claimed = claimed.parse().unwrap();
        return (host.vt.invoke())(&host.ctx, claimed, service.into(), RSlice::from_slice(&payload)).await;
    }
    match op {
        "test_connection" => RResult::ROk(frame(br#"{"message":"raw"}"#, &[])),
        "echo" => RResult::ROk(payload.into()),
        "call" => RResult::ROk(frame(call.to_string().as_bytes(), &[])),
        "version" => RResult::ROk(frame(format!("{:?}", manifest_version()).as_bytes(), &[])),
        "process" => RResult::ROk(frame(std::process::id().to_string().as_bytes(), &[])),
        "garbage" => RResult::ROk(RVec::from(vec![0xff; 7])),
        "large" => RResult::ROk(frame(b"{}", &vec![b'x'; 100 << 20])),
        "panic" => panic!("an unguarded panic"),
        "hang" => std::future::pending().await,
        "spin" => loop {
            std::hint::spin_loop();
        },
        "block" => {
            std::thread::sleep(std::time::Duration::from_millis(150));
            RResult::ROk(frame(b"{}", &[]))
        }
        "segv" => {
            // SAFETY: none: this is the fault under test.
            unsafe { (8 as *mut u8).write_volatile(1) };
            RResult::ROk(frame(b"{}", &[]))
        }
        "abort" => std::process::abort(),
        #[expect(clippy::disallowed_methods, reason = "a connector that takes its process along")]
        "exit" => std::process::exit(0),
        other => RResult::RErr(error(2, other)),
    }
}

/// The manifest's version, so that a test can tell generations apart.
fn manifest_version() -> String {
    let RResult::ROk(bytes) = manifest() else { return String::new() };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let at = text.find("\"version\":\"").map_or(0, |at| at + 11);
    text[at..].split('"').next().unwrap_or_default().to_owned()
}

fn frame(header: &[u8], segment: &[u8]) -> RVec<u8> {
    let mut out = Vec::with_capacity(header.len() + segment.len() + 12);
    out.extend(u32::try_from(header.len()).unwrap().to_le_bytes());
    out.extend(header);
    if segment.is_empty() {
        out.extend([0; 4]);
    } else {
        out.extend(1_u32.to_le_bytes());
        out.extend(u32::try_from(segment.len()).unwrap().to_le_bytes());
        out.extend(segment);
    }
    out.into()
}

fn error(code: u32, message: &str) -> AbiError {
    AbiError { code, message: message.into(), detail: RVec::new() }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
