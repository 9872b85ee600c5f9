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
    operation::job::{Changed, CreatedTest, Detail, Job, List},
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
    Retry(Chosen),
    /// Put jobs back into the queue wherever they stand: one that runs is asked to stop and goes back without spending an
    /// attempt; any other is run again as by `retry`.
    Requeue(Chosen),
    /// Take jobs for done that somebody has seen to: what waits for them goes on.
    Done(Chosen),
    /// Call jobs off. One that runs is asked to stop; jobs that wait for it are called off, too.
    Cancel {
        #[command(flatten)]
        chosen: Chosen,
        /// Everything of the runs that they began.
        #[arg(long, conflicts_with = "filter")]
        run: bool,
    },
    /// Make jobs that do nothing but take time and fail now and then, to see how the host stands a load.
    CreateTest(CreateTest),
}

/// Jobs by their ids, or by a filter.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("filter").multiple(true).conflicts_with("ids"))]
pub(super) struct Chosen {
    /// Their ids.
    #[arg(required_unless_present = "filter", value_name = "ID")]
    ids: Vec<i64>,
    /// All jobs in this state.
    #[arg(long, group = "filter")]
    state: Option<Word>,
    /// All jobs of this backend.
    #[arg(long, value_name = "NAME", group = "filter")]
    backend: Option<String>,
    /// All jobs of this kind.
    #[arg(long, group = "filter")]
    kind: Option<String>,
    /// All jobs in this channel.
    #[arg(long, value_name = "NAME", group = "filter")]
    channel: Option<String>,
    /// With a filter: at most so many, the newest first.
    #[arg(long, value_name = "N", requires = "filter", value_parser = clap::value_parser!(i64).range(1..))]
    limit: Option<i64>,
}

impl Chosen {
    fn request(&self) -> serde_json::Value {
        if !self.ids.is_empty() {
            return json!({ "ids": self.ids });
        }
        json!({ "filter": {
            "state": word(self.state), "backend": self.backend, "kind": self.kind, "channel": self.channel,
            "limit": self.limit,
        } })
    }
}

/// `bindery job create-test`.
#[derive(Debug, Args)]
pub(super) struct CreateTest {
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    size: u32,
    /// The part of attempts that fails, from 0 to 1.
    #[arg(long, value_name = "PART", default_value_t = 0.0)]
    failure_rate: f64,
    /// Milliseconds that an attempt takes.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    duration: u64,
    /// Each waits for the end of the one before.
    #[arg(long)]
    chain: bool,
    /// Their channel.
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// The backend that they count for; they never call it.
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
    /// 0 first.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    priority: Option<i64>,
    /// Attempts allowed; 0: endless.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    max_retries: Option<i64>,
}

fn word(state: Option<Word>) -> Option<String> {
    state.and_then(|word| word.to_possible_value()).map(|word| word.get_name().to_owned())
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
    /// Only in this channel.
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
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
                let request = json!({
                    "state": word(search.state), "backend": search.backend, "kind": search.kind,
                    "channel": search.channel, "run": search.run, "limit": search.limit, "before": search.before,
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
            Self::Retry(chosen) => again(session, "job.retry", &chosen).await,
            Self::Requeue(chosen) => again(session, "job.requeue", &chosen).await,
            Self::Done(chosen) => {
                session.show("job.done", &chosen.request(), |done| changed(done, "taken for done")).await
            }
            Self::Cancel { chosen, run } => {
                let mut request = chosen.request();
                request["run"] = run.into();
                session.show("job.cancel", &request, |done| changed(done, "called off")).await
            }
            Self::CreateTest(create) => create_test(session, &create).await,
        }
    }
}

async fn create_test(session: &Session<'_>, create: &CreateTest) -> Done {
    let request = json!({
        "size": create.size, "failure_rate": create.failure_rate, "duration_ms": create.duration, "chain": create.chain,
        "channel": create.channel, "backend": create.backend, "priority": create.priority,
        "max_retries": create.max_retries,
    });
    let raw = session.ask("job.create_test", &request).await?;
    let made: CreatedTest = serde_json::from_str(&raw).map_err(|error| Error::Answer(error.to_string()))?;
    if session.is_in_process().await? {
        let standing = progress::follow(session, &(made.first..=made.last).collect::<Vec<_>>()).await?;
        return progress::conclude(session, &standing, progress::summary);
    }
    session.output.answer(&raw, |made: CreatedTest| {
        format!("{} test jobs are queued: {} to {}.", made.count, made.first, made.last)
    })
}

async fn again(session: &Session<'_>, operation: &str, chosen: &Chosen) -> Done {
    let raw = session.ask(operation, &chosen.request()).await?;
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

/// Jobs that are told one by one; of more than that, how many.
const TOLD: usize = 20;

fn changed(changed: Changed, what: &str) -> String {
    let count = changed.changed.len() as u64 + changed.more;
    let mut lines: Vec<String> = match changed.changed.len() {
        0 if changed.skipped.is_empty() => vec!["No job is like that.".to_owned()],
        0..=TOLD => changed.changed.iter().map(|id| format!("Job {id} is {what}.")).collect(),
        _ => vec![format!("{count} jobs are {what}.")],
    };
    if changed.unfit > 0 {
        lines.push(format!("{} jobs are left alone, since they are in a state that does not allow it.", changed.unfit));
    }
    lines.extend(changed.skipped.iter().map(|(id, why)| format!("Job {id} is left alone: {why}")));
    lines.join("\n")
}
