//! What programs do in the import benchmark, and what such a program is.

use super::{api::Api, sample::Sample};

/// What is done to the same products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// Into an empty database.
    Full,
    /// All fetched again, nothing is different.
    Unchanged,
    /// All fetched again, one in a hundred is different.
    Changed,
    /// Only what changed since is asked for, and nothing did.
    UnchangedByDate,
    /// Only what changed since is asked for: one in a hundred.
    ChangedByDate,
}

impl Op {
    /// In the order of a round.
    pub(crate) const ALL: [Self; 5] =
        [Self::Full, Self::Unchanged, Self::UnchangedByDate, Self::Changed, Self::ChangedByDate];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full import",
            Self::Unchanged => "nothing changed",
            Self::Changed => "1 % changed",
            Self::UnchangedByDate => "nothing changed, by date",
            Self::ChangedByDate => "1 % changed, by date",
        }
    }

    /// Whether every record is looked at, so that records in a second mean something.
    pub(crate) fn looks_at_all(self) -> bool {
        !matches!(self, Self::UnchangedByDate | Self::ChangedByDate)
    }
}

/// A program that keeps a database of its own in step with the product API.
pub(crate) trait Contender {
    /// As tables call it.
    fn name(&self) -> &str;
    /// Does one op. `None`: it has no such op, or it would not be comparable. What it did wrong is an error: a fast
    /// program that leaves records out must not win.
    fn run(&mut self, op: Op, api: &Api) -> Result<Option<Sample>, String>;
}
