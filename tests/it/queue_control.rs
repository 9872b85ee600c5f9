//! Steering the queue: deadlines, calling off, channels that change while jobs wait, and removing what is over.

use std::{sync::Arc, time::Duration};

use bindery::{
    model::job::{Condition, Dependency, NewJob, Scope, State},
    queue::{Handlers, OpenGate, Options, Outcome, Retention, channel, control, retention},
    storage::Signal,
};
use bindery_tests::queue::{Patient, Place, fault, job};
use serde_json::json;

fn after(parent: i64, condition: Condition) -> NewJob {
    NewJob { after: vec![Dependency { job: parent, condition }], ..job() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_does_not_listen_is_dropped_after_its_deadline_and_grace() {
    let place = Place::new();
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let id = place.enqueue(NewJob { timeout: Some(1), max_retries: 1, ..job() }).await.id;
    let handlers = Handlers::new().with("test", Arc::new(Patient { started, listens: false }));
    let options = Options { grace: Duration::ZERO, ..Options::default() };
    let runner = place.run_with(Arc::new(OpenGate), handlers, options).await;
    assert_eq!(starts.recv().await, Some(id));
    let ended = runner.wait(id).await.expect("it ends");
    let error = ended.error.expect("why");
    assert!(ended.state == State::Failed && error.code == "queue.deadline", "{error:?}");
    assert!(error.message.contains("longer than 1 s"), "{error:?}");
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_is_asked_to_stop_and_what_waits_for_it_is_called_off() {
    let place = Place::new();
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let id = place.enqueue(job()).await.id;
    let child = place.enqueue(after(id, Condition::Done)).await.id;
    let handlers = Handlers::new().with("test", Arc::new(Patient { started, listens: true }));
    let runner = place.run_with(Arc::new(OpenGate), handlers, Options::default()).await;
    assert_eq!(starts.recv().await, Some(id));
    let now = place.clock.now();
    let asked = place.write(move |tx| control::cancel(tx, now, id)).await;
    assert!(asked.cancel_requested);
    assert_eq!(runner.wait(id).await.expect("it ends").state, State::Cancelled);
    assert_eq!(runner.wait(child).await.expect("it ends").state, State::Cancelled);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_thousands_is_called_off_in_chunks_and_whole() {
    let place = Place::still();
    let root = place.enqueue(job()).await.id;
    let child = NewJob { spawned_by: Some(root), ..after(root, Condition::Done) };
    let now = place.clock.now();
    let jobs = place
        .write(move |tx| {
            let mut last = root;
            for _ in 0..1_500 {
                last = bindery::queue::enqueue(tx, now, &child)?.id;
            }
            // A grandchild that wants the failure, and one that takes any end.
            let wants = |condition| NewJob { spawned_by: Some(root), ..after(last, condition) };
            let never = bindery::queue::enqueue(tx, now, &wants(Condition::Failed))?.id;
            let always = bindery::queue::enqueue(tx, now, &wants(Condition::Always))?.id;
            Ok((never, always))
        })
        .await;
    // One transaction takes the first hundreds; the rest is taken right after it by whoever works here.
    place.write(move |tx| control::cancel(tx, now, root).map(drop)).await;
    let open = place.write(|tx| control::counts(tx)).await;
    assert!(open.cancelled > 400 && open.wait_dependencies > 400, "one chunk is taken: {open:?}");
    let mut ends = place.store.listen(Signal::JobEnded);
    let runner = place.run(|_| Outcome::Done(json!(null)), Options::default()).await;
    while place.write(|tx| control::counts(tx)).await.wait_dependencies > 0 {
        ends.changed().await.expect("the store is open");
    }
    assert_eq!(runner.wait(jobs.1).await.expect("it runs").state, State::Done);
    assert_eq!(place.show(jobs.0).await.state, State::Cancelled);
    runner.stop().await;
    assert_eq!(place.write(|tx| control::counts(tx)).await.cancelled, 1_502);
}

#[tokio::test(flavor = "multi_thread")]
async fn calling_off_a_run_takes_all_of_it_and_nothing_else() {
    let place = Place::still();
    let root = place.enqueue(job()).await.id;
    let other = place.enqueue(job()).await.id;
    for _ in 0..700 {
        place.enqueue(NewJob { spawned_by: Some(root), ..job() }).await;
    }
    let done = place.enqueue(NewJob { spawned_by: Some(root), priority: 0, ..job() }).await.id;
    let fence = place.claim(done).await;
    place.end(&fence, Outcome::Done(json!(1))).await;
    let count = control::cancel_run(&place.store, &place.clock, root).await.expect("it is called off");
    // What was claimed by hand goes on until it listens.
    let counts = place.write(|tx| control::counts(tx)).await;
    assert_eq!((count, counts.done), (701, 1));
    assert!(place.show(root).await.cancel_requested);
    assert!(!place.show(other).await.cancel_requested);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_meets_its_equal_leaves_the_work_to_it_and_its_children_too() {
    let place = Place::new();
    let equal = || NewJob { identity: Some(("same".to_owned(), Scope::UntilStart)), ..job() };
    let first = place.enqueue(equal()).await.id;
    let fence = place.claim(first).await;
    let child = place.enqueue(after(first, Condition::Done)).await.id;
    let twin = place.enqueue(equal()).await;
    assert!(!twin.deduplicated, "the first one runs already");
    place.end(&fence, Outcome::Retry { fault: fault(), after: Some(Duration::ZERO) }).await;
    let merged = place.show(first).await;
    assert_eq!((merged.state, merged.merged_into), (State::Cancelled, Some(twin.id)));
    assert_eq!(place.show(child).await.state, State::WaitDependencies, "it waits for the twin now");
    let runner = place.run(|_| Outcome::Done(json!("well")), Options::default()).await;
    assert_eq!(runner.wait(first).await.expect("its twin ends").id, twin.id);
    assert_eq!(runner.wait(child).await.expect("it ends").state, State::Done);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_changed_while_jobs_wait_in_them() {
    let place = Place::new();
    let set = async |capacity: Option<i64>, paused: bool| {
        place
            .write(move |tx| {
                channel::set(
                    tx,
                    "root.slow",
                    &channel::Change { capacity: Some(capacity), paused: Some(paused), ..channel::Change::default() },
                )
                .map(drop)
            })
            .await;
    };
    set(Some(0), false).await;
    let slow = || NewJob { channel: Some("root.slow".to_owned()), ..job() };
    let (first, second) = (place.enqueue(slow()).await.id, place.enqueue(slow()).await.id);
    let other = place.enqueue(job()).await.id;
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let handlers = Handlers::new().with("test", Arc::new(Patient { started, listens: true }));
    let runner = place.run_with(Arc::new(OpenGate), handlers, Options::default()).await;
    assert_eq!(starts.recv().await, Some(other), "a capacity of 0 starts nothing, and holds up nobody else");
    set(Some(1), false).await;
    assert_eq!(starts.recv().await, Some(first));
    let cancel = async |id: i64| {
        let now = place.clock.now();
        place.write(move |tx| control::cancel(tx, now, id).map(drop)).await;
        runner.wait(id).await.expect("it ends");
    };
    set(Some(5), true).await;
    cancel(first).await;
    assert_eq!(place.show(second).await.state, State::Pending, "paused");
    set(Some(5), false).await;
    assert_eq!(starts.recv().await, Some(second));
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_jobs_are_removed_when_their_time_is_over_and_open_ones_never() {
    let place = Place::still();
    let day = 24 * 3_600;
    for outcome in [Outcome::Done(json!(1)), Outcome::Failed(fault()), Outcome::Cancelled] {
        let now = place.clock.now();
        let many = move |tx: &mut dyn bindery::storage::Tx| {
            (0..700).try_for_each(|_| bindery::queue::enqueue(tx, now, &job()).map(drop))
        };
        place.write(many).await;
        let last = place.enqueue(job()).await.id;
        let fence = place.claim(last).await;
        // All that one claim took ends alike.
        place
            .write(move |tx| {
                for job in control::list(
                    tx,
                    &bindery::model::job::Filter {
                        states: vec![State::Started],
                        limit: Some(10_000),
                        ..Default::default()
                    },
                )? {
                    let fence = bindery::model::job::Fence { job: job.id, ..fence.clone() };
                    bindery::queue::finish(tx, now, &fence, &outcome)?;
                }
                Ok(())
            })
            .await;
    }
    let waiting = place.enqueue(NewJob { eta: Some(place.clock.now().plus_seconds(9_999 * day)), ..job() }).await.id;
    let prune = async || retention::prune(&place.store, &place.clock, Retention::default()).await.expect("pruned");
    assert_eq!(prune().await, 0);
    place.clock.advance_seconds(31 * day);
    assert_eq!(prune().await, 1_402, "done and cancelled ones are kept for 30 days");
    assert_eq!(prune().await, 0);
    place.clock.advance_seconds(150 * day);
    assert_eq!(prune().await, 701, "failed ones for 180");
    assert_eq!(place.show(waiting).await.state, State::Pending);
}
