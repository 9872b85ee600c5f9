//! Following jobs to their end: bars on a terminal, plain lines elsewhere, both on standard error; then what it came to.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Done,
    error::Error,
    job::{far, state},
    output::{Output, table},
    session::Session,
};
use crate::{
    model::job::{Job as Stored, State},
    operation::{job::Job, sync::Standing, wire::Problem},
};

/// How often the host is asked.
const ASK: Duration = Duration::from_millis(150);
/// How often a plain line tells of progress.
const TELL: Duration = Duration::from_secs(2);

/// Waits until none of the jobs, nor of those they enqueue, goes on by itself.
pub(super) async fn follow(session: &Session<'_>, jobs: &[i64]) -> Result<Standing, Box<Problem>> {
    let mut view = View::new(session.output);
    // Heard from now on: one pressed while an answer is on the way counts, too.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
    loop {
        let standing: Standing = session.get("sync.progress", &json!({ "jobs": jobs })).await?;
        view.show(&standing);
        if standing.finished {
            view.clear();
            return Ok(standing);
        }
        tokio::select! {
            () = tokio::time::sleep(ASK) => {}
            _ = interrupt.recv() => {
                view.clear();
                let served = !session.is_in_process().await?;
                return Err(Error::Interrupted { jobs: jobs.to_vec(), served }.into());
            }
        }
    }
}

/// Shows what it came to. Fails where a job failed, so that scripts notice.
pub(super) fn conclude(session: &Session<'_>, standing: &Standing, shown: impl FnOnce(&Standing) -> String) -> Done {
    if session.output.json {
        session.output.print(&serde_json::to_string(standing).map_err(|error| Error::Answer(error.to_string()))?);
    } else {
        session.output.print(&shown(standing));
    }
    let Some(first) = standing.jobs.iter().map(|job| &job.job).find(|job| is_trouble(job)) else { return Ok(()) };
    let why = match (&first.error, &first.parked) {
        (_, Some(reason)) => format!("is parked: {reason}"),
        (Some(error), None) => format!("failed: {} [{}]", error.message, error.code),
        (None, None) => "was called off".to_owned(),
    };
    let others = match standing.failed {
        0 | 1 => String::new(),
        failed => format!(" ({} other jobs did not succeed either)", failed - 1),
    };
    if session.output.json {
        // The document above says it all, and there is only one.
        let mut problem: Box<Problem> = Error::Jobs(why).into();
        problem.code = super::SAID.to_owned();
        return Err(problem);
    }
    Err(Error::Jobs(format!("job {} ({}) {why}{others}", first.id, first.description)).into())
}

fn is_trouble(job: &Stored) -> bool {
    (matches!(job.state, State::Failed | State::Cancelled) && job.merged_into.is_none()) || job.parked.is_some()
}

/// The account of each job that has one, in the order they ran; then those of the exports that it ended with.
pub(super) fn summary(standing: &Standing) -> String {
    const COUNTS: [&str; 7] = ["offered", "created", "updated", "unchanged", "skipped", "quarantined", "failed"];
    let row = |what: String, account: &Value, took: String| {
        account.get("offered")?;
        let mut row = vec![what];
        row.extend(COUNTS.iter().map(|count| account[*count].as_i64().unwrap_or_default().to_string()));
        row.push(took);
        Some(row)
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for Job { job, .. } in &standing.jobs {
        let Some(result) = &job.result else { continue };
        let own = result.get("account").unwrap_or(result);
        rows.extend(row(job.description.clone(), own, took(job)));
        let exports = result["exports"].as_array().into_iter().flatten();
        rows.extend(exports.filter_map(|export| {
            let kind = export["kind"].as_str().unwrap_or_default();
            row(format!("  export {kind}"), &export["account"], String::new())
        }));
    }
    let mut header = vec!["job"];
    header.extend(COUNTS);
    header.push("took");
    table(&header, rows, "Done.")
}

fn took(job: &Stored) -> String {
    match (job.started, job.ended) {
        (Some(started), Some(ended)) => format!("{:.1} s", (ended.0 - started.0) as f64 / 1e6),
        _ => String::new(),
    }
}

/// What a person sees meanwhile.
struct View<'a> {
    output: &'a Output,
    bars: Option<MultiProgress>,
    seen: HashMap<i64, Seen>,
}

struct Seen {
    told: String,
    at: Instant,
    bar: Option<ProgressBar>,
}

impl<'a> View<'a> {
    fn new(output: &'a Output) -> Self {
        Self { output, bars: output.is_watched().then(MultiProgress::new), seen: HashMap::new() }
    }

    fn show(&mut self, standing: &Standing) {
        for job in &standing.jobs {
            match &self.bars {
                Some(bars) => bar(&mut self.seen, bars, &job.job),
                None => line(&mut self.seen, self.output, &job.job),
            }
        }
    }

    fn clear(&self) {
        if let Some(bars) = &self.bars {
            // The summary says what the bars said.
            let _ = bars.clear();
        }
    }
}

fn bar(seen: &mut HashMap<i64, Seen>, bars: &MultiProgress, job: &Stored) {
    let is_running = job.state == State::Started;
    let known = seen.contains_key(&job.id);
    if !known && !is_running {
        return;
    }
    let entry = seen.entry(job.id).or_insert_with(|| {
        let bar = bars.add(ProgressBar::no_length());
        bar.enable_steady_tick(Duration::from_millis(120));
        Seen { told: String::new(), at: Instant::now(), bar: Some(bar) }
    });
    let Some(bar) = &entry.bar else { return };
    if !is_running && job.ended.is_some() {
        bar.finish_and_clear();
        entry.bar = None;
        return;
    }
    bar.set_style(style(job.progress.total.is_some()));
    if let Some(total) = job.progress.total {
        bar.set_length(u64::try_from(total).unwrap_or_default());
    }
    bar.set_position(u64::try_from(job.progress.done).unwrap_or_default());
    bar.set_prefix(job.description.clone());
    bar.set_message(match &job.error {
        Some(error) if !is_running => format!("tried again at {}: {}", job.eta.to_rfc3339(), error.message),
        _ => job.progress.message.clone(),
    });
}

fn style(is_counted: bool) -> ProgressStyle {
    let template = match is_counted {
        true => "{prefix:28!} {bar:30} {human_pos}/{human_len} {per_sec} eta {eta}  {wide_msg}",
        false => "{prefix:28!} {spinner} {human_pos} {per_sec}  {wide_msg}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn line(seen: &mut HashMap<i64, Seen>, output: &Output, job: &Stored) {
    let word = state(job.state, job.parked.as_deref());
    let stand = match (&job.error, job.state) {
        (Some(error), State::Pending) => format!("{word}, tried again at {}: {}", job.eta.to_rfc3339(), error.message),
        (Some(error), State::Failed) => format!("{word}: {}", error.message),
        _ => word,
    };
    let entry = seen.entry(job.id).or_insert_with(|| Seen { told: String::new(), at: Instant::now(), bar: None });
    let is_due = job.state == State::Started && entry.at.elapsed() >= TELL;
    if entry.told == stand && !is_due {
        return;
    }
    let so_far = far(&job.progress);
    let so_far = if so_far.is_empty() { so_far } else { format!(" {so_far}") };
    output.note(&format!("job {}: {}: {stand}{so_far}", job.id, job.description));
    entry.told = stand;
    entry.at = Instant::now();
}
