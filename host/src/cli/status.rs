//! `bindery status`, `audit`, `explain` and `migrate`: the whole, rather than one noun.

use clap::Args;
use serde_json::json;

use super::{
    Application, Done,
    error::Error,
    output::{Output, pairs, table},
    session::Session,
};
use crate::{
    base::{Code, config::DataDir},
    operation::{
        audit::List,
        status::{Account, Backend, Kind, Run, Status},
    },
};

/// `bindery audit`.
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: i64,
    /// Only with a smaller id: the next page.
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
}

impl Audit {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        let request = json!({ "limit": self.limit, "before": self.before });
        session.show("status.audit", &request, audit).await
    }
}

fn audit(list: List) -> String {
    let rows = list
        .entries
        .into_iter()
        .map(|entry| {
            vec![
                entry.id.to_string(),
                entry.time.to_rfc3339(),
                entry.actor,
                entry.operation,
                entry.request.to_string(),
                entry.outcome,
            ]
        })
        .collect();
    table(&["id", "time", "who", "operation", "request", "outcome"], rows, "Nothing was changed yet.")
}

pub(super) async fn show(session: &Session<'_>) -> Done {
    session.show("status.show", &json!({}), status).await
}

fn status(status: Status) -> String {
    let counts = |map: &std::collections::BTreeMap<String, u64>| {
        map.iter()
            .filter(|(_, count)| **count > 0)
            .map(|(name, count)| format!("{count} {name}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let head = pairs(&[
        ("version", status.version),
        ("data", status.data),
        (
            "host",
            match status.serving {
                true => format!("running as process {} since {}", status.process, status.started.to_rfc3339()),
                false => "not running".to_owned(),
            },
        ),
        ("database", database(status.database_bytes, status.free_bytes)),
        ("plugins", counts(&status.plugins)),
        ("jobs", counts(&status.jobs)),
        ("review", if status.review == 0 { String::new() } else { format!("{} wait for a person", status.review) }),
    ]);
    let backends = status
        .backends
        .iter()
        .map(|backend| {
            vec![
                backend.name.clone(),
                if backend.enabled { "yes" } else { "no" }.to_owned(),
                backend.connection.clone(),
                counts(&backend.bindings),
                backend.trouble.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let backends =
        table(&["backend", "enabled", "connection", "bindings", "trouble"], backends, "There is no backend yet.");
    let kinds = kinds(&status.backends);
    let alarms = match status.alarms.is_empty() {
        true => "Nothing is wrong.".to_owned(),
        false => status
            .alarms
            .iter()
            .map(|alarm| format!("! {}\n  {}", alarm.message, alarm.cure))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    format!("{head}\n{backends}\n\n{kinds}{alarms}")
}

/// `29.7 MB, 4100 MB free`.
fn database(bytes: u64, free: Option<u64>) -> String {
    let used = format!("{:.1} MB", bytes as f64 / 1e6);
    match free {
        Some(free) => format!("{used}, {} MB free", free / 1_000_000),
        None => used,
    }
}

/// How the sync of each kind stands; nothing where none was synced yet.
fn kinds(backends: &[Backend]) -> String {
    let rows: Vec<Vec<String>> =
        backends.iter().flat_map(|backend| backend.kinds.iter().flat_map(|kind| rows(&backend.name, kind))).collect();
    if rows.is_empty() {
        return String::new();
    }
    let header =
        ["backend", "kind", "last run", "account", "cursor", "moved", "due", "failed", "given up", "review", ""];
    format!("{}\n\n", table(&header, rows, ""))
}

/// A row for the kind with its last import, and one for its last export.
fn rows(backend: &str, kind: &Kind) -> Vec<Vec<String>> {
    let count = |count: u64| if count == 0 { String::new() } else { count.to_string() };
    let run = |run: Option<&Run>, way: &str| {
        let began = run.map(|run| format!("{way}{} {}", run.state, run.started.to_rfc3339()));
        [began.unwrap_or_default(), run.map(|run| account(&run.account)).unwrap_or_default()]
    };
    let mut row = vec![backend.to_owned(), kind.kind.clone()];
    row.extend(run(kind.last_run.as_ref(), ""));
    row.extend([
        kind.cursor.clone().unwrap_or_default(),
        kind.cursor_age.map(age).unwrap_or_default(),
        due(kind),
        count(kind.failed),
        count(kind.given_up),
        count(kind.reviews),
        if kind.stalled { "stalled" } else { "" }.to_owned(),
    ]);
    let mut rows = vec![row];
    if kind.last_export.is_some() {
        let mut row = vec![String::new(); 2];
        row.extend(run(kind.last_export.as_ref(), "export "));
        row.resize(rows[0].len(), String::new());
        rows.push(row);
    }
    rows
}

/// What became of the records, without what did not happen.
pub(super) fn account(account: &Account) -> String {
    let parts = [
        (account.created, "created"),
        (account.updated, "updated"),
        (account.unchanged, "unchanged"),
        (account.skipped, "skipped"),
        (account.quarantined, "quarantined"),
        (account.failed, "failed"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    match parts.is_empty() {
        true => "nothing offered".to_owned(),
        false => format!("{} offered: {}", account.offered, parts.join(", ")),
    }
}

/// `12, first 3 min ago`.
fn due(kind: &Kind) -> String {
    match (kind.due, kind.due_age) {
        (0, _) => String::new(),
        (count, None) => count.to_string(),
        (count, Some(seconds)) => format!("{count}, first {}", age(seconds)),
    }
}

/// `3 min ago`.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => "just now".to_owned(),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// What a code means, or all of them.
pub(super) fn explain(application: &dyn Application, output: &Output, name: Option<&str>) -> Done {
    let codes = application.codes();
    let Some(name) = name else {
        let raw = serde_json::to_string(&codes).map_err(|error| Error::Answer(error.to_string()))?;
        let rows = || codes.iter().map(|code| vec![code.name.to_owned(), code.cause.to_owned()]).collect();
        return output.answer(&raw, |_: serde_json::Value| table(&["code", "cause"], rows(), ""));
    };
    let Some(code) = codes.iter().find(|code| code.name == name.trim_matches(['[', ']'])) else {
        let nearest = crate::base::name::nearest(name, codes.iter().map(|code| code.name));
        return Err(Error::UnknownCode(name.to_owned(), nearest).into());
    };
    let raw = serde_json::to_string(code).map_err(|error| Error::Answer(error.to_string()))?;
    output.answer(&raw, |_: serde_json::Value| explained(code))
}

fn explained(code: &Code) -> String {
    pairs(&[
        ("code", code.name.to_owned()),
        ("cause", code.cause.to_owned()),
        ("cure", code.cure.to_owned()),
        ("retry", super::reference::retry(code.retry).to_owned()),
    ])
}

/// `bindery migrate`.
pub(super) async fn migrate(application: &dyn Application, output: &Output, data: DataDir) -> Done {
    let place = data.path().to_owned();
    let (from, to) = application.migrate(data).await?;
    let raw = json!({ "from": from, "to": to }).to_string();
    output.answer(&raw, |_: serde_json::Value| match from == to {
        true => format!("{} is at version {to} already.", place.display()),
        false => format!("{} went from version {from} to {to}.", place.display()),
    })
}
