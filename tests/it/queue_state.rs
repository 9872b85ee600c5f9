//! The table of docs/job-states.md, row by row: each is driven, and what comes of it is compared with what is written.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bindery::{
    model::job::{Condition, Dependency, Fence, Job, NewJob, Scope, State},
    queue::{Gate, Handlers, Options, Outcome, Runner, Verdict, control},
};
use bindery_tests::queue::{Patient, Place, Plain, fault, job, waiting};
use serde_json::json;

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) from: String,
    pub(crate) event: String,
    pub(crate) to: String,
    pub(crate) counts: String,
}

pub(crate) fn rows() -> Vec<Row> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/job-states.md");
    let text = std::fs::read_to_string(path).expect("the page is there");
    let lines = text.lines().filter(|line| line.starts_with("| ")).skip(1);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let cell = |at: usize| cells.get(at).copied().unwrap_or_default().to_owned();
            Row { from: cell(0), event: cell(1), to: cell(2), counts: cell(3) }
        })
        .collect()
}

/// A job's state as the page words it.
pub(crate) fn standing(job: &Job, place: &Place) -> &'static str {
    match job.state {
        State::WaitDependencies => "wait_dependencies",
        State::Pending if job.parked.is_some() => "pending (parked)",
        State::Pending if job.eta > place.clock.now() => "pending (later)",
        State::Pending => "pending (ready)",
        State::Started => "started",
        State::Done => "done",
        State::Failed => "failed",
        State::Cancelled => "cancelled",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_page_is_true() {
    let rows = rows();
    assert!(rows.len() > 25, "the table was not found");
    assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len(), "a row stands twice");
    for row in rows {
        let place = Place::still();
        let id = before(&place, &row).await;
        let was = match id {
            Some(id) => {
                let job = place.show(id).await;
                assert_eq!(standing(&job, &place), row.from, "where {row:?} begins");
                job.charged
            }
            None => 0,
        };
        let id = drive(&place, &row, id).await;
        let job = place.show(id).await;
        assert_eq!(standing(&job, &place), row.to, "{row:?}: {job:?}");
        let counts = match row.counts.as_str() {
            "–" => was,
            "one more" => was + 1,
            "given back" => was - 1,
            "a new budget" => 0,
            other => panic!("{other} is no effect on the attempts"),
        };
        assert_eq!(job.charged, counts, "{row:?}");
        beside(&place, &row, &job).await;
    }
}

/// Makes a job that stands where the row begins.
async fn before(place: &Place, row: &Row) -> Option<i64> {
    let event = row.event.as_str();
    let spent = event.contains("budget spent");
    let mut new = NewJob { max_retries: if spent { 1 } else { 9 }, retry_pattern: Some(waiting(60)), ..job() };
    if event == "goes back while an equal job waits" {
        new.identity = Some(("same".to_owned(), Scope::UntilStart));
    }
    if event == "nothing here runs its kind" {
        new.kind = "unknown".to_owned();
    }
    if event == "its deadline passed" {
        new.timeout = Some(1);
    }
    match row.from.as_str() {
        "–" => None,
        "wait_dependencies" => {
            let parent = place.enqueue(job()).await.id;
            new.after = vec![Dependency { job: parent, condition: Condition::Done }];
            Some(place.enqueue(new).await.id)
        }
        "pending (later)" => {
            new.eta = Some(place.clock.now().plus_seconds(60));
            Some(place.enqueue(new).await.id)
        }
        "pending (ready)" => Some(place.enqueue(new).await.id),
        "pending (parked)" => {
            let id = place.enqueue(new).await.id;
            let fence = place.claim(id).await;
            place.end(&fence, Outcome::Parked { reason: "not now".to_owned() }).await;
            Some(id)
        }
        "started" => {
            let id = place.enqueue(new).await.id;
            // Those that a runner drives are claimed by it; they begin one step earlier.
            match event {
                // The host has died before, and what came after it got on.
                "the host died again" | "the host died, after such work" => {
                    for _ in 0..3 {
                        let earlier = place.claim(id).await;
                        place.end(&earlier, Outcome::Retry { fault: fault(), after: None }).await;
                        place.clock.advance_seconds(61);
                    }
                    place.claim(id).await;
                }
                _ => {
                    place.claim(id).await;
                }
            }
            Some(id)
        }
        "done" => Some(ended(place, new, Outcome::Done(json!(null))).await),
        "failed" => Some(ended(place, new, Outcome::Failed(fault())).await),
        "cancelled" => Some(ended(place, new, Outcome::Cancelled).await),
        other => panic!("nothing is known of a job that is {other}"),
    }
}

