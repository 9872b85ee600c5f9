//! The panel of refusals: each with the real file, and in one line what it is, why, and what to do about it.

use std::path::{Path, PathBuf};

use bindery_tests::{TestHost, artifact, plugin, raw};
use serde_json::{Value, json};

/// One refusal: the file, its code, and words that must stand in message, cause and cure.
struct Row {
    file: PathBuf,
    code: &'static str,
    message: &'static str,
    cause: &'static str,
    cure: &'static str,
}

fn row(file: PathBuf, [code, message, cause, cure]: [&'static str; 4]) -> Row {
    Row { file, code, message, cause, cure }
}

/// A file with the raw connector under another manifest.
fn with(folder: &Path, name: &str, changes: Value) -> PathBuf {
    raw::with_manifest(folder, name, &raw::changed(changes))
}

/// Files that are no plugin.
fn foreign(folder: &Path) -> Vec<Row> {
    let text = folder.join("text.so");
    std::fs::write(&text, "#!/bin/sh\n").expect("room");
    let maps = std::fs::read_to_string("/proc/self/maps").expect("linux");
    let library = maps.lines().filter_map(|line| line.split_whitespace().last());
    let library =
        library.filter(|path| path.contains("libc.so")).map(PathBuf::from).next().expect("tests use the C library");
    let not = |message| {
        [
            "plugin.not_a_plugin",
            message,
            "no shared library of this system, or exports no connector",
            "export_connector!",
        ]
    };
    vec![
        row(text, not("is not a plugin: it is no ELF file")),
        row(library, not("is not a plugin: it exports no connector")),
        row(artifact("bindery"), not("is not a plugin: it")),
        row(
            folder.join("nowhere.so"),
            ["plugin.unreadable", "No such file", "not there, or may not be read", "Check the path"],
        ),
    ]
}

fn truncated(folder: &Path) -> Vec<Row> {
    let whole = std::fs::read(plugin("demo")).expect("it is built");
    let cut = |percent: usize| {
        let file = folder.join(format!("cut_{percent}.so"));
        std::fs::write(&file, &whole[..whole.len() * percent / 100]).expect("room");
        row(file, ["plugin.truncated", "and needs at least", "only in part", "Copy it again"])
    };
    [1, 60, 90, 99].map(cut).into()
}

/// Builds of other versions, layouts and profiles.
fn builds() -> Vec<Row> {
    let fixture = |name: &str, texts| row(artifact(&format!("fixture:{name}")), texts);
    let layout = |message| ["plugin.wrong_layout", message, "interface crate was changed", "published SDK"];
    vec![
        fixture(
            "newer_major",
            ["plugin.newer_major", "speaks interface 2.0.0, this host speaks 1.0.0", "newer major", "Update the host"],
        ),
        fixture(
            "older_major",
            [
                "plugin.older_major",
                "speaks interface 0.9.0, this host speaks 1.0.0",
                "older major",
                "Build the plugin anew",
            ],
        ),
        fixture("wrong_layout", layout("laid out differently: mismatched type")),
        fixture("wrong_newer", layout("laid out differently: mismatched type")),
        fixture(
            "panic_abort",
            ["plugin.panic_abort", "built with panic = \"abort\"", "ends the whole host", "Remove `panic = \"abort\"`"],
        ),
    ]
}

/// What plugins say about themselves.
fn manifests(folder: &Path) -> Vec<Row> {
    let kind = |more: Value| {
        let mut kind = json!({ "name": "raw.product", "model": "product.template" });
        kind.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({ "kinds": [kind] })
    };
    let invalid = |message| ["plugin.invalid_manifest", message, "breaks the rules", "Correct each of the listed"];
    vec![
        row(
            with(folder, "contract.so", json!({ "contract": 2 })),
            ["plugin.newer_contract", "speaks contract 2, this host serves up to 1", "newer SDK", "Update the host"],
        ),
        row(
            with(folder, "twin.so", json!({ "backend_types": ["demo"] })),
            [
                "plugin.duplicate_backend_type",
                "backend type demo is already provided by plugin demo",
                "Two plugins",
                "Remove the other plugin, or rename",
            ],
        ),
        row(with(folder, "id.so", json!({ "id": "Raw Shop" })), invalid("id: \"Raw Shop\" is not 2 to 40 lower case")),
        row(with(folder, "version.so", json!({ "version": "1" })), invalid("version: \"1\" is no semantic version")),
        row(
            with(folder, "list.so", kind(json!({ "import": true }))),
            invalid("kinds.raw.product: it is imported, but the connector does not answer prepare"),
        ),
        row(
            with(folder, "export.so", kind(json!({ "export": true }))),
            invalid("kinds.raw.product: it is exported, but the connector does not answer export_prepare"),
        ),
        row(
            with(folder, "kind.so", kind(json!({ "name": "Product" }))),
            invalid("must be `connector.noun` in lower case"),
        ),
        row(
            with(folder, "other.so", kind(json!({ "name": "acme.product" }))),
            invalid("its name must start with \"raw\""),
        ),
        row(
            with(
                folder,
                "component.so",
                json!({ "components": [{ "name": "raw.a" }, { "name": "raw.a", "usage": "x" }] }),
            ),
            invalid("components: \"raw.a\" is declared twice; components.raw.a: it has no usage"),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_says_in_a_line_what_it_is_and_why_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = TestHost::new().await;
    host.install("demo").await;
    let rows = [foreign(folder.path()), truncated(folder.path()), builds(), manifests(folder.path())];
    for Row { file, code, message, cause, cure } in rows.into_iter().flatten() {
        let shown = file.display();
        let problem = host.fails("plugin.install", json!({ "file": file })).await;
        assert_eq!(problem.code, code, "{shown}: {problem:?}");
        assert!(problem.message.contains(message), "{shown}: {}", problem.message);
        assert!(problem.cause.contains(cause), "{shown}: {}", problem.cause);
        assert!(problem.cure.contains(cure), "{shown}: {}", problem.cure);
        for text in [&problem.message, &problem.cause, &problem.cure] {
            assert_eq!(text.lines().count(), 1, "{shown}: {text}");
            assert!(text.len() < 600, "{shown}: a line that can be read: {text}");
        }
    }
    let list = host.call("plugin.list", json!({})).await;
    assert_eq!(list["plugins"].as_array().map(Vec::len), Some(1), "nothing refused is listed: {list}");
    assert_eq!((&list["plugins"][0]["state"], &list["plugins"][0]["generation"]), (&json!("ready"), &json!(1)));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_message_cause_cure_and_code_on_a_line_each() {
    let host = TestHost::new().await;
    let file = artifact("fixture:panic_abort");
    let said = host.run(["plugin", "install", file.to_str().expect("UTF-8")]).await.fails(1);
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    for start in ["error: the plugin is built with", "cause: A panic", "cure: Remove", "code: plugin.panic_abort"] {
        assert!(lines.iter().any(|line| line.starts_with(start)), "{start}: {said}");
    }
    host.stop().await;
}
