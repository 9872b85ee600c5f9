//! The queue over a real store: each job is run, tried again while that helps, and never lost.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bindery::{
    model::job::{Condition, Dependency, Fence, NewJob, Scope, State},
    queue::{self, Error, Gate, Handlers, OpenGate, Options, Outcome, Runner, Running, Verdict, control},
    storage::{self, Durability::Durable},
};
use bindery_tests::queue::{Patient, Place, Plain, fault, job};
use serde_json::json;

fn done(_: Running) -> Outcome {
    Outcome::Done(json!("well"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_jobs_are_each_run_once() {
    let place = Place::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let run = move |job: Running| {
        noted.lock().unwrap().push(job.id);
        Outcome::Done(json!(null))
    };
    let runner = place.run(run, Options::default()).await;
    let parent = place.enqueue(job()).await.id;
    for _ in 0..1000 {
        place.enqueue(NewJob { spawned_by: Some(parent), ..job() }).await;
    }
    runner.wait_run(parent).await.unwrap();
    runner.stop().await;
    let mut ids = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(ids.len(), 1001);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retryable_fault_is_tried_until_the_budget_is_spent() {
    let place = Place::new();
    let id = place.enqueue(NewJob { max_retries: 3, ..job() }).await.id;
    let runner = place.run(|_| Outcome::Retry { fault: fault(), after: None }, Options::default()).await;
    let ended = runner.wait(id).await.unwrap();
    runner.stop().await;
    assert_eq!((ended.state, ended.attempt), (State::Failed, 3));
    let error = ended.error.unwrap();
    assert!(error.code == "test.flaky" && error.message.contains("gave up after 3 attempts"), "{error:?}");
    let attempts = place.store.read(move |tx| control::attempts(tx, id)).await.unwrap();
    assert_eq!(attempts.iter().map(|one| one.outcome.as_str()).collect::<Vec<_>>(), ["retry", "retry", "failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_fails_its_job_only() {
    let place = Place::new();
    let bad = place.enqueue(NewJob { payload: json!("bad"), ..job() }).await.id;
    let good = place.enqueue(job()).await.id;
    let runner = place
        .run(
            |job| if job.payload == json!("bad") { panic!("as the test wants") } else { done(job) },
            Options::default(),
        )
        .await;
    assert_eq!(runner.wait(bad).await.unwrap().error.unwrap().code, "queue.panicked");
    assert_eq!(runner.wait(good).await.unwrap().result, Some(json!("well")));
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_jobs_enqueued_at_once_make_one() {
    let place = Place::new();
    let calls = (0..32).map(|_| {
        let (store, now) = (place.store.clone(), place.clock.now());
        let equal = NewJob { identity: Some(("same".to_owned(), Scope::UntilDone)), ..job() };
        tokio::spawn(async move { store.write(Durable, move |tx| queue::enqueue(tx, now, &equal)).await.unwrap() })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| !answer.deduplicated).count(), 1);
    assert!(answers.iter().all(|answer| answer.id == answers[0].id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_dead_host_is_taken_back_and_its_late_answer_refused() {
    let place = Place::new();
    let id = place.enqueue(job()).await.id;
    let now = place.clock.now();
    // A claim as a host makes it that then dies.
    let dead = place
        .store
        .write(Durable, move |tx| {
            let claim = storage::job_claim::register(tx, now, "dead", 1, "boot")?;
            storage::job_claim::claim(tx, now, 1, claim, 1, None)?;
            Ok::<_, Error>(Fence { job: id, attempt: 1, claim })
        })
        .await
        .unwrap();
    assert_eq!(place.show(id).await.state, State::Started);
    let runner = place.run(done, Options::default()).await;
    let ended = runner.wait(id).await.unwrap();
    assert_eq!((ended.state, ended.attempt), (State::Done, 2));
    let late = place.store.write(Durable, move |tx| queue::finish(tx, now, &dead, &Outcome::Failed(fault()))).await;
    assert!(matches!(late, Err(Error::Stale { attempt: 1, .. })), "{late:?}");
    assert_eq!(place.show(id).await.state, State::Done);
    runner.stop().await;
    let attempts = place.store.read(move |tx| control::attempts(tx, id)).await.unwrap();
    assert_eq!(attempts.iter().map(|one| one.outcome.as_str()).collect::<Vec<_>>(), ["lost", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn children_of_a_failed_job_are_called_off_and_come_back_with_it() {
    let place = Place::new();
    let parent = place.enqueue(job()).await.id;
    let after = |condition| vec![Dependency { job: parent, condition }];
    let on_done = place.enqueue(NewJob { after: after(Condition::Done), ..job() }).await.id;
    let on_failed = place.enqueue(NewJob { after: after(Condition::Failed), ..job() }).await.id;
    let grandchild = vec![Dependency { job: on_done, condition: Condition::Done }];
    let grandchild = place.enqueue(NewJob { after: grandchild, ..job() }).await.id;
    let fails = std::sync::atomic::AtomicBool::new(true);
    let runner = place
        .run(
            move |job| {
                let first = job.id == parent && fails.swap(false, std::sync::atomic::Ordering::SeqCst);
                if first { Outcome::Failed(fault()) } else { done(job) }
            },
            Options::default(),
        )
        .await;
    assert_eq!(runner.wait(grandchild).await.unwrap().state, State::Cancelled);
    assert_eq!(runner.wait(on_done).await.unwrap().error.unwrap().code, "queue.dependency");
    assert_eq!(runner.wait(on_failed).await.unwrap().state, State::Done);
    let now = place.clock.now();
    place.store.write(Durable, move |tx| control::retry(tx, now, parent)).await.unwrap();
    for id in [parent, on_done, grandchild] {
        assert_eq!(runner.wait(id).await.unwrap().state, State::Done, "job {id}");
    }
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_hands_unfinished_work_back_without_spending_an_attempt() {
    let place = Place::new();
    let id = place.enqueue(job()).await.id;
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let handlers = Handlers::new().with("test", Arc::new(Patient { started, listens: true }));
    let options = Options { grace: Duration::from_secs(30), ..Options::default() };
    let (store, clock) = (place.store.clone(), place.clock.clone());
    let runner = Runner::start(store, clock, Arc::new(OpenGate), handlers, options).await.unwrap();
    starts.recv().await.unwrap();
    runner.stop().await;
    let job = place.show(id).await;
    assert_eq!((job.state, job.attempt, job.charged), (State::Pending, 1, 0));
}

/// A gate that says no, and why.
struct Closed(Mutex<&'static str>);

impl Gate for Closed {
    fn verdict(&self, _: &str, _: Option<i64>) -> Verdict {
        Verdict::Park { reason: (*self.0.lock().unwrap()).to_owned() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_job_says_why_it_waits_now() {
    let place = Place::new();
    let id = place.enqueue(job()).await.id;
    let gate = Arc::new(Closed(Mutex::new("it is disabled")));
    let handlers = || Handlers::new().with("test", Arc::new(Plain(done)));
    let said = async |why: &str| {
        while place.show(id).await.parked.as_deref() != Some(why) {
            tokio::task::yield_now().await;
        }
    };
    let runner = place.run_with(gate.clone(), handlers(), Options::default()).await;
    said("it is disabled").await;
    *gate.0.lock().unwrap() = "its plugin is missing";
    runner.gate_changed();
    said("its plugin is missing").await;
    runner.stop().await;
    // What changed while no host was there is noticed at the start.
    *gate.0.lock().unwrap() = "its key is lost";
    let runner = place.run_with(gate.clone(), handlers(), Options::default()).await;
    said("its key is lost").await;
    assert_eq!(place.show(id).await.charged, 0);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_without_a_handler_is_parked_and_kept() {
    let place = Place::new();
    let unknown = place.enqueue(NewJob { kind: "unknown".to_owned(), ..job() }).await.id;
    let known = place.enqueue(NewJob { priority: 20, ..job() }).await.id;
    let runner = place.run(done, Options { concurrency: 1, ..Options::default() }).await;
    runner.wait(known).await.unwrap();
    runner.stop().await;
    let parked = place.show(unknown).await;
    assert!(parked.state == State::Pending && parked.parked.unwrap().contains("unknown"));
    assert_eq!(parked.charged, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_for_some_runs_leaves_other_jobs_alone() {
    let place = Place::new();
    let other = place.enqueue(job()).await.id;
    let mine = place.enqueue(job()).await.id;
    let child = place.enqueue(NewJob { spawned_by: Some(mine), ..job() }).await.id;
    let runner = place.run(done, Options { only: Some(vec![mine]), ..Options::default() }).await;
    runner.wait_run(mine).await.unwrap();
    runner.stop().await;
    assert_eq!(place.show(child).await.state, State::Done);
    assert_eq!(place.show(other).await.state, State::Pending);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eta_in_the_future_waits_for_its_time() {
    let place = Place::still();
    let eta = Some(place.clock.now().plus_seconds(3600));
    let later = place.enqueue(NewJob { eta, ..job() }).await.id;
    let now = place.enqueue(job()).await.id;
    let runner = place.run(done, Options::default()).await;
    runner.wait(now).await.unwrap();
    assert_eq!(place.show(later).await.state, State::Pending);
    place.clock.advance_seconds(3601);
    runner.wake();
    assert_eq!(runner.wait(later).await.unwrap().state, State::Done);
    runner.stop().await;
}
