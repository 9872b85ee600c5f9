//! What tests run: the host's binary, plugin files, the demo shop. Built first, one package at a time and without test
//! features, copied away from where later builds write, and listed with their digests in `target/artifacts.json`.
//! Tests take them only from there.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    place,
    recipe::{self, Recipe},
};

/// One built file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Artifact {
    pub(crate) path: PathBuf,
    pub(crate) sha256: String,
    pub(crate) size: u64,
}

/// Builds all artefacts, or those named, and writes the manifest.
pub(crate) fn build(names: &[String]) -> Result<BTreeMap<String, Artifact>, String> {
    let recipes = recipe::all()?;
    if let Some(unknown) = names.iter().find(|name| !recipes.iter().any(|recipe| recipe.name == **name)) {
        let known: Vec<&str> = recipes.iter().map(|recipe| recipe.name.as_str()).collect();
        return Err(format!("there is no artefact `{unknown}`; there are {}", known.join(", ")));
    }
    let (mut artifacts, mut took) = (read(), BTreeMap::new());
    artifacts.retain(|name, _| recipes.iter().any(|recipe| recipe.name == *name));
    for recipe in recipes.iter().filter(|recipe| names.is_empty() || names.contains(&recipe.name)) {
        let started = Instant::now();
        recipe.make()?;
        artifacts.insert(recipe.name.clone(), keep(recipe)?);
        write(&artifacts)?;
        took.insert(recipe.name.clone(), started.elapsed());
    }
    for (name, artifact) in &artifacts {
        let took = took.get(name).map(|took| format!("  {:>6.1} s", took.as_secs_f64())).unwrap_or_default();
        println!("{name:<28} {}  {:>5.1} MB{took}", &artifact.sha256[..12], artifact.size as f64 / 1e6);
    }
    Ok(artifacts)
}

fn manifest() -> PathBuf {
    place::target().join("artifacts.json")
}

/// What an earlier build wrote; empty where there was none.
pub(crate) fn read() -> BTreeMap<String, Artifact> {
    fs::read(manifest()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn write(artifacts: &BTreeMap<String, Artifact>) -> Result<(), String> {
    let text = serde_json::to_string_pretty(artifacts).map_err(|error| error.to_string())?;
    let draft = manifest().with_extension("draft");
    fs::write(&draft, text).and_then(|()| fs::rename(&draft, manifest())).map_err(|error| error.to_string())
}

/// Copies what was built, where it differs from what is kept.
fn keep(recipe: &Recipe) -> Result<Artifact, String> {
    let bytes = fs::read(&recipe.file).map_err(|error| format!("{}: {error}", recipe.file.display()))?;
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = place::target().join("artifacts");
    let path = folder.join(&recipe.kept);
    let error = |error: std::io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(&folder).map_err(error)?;
    if fs::read(&path).ok().as_deref() != Some(&bytes) {
        // A running program's file can't be written over, only replaced.
        let draft = folder.join(format!("{}.draft", recipe.kept));
        fs::copy(&recipe.file, &draft).and_then(|_| fs::rename(&draft, &path)).map_err(error)?;
    }
    Ok(Artifact { path, sha256, size: bytes.len() as u64 })
}