async fn ended(place: &Place, new: NewJob, outcome: Outcome) -> i64 {
    let id = place.enqueue(new).await.id;
    let fence = place.claim(id).await;
    place.end(&fence, outcome).await;
    id
}

/// The fence of the attempt that runs.
async fn fence(place: &Place, id: i64) -> Fence {
    let job = place.show(id).await;
    let claim = place
        .write(move |tx| Ok(bindery::storage::job::head(tx, id)?.and_then(|head| head.claim).expect("it is claimed")))
        .await;
    Fence { job: id, attempt: job.attempt, claim }
}

/// Puts a job into the queue as the row says.
async fn enqueued(place: &Place, row: &Row) -> i64 {
    let now = place.clock.now();
    match row.event.as_str() {
        "enqueued, a parent has not ended" => {
            let parent = place.enqueue(job()).await.id;
            let after = vec![Dependency { job: parent, condition: Condition::Always }];
            place.enqueue(NewJob { after, ..job() }).await.id
        }
        "enqueued, eta ahead" => place.enqueue(NewJob { eta: Some(now.plus_seconds(1)), ..job() }).await.id,
        "enqueued" => place.enqueue(job()).await.id,
        other => panic!("nobody knows how to drive {other:?}"),
    }
}

/// Does what the row says; answers the job.
pub(crate) async fn drive(place: &Place, row: &Row, id: Option<i64>) -> i64 {
    let now = place.clock.now();
    let Some(id) = id else { return enqueued(place, row).await };
    let parent = async || place.write(move |tx| control::list(tx, &Default::default())).await.last().expect("it").id;
    match row.event.as_str() {
        "every parent ended as wanted" => {
            let parent = parent().await;
            let fence = place.claim(parent).await;
            place.end(&fence, Outcome::Done(json!(1))).await;
        }
        "a parent ended otherwise" => {
            let parent = parent().await;
            let fence = place.claim(parent).await;
            place.end(&fence, Outcome::Failed(fault())).await;
        }
        "cancelled by an operator" => {
            if row.from == "started" {
                return cancelled_while_it_runs(place, id).await;
            }
            place.enqueue(NewJob { after: vec![Dependency { job: id, condition: Condition::Done }], ..job() }).await;
            place.write(move |tx| control::cancel(tx, now, id).map(drop)).await;
        }
        "put back by an operator" | "taken for done by an operator" | "retried by an operator" => {
            by_an_operator(place, row, id).await;
        }
        "its eta comes" => {
            place.clock.advance_seconds(61);
            let now = place.clock.now();
            place.write(move |tx| Ok(bindery::storage::job_claim::sweep_due(tx, now, 10).map(drop)?)).await;
        }
        "claimed by a worker" => {
            place.claim(id).await;
        }
        "the gate says yes" => opened(place, id).await,
        "succeeded" => place.end(&fence(place, id).await, Outcome::Done(json!("well"))).await,
        "retryable fault, budget left" | "retryable fault, budget spent" => {
            place.end(&fence(place, id).await, Outcome::Retry { fault: fault(), after: None }).await;
        }
        "other fault" => place.end(&fence(place, id).await, Outcome::Failed(fault())).await,
        "the gate says no" => {
            place.end(&fence(place, id).await, Outcome::Parked { reason: "not now".to_owned() }).await;
        }
        "no room on the disk" => place.end(&fence(place, id).await, full("as the test wants")).await,
        "the host stops" => place.end(&fence(place, id).await, Outcome::HandBack).await,
        "goes back while an equal job waits" => {
            let equal = NewJob { identity: Some(("same".to_owned(), Scope::UntilStart)), ..job() };
            assert!(!place.enqueue(equal).await.deduplicated, "the first one has started");
            place.end(&fence(place, id).await, Outcome::HandBack).await;
        }
        "the host died, with at most three attempts that count"
        | "the host died again"
        | "the host died, budget spent" => {
            taken_back(place, id).await;
        }
        "panicked" | "its deadline passed" | "nothing here runs its kind" => return by_a_runner(place, row).await,
        _ => got_on(place, row, id).await,
    }
    id
}

