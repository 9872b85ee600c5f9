//! A plan: what a page (or one record) comes to, before anything is written. The same plan is applied, or only shown.

use std::{collections::HashSet, sync::Arc};

use serde_json::{Map, Value as Json};

use super::{
    Account, digest::Hash, export::outcome::Sent, merge::Clash, page::Page, problem::Problem, session::Asked,
    target::Target,
};
use crate::{
    base::Timestamp,
    record::{Binding, Catalogue, Kind, Symbolic, Values},
};

/// What a page comes to.
pub struct Plan {
    /// What is imported.
    pub target: Target,
    /// The page: payloads of what may have to be kept.
    pub page: Arc<Page>,
    /// When it was asked for: whatever was synced after this is newer than the page.
    pub fetched_at: Timestamp,
    /// What is to be done, in the order of writing.
    pub actions: Vec<Action>,
    /// What needs no write, counted.
    pub settled: Account,
    /// What plugins have asked to be written while the plan was made: committed before the rest.
    pub asked: Vec<Asked>,
    /// How many of them come first that the page as a whole asked for; the others were asked for by its items.
    pub asked_by_page: usize,
}

/// What is to be done with one item.
#[derive(Debug, Clone)]
pub struct Action {
    /// The item, by its place on the page; absent for what a sweep found missing.
    pub item: Option<usize>,
    /// External id.
    pub id: String,
    /// The binding as the plan saw it.
    pub seen: Option<Seen>,
    /// What.
    pub what: What,
}

/// A binding as a plan saw it; `apply` compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The binding.
    pub id: i64,
    /// Our record.
    pub record: Option<i64>,
    /// The record's version.
    pub version: Option<i64>,
    /// The version up to which both sides were in step.
    pub in_step: Option<i64>,
    /// Digest of the body that was sent last, where nothing came in since.
    pub sent: Option<Hash>,
    /// Failed attempts so far.
    pub retry_count: i64,
    /// Attempts allowed.
    pub max_retries: i64,
}

impl From<&Binding> for Seen {
    fn from(binding: &Binding) -> Self {
        Self {
            id: binding.id,
            record: binding.record,
            version: binding.current_version,
            in_step: binding.record_version,
            sent: binding.export_hash,
            retry_count: binding.retry_count,
            max_retries: binding.max_retries,
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum What {
    /// Make or change our record.
    Write(Box<Write>),
    /// The connector leaves it out.
    Skip {
        /// Why.
        reason: String,
    },
    /// It is kept with its payload.
    Quarantine(Problem),
    /// Several of ours match.
    Hold {
        /// Field and value that they have in common.
        reason: String,
        /// Their ids.
        candidates: Vec<i64>,
    },
    /// Both sides changed the same fields: a person decides.
    Conflict(Vec<Clash>),
    /// It is gone there.
    Gone,
    /// A create of ours that is under way may have made it: a job of its own looks again in a moment.
    Wait,
    /// An export of ours came to its end.
    Sent(Box<Sent>),
    /// It changed here, or was synced, after the page was asked for: a job of its own does it anew.
    Requeue,
}

/// A record to be made or changed.
#[derive(Debug, Clone, Default)]
pub struct Write {
    /// Ours; absent: it is made.
    pub record: Option<i64>,
    /// It was found by matching.
    pub matched: bool,
    /// What is set.
    pub values: Values,
    /// All of theirs, as both sides will have it; absent where that is not kept.
    pub agreed: Option<Map<String, Json>>,
    /// Fields in which ours stands, and is still to be sent.
    pub kept: Vec<String>,
    /// Extra fields of the binding.
    pub extra: Option<Values>,
    /// Digests for the next `changed_by`.
    pub digests: Option<String>,
    /// Lines under kinds of their own.
    pub children: Vec<Children>,
    /// Where both sides changed a line, ours stands.
    pub keeps_lines: bool,
    /// References in values or lines that were not known when the plan was made.
    pub open: HashSet<Symbolic>,
    /// A look-up found nothing: the next sync maps again.
    pub unresolved: bool,
    /// Which of the plan's asked writes make what its values name by temporary ids.
    pub asked: Option<usize>,
}

/// The lines of one field.
#[derive(Debug, Clone)]
pub struct Children {
    /// The field of the parent, by index.
    pub field: usize,
    /// The field of the line that refers to the parent, by index.
    pub inverse: usize,
    /// The kind of the lines.
    pub kind: Arc<Kind>,
    /// The lines, in order.
    pub lines: Vec<Line>,
}

/// One line.
#[derive(Debug, Clone)]
pub struct Line {
    /// External id.
    pub id: String,
    /// What is set, without the parent.
    pub values: Values,
    /// What is set besides, where the line is made.
    pub create_values: Values,
    /// Extra fields of its binding.
    pub extra: Option<Values>,
    /// Lines of the line.
    pub children: Vec<Children>,
}

impl Plan {
    /// A plan without anything to do.
    pub fn new(target: Target, page: Arc<Page>, fetched_at: Timestamp) -> Self {
        Self {
            target,
            page,
            fetched_at,
            actions: Vec::new(),
            settled: Account::default(),
            asked: Vec::new(),
            asked_by_page: 0,
        }
    }

    /// Takes what was asked for while items were mapped; answers which part of it the mapped values may name.
    pub fn ask(&mut self, asked: Option<Asked>, besides: Vec<Asked>) -> Option<usize> {
        self.asked.extend(besides);
        let at = asked.is_some().then_some(self.asked.len());
        self.asked.extend(asked);
        at
    }

    /// Whether there is nothing to be written.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.page.nameless.is_empty() && self.asked.is_empty()
    }

    /// The catalogue that the plan was made with.
    pub fn catalogue(&self) -> &Catalogue {
        &self.target.catalogue
    }

    /// The payload of an action, where there is one.
    pub fn payload(&self, action: &Action) -> &str {
        action.item.map_or("null", |item| self.page.text(&self.page.items[item]))
    }

    /// The outside system's date of the last change of an action's item.
    pub fn updated(&self, action: &Action) -> Option<&str> {
        action.item.and_then(|item| self.page.items[item].updated.as_deref())
    }
}
