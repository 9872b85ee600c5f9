//! What a call into a plugin costs, in process and in a worker; how long loading and reloading take.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use bindery::{
    base::Clock,
    plugin::{Context, Instance, Isolation, Options, Registry, Scope, Services},
    record::Current,
    storage::{self, Store},
    sync::task,
};
use bindery_contract::{Frame, op};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::{Value, json};

use super::tell;

/// Calls of one measurement.
const CALLS: usize = 50_000;
/// Calls under way at once.
const AT_ONCE: usize = 256;

struct Ground {
    registry: Arc<Registry>,
    services: Arc<Services>,
}

impl Ground {
    async fn new(folder: &Path, bindery: &Path) -> Self {
        let store = Store::open(&storage::Options::new(folder.join("bindery.db"))).expect("a new store");
        let mut options = Options::new(folder.join("plugins"));
        options.worker_program = bindery.to_owned();
        let registry = Registry::open(store.clone(), Clock::system(), options).await.expect("it opens");
        Self { registry, services: Services::new(store, Clock::system(), Current::default(), task::of_connector) }
    }

    async fn open(&self, plugin: &str) -> Arc<Instance> {
        let generation = self.registry.generation(plugin).expect("it is installed");
        let backend_type = plugin.to_owned();
        let request =
            op::Open { backend: "shop".into(), backend_id: 1, backend_type, settings: json!({}), contract: 1 };
        Instance::open(generation, request, self.services.clone()).await.expect("it opens")
    }
}

pub(super) async fn run(folder: &Path, bindery: &Path, raw: &Path, fault: &Path) {
    let ground = Ground::new(folder, bindery).await;
    for (isolation, name) in [(Isolation::InProcess, "in process"), (Isolation::Worker, "in a worker")] {
        let begun = Instant::now();
        ground.registry.install(fault, Some(isolation)).await.expect("it is fine");
        tell(&format!("{name}: check, copy and load a plugin"), "ms", millis(begun));
        let begun = Instant::now();
        let instance = ground.open("fault").await;
        tell(&format!("{name}: open it for a backend"), "ms", millis(begun));
        measure(name, instance).await;
    }
    reload(&ground, folder, raw).await;
}

fn millis(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}

/// Calls through the SDK that read their arguments and answer a word.
async fn measure(name: &str, instance: Arc<Instance>) {
    let payload = Frame::encode(&json!({"name": "action_ok", "arguments": {}}), &[]).expect("small");
    // From a task of the runtime, as the host makes calls.
    let (one, all) = tokio::spawn(async move {
        let call = || {
            let (instance, payload) = (&instance, payload.clone());
            async move {
                let answer = instance.call(Scope::new(Context::new(1, "shop")), op::ACTION, payload).await;
                assert!(answer.is_ok(), "{answer:?}");
            }
        };
        // The first ones find cold caches.
        for _ in 0..CALLS / 50 {
            call().await;
        }
        let begun = Instant::now();
        for _ in 0..CALLS {
            call().await;
        }
        let one = begun.elapsed();
        let begun = Instant::now();
        let mut under_way = FuturesUnordered::new();
        for _ in 0..CALLS {
            if under_way.len() >= AT_ONCE {
                under_way.next().await;
            }
            under_way.push(call());
        }
        while under_way.next().await.is_some() {}
        (one, begun.elapsed())
    })
    .await
    .expect("no call panics");
    let micros = |time: std::time::Duration| time.as_secs_f64() * 1e6 / CALLS as f64;
    tell(&format!("{name}: call, one after the other"), "µs", micros(one));
    tell(&format!("{name}: call, {AT_ONCE} under way"), "µs", micros(all));
}

/// From the moment that a new build lies there to the first answer of its code.
async fn reload(ground: &Ground, folder: &Path, raw: &Path) {
    let build = |version: &str| -> PathBuf { with_version(raw, folder, version) };
    ground.registry.install(&build("1.0.0"), Some(Isolation::InProcess)).await.expect("it is fine");
    assert_eq!(version(&*ground.open("raw").await).await, "1.0.0");
    let next = build("1.0.1");
    let begun = Instant::now();
    ground.registry.install(&next, None).await.expect("it is fine");
    assert_eq!(version(&*ground.open("raw").await).await, "1.0.1");
    tell("reload: from the closed file to an answer of the new code", "ms", millis(begun));
}

async fn version(instance: &Instance) -> String {
    let payload = Frame::encode(&json!({}), &[]).expect("small");
    let answer = instance.call(Scope::new(Context::new(1, "shop")), "version", payload).await.expect("it answers");
    let header: Value = Frame::decode(&answer).expect("a frame").header().expect("JSON");
    header.as_str().expect("a version").to_owned()
}

/// The raw connector with another version in its manifest.
fn with_version(raw: &Path, folder: &Path, version: &str) -> PathBuf {
    let manifest = bindery_tests::raw::changed(json!({ "version": version }));
    bindery_tests::raw::with_manifest_in(raw, folder, &format!("raw-{version}.so"), &manifest)
}