/// The outcome of an attempt that found no room.
fn full(why: &str) -> Outcome {
    Outcome::from(bindery::base::Fault::from(bindery::storage::Error::DiskFull(why.to_owned())))
}

/// Rows of what operators do, besides cancelling.
async fn by_an_operator(place: &Place, row: &Row, id: i64) {
    let now = place.clock.now();
    match row.event.as_str() {
        "put back by an operator" => {
            place.write(move |tx| control::requeue(tx, now, id).map(drop)).await;
            place.end(&fence(place, id).await, Outcome::HandBack).await;
        }
        "taken for done by an operator" => {
            place.enqueue(NewJob { after: vec![Dependency { job: id, condition: Condition::Done }], ..job() }).await;
            place.write(move |tx| control::done(tx, now, id).map(drop)).await;
        }
        _ => place.write(move |tx| control::retry(tx, now, id).map(drop)).await,
    }
}

/// Rows of an attempt that commits work which stays.
async fn got_on(place: &Place, row: &Row, id: i64) {
    let fence = fence(place, id).await;
    let own = fence.clone();
    place.write(move |tx| bindery::queue::moved_on(tx, &own)).await;
    match row.event.as_str() {
        "commits work that no later attempt does again" => {}
        "retryable fault, after such work" => {
            place.end(&fence, Outcome::Retry { fault: fault(), after: None }).await;
        }
        "the host died, after such work" => taken_back(place, id).await,
        other => panic!("nobody knows how to drive {other:?}"),
    }
}

/// What stands in the last column, for those rows that say something there.
async fn beside(place: &Place, row: &Row, job: &Job) {
    let others = place.write(|tx| control::list(tx, &Default::default())).await;
    match (row.from.as_str(), row.event.as_str()) {
        ("started", "cancelled by an operator") => assert_eq!(job.attempt, 1),
        (_, "cancelled by an operator") => {
            assert!(others.iter().any(|other| other.id > job.id && other.state == State::Cancelled), "{row:?}");
        }
        (_, "taken for done by an operator") => {
            let child = others.iter().find(|other| other.id > job.id).expect("the child");
            assert_eq!(child.state, State::Pending, "{row:?}");
        }
        (_, "goes back while an equal job waits") => assert!(job.merged_into.is_some_and(|twin| twin > job.id)),
        (_, "a parent ended otherwise") => {
            let (now, parent) = (place.clock.now(), others.last().expect("the parent").id);
            place.write(move |tx| control::retry(tx, now, parent).map(drop)).await;
            assert_eq!(place.show(job.id).await.state, State::WaitDependencies);
        }
        (_, "no room on the disk") => {
            assert!(job.parked.as_ref().is_some_and(|why| why.contains("storage.disk_full")), "{job:?}");
            opened_by_itself(place, job.id).await;
        }
        (_, "its deadline passed") => assert_eq!(job.error.as_ref().expect("why").code, "queue.deadline"),
        (_, "panicked") => assert_eq!(job.error.as_ref().expect("why").code, "queue.panicked"),
        _ => {}
    }
}

/// A runner whose store it shares with the hand that claimed: it takes back what that dead host left.
async fn taken_back(place: &Place, id: i64) {
    // Every kind is unknown to it, so that what it takes back is not run again: only jobs of other runs.
    let other = place.enqueue(NewJob { eta: Some(place.clock.now().plus_seconds(9_000)), ..job() }).await.id;
    let options = Options { only: Some(vec![other]), ..Options::default() };
    let mut jobs = place.store.listen(bindery::storage::Signal::Job);
    let mut ends = place.store.listen(bindery::storage::Signal::JobEnded);
    let runner = place.run(|_| Outcome::Done(json!(null)), options).await;
    while place.show(id).await.state == State::Started {
        tokio::select! {
            changed = jobs.changed() => changed.expect("the store is open"),
            changed = ends.changed() => changed.expect("the store is open"),
        }
    }
    runner.stop().await;
}

/// A gate with a switch.
struct Switch(AtomicBool);

