//! Other versions of the interface, and builds that a host refuses: made from the real sources by edits, each in a
//! workspace of its own under `target/fixtures`, and built like every other artefact.
//!
//! An edit whose place is not found any more fails the build: a fixture never silently equals the real thing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::place;

/// What a version of `bindery-abi` differs in.
pub(crate) struct Variant {
    /// Name of the artefact behind `fixture:`.
    pub(crate) name: &'static str,
    /// Version of the interface.
    version: &'static str,
    /// Functions appended: one on each side.
    is_longer: bool,
    /// A type that must not change has changed.
    is_changed: bool,
    /// A host of this version is built too.
    pub(crate) has_host: bool,
}

/// All of them. The real interface is the one between.
pub(crate) const VARIANTS: [Variant; 5] = [
    Variant { name: "newer_minor", version: "1.1.0", is_longer: true, is_changed: false, has_host: true },
    Variant { name: "newer_major", version: "2.0.0", is_longer: true, is_changed: true, has_host: true },
    Variant { name: "older_major", version: "0.9.0", is_longer: false, is_changed: false, has_host: false },
    Variant { name: "wrong_layout", version: "1.0.0", is_longer: false, is_changed: true, has_host: false },
    Variant { name: "wrong_newer", version: "1.1.0", is_longer: true, is_changed: true, has_host: false },
];

impl Variant {
    /// The workspace it is built in.
    pub(crate) fn folder(&self) -> PathBuf {
        place::target().join("fixtures").join(self.name)
    }

    /// Name of its plugin's package, which no other package of the shared target directory has.
    pub(crate) fn plugin(&self) -> String {
        format!("raw-{}", self.name.replace('_', "-"))
    }

    /// Name of its host's package and program.
    pub(crate) fn host(&self) -> String {
        format!("host-{}", self.name.replace('_', "-"))
    }

    /// Writes the workspace; files that are as they should be stay untouched, so that nothing is built in vain.
    pub(crate) fn write(&self) -> Result<(), String> {
        let folder = self.folder();
        let read =
            |path: &str| fs::read_to_string(place::root().join(path)).map_err(|error| format!("{path}: {error}"));
        let mut interface = read("plugin-api/abi/src/lib.rs")?;
        let mut plugin = read("tests/plugins/raw/src/lib.rs")?;
        let mut host = read("tests/fixtures/host.rs")?;
        if self.is_changed {
            interface = edited(&interface, "pub code: u32,", "pub code: u64,")?;
            plugin = edited(&plugin, "AbiError { code,", "AbiError { code: u64::from(code),")?;
        }
        let reads_more = if self.is_longer {
            interface =
                appended(&interface, "pub struct HostVt {", "pub now_ms: extern \"C\" fn(ctx: &Opaque) -> u64,")?;
            interface = appended(&interface, "pub struct PluginMod {", "pub health: extern \"C\" fn() -> u32,")?;
            plugin = edited(
                &plugin,
                "PluginMod { manifest, open, invoke }",
                "PluginMod { manifest, open, invoke, health }",
            )?;
            plugin = edited(&plugin, "        \"panic\" =>", &format!("{ASKS_MORE}        \"panic\" =>"))?;
            plugin.push_str("\nextern \"C\" fn health() -> u32 {\n    7\n}\n");
            host = edited(&host, "/* more of the host */", "now_ms")?;
            READS_MORE
        } else {
            "fn health(_: bindery_abi::PluginMod_Ref) -> &'static str { \"null\" }\n"
        };
        host = edited(&host, "/* what this version reads of a plugin */", reads_more)?;
        let interface_folder = self.interface_folder();
        let mut members = vec![interface_folder.as_str(), "plugin"];
        if self.has_host {
            members.push("host");
            self.package(&self.host(), "host", "", "libloading = \"0.9\"\n")?;
            put(&folder.join("host/src/main.rs"), &host)?;
        }
        put(&folder.join("Cargo.toml"), &workspace(&members, &read("Cargo.toml")?)?)?;
        // The versions of the repository, so that what is built for it serves here too.
        let (locked, source) = (read("Cargo.lock")?, folder.join("Cargo.lock.source"));
        if fs::read_to_string(&source).ok().as_deref() != Some(&locked) {
            put(&folder.join("Cargo.lock"), &locked)?;
            put(&source, &locked)?;
        }
        put(
            &folder.join(&interface_folder).join("Cargo.toml"),
            &self.interface_package(&read("plugin-api/abi/Cargo.toml")?)?,
        )?;
        put(&folder.join(&interface_folder).join("src/lib.rs"), &interface)?;
        put(&folder.join(&interface_folder).join("src/accept.rs"), &read("plugin-api/abi/src/accept.rs")?)?;
        self.package(&self.plugin(), "plugin", "[lib]\ncrate-type = [\"cdylib\"]\n\n", "")?;
        put(&folder.join("plugin/src/lib.rs"), &plugin)
    }

