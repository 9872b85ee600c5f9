//! Writes that a connector asks for while it maps items, and that are refused: which item they belong to. Items of a page
//! are mapped together and see what the ones before them have written, so that nothing tells them apart. The page is done
//! again item by item, each in a transaction of its own; the one whose writes are refused is kept with the reason.

use std::sync::Arc;

use bindery_contract::record::ItemHead;
use bytes::Bytes;

use super::{
    Account, Error,
    apply::{Abort, Applied, Circumstances},
    engine::Engine,
    guard::Chain,
    page::Page,
    plan::{Action, Plan, What},
    planner::{self, Options},
    problem::Problem,
    profile::Profile,
    session::Behalf,
};

impl Engine {
    /// Applies the plan of one item: what it has asked for and can't be written is its own problem.
    pub(super) async fn apply_one(&self, plan: Plan, at: Circumstances) -> Result<Applied, Error> {
        let plan = Arc::new(plan);
        match self.try_apply(plan.clone(), at.clone()).await {
            Ok(applied) => Ok(applied),
            Err(Abort::Plan(error)) => Err(error),
            Err(Abort::Asked(problem)) => self.apply(Arc::new(blamed(&plan, &problem)), at).await,
            Err(Abort::Record(_)) => self.apply(plan, Circumstances { careful: true, ..at }).await,
            Err(Abort::OutOfOrder) => Err(Error::Fenced),
        }
    }

    /// Applies the plan of a page item by item, then what the page as a whole comes to.
    pub(super) async fn apply_one_by_one(
        &self,
        plan: &Plan,
        at: Circumstances,
        force: bool,
        behalf: &Behalf,
    ) -> Result<Applied, Error> {
        let mut page = remainder(plan);
        let (mut done, mut problems) = (Account::default(), Vec::new());
        for action in &plan.actions {
            let again =
                matches!(action.what, What::Write(_) | What::Skip { .. } | What::Quarantine(_) | What::Hold { .. });
            match action.item.filter(|_| again) {
                None => page.actions.push(action.clone()),
                Some(item) => match self.alone(plan, item, force, behalf).await? {
                    Ok(alone) => {
                        done.add(&alone.account);
                        problems.extend(alone.problems);
                    }
                    Err(problem) => page.actions.push(Action { what: What::Quarantine(problem), ..action.clone() }),
                },
            }
        }
        // The page has offered them all already.
        done.offered = 0;
        page.settled.add(&done);
        let mut applied = self.apply(Arc::new(page), Circumstances { careful: true, ..at }).await?;
        applied.problems.extend(problems);
        Ok(applied)
    }

    /// Does one item of a page in a transaction of its own; answers why it is to be kept, where it is.
    async fn alone(
        &self,
        plan: &Plan,
        item: usize,
        force: bool,
        behalf: &Behalf,
    ) -> Result<Result<Applied, Problem>, Error> {
        let (target, item) = (&plan.target, &plan.page.items[item]);
        let text = Bytes::from(plan.page.text(item).to_owned());
        let length = text.len();
        let head = ItemHead { id: item.id.clone(), updated: item.updated.clone(), deleted: false };
        let page = Page::one(text, 0..length, head, &target.digest)?;
        let (options, profile) = (Options { force, ..Options::default() }, Profile::default());
        let planned = planner::plan(&self.store, target, page, plan.fetched_at, &options, behalf, &profile).await?;
        let mut alone = planned.plan;
        if !planned.missing.is_empty() {
            let chain = Chain::default().with(target.name(), &item.id)?;
            let (_, unmet) = self.import_missing(&target.session, &planned.missing, &chain, behalf).await?;
            alone = planner::resolve_again(&self.store, alone, &unmet).await?;
        }
        if let [Action { what: What::Quarantine(problem), .. }] = &alone.actions[..] {
            return Ok(Err(problem.clone()));
        }
        if alone.is_empty() {
            return Ok(Ok(Applied { account: alone.settled, ..Applied::default() }));
        }
        let at = self.circumstances(&target.session, behalf);
        match self.try_apply(Arc::new(alone), at).await {
            Ok(applied) => Ok(Ok(applied)),
            Err(Abort::Asked(problem) | Abort::Record(problem)) => Ok(Err(problem)),
            Err(Abort::Plan(error)) => Err(error),
            Err(Abort::OutOfOrder) => Err(Error::Fenced),
        }
    }
}

/// The page without its items' actions and writes.
fn remainder(plan: &Plan) -> Plan {
    let mut page = Plan::new(plan.target.clone(), plan.page.clone(), plan.fetched_at);
    page.settled = plan.settled;
    page.asked = plan.asked[..plan.asked_by_page].to_vec();
    page.asked_by_page = plan.asked_by_page;
    page
}

/// A plan of one item that keeps it, for what it has asked to be written.
fn blamed(plan: &Plan, problem: &Problem) -> Plan {
    let mut kept = remainder(plan);
    let blame = |action: &Action| match action.item {
        Some(_) => Action { what: What::Quarantine(problem.clone()), ..action.clone() },
        None => action.clone(),
    };
    kept.actions = plan.actions.iter().map(blame).collect();
    kept
}
