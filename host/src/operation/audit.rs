//! The audit log: who changed what, and what came of it. Append-only; it never holds a secret or a setting's value.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Caller, Host};
use crate::{
    base::{Fault, Timestamp},
    storage::{
        Durability,
        audit::{self, Row},
    },
};

/// Asks for the newest lines.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// At most so many; absent: 50.
    pub limit: Option<i64>,
    /// Only with a smaller id: the next page.
    pub before: Option<i64>,
}

/// Lines of the log.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// Newest first.
    pub entries: Vec<Entry>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id.
    pub id: i64,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: String,
    /// Asked for what.
    pub operation: String,
    /// With what, secrets masked.
    pub request: Value,
    /// `done`, or the code of the fault.
    pub outcome: String,
}

/// Parts of a request that may hold secrets: only the names in them are kept. A setting counts, since a person may
/// give a secret as one by mistake.
const MASKED: [&str; 3] = ["secrets", "settings", "texts"];
/// Bytes of a request that are kept.
const REQUEST_LIMIT: usize = 4_096;

/// Writes down what was asked and what came of it. A log that can't be written is told, and never undoes what was done.
pub(super) async fn note(host: &Host, caller: &Caller, operation: &str, input: &str, fault: Option<&Fault>) {
    let row = Row {
        id: 0,
        at: host.clock.now(),
        actor: caller.actor.clone(),
        operation: operation.to_owned(),
        request: masked(input),
        outcome: fault.map_or("done", |fault| fault.code.name).to_owned(),
    };
    tracing::info!(actor = row.actor, operation, outcome = row.outcome, "operation");
    if let Err(error) = host.store.write(Durability::Durable, move |tx| audit::add(tx, &row)).await {
        tracing::error!(%error, operation, "the audit log can't be written");
    }
}

fn masked(input: &str) -> String {
    let mut request: Value = serde_json::from_str(input).unwrap_or_default();
    for part in MASKED {
        if let Some(Value::Object(values)) = request.get_mut(part) {
            values.values_mut().for_each(|value| *value = Value::from("***"));
        }
    }
    let text = request.to_string();
    match text.len() > REQUEST_LIMIT {
        true => json!({ "bytes": text.len() }).to_string(),
        false => text,
    }
}

pub(super) async fn list(host: &Host, _: &Caller, request: Search) -> Result<List, Fault> {
    let (before, limit) = (request.before.unwrap_or(i64::MAX), request.limit.unwrap_or(50));
    let rows = host.store.read(move |tx| audit::page(tx, before, limit)).await?;
    let entry = |row: Row| Entry {
        id: row.id,
        time: row.at,
        actor: row.actor,
        operation: row.operation,
        request: serde_json::from_str(&row.request).unwrap_or_default(),
        outcome: row.outcome,
    };
    Ok(List { entries: rows.into_iter().map(entry).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_settings_and_secrets_are_not_kept() {
        let kept = masked(r#"{"name": "shop", "texts": {"url": "hunter1"}, "secrets": {"key": "hunter2"}}"#);
        assert!(kept.contains("shop") && kept.contains("\"key\"") && !kept.contains("hunter"), "{kept}");
        assert_eq!(masked("no JSON"), "null");
    }
}
