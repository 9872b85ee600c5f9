//! Channels: one job at a time in order, rates, fairness between backends, and how long ended jobs are kept.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bindery::{
    model::job::{Channel, NewJob, State},
    queue::{
        Handlers, OpenGate, Options, Outcome, Retention,
        bulk::{self, Action},
        channel::{self, Change},
        control, retention,
    },
    storage,
};
use bindery_tests::queue::{Patient, Place, fault, job, waiting};
use serde_json::json;

async fn set(place: &Place, name: &'static str, change: Change) -> Channel {
    place.write(move |tx| channel::set(tx, name, &change)).await
}

fn within(channel: &str) -> NewJob {
    NewJob { channel: Some(channel.to_owned()), ..job() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequential_channel_keeps_its_order_and_a_job_that_failed_holds_up_the_others() {
    let place = Place::new();
    set(&place, "root.line", Change { sequential: Some(true), ..Change::default() }).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(place.enqueue(within("root.line")).await.id);
    }
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (seen, second) = (order.clone(), ids[1]);
    // The second one fails once, and would be overtaken by the others; the third one fails for good.
    let third = ids[2];
    let handler = move |job: bindery::queue::Running| {
        seen.lock().expect("nobody panics").push(job.id);
        match job.id {
            id if id == second && job.charged == 1 => Outcome::Retry { fault: fault(), after: Some(Duration::ZERO) },
            id if id == third && job.fence.attempt == 1 => Outcome::Failed(fault()),
            _ => Outcome::Done(json!(null)),
        }
    };
    let runner = place.run(handler, Options::default()).await;
    assert_eq!(runner.wait(ids[2]).await.expect("it ends").state, State::Failed);
    let loads = place.write(|tx| channel::loads(tx)).await;
    assert!(loads.iter().any(|load| load.held_by == Some(third) && load.ready == 1), "{loads:?}");
    assert_eq!(place.show(ids[3]).await.state, State::Pending, "it is held up");
    let now = place.clock.now();
    place.write(move |tx| control::retry(tx, now, third).map(drop)).await;
    runner.wait(ids[3]).await.expect("it ends");
    runner.stop().await;
    let order = order.lock().expect("nobody panics").clone();
    assert_eq!(order, [ids[0], ids[1], ids[1], ids[2], ids[2], ids[3]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn calling_off_or_taking_for_done_what_holds_a_channel_up_lets_the_others_go_on() {
    let place = Place::new();
    set(&place, "root.line", Change { sequential: Some(true), ..Change::default() }).await;
    let failing = NewJob { payload: json!("fails"), ..within("root.line") };
    let (first, second) = (place.enqueue(failing.clone()).await.id, place.enqueue(failing).await.id);
    let last = place.enqueue(within("root.line")).await.id;
    let handler = |job: bindery::queue::Running| match job.payload == json!("fails") {
        true => Outcome::Failed(fault()),
        false => Outcome::Done(json!(null)),
    };
    let runner = place.run(handler, Options::default()).await;
    runner.wait(first).await.expect("it fails");
    let now = place.clock.now();
    place.write(move |tx| control::cancel(tx, now, first).map(drop)).await;
    runner.wait(second).await.expect("it fails");
    let now = place.clock.now();
    place.write(move |tx| control::done(tx, now, second).map(drop)).await;
    assert_eq!(runner.wait(last).await.expect("it ends").state, State::Done);
    assert_eq!(place.show(first).await.state, State::Cancelled);
    assert_eq!(place.show(second).await.state, State::Done);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_of_nothing_starts_nothing_until_it_is_changed() {
    let place = Place::new();
    set(&place, "root.slow", Change { interval: Some(Channel::NEVER), ..Change::default() }).await;
    let slow = place.enqueue(within("root.slow")).await.id;
    let other = place.enqueue(job()).await.id;
    let runner = place.run(|_| Outcome::Done(json!(null)), Options::default()).await;
    runner.wait(other).await.expect("it ends");
    assert_eq!(place.show(slow).await.state, State::Pending);
    set(&place, "root.slow", Change { interval: Some(0), ..Change::default() }).await;
    assert_eq!(runner.wait(slow).await.expect("it ends").state, State::Done);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_with_many_thousand_jobs_does_not_starve_another() {
    let place = Place::new();
    let now = place.clock.now();
    place
        .write(move |tx| {
            for _ in 0..20_000 {
                bindery::queue::enqueue(tx, now, &NewJob { backend: Some(1), priority: 0, ..job() })?;
            }
            Ok(())
        })
        .await;
    let mut few = Vec::new();
    for _ in 0..20 {
        few.push(place.enqueue(NewJob { backend: Some(2), ..job() }).await.id);
    }
    let runner = place.run(|_| Outcome::Done(json!(null)), Options { concurrency: 8, ..Options::default() }).await;
    for id in few {
        runner.wait(id).await.expect("it ends");
    }
    runner.stop().await;
    let counts = place.write(|tx| control::counts(tx)).await;
    assert!(counts.pending > 10_000, "the others were served in turn: {counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_hangs_is_put_back_and_spends_no_attempt() {
    let place = Place::new();
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let id = place.enqueue(job()).await.id;
    let handlers = Handlers::new().with("test", Arc::new(Patient { started, listens: false }));
    let options = Options { grace: Duration::from_millis(10), ..Options::default() };
    let runner = place.run_with(Arc::new(OpenGate), handlers, options).await;
    assert_eq!(starts.recv().await, Some(id));
    let now = place.clock.now();
    let asked = place.write(move |tx| control::requeue(tx, now, id)).await;
    assert!(!asked.cancel_requested, "it is not called off");
    assert_eq!(starts.recv().await, Some(id), "it runs again");
    let attempts = place.write(move |tx| control::attempts(tx, id)).await;
    assert_eq!(attempts[0].outcome, "handed_back");
    assert_eq!(place.show(id).await.charged, 1);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_filter_finds_is_changed_in_chunks_and_whole() {
    let place = Place::still();
    let now = place.clock.now();
    place
        .write(move |tx| {
            for number in 0..1_000 {
                let kind = if number % 4 == 0 { "other" } else { "test" };
                bindery::queue::enqueue(tx, now, &NewJob { kind: kind.to_owned(), ..job() })?;
            }
            Ok(())
        })
        .await;
    let filter = bindery::model::job::Filter { kind: Some("test".to_owned()), ..Default::default() };
    let tally = bulk::apply(&place.store, &place.clock, Action::Cancel, filter.clone()).await.expect("called off");
    assert_eq!((tally.changed.len(), tally.skipped), (750, 0));
    assert_eq!(tally.changed.iter().collect::<BTreeSet<_>>().len(), 750, "each once");
    let again = bulk::apply(&place.store, &place.clock, Action::Cancel, filter.clone()).await.expect("looked at");
    assert_eq!((again.changed.len(), again.skipped), (0, 750));
    let few = bindery::model::job::Filter { limit: Some(10), ..filter };
    let some = bulk::apply(&place.store, &place.clock, Action::Retry, few).await.expect("tried again");
    assert_eq!(some.changed.len(), 10);
    let counts = place.write(|tx| control::counts(tx)).await;
    assert_eq!((counts.pending, counts.cancelled), (260, 740));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_keeps_its_ended_jobs_for_a_time_of_its_own() {
    let place = Place::still();
    set(&place, "root.short", Change { keep_done: Some(Some(0)), ..Change::default() }).await;
    set(&place, "root.long", Change { keep_failed: Some(Some(i64::MAX / 2)), ..Change::default() }).await;
    let mut left = BTreeSet::new();
    for (channel, outcome, stays) in [
        ("root.short", Outcome::Done(json!(1)), false),
        ("root.short", Outcome::Failed(fault()), true),
        ("root.long", Outcome::Failed(fault()), true),
        ("root", Outcome::Done(json!(1)), true),
    ] {
        let id = place.enqueue(NewJob { retry_pattern: Some(waiting(0)), ..within(channel) }).await.id;
        let now = place.clock.now();
        let fence = place
            .write(move |tx| {
                let claim = storage::job_claim::register(tx, now, "by hand", 1, "boot")?;
                let channel = storage::job_channel::find(tx, channel)?.expect("it is there");
                let claimed = storage::job_claim::claim(tx, now, channel, claim, 10, None)?;
                Ok(bindery::model::job::Fence { job: id, attempt: claimed[0].attempt, claim })
            })
            .await;
        place.end(&fence, outcome).await;
        if stays {
            left.insert(id);
        }
    }
    place.clock.advance_seconds(1);
    let removed = retention::prune(&place.store, &place.clock, Retention::default()).await.expect("removed");
    assert_eq!(removed, 1);
    place.clock.advance_seconds(400 * 24 * 3_600);
    retention::prune(&place.store, &place.clock, Retention::default()).await.expect("removed");
    let jobs = place.write(|tx| control::list(tx, &Default::default())).await;
    assert_eq!(jobs.iter().map(|job| job.channel.as_str()).collect::<Vec<_>>(), ["root.long"], "{left:?}");
}
