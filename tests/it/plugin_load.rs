//! What is loaded and what is refused: each refusal with its code, in one line, and with nothing else disturbed.

use std::{path::Path, sync::Arc};

use bindery::{
    base::{Clock, Coded, Fault},
    plugin::{Isolation, Options, Registry, State},
    storage::{self, Store},
};
use bindery_tests::raw;
use serde_json::json;

struct Place {
    directory: tempfile::TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&storage::Options::new(directory.path().join("bindery.db"))).expect("a new store");
        Self { directory, store }
    }

    async fn registry(&self) -> Arc<Registry> {
        let options = Options::new(self.directory.path().join("plugins"));
        Registry::open(self.store.clone(), Clock::system(), options).await.expect("the registry opens")
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

async fn refused(registry: &Registry, file: &Path) -> Fault {
    let error = registry.install(file, None).await.expect_err("the file is refused");
    let fault = Fault::from(error.clone());
    assert_eq!(fault.message.lines().count(), 1, "one line: {}", fault.message);
    assert!(fault.message.len() < 800, "a line that can be read: {}", fault.message);
    assert!(!error.code().cure.is_empty());
    fault
}

#[tokio::test]
async fn a_connector_is_installed_listed_and_there_after_a_restart() {
    let place = Place::new();
    let registry = place.registry().await;
    let file = raw::with_manifest(place.path(), "one.so", &raw::manifest());
    let listed = registry.install(&file, None).await.expect("it is fine");
    assert_eq!((listed.id.as_str(), listed.state, listed.generation), ("raw", State::Ready, Some(1)));
    assert_eq!(registry.by_backend_type("raw").expect("it provides it").plugin(), "raw");
    drop(registry);
    std::fs::remove_file(&file).expect("it was ours");
    let again = place.registry().await;
    let listed = again.show("raw").expect("it was installed");
    assert_eq!((listed.state, listed.version.as_str(), listed.generation), (State::Ready, "1.0.0", Some(1)));
}

#[tokio::test]
async fn a_truncated_file_is_refused_at_every_length() {
    let place = Place::new();
    let registry = place.registry().await;
    let whole = std::fs::read(raw::built()).expect("it is built");
    for percent in [1, 10, 30, 60, 90, 99] {
        let file = place.path().join("cut.so");
        std::fs::write(&file, &whole[..whole.len() * percent / 100]).expect("room");
        assert_eq!(refused(&registry, &file).await.code.name, "plugin.truncated", "{percent} %");
    }
    let file = place.path().join("cut.so");
    std::fs::write(&file, &whole[..whole.len() - 1]).expect("room");
    assert_eq!(refused(&registry, &file).await.code.name, "plugin.truncated", "one byte short");
}

#[tokio::test]
async fn what_is_no_plugin_is_refused_without_running_it() {
    let place = Place::new();
    let registry = place.registry().await;
    let text = place.path().join("text.so");
    std::fs::write(&text, "not a library").expect("room");
    assert_eq!(refused(&registry, &text).await.code.name, "plugin.not_a_plugin");
    let empty = place.path().join("empty.so");
    std::fs::write(&empty, "").expect("room");
    assert_eq!(refused(&registry, &empty).await.code.name, "plugin.not_a_plugin");
    let program = std::env::current_exe().expect("a test has a path");
    assert_eq!(refused(&registry, &program).await.code.name, "plugin.not_a_plugin", "a program");
    assert_eq!(refused(&registry, &place.path().join("none.so")).await.code.name, "plugin.unreadable");
    assert_eq!(refused(&registry, place.path()).await.code.name, "plugin.unreadable", "a directory");
}

#[tokio::test]
async fn a_library_that_exports_no_connector_is_not_a_plugin() {
    let place = Place::new();
    let registry = place.registry().await;
    let mut bytes = std::fs::read(raw::built()).expect("it is built");
    let name = b"_1as_0lib_1header_0root_bmodule_bloader\0";
    while let Some(at) = bytes.windows(name.len()).position(|window| window == name) {
        bytes[at] = b'X';
    }
    let file = place.path().join("other.so");
    std::fs::write(&file, bytes).expect("room");
    assert_eq!(refused(&registry, &file).await.code.name, "plugin.not_a_plugin");
}

#[tokio::test]
async fn another_machine_s_library_is_refused() {
    let place = Place::new();
    let registry = place.registry().await;
    let mut bytes = std::fs::read(raw::built()).expect("it is built");
    bytes[18] = if cfg!(target_arch = "x86_64") { 183 } else { 62 };
    let file = place.path().join("other.so");
    std::fs::write(&file, bytes).expect("room");
    let fault = refused(&registry, &file).await;
    assert_eq!(fault.code.name, "plugin.wrong_architecture");
    assert!(fault.message.contains(std::env::consts::ARCH), "{}", fault.message);
}

#[tokio::test]
async fn a_build_whose_panics_abort_is_refused() {
    let place = Place::new();
    let registry = place.registry().await;
    let file = raw::with_manifest(place.path(), "abort.so", &raw::changed(json!({"unwind": false})));
    assert_eq!(refused(&registry, &file).await.code.name, "plugin.panic_abort");
}

#[tokio::test]
async fn a_newer_contract_is_refused() {
    let place = Place::new();
    let registry = place.registry().await;
    let file = raw::with_manifest(place.path(), "newer.so", &raw::changed(json!({"contract": 2})));
    assert_eq!(refused(&registry, &file).await.code.name, "plugin.newer_contract");
}

#[tokio::test]
async fn every_problem_of_a_manifest_is_listed() {
    let place = Place::new();
    let registry = place.registry().await;
    let manifest = raw::changed(json!({
        "id": "Raw Connector",
        "version": "one",
        "settings_schema": {"type": "array"},
        "kinds": [{"name": "Product", "model": "product.template", "import": true,
                   "import_rules": [{"name": "a", "verb": "guess"}, {"name": "a", "verb": "direct"}]}],
        "ops": [],
        "actions": [{"name": "action_ok"}, {"name": "Action"}, {"name": "raw.nobody.ping"}],
    }));
    let fault = refused(&registry, &raw::with_manifest(place.path(), "bad.so", &manifest)).await;
    assert_eq!(fault.code.name, "plugin.invalid_manifest");
    let places: Vec<&str> = fault.fields.iter().map(|(place, _)| place.as_str()).collect();
    for expected in [
        "id",
        "version",
        "ops",
        "actions.Action",
        "actions.raw.nobody.ping",
        "settings_schema",
        "kinds.Product",
        "kinds.Product.import_rules",
        "kinds.Product.import_rules.a",
    ] {
        assert!(places.contains(&expected), "{expected} in {places:?}");
    }
}

#[tokio::test]
async fn two_plugins_can_t_provide_one_backend_type() {
    let place = Place::new();
    let registry = place.registry().await;
    let first = raw::with_manifest(place.path(), "one.so", &raw::manifest());
    registry.install(&first, None).await.expect("it is fine");
    let second = raw::with_manifest(place.path(), "two.so", &raw::changed(json!({"id": "other"})));
    let fault = refused(&registry, &second).await;
    assert_eq!(fault.code.name, "plugin.duplicate_backend_type");
    assert!(fault.message.contains("raw"), "{}", fault.message);
    assert!(registry.show("other").is_none());
    assert_eq!(registry.list().len(), 1);
}

#[tokio::test]
async fn a_bad_build_leaves_the_old_one_serving_and_shows_why() {
    let place = Place::new();
    let registry = place.registry().await;
    let file = raw::with_manifest(place.path(), "one.so", &raw::manifest());
    registry.install(&file, None).await.expect("it is fine");
    let before = registry.generation("raw").expect("it serves");
    raw::with_manifest(place.path(), "one.so", &raw::changed(json!({"unwind": false})));
    registry.install(&file, None).await.expect_err("refused");
    let listed = registry.show("raw").expect("it is installed");
    assert_eq!((listed.state, listed.generation), (State::Stale, Some(1)));
    assert_eq!(listed.error.expect("it is shown").code.name, "plugin.panic_abort");
    assert!(Arc::ptr_eq(&before, &registry.generation("raw").expect("it serves")));
    raw::with_manifest(place.path(), "one.so", &raw::changed(json!({"version": "1.0.1"})));
    let listed = registry.install(&file, None).await.expect("it is fine again");
    assert_eq!((listed.state, listed.generation, listed.version.as_str()), (State::Ready, Some(2), "1.0.1"));
    assert_eq!(before.manifest.version, "1.0.0", "whoever held the old one still holds it");
}

#[tokio::test]
async fn an_equal_file_is_no_new_generation() {
    let place = Place::new();
    let registry = place.registry().await;
    let file = raw::with_manifest(place.path(), "one.so", &raw::manifest());
    registry.install(&file, None).await.expect("it is fine");
    let listed = registry.install(&file, None).await.expect("it is fine");
    assert_eq!(listed.generation, Some(1));
}

#[tokio::test]
async fn a_stored_copy_that_was_changed_or_removed_is_refused_and_the_host_starts() {
    let place = Place::new();
    let registry = place.registry().await;
    let file = raw::with_manifest(place.path(), "one.so", &raw::manifest());
    let listed = registry.install(&file, None).await.expect("it is fine");
    drop(registry);
    let stored = place.path().join("plugins").join(format!("{}.so", listed.sha256));
    let mut bytes = std::fs::read(&stored).expect("it is kept");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&stored, bytes).expect("it is ours");
    let listed = place.registry().await.show("raw").expect("it is listed");
    assert_eq!((listed.state, listed.error.expect("why").code.name), (State::Refused, "plugin.changed"));
    std::fs::remove_file(&stored).expect("it is ours");
    let registry = place.registry().await;
    let listed = registry.show("raw").expect("it is listed");
    assert_eq!((listed.state, listed.error.expect("why").code.name), (State::Refused, "plugin.unreadable"));
    let listed = registry.install(&file, Some(Isolation::InProcess)).await.expect("installing it again mends it");
    assert_eq!(listed.state, State::Ready);
}
