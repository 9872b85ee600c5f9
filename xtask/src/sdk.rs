//! The packaged SDK: what a registry would give an author, unpacked under `target/sdk`.
//!
//! Whoever builds outside the workspace builds from this, so that a file missing in a package, or a dependency that only
//! the workspace has, is found here and not by the first author.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    place,
    step::{cargo, shown},
};

/// The packages of the SDK, in the order of their dependencies, with where they lie in the repository.
const PACKAGES: [(&str, &str); 3] =
    [("bindery-abi", "abi"), ("bindery-contract", "contract"), ("bindery-plugin", "sdk")];

fn folder() -> PathBuf {
    place::target().join("sdk")
}

/// Packages and unpacks. Files that are as they were stay untouched, so that nothing is built in vain.
pub(crate) fn package() -> Result<(), String> {
    let packed = folder().join("packed");
    let names = PACKAGES.map(|(name, _)| ["-p", name]).concat();
    // Nothing is verified: being built from outside is the verification. A lock file of ours would bind nobody.
    let more = ["--no-verify", "--allow-dirty", "--exclude-lockfile", "--quiet"];
    let arguments = [&["package"], names.as_slice(), more.as_slice()].concat();
    shown(cargo(&arguments).arg("--target-dir").arg(&packed))?;
    let fresh = packed.join("unpacked");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(|error| told(&fresh, &error))?;
    }
    fs::create_dir_all(&fresh).map_err(|error| told(&fresh, &error))?;
    for (name, folder_of) in PACKAGES {
        let version = version(folder_of)?;
        let file = packed.join("package").join(format!("{name}-{version}.crate"));
        shown(Command::new("tar").arg("xzf").arg(&file).arg("-C").arg(&fresh))?;
        mirror(&fresh.join(format!("{name}-{version}")), &folder().join(name))?;
    }
    Ok(())
}

/// Arguments that put the packages in place of those of a registry.
pub(crate) fn patches() -> Vec<String> {
    let one = |(name, _): (&str, &str)| {
        let path = folder().join(name);
        ["--config".to_owned(), format!("patch.crates-io.{name}.path={:?}", path.display().to_string())]
    };
    PACKAGES.into_iter().flat_map(one).collect()
}

fn version(folder: &str) -> Result<String, String> {
    let read = |path: PathBuf| -> Result<toml::Table, String> {
        let text = fs::read_to_string(&path).map_err(|error| told(&path, &error))?;
        text.parse().map_err(|error| format!("{}: {error}", path.display()))
    };
    let own = read(place::root().join("plugin-api").join(folder).join("Cargo.toml"))?;
    if let Some(version) = own["package"].get("version").and_then(|version| version.as_str()) {
        return Ok(version.to_owned());
    }
    let root = read(place::root().join("Cargo.toml"))?;
    let version = root["workspace"]["package"]["version"].as_str().ok_or("the workspace has no version")?;
    Ok(version.to_owned())
}

/// Makes a folder equal to another, writing only what differs.
pub(crate) fn mirror(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| told(to, &error))?;
    let names = |folder: &Path| -> Result<Vec<std::ffi::OsString>, String> {
        let entries = fs::read_dir(folder).map_err(|error| told(folder, &error))?;
        Ok(entries
            .flatten()
            .map(|entry| entry.file_name())
            .filter(|name| name != ".cargo_vcs_info.json" && name != "Cargo.lock")
            .collect())
    };
    let wanted = names(from)?;
    for name in names(to)?.iter().filter(|name| !wanted.contains(name)) {
        let gone = to.join(name);
        let removed = if gone.is_dir() { fs::remove_dir_all(&gone) } else { fs::remove_file(&gone) };
        removed.map_err(|error| told(&gone, &error))?;
    }
    for name in &wanted {
        let (from, to) = (from.join(name), to.join(name));
        if from.is_dir() {
            mirror(&from, &to)?;
            continue;
        }
        let bytes = fs::read(&from).map_err(|error| told(&from, &error))?;
        if fs::read(&to).ok().as_deref() != Some(&bytes) {
            fs::write(&to, bytes).map_err(|error| told(&to, &error))?;
        }
    }
    Ok(())
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::mirror;
    use std::fs;

    #[test]
    fn a_mirror_writes_what_differs_and_removes_what_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("src")).expect("room");
        fs::create_dir_all(to.join("old")).expect("room");
        fs::write(from.join("src/lib.rs"), "new").expect("room");
        fs::write(from.join("same"), "same").expect("room");
        fs::write(to.join("same"), "same").expect("room");
        let before = fs::metadata(to.join("same")).and_then(|file| file.modified()).expect("a time");
        mirror(&from, &to).expect("mirrored");
        assert_eq!(fs::read_to_string(to.join("src/lib.rs")).expect("there"), "new");
        assert!(!to.join("old").exists());
        assert_eq!(fs::metadata(to.join("same")).and_then(|file| file.modified()).expect("a time"), before);
    }
}
