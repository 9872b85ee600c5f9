//! `bindery top`: what the host does now, drawn again and again.

use std::{
    io::{IsTerminal, Write as _},
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Done,
    error::Error,
    job::{far, state},
    output::table,
    session::Session,
};
use crate::operation::{
    channel::{self, Channel},
    job::{Job, List},
    status::Status,
};

/// Jobs that are shown.
const JOBS: i64 = 20;
/// Goes to the first place of the screen and clears what is behind.
const HOME: &str = "\x1b[H\x1b[J";
/// A screen of its own, and back to the one before.
const SCREEN: (&str, &str) = ("\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l");

/// `bindery top`.
#[derive(Debug, Args)]
pub(super) struct Top {
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    interval: u64,
    /// Look once and end, as where the output is no terminal.
    #[arg(long)]
    once: bool,
}

/// What one look saw.
struct Look {
    at: Instant,
    status: Status,
    channels: Vec<Channel>,
    jobs: Vec<Job>,
}

impl Top {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        let first = look(session).await?;
        if session.output.json {
            let Look { status, channels, jobs, .. } = first;
            let seen = json!({ "status": status, "channels": channels, "jobs": jobs });
            session.output.print(&seen.to_string());
            return Ok(());
        }
        if self.once || !std::io::stdout().is_terminal() {
            session.output.print(&drawn(&first, None));
            return Ok(());
        }
        let _screen = Screen::open();
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
        let (mut last, mut before) = (first, None);
        loop {
            write(&format!("{HOME}{}\n\nCtrl-C ends it.\n", drawn(&last, before.as_ref())));
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(self.interval)) => {}
                _ = interrupt.recv() => return Ok(()),
            }
            before = Some(std::mem::replace(&mut last, look(session).await?));
        }
    }
}

async fn look(session: &Session<'_>) -> Result<Look, Box<crate::operation::wire::Problem>> {
    let status: Status = session.get("status.show", &json!({})).await?;
    let channels: channel::List = session.get("channel.list", &json!({})).await?;
    let jobs: List = session.get("job.list", &json!({ "state": "started", "limit": JOBS })).await?;
    Ok(Look { at: Instant::now(), status, channels: channels.channels, jobs: jobs.jobs })
}

/// A screen of its own for as long as it lives.
struct Screen;

impl Screen {
    fn open() -> Self {
        write(SCREEN.0);
        Self
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        write(SCREEN.1);
    }
}

fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    // A terminal that went away takes no more.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn drawn(look: &Look, before: Option<&Look>) -> String {
    let status = &look.status;
    let count = |state: &str| status.jobs.get(state).copied().unwrap_or_default();
    let serving = if status.serving { format!("process {}", status.process) } else { "no host runs".to_owned() };
    let mut parts = vec![format!(
        "bindery {} · {serving} · {} MB\njobs: {} running, {} pending, {} parked, {} waiting, {} failed{}",
        status.version,
        status.database_bytes >> 20,
        count("running"),
        count("pending"),
        count("parked"),
        count("waiting"),
        count("failed"),
        speed(look, before),
    )];
    let busy = look.channels.iter().filter(|one| is_busy(one)).map(|one| {
        let state = if one.channel.paused { "paused" } else { "" };
        vec![
            one.backend.clone().unwrap_or_else(|| one.channel.name.clone()),
            one.running.unwrap_or_default().to_string(),
            one.channel.capacity.map_or_else(|| "∞".to_owned(), |capacity| capacity.to_string()),
            one.ready.to_string(),
            one.held_by.map_or_else(|| state.to_owned(), |job| format!("held up by job {job}")),
        ]
    });
    parts.push(table(&["channel", "running", "of", "ready", "state"], busy.collect(), "Every channel is empty."));
    let jobs = look.jobs.iter().map(|Job { job, backend_name }| {
        vec![
            job.id.to_string(),
            state(job.state, job.parked.as_deref()),
            backend_name.clone().unwrap_or_default(),
            job.description.clone(),
            far(&job.progress),
            job.progress.message.clone(),
        ]
    });
    parts.push(table(&["job", "state", "backend", "what", "progress", "doing"], jobs.collect(), "Nothing runs."));
    let alarms = status.alarms.iter().map(|alarm| format!("! {}\n  {}", alarm.message, alarm.cure));
    parts.extend(alarms);
    parts.join("\n\n")
}

fn is_busy(one: &Channel) -> bool {
    one.ready > 0 || one.running.is_some_and(|count| count > 0) || one.channel.paused || one.held_by.is_some()
}

/// Jobs that came to their end since the look before.
fn speed(look: &Look, before: Option<&Look>) -> String {
    let Some(before) = before else { return String::new() };
    let done = |status: &Status| status.jobs.get("done").copied().unwrap_or_default();
    let seconds = look.at.duration_since(before.at).as_secs_f64().max(0.001);
    let count = done(&look.status).saturating_sub(done(&before.status));
    format!(" · {:.1} done/s", count as f64 / seconds)
}
