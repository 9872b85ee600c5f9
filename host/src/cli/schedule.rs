//! `bindery schedule`: what is done by itself, and when.

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
    model::schedule::{Last, Outcome},
    operation::{
        schedule::{List, Shown},
        sync::Queued,
    },
};

/// What can be done with schedules.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What can be done by itself, and when it is. Everything is off until it is set.
    List {
        /// Only of this backend.
        backend: Option<String>,
        /// Only what is set.
        #[arg(long)]
        set: bool,
    },
    /// Set when something is done. What is left out stays as it is.
    Set(Set),
    /// Do it now, besides its times. Without a running host, it is followed to its end.
    Run {
        /// Its name, as `schedule list` shows it: `shop.sync_orders`.
        name: String,
        /// Follow the job to its end.
        #[arg(long)]
        wait: bool,
    },
    /// Let its times pass until it is resumed.
    Pause {
        /// Its name.
        name: String,
    },
    /// Go on with the next time. What passed meanwhile is not made up for.
    Resume {
        /// Its name.
        name: String,
    },
    /// Turn it off and forget its times.
    Remove {
        /// Its name.
        name: String,
    },
}

/// `bindery schedule set`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                        bindery schedule set shop.sync_orders --cron '*/15 * * * *' --jitter 60\n  \
                        bindery schedule set shop.sync_all --cron '30 2 * * *' --zone Europe/Berlin\n  \
                        bindery schedule set check --cron '0 4 * * 0' --missed skip\n\n\
                        Fields: minute, hour, day of the month, month, day of the week (0 or 7: Sunday). Where clocks \
                        go forward, a time that is skipped comes right after the gap; where they go back, it comes once.")]
pub(super) struct Set {
    /// Its name, as `schedule list` shows it: `shop.sync_orders`.
    name: String,
    /// When: minute, hour, day of the month, month, day of the week.
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<String>,
    /// The time zone that the expression is meant in; at first UTC.
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Put each time off by up to so many seconds, so that not everything begins at once; at first 0.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..=86_400))]
    jitter: Option<i64>,
    /// What becomes of a time that comes while an earlier job has not ended; at first `skip`.
    #[arg(long)]
    overlap: Option<Overlap>,
    /// What becomes of times that passed while no host ran; at first `run_once`.
    #[arg(long)]
    missed: Option<Missed>,
    /// Priority of its jobs, 0 first; at first 10.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    priority: Option<i64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Overlap {
    /// It is left out.
    Skip,
    /// One waits, never more.
    QueueOne,
    /// Each time has its job.
    Allow,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Missed {
    /// One job makes up for all of them.
    RunOnce,
    /// They are left out.
    Skip,
}

fn word<T: ValueEnum>(value: Option<T>) -> Option<String> {
    value.and_then(|value| value.to_possible_value()).map(|word| word.get_name().to_owned())
}

impl Command {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        match self {
            Self::List { backend, set } => {
                session.show("schedule.list", &json!({ "backend": backend, "set": set }), list).await
            }
            Self::Set(set) => {
                let request = json!({
                    "name": set.name, "cron": set.cron, "zone": set.zone, "jitter": set.jitter,
                    "overlap": word(set.overlap), "missed": word(set.missed), "priority": set.priority,
                });
                session.show("schedule.set", &request, show).await
            }
            Self::Run { name, wait } => run(session, name, wait).await,
            Self::Pause { name } => session.show("schedule.pause", &json!({ "name": name }), show).await,
            Self::Resume { name } => session.show("schedule.resume", &json!({ "name": name }), show).await,
            Self::Remove { name } => session.show("schedule.remove", &json!({ "name": name }), show).await,
        }
    }
}

async fn run(session: &Session<'_>, name: String, wait: bool) -> Done {
    let raw = session.ask("schedule.run", &json!({ "name": name })).await?;
    let queued: Queued = serde_json::from_str(&raw).map_err(|error| Error::Answer(error.to_string()))?;
    if wait || session.is_in_process().await? {
        let standing = progress::follow(session, &[queued.id]).await?;
        return progress::conclude(session, &standing, progress::summary);
    }
    session.output.answer(&raw, |queued: Queued| match queued.deduplicated {
        true => format!("Job {} was under way already: {}", queued.id, queued.description),
        false => format!("Job {} is queued: {}", queued.id, queued.description),
    })
}

fn list(list: List) -> String {
    let rows = list.schedules.into_iter().map(|one| {
        let times = one.times.as_ref();
        vec![
            one.name,
            one.state,
            maybe(times.map(|times| times.cron.clone())),
            maybe(times.map(|times| times.zone.clone())),
            maybe(one.next.map(Timestamp::to_rfc3339)),
            maybe(one.last.as_ref().map(last)),
            one.description,
        ]
    });
    table(
        &["name", "state", "cron", "zone", "next", "last", "what it does"],
        rows.collect(),
        "Nothing is set. `bindery schedule list` shows what can be.",
    )
}

fn last(last: &Last) -> String {
    let outcome = match last.outcome {
        Outcome::Queued => "queued",
        Outcome::Overlapped => "overlapped",
        Outcome::Missed => "missed",
    };
    let job = last.job.map(|job| format!(", job {job}")).unwrap_or_default();
    format!("{} {outcome}{job}", last.at.to_rfc3339())
}

fn show(one: Shown) -> String {
    let times = one.times.as_ref();
    let policy = |value: Option<serde_json::Value>| {
        value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    pairs(&[
        ("name", one.name),
        ("state", one.state),
        ("what it does", one.description),
        ("when", one.words.unwrap_or_default()),
        ("cron", maybe(times.map(|times| times.cron.clone()))),
        ("zone", maybe(times.map(|times| times.zone.clone()))),
        ("jitter", maybe(times.map(|times| format!("{} s", times.jitter)))),
        ("overlap", policy(times.map(|times| json!(times.overlap)))),
        ("missed", policy(times.map(|times| json!(times.missed)))),
        ("next", maybe(one.next.map(Timestamp::to_rfc3339))),
        ("last", maybe(one.last.as_ref().map(last))),
    ])
}
