//! Random walks over the table of docs/job-states.md: whatever happens to a job in whatever order, it stands where the
//! table says, and as many of its attempts count.

use bindery::model::job::NewJob;
use bindery_tests::queue::{Place, job, waiting};
use proptest::prelude::*;

use crate::queue_state::{Row, drive, rows, standing};

/// What needs nothing but the job itself to happen.
const EVENTS: [&str; 11] = [
    "its eta comes",
    "claimed by a worker",
    "succeeded",
    "retryable fault, budget left",
    "retryable fault, budget spent",
    "other fault",
    "the gate says no",
    "the host stops",
    "put back by an operator",
    "retried by an operator",
    "taken for done by an operator",
];
/// Attempts that the job has.
const MOST: i64 = 3;

/// The rows that may be next, given how many attempts count.
fn next<'a>(rows: &'a [Row], standing: &str, charged: i64) -> Vec<&'a Row> {
    let fits = |row: &&Row| match row.event.as_str() {
        "retryable fault, budget left" => charged < MOST,
        "retryable fault, budget spent" => charged >= MOST,
        // One that runs is only asked to stop.
        "cancelled by an operator" => row.from != "started",
        event => EVENTS.contains(&event),
    };
    rows.iter().filter(|row| row.from == standing).filter(fits).collect()
}

async fn walk(rows: &[Row], choices: &[u8]) -> Result<(), TestCaseError> {
    let place = Place::still();
    let new = NewJob { max_retries: MOST, retry_pattern: Some(waiting(60)), ..job() };
    let id = place.enqueue(new).await.id;
    let (mut at, mut charged, mut walked) = ("pending (ready)".to_owned(), 0, Vec::new());
    for choice in choices {
        let may = next(rows, &at, charged);
        prop_assert!(!may.is_empty(), "nothing can happen to a job that is {at}: {walked:?}");
        let row = may[usize::from(*choice) % may.len()];
        walked.push(row.event.clone());
        drive(&place, row, Some(id)).await;
        let job = place.show(id).await;
        charged = match row.counts.as_str() {
            "one more" => charged + 1,
            "given back" => charged - 1,
            "a new budget" => 0,
            _ => charged,
        };
        prop_assert_eq!(standing(&job, &place), &row.to, "{:?}", &walked);
        prop_assert_eq!(job.charged, charged, "{:?}", &walked);
        at.clone_from(&row.to);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_job_stands_where_the_table_says_whatever_happens_to_it(choices in prop::collection::vec(any::<u8>(), 1..30)) {
        let rows = rows();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(walk(&rows, &choices))?;
    }
}
