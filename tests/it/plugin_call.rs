//! Calls into a connector: identity, deadline, panics, services, and generations side by side.

use std::{sync::Arc, time::Duration};

use bindery::{
    plugin::{Context, Instance, Scope},
    queue::CancelReason,
};
use bindery_contract::{ErrorClass, Frame, op, service};
use bindery_tests::{Loaded, raw};
use serde_json::{Value, json};

async fn install(loaded: &Loaded, version: &str) {
    let manifest = raw::changed(json!({"version": version}));
    let file = raw::with_manifest(loaded.directory.path(), "raw.so", &manifest);
    loaded.registry.install(&file, None).await.expect("it is fine");
}

async fn open(loaded: &Loaded) -> Arc<Instance> {
    loaded.open("raw", json!({})).await.expect("it opens")
}

async fn opened() -> (Loaded, Arc<Instance>) {
    let loaded = Loaded::nothing().await;
    install(&loaded, "1.0.0").await;
    let instance = open(&loaded).await;
    (loaded, instance)
}

fn scope() -> Arc<Scope> {
    Scope::new(Context::new(1, "shop"))
}

fn frame(header: &Value) -> Vec<u8> {
    Frame::encode(header, &[]).expect("small")
}

fn header(answer: &[u8]) -> Value {
    Frame::decode(answer).expect("a frame").header().expect("JSON")
}

#[tokio::test]
async fn a_call_is_answered() {
    let (_loaded, instance) = opened().await;
    let answer = instance.call(scope(), op::TEST_CONNECTION, frame(&json!({}))).await.expect("it answers");
    assert_eq!(header(&answer)["message"], "raw");
    let echoed = instance.call(scope(), "echo", frame(&json!({"n": 1}))).await.expect("it answers");
    assert_eq!(header(&echoed)["n"], 1);
    assert_eq!(instance.generation().counts().calls, 2);
}

#[tokio::test]
async fn an_unknown_op_and_a_panic_are_error_values_and_the_next_call_works() {
    let (_loaded, instance) = opened().await;
    let error = instance.call(scope(), "no_such_op", frame(&json!({}))).await.expect_err("unsupported");
    assert_eq!(error.class, ErrorClass::Unsupported);
    let error = instance.call(scope(), "panic", frame(&json!({}))).await.expect_err("a panic");
    assert_eq!(error.class, ErrorClass::Panic);
    instance.call(scope(), "echo", frame(&json!({}))).await.expect("it still answers");
    let counts = instance.generation().counts();
    assert_eq!((counts.calls, counts.failed, counts.panics), (3, 2, 1));
}

#[tokio::test]
async fn a_service_is_served_within_the_call_and_refused_under_any_other_id() {
    let (loaded, instance) = opened().await;
    let now = instance.call(scope(), &format!("serve:{}", service::NOW), frame(&json!({}))).await.expect("served");
    assert!(header(&now)["now"].as_str().expect("a time").ends_with('Z'));
    let ended: u64 =
        serde_json::from_value(header(&instance.call(scope(), "call", frame(&json!({}))).await.expect("its id")))
            .expect("a number");
    let other = open(&loaded).await;
    let hanging = tokio::spawn({
        let other = other.clone();
        async move { other.call(scope(), "serve:sleep", frame(&json!({"ms": 60_000}))).await }
    });
    while loaded.registry.generation("raw").expect("it is installed").running() == 0 {
        tokio::task::yield_now().await;
    }
    // The hanging call got the next id.
    for (claimed, why) in [(0, "none"), (ended, "ended"), (ended + 1, "another instance's"), (u64::MAX, "invented")] {
        let service = format!("serve_as:{claimed}:{}", service::NOW);
        let error = instance.call(scope(), &service, frame(&json!({}))).await.expect_err(why);
        assert_eq!(error.class, ErrorClass::Denied, "{why}");
    }
    assert_eq!(instance.generation().counts().refused_ids, 4);
    hanging.abort();
}

#[tokio::test]
async fn a_call_that_goes_over_its_deadline_ends_and_may_be_retried() {
    let (_loaded, instance) = opened().await;
    let scope = Scope::new(Context { deadline: Duration::from_millis(30), ..Context::new(1, "shop") });
    let error = instance.call(scope, "hang", frame(&json!({}))).await.expect_err("too long");
    assert_eq!(error.class, ErrorClass::Retryable);
    let counts = instance.generation().counts();
    assert_eq!((counts.deadlines, instance.generation().running()), (1, 0));
}

#[tokio::test]
async fn a_call_that_is_asked_to_stop_sees_it_and_one_that_does_not_listen_is_dropped() {
    let (_loaded, instance) = opened().await;
    let context = Context::new(1, "shop");
    let cancel = context.cancel.clone();
    let scope = Scope::new(context);
    let sleeping = instance.call(scope.clone(), "serve:sleep", frame(&json!({"ms": 3_600_000})));
    let hanging = instance.call(scope.clone(), "hang", frame(&json!({})));
    let stop = async { cancel.cancel(CancelReason::Requested) };
    let (slept, hung, ()) = tokio::join!(sleeping, hanging, stop);
    assert_eq!(slept.expect_err("told").class, ErrorClass::Cancelled);
    assert_eq!(hung.expect_err("dropped").class, ErrorClass::Cancelled);
}

#[tokio::test]
async fn a_poll_that_holds_its_thread_is_counted() {
    let (_loaded, instance) = opened().await;
    instance.call(scope(), "block", frame(&json!({}))).await.expect("slow but fine");
    assert_eq!(instance.generation().counts().slow_polls, 1);
}

#[tokio::test]
async fn a_connector_that_refuses_its_settings_is_not_opened() {
    let (loaded, _instance) = opened().await;
    let error = loaded.open("raw", json!({"refuse": true})).await;
    assert!(error.err().expect("refused").to_string().contains("refused to be opened"));
}

#[tokio::test]
async fn calls_in_flight_end_on_their_generation_through_many_reloads() {
    let (loaded, first) = opened().await;
    let version = |answer: Vec<u8>| header(&answer);
    for n in 1..=if bindery_tests::full() { 200 } else { 30 } {
        let held = open(&loaded).await;
        let before = held.generation().manifest.version.clone();
        install(&loaded, &format!("1.0.{n}")).await;
        let new = open(&loaded).await;
        assert_eq!(new.generation().number, n + 1);
        let old_answer = held.call(scope(), "version", frame(&json!({}))).await.expect("the old one answers");
        assert_eq!(version(old_answer), json!(before));
        let new_answer = new.call(scope(), "version", frame(&json!({}))).await.expect("the new one answers");
        assert_eq!(version(new_answer), json!(format!("1.0.{n}")));
    }
    let answer = first.call(scope(), "version", frame(&json!({}))).await.expect("the first still answers");
    assert_eq!(version(answer), json!("1.0.0"));
}
