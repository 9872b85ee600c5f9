//! A plugin in a process of its own: the same calls and services, and what a fault there costs.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bindery::plugin::{Context, Instance, Isolation, Scope, State};
use bindery_contract::{ErrorClass, Frame, service};
use bindery_tests::{Loaded, raw};
use serde_json::{Value, json};

fn made(loaded: &Loaded, manifest: &Value) -> PathBuf {
    raw::with_manifest(loaded.directory.path(), "raw.so", manifest)
}

async fn opened() -> (Loaded, Arc<Instance>) {
    let loaded = Loaded::nothing().await;
    let file = made(&loaded, &raw::manifest());
    loaded.registry.install(&file, Some(Isolation::Worker)).await.expect("it is fine");
    let instance = loaded.open("raw", json!({})).await.expect("it opens");
    (loaded, instance)
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
    let (loaded, instance) = opened().await;
    let listed = loaded.registry.show("raw").expect("it is installed");
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
    let (loaded, instance) = opened().await;
    answers(&instance).await;
    let maps = std::fs::read_to_string("/proc/self/maps").expect("linux");
    let plugins = loaded.directory.path().join("plugins");
    assert!(!maps.contains(plugins.to_str().expect("text")), "{maps}");
}

#[tokio::test]
async fn a_message_of_many_pieces_survives_both_ways_while_small_ones_pass_it() {
    let (_loaded, instance) = opened().await;
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
    let (_loaded, instance) = opened().await;
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
    let (_loaded, instance) = opened().await;
    let error = instance.call(scope(), "large", frame(&json!({}))).await.expect_err("too large");
    assert!(error.message.contains("over the limit"), "{error}");
    answers(&instance).await;
}

#[tokio::test]
async fn a_worker_that_dies_fails_every_pending_call_as_retryable_and_the_next_call_has_a_new_one() {
    for fault in ["segv", "abort", "exit"] {
        let (_loaded, instance) = opened().await;
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
    let (_loaded, instance) = opened().await;
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
    let (_loaded, instance) = opened().await;
    instance.call(brief(), "hang", frame(&json!({}))).await.expect_err("it hangs");
    answers(&instance).await;
    let asleep = format!("serve:{}", service::SLEEP);
    instance.call(brief(), &asleep, frame(&json!({"ms": 3_600_000}))).await.expect_err("it sleeps");
    answers(&instance).await;
}

#[tokio::test]
async fn a_connector_that_refuses_its_settings_is_not_opened() {
    let (loaded, _instance) = opened().await;
    let error = loaded.open("raw", json!({"refuse": true})).await.err().expect("refused");
    assert!(error.to_string().contains("refused to be opened"), "{error}");
}

#[tokio::test]
async fn refusals_found_in_a_worker_are_the_same() {
    let loaded = Loaded::nothing().await;
    let file = made(&loaded, &raw::changed(json!({"unwind": false})));
    let error = loaded.registry.install(&file, Some(Isolation::Worker)).await.expect_err("refused");
    assert!(matches!(error, bindery::plugin::Error::PanicAbort), "{error}");
    let file = made(&loaded, &raw::changed(json!({"version": "x"})));
    let error = loaded.registry.install(&file, Some(Isolation::Worker)).await.expect_err("refused");
    assert!(matches!(error, bindery::plugin::Error::InvalidManifest(_)), "{error}");
}

#[tokio::test]
async fn an_update_runs_where_the_plugin_ran_whatever_file_it_comes_from() {
    let loaded = Loaded::nothing().await;
    let first = made(&loaded, &raw::manifest());
    loaded.registry.install(&first, Some(Isolation::Worker)).await.expect("it is fine");
    let same_path = made(&loaded, &raw::changed(json!({"version": "1.0.1"})));
    let listed = loaded.registry.install(&same_path, None).await.expect("it is fine");
    assert_eq!((listed.isolation, listed.version.as_str()), (Isolation::Worker, "1.0.1"));
    let other_path =
        raw::with_manifest(loaded.directory.path(), "other.so", &raw::changed(json!({"version": "1.0.2"})));
    let listed = loaded.registry.install(&other_path, None).await.expect("it is fine");
    assert_eq!((listed.isolation, listed.version.as_str()), (Isolation::Worker, "1.0.2"));
    let maps = std::fs::read_to_string("/proc/self/maps").expect("linux");
    let plugins = loaded.directory.path().join("plugins");
    assert!(!maps.contains(plugins.to_str().expect("text")), "none of them was ever loaded here");
    let another = raw::changed(json!({"id": "another", "backend_types": ["another"]}));
    let file = raw::with_manifest(loaded.directory.path(), "another.so", &another);
    let listed = loaded.registry.install(&file, None).await.expect("it is fine");
    assert_eq!(listed.isolation, Isolation::InProcess, "a new plugin runs where the host says");
}

#[tokio::test]
async fn a_worker_ends_with_its_instance_and_has_an_empty_environment() {
    let (_loaded, instance) = opened().await;
    let answer = instance.call(scope(), "process", frame(&json!({}))).await.expect("it answers");
    let worker = format!("/proc/{}", header(&answer));
    assert_ne!(header(&answer), json!(std::process::id()), "it is another process");
    assert!(std::fs::read(format!("{worker}/environ")).expect("it lives").is_empty());
    drop(instance);
    // Dead and buried, too.
    while std::path::Path::new(&worker).exists() {
        tokio::task::yield_now().await;
    }
}
