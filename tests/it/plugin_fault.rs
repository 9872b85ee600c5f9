//! What a misbehaving connector costs: its call, and nothing else. In process where the guards hold it, in a worker where
//! it ends the process that it runs in.

use std::{sync::Arc, time::Duration};

use bindery::plugin::{Context, Instance, Isolation, Scope};
use bindery_contract::{Error, ErrorClass, Frame, op};
use bindery_tests::{Loaded, plugin};
use serde_json::{Value, json};

async fn loaded(isolation: Isolation) -> Loaded {
    let loaded = Loaded::nothing().await;
    loaded.registry.install(&plugin("fault"), Some(isolation)).await.expect("loading it is safe");
    loaded
}

const BOTH: [Isolation; 2] = [Isolation::InProcess, Isolation::Worker];

async fn opened(isolation: Isolation) -> (Loaded, Arc<Instance>) {
    let loaded = loaded(isolation).await;
    let instance = loaded.open("fault", json!({})).await.expect("opening it is safe");
    (loaded, instance)
}

fn scope(deadline: Duration) -> Arc<Scope> {
    Scope::new(Context { deadline, ..Context::new(1, "shop") })
}

async fn act_within(instance: &Instance, time: Duration, action: &str, arguments: Value) -> Result<Value, Error> {
    let request = op::Act { name: format!("action_{action}"), arguments };
    let payload = Frame::encode(&request, &[]).expect("small");
    let answer = instance.call(scope(time), op::ACTION, payload).await?;
    let answer: op::ActAnswer = Frame::decode(&answer)?.header()?;
    Ok(answer.result)
}

async fn act(instance: &Instance, action: &str) -> Result<Value, Error> {
    act_within(instance, Duration::from_secs(60), action, json!({})).await
}

/// It still serves.
async fn is_well(instance: &Instance) {
    assert_eq!(act(instance, "ok").await.expect("it answers"), "ok");
}

#[tokio::test]
async fn a_panic_in_a_call_is_that_call_s_error_with_its_message_and_place() {
    for isolation in BOTH {
        let (_loaded, instance) = opened(isolation).await;
        let error = act(&instance, "panic").await.expect_err("it panics");
        assert_eq!(
            (error.class, error.message.as_str()),
            (ErrorClass::Panic, "the connector panicked: panic in poll"),
            "{isolation:?}"
        );
        let place = error.detail.place.as_deref().expect("the SDK tells where");
        assert!(place.contains("lib.rs"), "{place}");
        is_well(&instance).await;
        assert_eq!(instance.generation().counts().panics, 1);
    }
}

#[tokio::test]
async fn a_panic_while_a_future_is_dropped_costs_nothing_but_the_call() {
    for isolation in BOTH {
        let (_loaded, instance) = opened(isolation).await;
        // At the end of the call…
        let ended = act(&instance, "panic_in_drop").await;
        assert!(ended.is_err_and(|error| error.class == ErrorClass::Panic), "{isolation:?}");
        // …and where the host gives it up in the middle.
        let long = json!({"amount": 3_600_000});
        let error =
            act_within(&instance, Duration::from_millis(30), "panic_in_drop", long).await.expect_err("too long");
        assert_eq!(error.class, ErrorClass::Retryable);
        is_well(&instance).await;
    }
}

#[tokio::test]
async fn a_panic_while_opening_is_a_refusal_and_one_while_closing_is_swallowed() {
    for isolation in BOTH {
        let loaded = loaded(isolation).await;
        let refused = loaded.open("fault", json!({"panic_in_open": true})).await.err().expect("it panics");
        assert!(refused.to_string().contains("panic in open"), "{isolation:?}: {refused}");
        let closing = loaded.open("fault", json!({"panic_in_close": true})).await.expect("opening is fine");
        is_well(&closing).await;
        drop(closing);
        let instance = loaded.open("fault", json!({})).await.expect("the next one opens");
        is_well(&instance).await;
    }
}

#[tokio::test]
async fn what_ends_the_process_ends_only_the_worker_and_the_next_call_has_a_new_one() {
    for harm in ["segv", "abort", "overflow"] {
        let (_loaded, instance) = opened(Isolation::Worker).await;
        is_well(&instance).await;
        let error = act(&instance, harm).await.expect_err(harm);
        assert_eq!(error.class, ErrorClass::Retryable, "{harm}: {error}");
        assert!(error.message.contains("worker process died"), "{harm}: {error}");
        is_well(&instance).await;
    }
}

#[tokio::test]
async fn what_never_gives_its_thread_back_is_ended_with_its_worker() {
    let (_loaded, instance) = opened(Isolation::Worker).await;
    is_well(&instance).await;
    let error = act_within(&instance, Duration::from_millis(50), "spin", json!({})).await.expect_err("it spins");
    assert_eq!(error.class, ErrorClass::Retryable);
    // This one waits in the worker that spins, until that is ended.
    act(&instance, "ok").await.expect_err("it died with its worker");
    is_well(&instance).await;
}

#[tokio::test]
async fn a_call_that_neither_answers_nor_listens_is_given_up_at_its_deadline() {
    for isolation in BOTH {
        let (_loaded, instance) = opened(isolation).await;
        for (action, arguments) in [("hang", json!({})), ("sleep", json!({"amount": 3_600_000}))] {
            let error = act_within(&instance, Duration::from_millis(50), action, arguments).await.expect_err(action);
            assert_eq!(error.class, ErrorClass::Retryable, "{isolation:?} {action}");
            is_well(&instance).await;
        }
    }
}

#[tokio::test]
async fn a_slow_call_is_answered_and_one_that_holds_its_thread_is_counted() {
    let (_loaded, instance) = opened(Isolation::InProcess).await;
    act_within(&instance, Duration::from_secs(60), "sleep", json!({"amount": 150})).await.expect("it waits");
    assert_eq!(instance.generation().counts().slow_polls, 0, "waiting holds no thread");
    act_within(&instance, Duration::from_secs(60), "block", json!({"amount": 150})).await.expect("slow but fine");
    assert_eq!(instance.generation().counts().slow_polls, 1);
}

#[tokio::test]
async fn a_large_answer_passes_and_one_over_the_limit_is_an_error_of_that_call() {
    for isolation in BOTH {
        let (_loaded, instance) = opened(isolation).await;
        let minute = Duration::from_secs(60);
        let large = act_within(&instance, minute, "huge", json!({"amount": 5_000_000})).await.expect("it is allowed");
        assert_eq!(large.as_str().map(str::len), Some(5_000_000), "{isolation:?}");
        if isolation == Isolation::Worker {
            let error = act_within(&instance, minute, "huge", json!({"amount": 80_000_000})).await;
            let error = error.expect_err("over the limit");
            assert!(error.message.contains("over the limit"), "{error}");
        }
        is_well(&instance).await;
    }
}

#[tokio::test]
async fn a_context_that_outlives_its_call_is_refused_by_the_host() {
    for isolation in BOTH {
        let (loaded, instance) = opened(isolation).await;
        act(&instance, "keep").await.expect("kept");
        let error = act(&instance, "use_kept").await.expect_err("the call has ended");
        assert_eq!(error.class, ErrorClass::Denied, "{isolation:?}: {error}");
        if isolation == Isolation::InProcess {
            // Statics are shared by the instances of a generation: another backend's call is as foreign.
            let other = loaded.open("fault", json!({})).await.expect("it opens");
            let error = act(&other, "use_kept").await.expect_err("not this instance's call");
            assert_eq!(error.class, ErrorClass::Denied);
            assert_eq!(instance.generation().counts().refused_ids, 2);
        }
        is_well(&instance).await;
    }
}
