//! What became of each record that a run was offered. Nothing is written here, only counted.

use serde::{Deserialize, Serialize};

/// The account of a run, of a page, or of one record.
///
/// Of an export the two sides change places: the records offered are ours, and what was created or updated is theirs.
///
/// Invariant: `offered = created + updated + unchanged + skipped + quarantined + failed`. The counts below the line
/// say more about some of them and are no part of the sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// Records that the outside system offered.
    pub offered: i64,
    /// Records of ours that were made.
    pub created: i64,
    /// Records of ours that were changed, bound, archived or removed.
    pub updated: i64,
    /// Records that needed no change.
    pub unchanged: i64,
    /// Records that the connector, a policy or a race left out.
    pub skipped: i64,
    /// Records that are kept with their payload until somebody, or a retry, settles them; of an export: that wait for a person.
    pub quarantined: i64,
    /// Records that could not even be kept; of an export: that could not be sent, and stay due.
    pub failed: i64,
    /// Of updated and unchanged: records that existed here and were matched.
    pub matched: i64,
    /// Of quarantined: records held for review, since several of ours match.
    pub held: i64,
    /// Of updated and skipped: records that are gone there.
    pub gone: i64,
    /// Of skipped: records that changed here while they were prepared, and were queued again.
    pub requeued: i64,
    /// Of skipped: records that came again on the same page.
    pub duplicates: i64,
    /// Lines written under their records.
    pub lines: i64,
    /// Records that were imported first because others depend on them.
    pub dependencies: i64,
    /// Pages read.
    pub pages: i64,
}

impl Account {
    /// Offered records that no other count explains. Anything but 0 is a defect of the host.
    pub fn unaccounted(&self) -> i64 {
        self.offered - (self.created + self.updated + self.unchanged + self.skipped + self.quarantined + self.failed)
    }

    /// Adds the account of a part.
    pub fn add(&mut self, part: &Self) {
        for (sum, more) in self.counts_mut().into_iter().zip(part.counts()) {
            *sum += more;
        }
    }

    /// All counts in a fixed order, as they are stored.
    pub fn counts(&self) -> [i64; 15] {
        let mut copy = *self;
        copy.counts_mut().map(|count| *count)
    }

    /// The account of stored counts.
    pub fn from_counts(counts: [i64; 15]) -> Self {
        let mut account = Self::default();
        for (own, stored) in account.counts_mut().into_iter().zip(counts) {
            *own = stored;
        }
        account
    }

    fn counts_mut(&mut self) -> [&mut i64; 15] {
        [
            &mut self.offered,
            &mut self.created,
            &mut self.updated,
            &mut self.unchanged,
            &mut self.skipped,
            &mut self.quarantined,
            &mut self.failed,
            &mut self.matched,
            &mut self.held,
            &mut self.gone,
            &mut self.requeued,
            &mut self.duplicates,
            &mut self.lines,
            &mut self.dependencies,
            &mut self.pages,
        ]
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} offered: {} created, {} updated, {} unchanged, {} skipped, {} quarantined, {} failed",
            self.offered, self.created, self.updated, self.unchanged, self.skipped, self.quarantined, self.failed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_accounted_for_or_the_difference_shows() {
        let mut run = Account { offered: 7, created: 1, updated: 2, ..Account::default() };
        assert_eq!(run.unaccounted(), 4);
        run.add(&Account { unchanged: 1, skipped: 1, quarantined: 1, failed: 1, pages: 3, ..Account::default() });
        assert_eq!(run.unaccounted(), 0);
        assert_eq!(Account::from_counts(run.counts()), run);
        assert_eq!(run.pages, 3);
    }
}
