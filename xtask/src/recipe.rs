//! How each artefact is made: which cargo command, run where, and what it leaves behind. One list; nothing is built that
//! is not on it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    fixture::{VARIANTS, Variant},
    place, sdk,
    step::{cargo, shown},
};

/// How one artefact is made.
pub(crate) struct Recipe {
    /// `bindery`, `demo-shop`, `plugin:demo`, `fixture:newer_minor`.
    pub(crate) name: String,
    before: Before,
    /// Where cargo runs.
    folder: PathBuf,
    arguments: Vec<String>,
    /// What cargo writes.
    pub(crate) file: PathBuf,
    /// How it is kept.
    pub(crate) kept: String,
}

/// What is done before cargo builds.
enum Before {
    Nothing,
    /// Another version of the interface is written.
    Write(&'static Variant),
    /// The SDK is packaged, as a registry would have it.
    Package,
}

impl Recipe {
    /// Runs its command.
    pub(crate) fn make(&self) -> Result<(), String> {
        match self.before {
            Before::Nothing => {}
            Before::Write(variant) => variant.write()?,
            Before::Package => sdk::package()?,
        }
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        shown(cargo(&arguments).current_dir(&self.folder).env("CARGO_TARGET_DIR", place::target()))
    }
}

/// All of them, in the order in which they are built.
pub(crate) fn all() -> Result<Vec<Recipe>, String> {
    let mut recipes = vec![program("bindery"), program("demo-shop")];
    for folder in place::packages("plugins").into_iter().chain(place::packages("tests/plugins")) {
        recipes.push(plugin(&folder)?);
    }
    recipes.extend(VARIANTS.iter().flat_map(variant));
    recipes.push(aborting());
    recipes.push(outside());
    Ok(recipes)
}

fn built(profile: &str, file: &str) -> PathBuf {
    place::target().join(profile).join(file)
}

fn library(package: &str) -> String {
    format!("lib{}.so", package.replace('-', "_"))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A program of the workspace. It is built without `--package`, with the features that the tests link too: all that both
/// stand on is built once.
fn program(name: &str) -> Recipe {
    Recipe {
        name: name.to_owned(),
        before: Before::Nothing,
        folder: place::root(),
        arguments: words(&["build", "--quiet", "--bin", name]),
        file: built("debug", name),
        kept: name.to_owned(),
    }
}

fn plugin(folder: &Path) -> Result<Recipe, String> {
    let package = package_name(folder)?;
    let file = library(&package);
    Ok(Recipe {
        name: format!("plugin:{}", folder_name(folder)),
        before: Before::Nothing,
        folder: place::root(),
        arguments: words(&["build", "--quiet", "-p", &package, "--lib"]),
        file: built("debug", &file),
        kept: file,
    })
}

/// A plugin of another version of the interface, and a host of it.
fn variant(variant: &'static Variant) -> Vec<Recipe> {
    let of = |name: String, package: &str, target: &str, file: String| Recipe {
        name,
        before: Before::Write(variant),
        folder: variant.folder(),
        arguments: words(&["build", "--quiet", "-p", package, target]),
        file: built("debug", &file),
        kept: file,
    };
    let (plugin, host) = (variant.plugin(), variant.host());
    let mut recipes = vec![of(format!("fixture:{}", variant.name), &plugin, "--lib", library(&plugin))];
    if variant.has_host {
        recipes.push(of(format!("fixture:host_{}", variant.name), &host, "--bins", host.clone()));
    }
    recipes
}

/// A connector built as no connector may be: with a profile of its own, in which panics end the process.
fn aborting() -> Recipe {
    Recipe {
        name: "fixture:panic_abort".to_owned(),
        before: Before::Nothing,
        folder: place::root(),
        arguments: words(&["build", "--quiet", "-p", "bindery-fault", "--lib", "--profile", "abort"]),
        file: built("abort", "libbindery_fault.so"),
        kept: "libbindery_fault_abort.so".to_owned(),
    }
}

/// The demo connector built outside the workspace: from the packaged SDK, with its own lock file, versions and profile.
fn outside() -> Recipe {
    let mut arguments = words(&["build", "--quiet", "--release", "--locked"]);
    arguments.extend(sdk::patches());
    Recipe {
        name: "outside:demo".to_owned(),
        before: Before::Package,
        folder: place::root().join("tests/outside"),
        arguments,
        file: built("release", "liboutside_demo.so"),
        kept: "liboutside_demo.so".to_owned(),
    }
}

fn folder_name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn package_name(folder: &Path) -> Result<String, String> {
    let text = fs::read_to_string(folder.join("Cargo.toml")).map_err(|error| error.to_string())?;
    let table: toml::Table = text.parse().map_err(|error| format!("{}: {error}", folder.display()))?;
    let name = table.get("package").and_then(|package| package.get("name")).and_then(|name| name.as_str());
    name.map(str::to_owned).ok_or_else(|| format!("{} has no package name", folder.display()))
}
