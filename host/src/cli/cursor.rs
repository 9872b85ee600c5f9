//! `bindery cursor`: from where syncs go on.

use clap::Subcommand;
use serde_json::json;

use super::{
    Done,
    output::{maybe, table},
    session::Session,
};
use crate::{
    base::Timestamp,
    operation::cursor::{List, Moves},
};

/// What can be done with cursors.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// A backend's cursors.
    Show {
        /// The backend.
        backend: String,
        /// Only of this kind.
        kind: Option<String>,
    },
    /// Let the next sync of a kind go on from a value. A run that is under way ends as "cursor changed".
    Set {
        /// The backend.
        backend: String,
        /// The kind.
        kind: String,
        /// A time (`2026-11-24T00:00:00Z`), or what the connector uses.
        value: String,
    },
    /// Let the next sync start from the beginning. What did not change there is skipped all the same.
    Reset {
        /// The backend.
        backend: String,
        /// Only of this kind.
        kind: Option<String>,
    },
    /// Where a cursor was, newest first.
    History {
        /// The backend.
        backend: String,
        /// The kind.
        kind: String,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
}

impl Command {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        match self {
            Self::Show { backend, kind } => {
                session.show("cursor.show", &json!({ "backend": backend, "kind": kind }), list).await
            }
            Self::Set { backend, kind, value } => {
                let request = json!({ "backend": backend, "kind": kind, "value": value });
                session.show("cursor.set", &request, list).await
            }
            Self::Reset { backend, kind } => {
                session.show("cursor.reset", &json!({ "backend": backend, "kind": kind }), list).await
            }
            Self::History { backend, kind, limit } => {
                let request = json!({ "backend": backend, "kind": kind, "limit": limit });
                session.show("cursor.history", &request, history).await
            }
        }
    }
}

fn list(list: List) -> String {
    let rows = list
        .cursors
        .into_iter()
        .map(|cursor| {
            vec![
                cursor.backend,
                cursor.kind,
                cursor.value.unwrap_or_else(|| "(from the start)".to_owned()),
                maybe(cursor.moved.map(Timestamp::to_rfc3339)),
                cursor.by,
            ]
        })
        .collect();
    table(&["backend", "kind", "value", "moved", "by"], rows, "Nothing was synced yet.")
}

fn history(moves: Moves) -> String {
    let rows = moves
        .moves
        .into_iter()
        .map(|step| vec![step.time.to_rfc3339(), step.value.unwrap_or_else(|| "(from the start)".to_owned()), step.by])
        .collect();
    table(&["time", "value", "by"], rows, "It was never moved.")
}
