//! Built files, found only through the manifest that `cargo xtask build` writes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

#[derive(Deserialize)]
struct Artifact {
    path: PathBuf,
    size: u64,
}

/// The file of an artefact: `bindery`, `demo-shop`, `plugin:demo`, …
///
/// # Panics
/// Where it was not built, with the command that builds it.
#[track_caller]
pub fn artifact(name: &str) -> PathBuf {
    let artifacts = manifest();
    let Some(artifact) = artifacts.get(name) else {
        panic!("the artefact `{name}` is not built; run `cargo xtask build {name}`");
    };
    let size = fs::metadata(&artifact.path).map(|file| file.len()).unwrap_or_default();
    assert_eq!(
        size,
        artifact.size,
        "{} is not what was built; run `cargo xtask build {name}`",
        artifact.path.display()
    );
    artifact.path.clone()
}

/// The file of a plugin by the name of its folder.
#[track_caller]
pub fn plugin(name: &str) -> PathBuf {
    artifact(&format!("plugin:{name}"))
}

/// Names of all that was built.
pub fn artifact_names() -> Vec<String> {
    manifest().into_keys().collect()
}

#[track_caller]
fn manifest() -> BTreeMap<String, Artifact> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
    let path = target.join("artifacts.json");
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask build`", path.display()));
    serde_json::from_slice(&bytes).expect("the manifest of artefacts is JSON as xtask writes it")
}
