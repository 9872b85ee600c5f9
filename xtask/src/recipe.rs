//! How each artefact is made: which cargo command, run where, and what it leaves behind. One list; nothing is built that
//! is not on it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    fixture::{VARIANTS, Variant},
    place,
    step::{cargo, shown},
};

/// How one artefact is made.
pub(crate) struct Recipe {
    /// `bindery`, `demo-shop`, `plugin:demo`, `fixture:newer_minor`.
    pub(crate) name: String,
    /// Writes what cargo is to build, where that is not in the repository.
    prepare: Option<&'static Variant>,
    /// Where cargo runs.
    folder: PathBuf,
    arguments: Vec<String>,
    /// What cargo writes.
    pub(crate) file: PathBuf,
    /// How it is kept.
    pub(crate) kept: String,
}

impl Recipe {
    /// Runs its command.
    pub(crate) fn make(&self) -> Result<(), String> {
        if let Some(variant) = self.prepare {
            variant.write()?;
        }
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        shown(cargo(&arguments).current_dir(&self.folder).env("CARGO_TARGET_DIR", place::target()))
    }
}

/// All of them, in the order in which they are built.
pub(crate) fn all() -> Result<Vec<Recipe>, String> {
    let mut recipes = vec![program("bindery", "bindery"), program("demo-shop", "bindery-shop")];
    for folder in place::packages("plugins").into_iter().chain(place::packages("tests/plugins")) {
        recipes.push(plugin(&folder)?);
    }
    recipes.extend(VARIANTS.iter().flat_map(variant));
    recipes.push(aborting());
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

fn program(name: &str, package: &str) -> Recipe {
    Recipe {
        name: name.to_owned(),
        prepare: None,
        folder: place::root(),
        arguments: words(&["build", "--quiet", "-p", package, "--bin", name]),
        file: built("debug", name),
        kept: name.to_owned(),
    }
}

fn plugin(folder: &Path) -> Result<Recipe, String> {
    let package = package_name(folder)?;
    let file = library(&package);
    Ok(Recipe {
        name: format!("plugin:{}", folder_name(folder)),
        prepare: None,
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
        prepare: Some(variant),
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
        prepare: None,
        folder: place::root(),
        arguments: words(&["build", "--quiet", "-p", "bindery-fault", "--lib", "--profile", "abort"]),
        file: built("abort", "libbindery_fault.so"),
        kept: "libbindery_fault_abort.so".to_owned(),
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
