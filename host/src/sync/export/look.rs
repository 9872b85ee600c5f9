//! Before a change of ours is sent: has theirs changed since both sides were in step? Then that comes in first, as any
//! import, and what remains of ours is sent after.

use super::ours::Ours;
use crate::record::Binding;
use crate::sync::{
    Error, conflict, engine::Engine, fetch, guard::Chain, planner::Options, problem::Problem, session::Behalf,
    target::Target,
};
use bindery_contract::op;

/// What was found there.
pub(super) enum Found {
    /// What both sides had when they were last in step, or nothing that can be told.
    AsAgreed,
    /// Another state, which is here now.
    Taken,
    /// Another state, which can't be brought together with ours.
    Apart(Problem),
}

impl Engine {
    /// Looks at theirs, once for each send.
    pub(super) async fn look(&self, target: &Target, behalf: &Behalf, ours: &Ours, id: &str) -> Result<Found, Error> {
        let looks = |binding: &&Binding| !ours.looked && conflict::looks_first(target, binding);
        let Some(binding) = ours.binding.as_ref().filter(looks) else {
            return Ok(Found::AsAgreed);
        };
        if !target.session.answers(op::READ) || target.has_hook("run") {
            return Ok(Found::AsAgreed);
        }
        let fetched_at = self.clock.now();
        let page = match fetch::read(target, behalf, id).await {
            // What is gone, the send finds out.
            Err(error) if error.is_gone() || error.is_unsupported() => return Ok(Found::AsAgreed),
            page => page?,
        };
        if page.items.first().is_none_or(|item| conflict::is_as_agreed(target, item.hash, binding)) {
            return Ok(Found::AsAgreed);
        }
        let options = Options::default();
        let single = self.import_page(target, (page, fetched_at), &options, &Chain::default(), behalf).await?;
        Ok(single.problem.map_or(Found::Taken, Found::Apart))
    }
}
