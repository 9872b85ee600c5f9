//! Mends what a comparison has found: through the same imports and exports as ever, one record after another, so that what
//! can't be mended stops nothing.

use std::sync::Arc;

use super::{
    Error,
    engine::Engine,
    export::record::Exported,
    handler,
    page::Page,
    plan::{Action, Plan, Seen, What},
    session::Behalf,
    single::One,
    target::Target,
    task::Repair,
    verify::Comparison,
};

/// One thing to mend.
enum Step<'d> {
    /// Theirs comes here.
    Import(&'d str),
    /// Theirs is gone: as a sync that finds it so.
    Gone(&'d str),
    /// Ours goes there: theirs, and our record where it is known.
    Send(&'d str),
    /// Ours, which is not there.
    Create(i64),
}

impl Engine {
    /// Mends what differs; what can't be is listed with the reason.
    pub(super) async fn repair(
        &self,
        target: &Target,
        difference: &mut Comparison,
        repair: Repair,
        behalf: &Behalf,
    ) -> Result<(), Error> {
        let found = difference.clone();
        let steps = steps(&found, repair);
        let total = i64::try_from(steps.len()).ok();
        for (number, step) in steps.iter().enumerate() {
            if behalf.cancel.is_cancelled() {
                return Err(handler::stopped(&behalf.cancel));
            }
            match self.mend(target, step, repair, behalf).await {
                Ok(None) => difference.repaired += 1,
                Ok(Some(why)) => difference.unrepaired.push((step.name(), why)),
                Err(error) if handler::goes_on(&error) => return Err(error),
                Err(error) => difference.unrepaired.push((step.name(), error.to_string())),
            }
            if let Some(progress) = &behalf.progress {
                progress.set(number as i64 + 1, total, format!("{}: {} mended", target.name(), difference.repaired));
            }
        }
        Ok(())
    }

    /// Mends one thing; answers why it can't be.
    async fn mend(
        &self,
        target: &Target,
        step: &Step<'_>,
        repair: Repair,
        behalf: &Behalf,
    ) -> Result<Option<String>, Error> {
        match step {
            Step::Import(id) => {
                let mut one = One::default();
                one.options.force = true;
                one.options.anew = repair == Repair::Theirs;
                let single = self.import_one(&target.session, target.name(), id, one, behalf).await?;
                if let Some(problem) = single.problem {
                    return Ok(Some(problem.message));
                }
                // What of ours stood is sent now, rather than by a job after the comparison has told that all is well.
                match self.bound(target, id).await?.and_then(|binding| binding.record) {
                    Some(record) if repair == Repair::Both && target.declared.export => {
                        self.export_due(target, record, behalf).await.map(why)
                    }
                    _ => Ok(None),
                }
            }
            Step::Gone(id) => {
                let Some(binding) = self.bound(target, id).await? else { return Ok(None) };
                let mut plan = Plan::new(target.clone(), Arc::new(Page::empty()), self.clock.now());
                let (id, seen) = ((*id).to_owned(), Some(Seen::from(&binding)));
                plan.actions.push(Action { item: None, id, seen, what: What::Gone });
                let at = self.circumstances(&target.session, behalf);
                self.apply(Arc::new(plan), at).await.map(|_| None)
            }
            Step::Send(id) => match self.bound(target, id).await?.and_then(|binding| binding.record) {
                Some(record) => self.export_over(target, record, behalf).await.map(why),
                None => Ok(Some("nothing of ours is bound to it; `--repair=theirs` brings it here".to_owned())),
            },
            Step::Create(record) => self.export_over(target, *record, behalf).await.map(why),
        }
    }
}

impl Step<'_> {
    fn name(&self) -> String {
        match self {
            Self::Import(id) | Self::Gone(id) | Self::Send(id) => (*id).to_owned(),
            Self::Create(record) => format!("record {record}"),
        }
    }
}

fn why(exported: Exported) -> Option<String> {
    match exported.action {
        "skipped" => Some(exported.reason.unwrap_or_else(|| "it is left out".to_owned())),
        _ => exported.problem.map(|problem| problem.message),
    }
}

/// What is done, in which order: what comes here first, so that what is sent may refer to it.
fn steps(found: &Comparison, repair: Repair) -> Vec<Step<'_>> {
    let known = [&found.changed, &found.edited].into_iter().flatten();
    let here = [&found.missing, &found.dangling].into_iter().flatten();
    let mut steps: Vec<Step<'_>> = Vec::new();
    if repair == Repair::Ours {
        steps.extend(known.chain(here).chain(&found.gone).map(|id| Step::Send(id)));
    } else {
        steps.extend(known.chain(here).map(|id| Step::Import(id)));
        steps.extend(found.gone.iter().map(|id| Step::Gone(id)));
    }
    if repair != Repair::Theirs {
        steps.extend(found.unsent.iter().map(|record| Step::Create(*record)));
    }
    steps
}
