//! What a lot of records has come to is taken in: records, bindings, and the end of what was due, in one transaction.

use std::{collections::HashMap, sync::Arc};

use super::{
    answer,
    batch::{Done, There},
    ours::Ours,
    outcome::{Arrived, Fate, Sent},
    record::Exported,
    send::{self, Answer},
};
use crate::sync::{
    Error,
    engine::Engine,
    page::Page,
    plan::{Action, Plan, What},
    problem::Problem,
    session::{Asked, Behalf},
    target::Target,
};

impl Engine {
    /// Takes in what arrived and what needed no send.
    pub(super) async fn take_in(
        &self,
        target: &Target,
        behalf: &Behalf,
        mut there: Vec<There>,
        ends: Vec<(Ours, Fate, Exported)>,
        done: &mut Done,
    ) -> Result<(), Error> {
        if there.is_empty() && ends.is_empty() {
            return Ok(());
        }
        self.read_back(target, behalf, &mut there).await;
        let pages: Vec<Option<Page>> = there.iter_mut().map(|there| there.answer.page.take()).collect();
        let theirs = answer::theirs_many(self, target, behalf, &pages).await?;
        let mut plan = Plan::new(target.clone(), Arc::new(Page::empty()), self.clock.now());
        let mut exported: HashMap<String, (i64, Exported)> = HashMap::new();
        let mut end = |plan: &mut Plan, ours: &Ours, fate: Fate, said: Exported| {
            let id = ours.due.record.to_string();
            let what = What::Sent(Box::new(Sent::new(ours, fate)));
            plan.actions.push(Action { item: None, id: id.clone(), seen: None, what });
            exported.insert(id, (ours.due.record, said));
        };
        for (There { ours, hash, created, answer }, theirs) in there.into_iter().zip(theirs) {
            let Answer { id, asked, .. } = answer;
            plan.asked.extend(asked.into_iter().collect::<Vec<Asked>>());
            let said = Exported {
                external_id: Some(id.clone()),
                ..Exported::new(if created { "created" } else { "updated" })
            };
            let arrived = Arrived { external_id: id, created, hash, theirs };
            end(&mut plan, &ours, Fate::Arrived(Box::new(arrived)), said);
        }
        for (ours, fate, said) in ends {
            end(&mut plan, &ours, fate, said);
        }
        let mut at = self.circumstances(&target.session, behalf);
        at.on_the_way = true;
        let refused = match self.apply(Arc::new(plan), at).await {
            Ok(applied) => applied.problems,
            Err(Error::Refused(why)) => {
                exported.keys().map(|id| (id.clone(), Problem::new("sync.refused", why.clone()))).collect()
            }
            Err(error) => return Err(error),
        };
        for (id, problem) in refused {
            if let Some((record, _)) = exported.remove(&id) {
                self.refused(target, behalf, record, problem, done).await?;
            }
        }
        done.extend(exported.into_values());
        Ok(())
    }

    /// Reads the records whose answer holds only their id. Where that can't be done, the next import finds them.
    async fn read_back(&self, target: &Target, behalf: &Behalf, there: &mut [There]) {
        let is_bare = |there: &&mut There| there.answer.page.is_none();
        let bare: Vec<&mut There> = there.iter_mut().filter(is_bare).collect();
        if bare.is_empty() {
            return;
        }
        let ids = bare.iter().map(|there| there.answer.id.clone()).collect();
        let page = match self.read_together(target, behalf, ids).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(kind = target.name(), %error, "what was sent could not be read back; the next import does");
                return;
            }
        };
        for there in bare {
            match &page {
                Some(page) => {
                    let item = page.items.iter().find(|item| item.id == there.answer.id && !item.deleted);
                    there.answer.page = item.map(|item| page.alone(item));
                }
                None => send::read_back(target, behalf, &mut there.answer).await,
            }
        }
    }
}
