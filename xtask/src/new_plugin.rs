//! `cargo xtask new-plugin NAME`: the folder of a new connector that builds, passes its own tests, and imports products
//! from the demo shop as it is.

use std::{fs, path::Path};

use crate::{
    place, sdk,
    step::{cargo, shown},
};

/// The files of a new connector: where they go, and what they are made from.
const FILES: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("../template/Cargo.toml.template")),
    ("src/lib.rs", include_str!("../template/lib.rs.template")),
    ("tests/mapping.rs", include_str!("../template/mapping.rs.template")),
    ("fixtures/products.json", include_str!("../template/fixtures/products.json")),
];

/// Makes the folder: under `plugins/`, or in a folder of one's own outside this repository.
pub(crate) fn make(name: &str, into: Option<&Path>) -> Result<(), String> {
    let folder = into.map_or_else(|| place::root().join("plugins"), Path::to_owned).join(name);
    write(name, &folder, into.is_none())?;
    let shown = folder.strip_prefix(place::root()).unwrap_or(&folder).display().to_string();
    println!("{shown} is a connector with one kind. Its tests: cargo test -p bindery-{name}");
    println!(
        "Build it: cargo build -p bindery-{name}; load it: bindery plugin install <target>/debug/libbindery_{name}.so"
    );
    println!("While you work: bindery serve --plugins <target>/debug takes each build as soon as it is written.");
    Ok(())
}

fn write(name: &str, folder: &Path, is_member: bool) -> Result<(), String> {
    check(name)?;
    if folder.exists() {
        return Err(format!("{} is there already; take another name, or remove it", folder.display()));
    }
    for (path, template) in FILES {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))
            .and_then(|()| fs::write(&path, filled(template, name, is_member)))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// The rule that the host has for the id of a plugin.
fn check(name: &str) -> Result<(), String> {
    let is_fine = (2..=40).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_fine {
        return Ok(());
    }
    Err(format!("{name:?} can't be the id of a plugin: 2 to 40 lower case letters, digits and _, a letter first"))
}

/// Fills a template. A member of this workspace takes its versions; anybody else names them.
fn filled(template: &str, name: &str, is_member: bool) -> String {
    let words: Vec<String> = name.split('_').map(capital).collect();
    let of_workspace = |more: &str| format!("{{ workspace = true{more} }}");
    let (workspace, dependencies) = if is_member {
        let lints = "license.workspace = true\n\n[lints]\nworkspace = true\n".to_owned();
        let sdk = (of_workspace(""), of_workspace(", features = [\"testing\"]"));
        (lints, [sdk.0, sdk.1, of_workspace(""), of_workspace(""), of_workspace("")])
    } else {
        let version = |text: &str| format!("{text:?}");
        let serde = "{ version = \"1\", features = [\"derive\"] }".to_owned();
        let testing = "{ version = \"0.1\", features = [\"testing\"] }".to_owned();
        ("\n[workspace]\n".to_owned(), [version("0.1"), testing, serde, version("1"), version("1")])
    };
    let [sdk, sdk_testing, serde, schemars, serde_json] = dependencies;
    let fills = [
        ("{name}", name.to_owned()),
        ("{Type}", words.concat()),
        ("{Title}", words.join(" ")),
        ("{workspace}", workspace),
        ("{sdk}", sdk),
        ("{sdk_testing}", sdk_testing),
        ("{serde}", serde),
        ("{schemars}", schemars),
        ("{serde_json}", serde_json),
    ];
    fills.iter().fold(template.to_owned(), |text, (mark, fill)| text.replace(mark, fill))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Makes one outside the workspace, from the packaged SDK, and runs its tests: what an author does first must work.
pub(crate) fn prove() -> Result<(), String> {
    sdk::package()?;
    let folder = place::target().join("new-plugin").join("acme_shop");
    let fresh = folder.with_extension("fresh");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(|error| format!("{}: {error}", fresh.display()))?;
    }
    write("acme_shop", &fresh, false)?;
    sdk::mirror(&fresh, &folder)?;
    // The versions and the profile of the repository, so that what is built for it serves here too.
    fs::copy(place::root().join("Cargo.lock"), folder.join("Cargo.lock"))
        .map_err(|error| format!("Cargo.lock: {error}"))?;
    let profile = ["profile.dev.package.\"*\".opt-level=1", "profile.dev.package.\"*\".debug=false"];
    let mut command = cargo(&["test", "--quiet"]);
    command.args(sdk::patches()).args(profile.iter().flat_map(|line| ["--config", line]));
    shown(command.current_dir(&folder).env("CARGO_TARGET_DIR", place::target()))
}

#[cfg(test)]
mod tests {
    use super::{FILES, check, filled, write};

    #[test]
    fn a_name_is_what_the_host_takes_as_an_id() {
        assert!(check("acme_shop2").is_ok());
        for wrong in ["a", "Acme", "acme-shop", "2acme", "_acme", "acmé", &"a".repeat(41)] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_mark_is_filled_for_a_member_and_for_anybody() {
        for (path, template) in FILES.iter().filter(|(path, _)| !path.ends_with(".json")) {
            for is_member in [true, false] {
                let text = filled(template, "acme_shop", is_member);
                for mark in ["{name}", "{Type}", "{Title}", "{workspace}", "{sdk", "{serde", "{schemars}"] {
                    assert!(!text.contains(mark), "{path}: {mark}");
                }
                assert!(!path.ends_with("Cargo.toml") || text.parse::<toml::Table>().is_ok(), "{text}");
            }
        }
    }

    #[test]
    fn what_is_there_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let problem = write("acme", folder.path(), true).expect_err("it is there");
        assert!(problem.contains("there already"), "{problem}");
    }
}