impl Gate for Switch {
    fn verdict(&self, _: &str, _: Option<i64>) -> Verdict {
        match self.0.load(Ordering::SeqCst) {
            true => Verdict::Run,
            false => Verdict::Park { reason: "switched off".to_owned() },
        }
    }
}

/// The gate opens: the runner asks it again about parked jobs, and lets this one through. The runner's own channel has
/// no place, so that the job is seen while it is ready.
async fn opened(place: &Place, id: i64) {
    paused(place, true).await;
    let gate = Arc::new(Switch(AtomicBool::new(false)));
    let handlers = Handlers::new().with("test", Arc::new(Plain(|_| Outcome::Done(json!(null)))));
    let runner = place.run_with(gate.clone(), handlers, Options::default()).await;
    let mut jobs = place.store.listen(bindery::storage::Signal::Job);
    gate.0.store(true, Ordering::SeqCst);
    runner.gate_changed();
    while place.show(id).await.parked.is_some() {
        jobs.changed().await.expect("the store is open");
    }
    runner.stop().await;
}

/// A runner that meets a full disk asks again without being told.
async fn opened_by_itself(place: &Place, parked: i64) {
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let full_once = move |_| match tries.fetch_add(1, Ordering::SeqCst) {
        0 => full("once"),
        _ => Outcome::Done(json!(null)),
    };
    let options = Options { room_interval: std::time::Duration::from_millis(1), ..Options::default() };
    let runner = place.run(full_once, options).await;
    let done = runner.wait(parked).await.expect("it ends");
    assert_eq!((done.state, done.charged), (State::Done, 1), "meeting a full disk costs no attempt");
    runner.stop().await;
}

async fn paused(place: &Place, paused: bool) {
    place
        .write(move |tx| {
            bindery::queue::channel::set(
                tx,
                "root",
                &bindery::queue::channel::Change { paused: Some(paused), ..Default::default() },
            )
            .map(drop)
        })
        .await;
}

/// Rows that only a runner can drive. The job is made anew, so that the runner claims it itself.
async fn by_a_runner(place: &Place, row: &Row) -> i64 {
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let new = NewJob { retry_pattern: Some(waiting(3_600)), ..job() };
    let (new, handlers) = match row.event.as_str() {
        "panicked" => (new, Handlers::new().with("test", Arc::new(Plain(|_| panic!("as the test wants"))))),
        "its deadline passed" => {
            let patient = Patient { started, listens: true };
            (NewJob { timeout: Some(1), ..new }, Handlers::new().with("test", Arc::new(patient)))
        }
        _ => (NewJob { kind: "unknown".to_owned(), ..new }, Handlers::new()),
    };
    let id = place.enqueue(new).await.id;
    let runner = place.run_with(Arc::new(Switch(AtomicBool::new(true))), handlers, Options::default()).await;
    if row.event == "its deadline passed" {
        starts.recv().await.expect("it starts");
    }
    left(place, &runner, id).await;
    runner.stop().await;
    id
}

/// Waits until an attempt of a job has ended.
async fn left(place: &Place, runner: &Runner, id: i64) {
    let mut jobs = place.store.listen(bindery::storage::Signal::Job);
    let mut ends = place.store.listen(bindery::storage::Signal::JobEnded);
    runner.wake();
    while place.write(move |tx| control::attempts(tx, id)).await.is_empty() {
        tokio::select! {
            changed = jobs.changed() => changed.expect("the store is open"),
            changed = ends.changed() => changed.expect("the store is open"),
        }
    }
}

/// The job of the row waits while another one like it runs in a runner and is called off there.
async fn cancelled_while_it_runs(place: &Place, claimed: i64) -> i64 {
    // What the hand claimed is over: the runner has a job of its own.
    place.end(&fence(place, claimed).await, Outcome::Done(json!(null))).await;
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let id = place.enqueue(job()).await.id;
    let handlers = Handlers::new().with("test", Arc::new(Patient { started, listens: true }));
    let runner = place.run_with(Arc::new(Switch(AtomicBool::new(true))), handlers, Options::default()).await;
    assert_eq!(starts.recv().await, Some(id));
    let now = place.clock.now();
    place.write(move |tx| control::cancel(tx, now, id).map(drop)).await;
    runner.wait(id).await.expect("it ends");
    runner.stop().await;
    id
}
