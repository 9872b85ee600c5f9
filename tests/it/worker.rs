//! A plugin in a process of its own: the same calls and services, and what a fault there costs.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bindery::{
    base::Clock,
    plugin::{Context, Instance, Isolation, Options, Registry, Scope, Services, State},
    record::Current,
    storage::{self, Store},
    sync::task,
};
use bindery_contract::{ErrorClass, Frame, op, service};
use bindery_tests::raw;
use serde_json::{Value, json};

struct Bench {
    directory: tempfile::TempDir,
    registry: Arc<Registry>,
    services: Arc<Services>,
}

impl Bench {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&storage::Options::new(directory.path().join("bindery.db"))).expect("a new store");
        let mut options = Options::new(directory.path().join("plugins"));
        options.worker_program = bindery_tests::artifact("bindery");
        let registry = Registry::open(store.clone(), Clock::system(), options).await.expect("it opens");
        let services = Services::new(store, Clock::system(), Current::default(), task::of_connector);
        Self { directory, registry, services }
    }

    fn file(&self, manifest: &Value) -> PathBuf {
        raw::with_manifest(self.directory.path(), "raw.so", manifest)
    }

    async fn opened() -> (Self, Arc<Instance>) {
        let bench = Self::new().await;
        let file = bench.file(&raw::manifest());
        bench.registry.install(&file, Some(Isolation::Worker)).await.expect("it is fine");
        let instance = bench.open(json!({})).await.expect("it opens");
        (bench, instance)
    }

    async fn open(&self, settings: Value) -> Result<Arc<Instance>, bindery::plugin::Error> {
        let generation = self.registry.generation("raw").expect("it is installed");
        let request =
            op::Open { backend: "shop".into(), backend_id: 1, backend_type: "raw".into(), settings, contract: 1 };
        Instance::open(generation, request, self.services.clone()).await
    }
}

fn scope() -> Arc<Scope> {
    Scope::new(Context::new(1, "shop"))
}

fn brief() -> Arc<Scope> {
    Scope::new(Context { deadline: Duration::from_millis(50), ..Context::new(1, "shop") })
}

fn frame(header: &Value) -> Vec<u8> {
    Frame::encode(header, &[]).expect("small")
}

fn header(answer: &[u8]) -> Value {
    Frame::decode(answer).expect("a frame").header().expect("JSON")
}

async fn answers(instance: &Instance) {
    let answer = instance.call(scope(), "echo", frame(&json!({"alive": true}))).await.expect("it answers");
    assert_eq!(header(&answer)["alive"], true);
}

#[tokio::test]
async fn calls_and_services_go_through_a_worker() {
    let (bench, instance) = Bench::opened().await;
    let listed = bench.registry.show("raw").expect("it is installed");
    assert_eq!((listed.state, listed.isolation), (State::Ready, Isolation::Worker));
    answers(&instance).await;
    let now = instance.call(scope(), &format!("serve:{}", service::NOW), frame(&json!({}))).await.expect("served");
    assert!(header(&now)["now"].as_str().expect("a time").ends_with('Z'));
    let error = instance.call(scope(), "no_such_op", frame(&json!({}))).await.expect_err("unsupported");
    assert_eq!(error.class, ErrorClass::Unsupported);
    let forged = format!("serve_as:0:{}", service::NOW);
    let error = instance.call(scope(), &forged, frame(&json!({}))).await.expect_err("not its id");
    assert_eq!(error.class, ErrorClass::Denied);
}

#[tokio::test]
async fn the_file_is_never_loaded_into_the_host() {
    let (bench, instance) = Bench::opened().await;
    answers(&instance).await;
    let maps = std::fs::read_to_string("/proc/self/maps").expect("linux");
    let plugins = bench.directory.path().join("plugins");
    assert!(!maps.contains(plugins.to_str().expect("text")), "{maps}");
}

#[tokio::test]
async fn a_message_of_many_pieces_survives_both_ways_while_small_ones_pass_it() {
    let (_bench, instance) = Bench::opened().await;
    let large: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    let payload = Frame::encode(&json!({}), &[&large]).expect("small enough");
    let (one, two, ()) = tokio::join!(
        instance.call(scope(), "echo", payload.clone()),
        instance.call(scope(), "echo", payload.clone()),
        async {
            for _ in 0..100 {
                answers(&instance).await;
            }
        }
    );
    assert!(one.expect("it answers") == payload && two.expect("it answers") == payload);
}

