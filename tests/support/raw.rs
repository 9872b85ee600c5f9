//! Plugin files for tests of loading: the raw connector with any manifest written into it, and where built files lie.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

const MARK: &[u8] = b"@@BINDERY-RAW-MANIFEST@@";
const REGION: usize = 16_384;

/// The raw connector as it was built.
pub fn built() -> PathBuf {
    crate::plugin("raw")
}

/// The manifest that the raw connector has when nobody changes it.
pub fn manifest() -> Value {
    json!({
        "contract": 1, "sdk": "none", "unwind": true, "id": "raw", "version": "1.0.0", "backend_types": ["raw"],
        "ops": ["test_connection", "list"], "settings_schema": {"type": "object"},
    })
}

/// Writes the raw connector with a manifest into a directory.
pub fn with_manifest(directory: &Path, name: &str, manifest: &Value) -> PathBuf {
    with_manifest_in(&built(), directory, name, manifest)
}

/// As [`with_manifest`], of another build than the tests'.
pub fn with_manifest_in(built: &Path, directory: &Path, name: &str, manifest: &Value) -> PathBuf {
    let mut bytes = std::fs::read(built).expect("the raw connector is built");
    let json = manifest.to_string();
    assert!(json.len() + MARK.len() <= REGION, "the manifest fits into its region");
    let at = bytes.windows(MARK.len()).position(|window| window == MARK).expect("the region is there");
    let region = &mut bytes[at + MARK.len()..at + REGION];
    region.fill(b' ');
    region[..json.len()].copy_from_slice(json.as_bytes());
    let path = directory.join(name);
    std::fs::write(&path, bytes).expect("the directory can be written");
    path
}

/// [`manifest`] with some members replaced.
pub fn changed(changes: Value) -> Value {
    let mut all = manifest();
    let (Value::Object(all_members), Value::Object(changes)) = (&mut all, changes) else { panic!("objects") };
    all_members.extend(changes);
    all
}
