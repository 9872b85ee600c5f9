//! How a plan is shown: counts of each kind, then what would happen to each record, ours beside theirs.

use serde_json::Value;

use super::output::{table, value};
use crate::operation::sync::{Direction, Plan, Planned, Standing};

/// Fields of a new record that are shown.
const FIELDS_OF_NEW: usize = 3;
/// Characters of a value that are shown.
const WIDTH: usize = 48;

/// All plans of a sync or an export, which `bindery COMMAND` carries out.
pub(super) fn shown(standing: &Standing, command: &str) -> String {
    let plans = standing.plans();
    if plans.is_empty() {
        return "There is nothing to sync.".to_owned();
    }
    let mut parts: Vec<String> = plans.iter().map(one).collect();
    let is_idle = plans.iter().all(|plan| plan.records.is_empty());
    parts.push(match is_idle {
        true => "Nothing would change.".to_owned(),
        false => format!("Nothing was written. `bindery {command}` does it."),
    });
    parts.join("\n\n")
}

fn one(plan: &Plan) -> String {
    let (way, first) = match plan.direction {
        Direction::Import => ("", "imported first"),
        Direction::Export => (" to be sent", "sent first"),
    };
    let mut text = format!("{}{way}: {}", plan.kind, counts(plan));
    if !plan.dependencies.is_empty() {
        text.push_str(&format!("\n{first}: {}", plan.dependencies.join(", ")));
    }
    let rows: Vec<Vec<String>> = plan.records.iter().flat_map(rows).collect();
    if !rows.is_empty() {
        let header = ["action", "external id", "record", "field", "ours", "theirs"];
        text.push_str(&format!("\n\n{}", table(&header, rows, "")));
    }
    if plan.truncated {
        text.push_str("\n… and more; the counts above are of all of them");
    }
    text
}

/// What did not happen is left out; what was matched stands apart from what is made.
fn counts(plan: &Plan) -> String {
    let account = &plan.account;
    let parts = [
        (account.created, "to create"),
        (account.updated - account.matched - account.gone, "to update"),
        (account.matched, "matched with one of ours"),
        (account.gone, "gone there"),
        (account.unchanged, "unchanged"),
        (account.skipped, "left out"),
        (account.held, "to be decided by a person"),
        (account.quarantined - account.held, "can't be taken"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    match parts.is_empty() {
        true => "nothing offered".to_owned(),
        false => format!("{} offered: {}", account.offered, parts.join(", ")),
    }
}

fn rows(planned: &Planned) -> Vec<Vec<String>> {
    let is_new = planned.action == "create";
    let shown = if is_new { FIELDS_OF_NEW.min(planned.fields.len()) } else { planned.fields.len() };
    let mut cells: Vec<[String; 3]> = planned.fields[..shown]
        .iter()
        .map(|(field, ours, theirs)| [field.clone(), short(ours), short(theirs)])
        .collect();
    if planned.fields.len() > shown {
        let more = format!("and {} fields more", planned.fields.len() - shown);
        cells.push([String::new(), String::new(), more]);
    }
    if let Some(reason) = &planned.reason {
        cells.push([String::new(), String::new(), reason.clone()]);
    }
    if cells.is_empty() {
        cells.push(Default::default());
    }
    let record = planned.record.map(|record| record.to_string()).unwrap_or_default();
    let mut head = [planned.action.clone(), planned.id.clone(), record];
    cells
        .into_iter()
        .map(|[field, ours, theirs]| {
            let [action, id, record] = std::mem::take(&mut head);
            vec![action, id, record, field, ours, theirs]
        })
        .collect()
}

/// A value in one line that is not too long.
fn short(of: &Value) -> String {
    let text = value(of).replace(['\n', '\r'], " ");
    match text.char_indices().nth(WIDTH) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