    /// Cargo tells packages of one name and version in a shared target directory apart by their place in the workspace.
    fn interface_folder(&self) -> String {
        format!("abi-{}", self.name.replace('_', "-"))
    }

    fn interface_package(&self, real: &str) -> Result<String, String> {
        let text = edited(real, "version = \"1.0.0\"", &format!("version = {:?}", self.version))?;
        edited(&text, "[lints]\nworkspace = true\n", "")
    }

    fn package(&self, name: &str, folder: &str, target: &str, dependencies: &str) -> Result<(), String> {
        let text = format!(
            "[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n{target}\
             [dependencies]\nbindery-abi = {{ path = \"../{}\" }}\n{dependencies}",
            self.interface_folder()
        );
        put(&self.folder().join(folder).join("Cargo.toml"), &text)
    }
}

/// An op of the longer plugin: what a function of the host answers that an older host does not have.
const ASKS_MORE: &str = "        \"now_ms\" => match host.vt.now_ms() {
            Some(now_ms) => RResult::ROk(frame(now_ms(&host.ctx).to_string().as_bytes(), &[])),
            None => RResult::ROk(frame(b\"null\", &[])),
        },\n";

/// What the longer host has and reads.
const READS_MORE: &str = "extern \"C\" fn now_ms(_: &Opaque) -> u64 {
    1
}

fn health(module: bindery_abi::PluginMod_Ref) -> String {
    module.health().map_or_else(|| \"null\".to_owned(), |health| health().to_string())
}\n";

/// A workspace that shares the repository's profiles and dependency versions.
fn workspace(members: &[&str], real: &str) -> Result<String, String> {
    let real: toml::Table = real.parse().map_err(|error| format!("Cargo.toml: {error}"))?;
    let part = |table: &toml::Table, name: &str| table.get(name).cloned().ok_or(format!("Cargo.toml has no {name}"));
    let workspace = part(&real, "workspace")?.as_table().cloned().unwrap_or_default();
    let mut ours = toml::Table::new();
    ours.insert("members".into(), toml::Value::Array(members.iter().map(|member| (*member).into()).collect()));
    for name in ["resolver", "package"] {
        ours.insert(name.into(), part(&workspace, name)?);
    }
    let mut dependencies = part(&workspace, "dependencies")?.as_table().cloned().unwrap_or_default();
    dependencies.retain(|name, _| ["abi_stable", "async-ffi"].contains(&name));
    ours.insert("dependencies".into(), dependencies.into());
    let mut profile = part(&real, "profile")?.as_table().cloned().unwrap_or_default();
    profile.retain(|name, _| name == "dev");
    let all = toml::Table::from_iter([("workspace".to_owned(), ours.into()), ("profile".to_owned(), profile.into())]);
    toml::to_string(&all).map_err(|error| error.to_string())
}

/// The text with one place changed.
fn edited(text: &str, from: &str, to: &str) -> Result<String, String> {
    match text.matches(from).count() {
        1 => Ok(text.replacen(from, to, 1)),
        count => Err(format!("a fixture changes {from:?}, which is there {count} times; see xtask/src/fixture.rs")),
    }
}

/// The text with one more field at the end of a struct.
fn appended(text: &str, start: &str, field: &str) -> Result<String, String> {
    let at = text.find(start).ok_or_else(|| format!("a fixture extends {start:?}, which is not there"))?;
    let end = text[at..].find("\n}").map(|end| at + end).ok_or_else(|| format!("{start:?} has no end"))?;
    Ok(format!("{}\n    /// Appended.\n    {field}{}", &text[..end], &text[end..]))
}

fn put(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    let folder = path.parent().ok_or("a file lies in a folder")?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{appended, edited};

    #[test]
    fn an_edit_that_finds_no_place_or_several_fails() {
        assert_eq!(edited("a b", "b", "c"), Ok("a c".to_owned()));
        assert!(edited("a b", "x", "c").is_err());
        assert!(edited("b b", "b", "c").is_err());
    }

    #[test]
    fn a_field_comes_last_in_its_struct() {
        let text = "struct A {\n    a: u8,\n}\nstruct B {\n    b: u8,\n}\n";
        let longer = appended(text, "struct A {", "c: u8,").expect("it is there");
        assert!(longer.starts_with("struct A {\n    a: u8,\n    /// Appended.\n    c: u8,\n}\nstruct B"), "{longer}");
        assert!(appended(text, "struct C {", "c: u8,").is_err());
    }
}
