//! Pages on which nothing changed. They are not committed one by one: what they come to is added to the next page of
//! the run that is. A run that ends in between reads them again, which changes nothing.

use super::{Account, apply::RunStep, plan::Plan};

/// Most pages that wait.
const MOST: usize = 16;

/// Pages of a run that wait for the next one.
#[derive(Debug, Default)]
pub struct Quiet {
    pages: usize,
    account: Account,
    ids: Vec<u64>,
}

impl Quiet {
    /// Takes a page that has nothing to write and is not the last; answers whether it was taken.
    pub fn take(&mut self, plan: &Plan, step: &RunStep) -> bool {
        let writes = !(plan.actions.is_empty() && plan.asked.is_empty() && plan.page.nameless.is_empty());
        if writes || step.end.is_some() || step.next.is_none() || step.dependencies > 0 || self.pages >= MOST {
            return false;
        }
        self.pages += 1;
        self.account.add(&plan.settled);
        self.ids.extend(step.ids.iter().flatten());
        true
    }

    /// Adds what waits to a page that is committed.
    pub fn join(&mut self, plan: &mut Plan, step: &mut RunStep) {
        let Self { account, ids, .. } = std::mem::take(self);
        plan.settled.add(&account);
        if !ids.is_empty() {
            step.ids.get_or_insert_default().splice(0..0, ids);
        }
    }
}
