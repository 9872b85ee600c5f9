//! From a file that somebody names to a generation: read, check, digest, private copy, load, manifest, rules.
//!
//! The named file is only read; what is loaded is a copy under its digest that nobody else writes to. Nothing of a
//! refused file stays loaded on purpose, but what was loaded can't be unloaded.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use bindery_contract::{CONTRACT, Frame, Manifest};
use sha2::{Digest, Sha256};

use super::{
    abi::{self, Module},
    elf,
    error::Error,
};

/// A file that was read and found to be complete.
pub(super) struct Checked {
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: String,
}

/// Reads a file once and checks it without running any of it.
pub(super) fn read(file: &Path) -> Result<Checked, Error> {
    let bytes = std::fs::read(file).map_err(|error| unreadable(file, &error))?;
    elf::check(&bytes, &file.display().to_string())?;
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Checked { bytes, sha256 })
}

/// Where the file of a digest is kept.
pub(super) fn stored(sha256: &str, directory: &Path) -> PathBuf {
    directory.join(format!("{sha256}.so"))
}

/// Keeps a checked file under its digest.
pub(super) fn store(checked: &Checked, directory: &Path) -> Result<PathBuf, Error> {
    let path = stored(&checked.sha256, directory);
    write(&checked.bytes, &path)?;
    Ok(path)
}

/// A copy for one load, removed unless it is kept. Its own name gives it statics of its own, and nobody else writes
/// to it.
pub(super) struct Private(PathBuf);

impl Private {
    /// Copies a stored file.
    pub(super) fn of(stored: &Path, sha256: &str) -> Result<Self, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("loaded-{}-{}-{number}.so", &sha256[..16], std::process::id());
        let path = stored.with_file_name(name);
        std::fs::copy(stored, &path).map_err(|error| unreadable(&path, &error))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Whoever takes the path removes the file.
    pub(super) fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

/// Removes files of versions that are not installed any more, and what a crash left. `kept`: digests that stay.
pub(super) fn sweep(directory: &Path, kept: &[String]) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let own = format!("-{}-", std::process::id());
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let stays = match name.strip_prefix("loaded-") {
            Some(rest) => rest.contains(&own),
            None => kept.iter().any(|digest| name == format!("{digest}.so")),
        };
        if !stays {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Loads a private copy and reads its manifest.
pub(super) fn open(file: &Path) -> Result<(Module, Manifest), Error> {
    let module = abi::load(file)?;
    let manifest = decode_manifest(&module.manifest())?;
    Ok((module, manifest))
}

/// Reads a manifest and refuses what can't be served at all.
pub(super) fn decode_manifest(answer: &super::guard::Answer) -> Result<Manifest, Error> {
    let invalid = |problem: String| Error::InvalidManifest(vec![("manifest".to_owned(), problem)]);
    let bytes = answer.as_ref().map_err(|error| invalid(error.to_string()))?;
    let frame = Frame::decode(bytes).map_err(|error| invalid(error.message))?;
    let manifest: Manifest = frame.header().map_err(|error| invalid(error.message))?;
    if !manifest.unwind {
        return Err(Error::PanicAbort);
    }
    if manifest.contract > CONTRACT {
        return Err(Error::NewerContract { found: manifest.contract, wanted: CONTRACT });
    }
    Ok(manifest)
}

fn write(bytes: &[u8], path: &Path) -> Result<(), Error> {
    if path.exists() {
        return Ok(());
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).map_err(|error| unreadable(directory, &error))?;
    let part = directory.join(format!("part-{}", crate::base::id::random_hex()));
    let whole = || -> std::io::Result<()> {
        let mut file = std::fs::File::create_new(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, path)?;
        std::fs::File::open(directory)?.sync_all()
    };
    whole().map_err(|error| {
        // The error that matters is the one above; a part that stays is swept at the next start.
        let _ = std::fs::remove_file(&part);
        unreadable(path, &error)
    })
}

pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> Error {
    Error::Unreadable { file: file.display().to_string(), reason: error.to_string() }
}