#[tokio::test]
async fn thousands_of_calls_with_services_at_once_do_not_lock_up() {
    let (_bench, instance) = Bench::opened().await;
    let calls = (0..2000).map(|n| {
        let instance = instance.clone();
        tokio::spawn(async move {
            let body = vec![b' '; n * 7];
            let payload = Frame::encode(&json!({}), &[&body]).expect("small");
            instance.call(scope(), &format!("serve:{}", service::NOW), payload).await.expect("served");
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("no panic");
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_an_error_of_that_call_alone() {
    let (_bench, instance) = Bench::opened().await;
    let error = instance.call(scope(), "large", frame(&json!({}))).await.expect_err("too large");
    assert!(error.message.contains("over the limit"), "{error}");
    answers(&instance).await;
}

#[tokio::test]
async fn a_worker_that_dies_fails_every_pending_call_as_retryable_and_the_next_call_has_a_new_one() {
    for fault in ["segv", "abort", "exit"] {
        let (_bench, instance) = Bench::opened().await;
        let hanging = tokio::spawn({
            let instance = instance.clone();
            async move { instance.call(scope(), "hang", frame(&json!({}))).await }
        });
        answers(&instance).await;
        let error = instance.call(scope(), fault, frame(&json!({}))).await.expect_err(fault);
        assert_eq!(error.class, ErrorClass::Retryable, "{fault}: {error}");
        assert!(error.message.contains("worker process died"), "{fault}: {error}");
        let error = hanging.await.expect("no panic").expect_err("it died with the worker");
        assert_eq!(error.class, ErrorClass::Retryable, "{fault}");
        answers(&instance).await;
    }
}

#[tokio::test]
async fn a_call_that_spins_for_ever_is_ended_at_its_deadline_and_the_next_has_a_new_worker() {
    let (_bench, instance) = Bench::opened().await;
    answers(&instance).await;
    let error = instance.call(brief(), "spin", frame(&json!({}))).await.expect_err("it spins");
    assert_eq!(error.class, ErrorClass::Retryable);
    // The old worker still spins; this call waits in it until it is ended.
    let error = instance.call(scope(), "echo", frame(&json!({}))).await.expect_err("the worker was ended");
    assert_eq!(error.class, ErrorClass::Retryable);
    answers(&instance).await;
}

#[tokio::test]
async fn a_call_that_waits_for_ever_is_cancelled_at_its_deadline_and_the_worker_stays() {
    let (_bench, instance) = Bench::opened().await;
    instance.call(brief(), "hang", frame(&json!({}))).await.expect_err("it hangs");
    answers(&instance).await;
    let asleep = format!("serve:{}", service::SLEEP);
    instance.call(brief(), &asleep, frame(&json!({"ms": 3_600_000}))).await.expect_err("it sleeps");
    answers(&instance).await;
}

#[tokio::test]
async fn a_connector_that_refuses_its_settings_is_not_opened() {
    let (bench, _instance) = Bench::opened().await;
    let error = bench.open(json!({"refuse": true})).await.err().expect("refused");
    assert!(error.to_string().contains("refused to be opened"), "{error}");
}

#[tokio::test]
async fn refusals_found_in_a_worker_are_the_same() {
    let bench = Bench::new().await;
    let file = bench.file(&raw::changed(json!({"unwind": false})));
    let error = bench.registry.install(&file, Some(Isolation::Worker)).await.expect_err("refused");
    assert!(matches!(error, bindery::plugin::Error::PanicAbort), "{error}");
    let file = bench.file(&raw::changed(json!({"version": "x"})));
    let error = bench.registry.install(&file, Some(Isolation::Worker)).await.expect_err("refused");
    assert!(matches!(error, bindery::plugin::Error::InvalidManifest(_)), "{error}");
}

#[tokio::test]
async fn an_update_runs_where_the_plugin_ran_whatever_file_it_comes_from() {
    let bench = Bench::new().await;
    let first = bench.file(&raw::manifest());
    bench.registry.install(&first, Some(Isolation::Worker)).await.expect("it is fine");
    let same_path = bench.file(&raw::changed(json!({"version": "1.0.1"})));
    let listed = bench.registry.install(&same_path, None).await.expect("it is fine");
    assert_eq!((listed.isolation, listed.version.as_str()), (Isolation::Worker, "1.0.1"));
    let other_path = raw::with_manifest(bench.directory.path(), "other.so", &raw::changed(json!({"version": "1.0.2"})));
    let listed = bench.registry.install(&other_path, None).await.expect("it is fine");
    assert_eq!((listed.isolation, listed.version.as_str()), (Isolation::Worker, "1.0.2"));
    let maps = std::fs::read_to_string("/proc/self/maps").expect("linux");
    let plugins = bench.directory.path().join("plugins");
    assert!(!maps.contains(plugins.to_str().expect("text")), "none of them was ever loaded here");
    let another = raw::changed(json!({"id": "another", "backend_types": ["another"]}));
    let file = raw::with_manifest(bench.directory.path(), "another.so", &another);
    let listed = bench.registry.install(&file, None).await.expect("it is fine");
    assert_eq!(listed.isolation, Isolation::InProcess, "a new plugin runs where the host says");
}

#[tokio::test]
async fn a_worker_ends_with_its_instance_and_has_an_empty_environment() {
    let (_bench, instance) = Bench::opened().await;
    answers(&instance).await;
    let workers = workers();
    assert_eq!(workers.len(), 1);
    let environment = std::fs::read(format!("/proc/{}/environ", workers[0]));
    assert!(environment.is_err() || environment.is_ok_and(|bytes| bytes.is_empty()));
    drop(instance);
    while !self::workers().is_empty() {
        tokio::task::yield_now().await;
    }
}

/// Worker processes that this test process has started.
fn workers() -> Vec<String> {
    let us = std::process::id().to_string();
    let tasks = std::fs::read_dir("/proc/self/task").expect("linux");
    let children =
        tasks.flatten().map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
    let all: Vec<String> =
        children.flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
    all.into_iter().filter(|pid| *pid != us).collect()
}
