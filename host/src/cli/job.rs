//! `bindery job`: see and steer jobs.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{
    Done,
    error::Error,
    output::{maybe, pairs, table},
    progress,
    session::Session,
};
use crate::{
    base::Timestamp,
    model::job::{Progress, State},
    operation::job::{Changed, Detail, Job, List},
};

/// What can be done with jobs.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Jobs, newest first.
    List(Search),
    /// One job: where it stands, its attempts, its log, why it failed.
    Show {
        /// Its id.
        id: i64,
    },
    /// What a job said, oldest first.
    Log {
        /// Its id.
        id: i64,
    },
    /// Follow jobs, and those they enqueue, to their end. Without a running host, they are run now.
    Wait {
        /// Their ids.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
    },
    /// Run ended, parked or delayed jobs again, with a new budget of attempts. Without a running host, they are
    /// followed to their end.
    Retry {
        /// Their ids.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
    },
    /// Call jobs off. One that runs is asked to stop; jobs that wait for it are called off, too.
    Cancel {
        /// Their ids.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
        /// Everything of the runs that they began.
        #[arg(long)]
        run: bool,
    },
}

/// Which jobs.
#[derive(Debug, Args)]
pub(super) struct Search {
    /// Only in this state.
    #[arg(long)]
    state: Option<Word>,
    /// Only of this backend.
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
    /// Only of this kind: `import.kind`, `import.record`, …
    #[arg(long)]
    kind: Option<String>,
    /// Only of the run that this job began.
    #[arg(long, value_name = "ID")]
    run: Option<i64>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: i64,
    /// Only with a smaller id: the next page.
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Word {
    WaitDependencies,
    Pending,
    Parked,
    Started,
    Done,
    Failed,
    Cancelled,
}

impl Command {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        match self {
            Self::List(search) => {
                let state =
                    search.state.and_then(|word| word.to_possible_value()).map(|word| word.get_name().to_owned());
                let request = json!({
                    "state": state, "backend": search.backend, "kind": search.kind, "run": search.run,
                    "limit": search.limit, "before": search.before,
                });
                session.show("job.list", &request, list).await
            }
            Self::Show { id } => session.show("job.show", &json!({ "id": id }), show).await,
            Self::Log { id } => session.show("job.show", &json!({ "id": id }), |detail| log(&detail)).await,
            Self::Wait { ids } => {
                let open: Changed = session.get("job.follow", &json!({ "ids": ids })).await?;
                let standing = progress::follow(session, &open.changed).await?;
                progress::conclude(session, &standing, progress::summary)
            }
            Self::Retry { ids } => retry(session, ids).await,
            Self::Cancel { ids, run } => {
                session.show("job.cancel", &json!({ "ids": ids, "run": run }), |done| changed(done, "called off")).await
            }
        }
    }
}

async fn retry(session: &Session<'_>, ids: Vec<i64>) -> Done {
    let raw = session.ask("job.retry", &json!({ "ids": ids })).await?;
    let retried: Changed = serde_json::from_str(&raw).map_err(|error| Error::Answer(error.to_string()))?;
    if session.is_in_process().await? && !retried.changed.is_empty() {
        let ids = retried.changed.clone();
        session.output.note(&changed(retried, "put back into the queue"));
        let standing = progress::follow(session, &ids).await?;
        return progress::conclude(session, &standing, progress::summary);
    }
    session.output.answer(&raw, |retried| changed(retried, "put back into the queue"))
}

fn list(list: List) -> String {
    table(
        &["id", "state", "kind", "backend", "progress", "attempt", "created", "description"],
        list.jobs
            .into_iter()
            .map(|Job { job, backend_name }| {
                vec![
                    job.id.to_string(),
                    state(job.state, job.parked.as_deref()),
                    job.kind,
                    backend_name.unwrap_or_default(),
                    far(&job.progress),
                    format!(
                        "{}/{}",
                        job.charged,
                        if job.max_retries == 0 { "∞".to_owned() } else { job.max_retries.to_string() }
                    ),
                    job.created.to_rfc3339(),
                    job.description,
                ]
            })
            .collect(),
        "No job is like that.",
    )
}

/// A state in one word; parked is shown as such.
pub(super) fn state(state: State, parked: Option<&str>) -> String {
    let word = match state {
        State::WaitDependencies => "waiting",
        State::Pending => "pending",
        State::Started => "running",
        State::Done => "done",
        State::Failed => "failed",
        State::Cancelled => "cancelled",
    };
    if parked.is_some() { "parked".to_owned() } else { word.to_owned() }
}

/// How far, in few characters.
pub(super) fn far(progress: &Progress) -> String {
    match progress.total {
        Some(total) if total > 0 => format!("{}/{total}", progress.done),
        _ if progress.done > 0 => progress.done.to_string(),
        _ => String::new(),
    }
}

fn show(detail: Detail) -> String {
    let log = log(&detail);
    let Job { job, backend_name } = detail.job;
    let (code, message, cure) = job.error.map(|error| (error.code, error.message, error.cure)).unwrap_or_default();
    let head = pairs(&[
        ("id", job.id.to_string()),
        ("run", job.root.to_string()),
        ("kind", job.kind),
        ("description", job.description),
        ("state", state(job.state, job.parked.as_deref())),
        ("parked", job.parked.unwrap_or_default()),
        ("error", message),
        ("cure", cure),
        ("code", code),
        ("backend", backend_name.unwrap_or_default()),
        ("channel", job.channel),
        ("priority", job.priority.to_string()),
        (
            "attempts",
            format!(
                "{} of {}",
                job.charged,
                if job.max_retries == 0 { "∞".to_owned() } else { job.max_retries.to_string() }
            ),
        ),
        ("progress", far(&job.progress)),
        ("doing", job.progress.message),
        ("not before", job.eta.to_rfc3339()),
        ("created", job.created.to_rfc3339()),
        ("started", maybe(job.started.map(Timestamp::to_rfc3339))),
        ("ended", maybe(job.ended.map(Timestamp::to_rfc3339))),
        ("payload", job.payload.to_string()),
        ("result", maybe(job.result)),
    ]);
    let attempts = detail
        .attempts
        .into_iter()
        .map(|attempt| {
            vec![
                attempt.attempt.to_string(),
                attempt.started.to_rfc3339(),
                attempt.ended.to_rfc3339(),
                attempt.outcome,
                attempt.code.unwrap_or_default(),
                attempt.message.unwrap_or_default(),
            ]
        })
        .collect();
    let attempts =
        table(&["attempt", "started", "ended", "outcome", "code", "message"], attempts, "It was not started yet.");
    format!("{head}\n{attempts}\n\n{log}")
}

fn log(detail: &Detail) -> String {
    if detail.log.is_empty() {
        return "It logged nothing.".to_owned();
    }
    let line = |line: &crate::model::job::LogLine| {
        format!("{} {:5} attempt {}: {}", line.at.to_rfc3339(), line.level, line.attempt, line.text)
    };
    detail.log.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn changed(changed: Changed, what: &str) -> String {
    let mut lines: Vec<String> = changed.changed.iter().map(|id| format!("Job {id} is {what}.")).collect();
    lines.extend(changed.skipped.iter().map(|(id, why)| format!("Job {id} is left alone: {why}")));
    lines.join("\n")
}
