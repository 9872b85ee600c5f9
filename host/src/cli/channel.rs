//! `bindery channel`: how many jobs run at once, how fast they start, whether they may.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Done, output::table, session::Session};
use crate::{
    model::job,
    operation::channel::{Channel, List},
};

/// What can be done with channels.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Channels, those above before those below.
    List,
    /// Change a channel, at once; one that is not there is made. What is left out stays as it is.
    Set(Set),
    /// Start nothing in a channel and in those below it, until it is resumed. What runs goes on.
    Pause {
        /// Its name, or that of a backend.
        name: String,
    },
    /// Let jobs start again.
    Resume {
        /// Its name, or that of a backend.
        name: String,
    },
}

/// `bindery channel set`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                        bindery channel set shop --capacity 2 --rate 5/s\n  \
                        bindery channel set root --capacity 16\n  \
                        bindery channel set root.invoices --sequential on --keep-done 7")]
pub(super) struct Set {
    /// Its name (`root.backend.3`), or that of a backend.
    name: String,
    /// Jobs at once, those of the channels below included; 0: none; `unlimited`: as many as the channel above allows.
    #[arg(long, value_name = "N")]
    capacity: Option<String>,
    /// Jobs that start within a time, evenly spread: `5/s`, `100/min`, `2000/h`; `0`: none; `unlimited`.
    #[arg(long, value_name = "RATE")]
    rate: Option<String>,
    /// One job at a time, in order: one that failed, is parked or waits for its next attempt holds up those behind it.
    #[arg(long, value_name = "on|off", value_parser = on_or_off)]
    sequential: Option<bool>,
    /// Days for which done and cancelled jobs are kept; `default`: as everywhere, 30.
    #[arg(long, value_name = "DAYS")]
    keep_done: Option<String>,
    /// Days for which failed jobs are kept; `default`: as everywhere, 180.
    #[arg(long, value_name = "DAYS")]
    keep_failed: Option<String>,
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("it is on or off".to_owned()),
    }
}

impl Command {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        let one = |channel: Channel| list(List { channels: vec![channel] });
        match self {
            Self::List => session.show("channel.list", &json!({}), list).await,
            Self::Set(set) => {
                let request = json!({
                    "name": set.name, "capacity": set.capacity, "rate": set.rate, "sequential": set.sequential,
                    "keep_done": set.keep_done, "keep_failed": set.keep_failed,
                });
                session.show("channel.set", &request, one).await
            }
            Self::Pause { name } => session.show("channel.set", &json!({ "name": name, "paused": true }), one).await,
            Self::Resume { name } => session.show("channel.set", &json!({ "name": name, "paused": false }), one).await,
        }
    }
}

fn list(list: List) -> String {
    let rows = list.channels.into_iter().map(|one| {
        vec![
            one.channel.name.clone(),
            one.backend.clone().unwrap_or_default(),
            one.channel.capacity.map_or_else(|| "unlimited".to_owned(), |capacity| capacity.to_string()),
            rate(one.channel.interval),
            one.ready.to_string(),
            one.running.map(|count| count.to_string()).unwrap_or_default(),
            state(&one),
        ]
    });
    table(&["channel", "backend", "capacity", "rate", "ready", "running", "state"], rows.collect(), "There is none.")
}

fn rate(interval: i64) -> String {
    match interval {
        0 => "unlimited".to_owned(),
        job::Channel::NEVER => "0".to_owned(),
        1..=1_000 => format!("{:.1}/s", 1_000.0 / interval as f64),
        _ => format!("{:.1}/min", 60_000.0 / interval as f64),
    }
}

fn state(one: &Channel) -> String {
    let mut words = Vec::new();
    if one.channel.paused {
        words.push("paused".to_owned());
    }
    if one.channel.sequential {
        words.push("sequential".to_owned());
    }
    if let Some(job) = one.held_by {
        words.push(format!("held up by job {job}"));
    }
    words.join(", ")
}
