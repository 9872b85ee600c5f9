//! `bindery verify`: compare a backend's bindings with the outside system.

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use super::{Done, output::table, progress, session::Session};
use crate::operation::{
    sync::{Standing, Started},
    verify::Comparison,
};

/// External ids that are listed of each difference.
const LISTED: usize = 20;

/// `bindery verify`.
#[derive(Debug, Args)]
#[command(after_help = "Without --repair, nothing is written on either side: it is the plan of a repair.\n\n\
                        Examples:\n  \
                        bindery verify shop\n  \
                        bindery verify shop --kind demo.product --repair\n  \
                        bindery verify shop --repair=theirs\n  \
                        bindery verify shop --kind demo.product --repair=ours")]
pub(super) struct Verify {
    /// The backend.
    backend: String,
    /// Only this kind.
    #[arg(long)]
    kind: Option<String>,
    /// Mend what differs. `both` (or nothing): what changed there comes here, what changed here goes there, and the
    /// conflict policy decides about the rest. `theirs`: all of theirs is brought here as it is. `ours`: all of ours is
    /// sent there as it is.
    #[arg(long, value_name = "SIDE", num_args = 0..=1, require_equals = true, default_missing_value = "both")]
    repair: Option<Side>,
}

/// Whose state is brought to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum Side {
    Both,
    Theirs,
    Ours,
}

impl Verify {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        let request = json!({ "backend": self.backend, "kind": self.kind, "repair": self.repair });
        let started: Started = session.get("verify.start", &request).await?;
        let standing = progress::follow(session, &started.ids()).await?;
        progress::conclude(session, &standing, |standing| self.shown(standing))
    }

    fn shown(&self, standing: &Standing) -> String {
        let kinds = standing.comparisons();
        if kinds.is_empty() {
            return "Nothing was compared.".to_owned();
        }
        let header = ["kind", "there", "here", "missing", "changed", "edited here", "gone", "dangling", "not there"];
        let mut parts = vec![table(&header, kinds.iter().map(row).collect(), "")];
        parts.extend(kinds.iter().filter_map(details));
        parts.push(self.next(&kinds));
        parts.join("\n\n")
    }

    /// What to press next.
    fn next(&self, kinds: &[Comparison]) -> String {
        let differing: Vec<&Comparison> = kinds
            .iter()
            .filter(|kind| !kind.unsent.is_empty() || differences(kind).any(|(_, ids)| !ids.is_empty()))
            .collect();
        let Some(first) = differing.first() else {
            return "What is there is here, and the same.".to_owned();
        };
        let backend = &self.backend;
        if self.repair.is_some() {
            let repaired: u64 = kinds.iter().map(|kind| kind.repaired).sum();
            let left: usize = kinds.iter().map(|kind| kind.unrepaired.len()).sum();
            return match left {
                0 => format!("{repaired} records are mended."),
                left => format!(
                    "{repaired} records are mended, {left} are not: \
                     `bindery binding list --backend {backend} --status failed` shows those that are kept."
                ),
            };
        }
        let kind = self.kind.as_ref().map(|kind| format!(" --kind {kind}")).unwrap_or_default();
        let mut text = format!("{} of {} kinds differ.\n", differing.len(), kinds.len());
        text.push_str(&format!("  bindery verify {backend}{kind} --repair\n"));
        text.push_str("    brings both sides together: changes there come here, changes here go there\n");
        text.push_str(&format!("  bindery verify {backend}{kind} --repair=theirs\n"));
        text.push_str("    imports what is missing or differs, and treats what is gone as `remote_deletion` says\n");
        text.push_str(&format!("  bindery verify {backend}{kind} --repair=ours\n"));
        text.push_str("    sends what differs as it is here, and what is not there");
        let one = [&first.missing, &first.changed, &first.edited].into_iter().flatten().next();
        if let Some(id) = one {
            text.push_str(&format!("\n  bindery sync {backend} --kind {} --id {id} --force\n", first.kind));
            text.push_str("    imports one of them");
        }
        text
    }
}

fn row(kind: &Comparison) -> Vec<String> {
    let mut row = vec![kind.kind.clone(), kind.listed.to_string(), kind.bound.to_string()];
    row.extend(differences(kind).map(|(_, ids)| ids.len().to_string()));
    row.push(kind.unsent.len().to_string());
    row
}

fn differences(kind: &Comparison) -> impl Iterator<Item = (&'static str, &Vec<String>)> {
    [
        ("not here", &kind.missing),
        ("changed there since the last import", &kind.changed),
        ("edited here since the last import", &kind.edited),
        ("bound here, not listed there any more", &kind.gone),
        ("bound to no record, and waiting for nothing", &kind.dangling),
    ]
    .into_iter()
}

/// The external ids of what differs; nothing where nothing does.
fn details(kind: &Comparison) -> Option<String> {
    let mut lines: Vec<String> = differences(kind)
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(what, ids)| format!("  {what}: {}", listed(ids)))
        .collect();
    if !kind.unsent.is_empty() {
        let records: Vec<String> = kind.unsent.iter().map(i64::to_string).collect();
        lines.push(format!("  records of ours that are not there: {}", listed(&records)));
    }
    lines.extend(kind.unrepaired.iter().take(LISTED).map(|(id, why)| format!("  {id} is not mended: {why}")));
    (!lines.is_empty()).then(|| format!("{}\n{}", kind.kind, lines.join("\n")))
}

fn listed(ids: &[String]) -> String {
    let shown = ids.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match ids.len().checked_sub(LISTED) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
