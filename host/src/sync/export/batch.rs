//! Exports of many records in one request. Every promise holds for each of them as it does alone: its own intent, its own
//! outcome, its own answer taken in; a bad one costs itself. What is not plain is exported alone, after the others.

use std::collections::HashMap;

use bindery_contract::op;
use futures_util::{StreamExt as _, stream};
use xxhash_rust::xxh3::xxh3_128;

use super::{
    creation::is_one_by_one,
    extend,
    ours::{self, Ours},
    outcome::{self, Arrived, Fate, Sent},
    prepare::{self, Body},
    record::Exported,
    send::{self, Answer},
};
use crate::sync::{
    Error, conflict,
    engine::Engine,
    fetch,
    guard::Chain,
    page::Page,
    plan::{Action, Plan, What},
    problem::Problem,
    session::{Asked, Behalf},
    single::ends_run,
    target::Target,
};

/// Records that are exported alone at once.
const AT_ONCE: usize = 8;

/// What became of records, as far as it is known.
pub(super) type Done = Vec<(i64, Exported)>;

/// A record with the body to send.
struct Ready {
    ours: Ours,
    body: Vec<u8>,
}

/// Records of a batch by what is to be done with them.
#[derive(Default)]
struct Lot {
    creates: Vec<Ready>,
    updates: Vec<Ready>,
    /// Nothing is sent of them.
    ends: Vec<(Ours, Fate, Exported)>,
    /// What can't be done together with others.
    alone: Vec<i64>,
}

/// A record that is there now.
struct There {
    ours: Ours,
    hash: [u8; 16],
    created: bool,
    answer: Answer,
}

impl Engine {
    /// Exports what is due of several records. An error says that some are not done, which is on their bindings.
    pub(super) async fn export_batch(
        &self,
        target: &Target,
        records: &[i64],
        behalf: &Behalf,
    ) -> (Done, Option<Error>) {
        let mut done = Done::with_capacity(records.len());
        let ended = self.export_many(target, records, behalf, &mut done).await;
        if let Err(error) = &ended
            && !matches!(error, Error::Fenced)
        {
            for record in records.iter().filter(|record| !done.iter().any(|(known, _)| known == *record)) {
                if let Err(error) = self.export_failed(target, behalf, *record, error).await {
                    return (done, Some(error));
                }
            }
        }
        (done, ended.err())
    }

    async fn export_many(
        &self,
        target: &Target,
        records: &[i64],
        behalf: &Behalf,
        done: &mut Done,
    ) -> Result<(), Error> {
        let mut records = records.to_vec();
        records.sort_unstable();
        let alone = if records.len() < 2 {
            records
        } else {
            let mut held = Vec::with_capacity(records.len());
            for record in &records {
                // In the order of their ids, so that no two wait for each other.
                held.push(self.exporting.take(target.session.backend, target.name(), *record).await);
            }
            self.together(target, &records, behalf, done).await?
        };
        let (chain, mut failed) = (&Chain::default(), None);
        let exports = stream::iter(alone)
            .map(|record| async move { (record, self.export_one(target, record, chain, behalf).await) })
            .buffer_unordered(AT_ONCE);
        let mut exports = std::pin::pin!(exports);
        while let Some((record, exported)) = exports.next().await {
            match exported {
                Ok(Exported { problem: Some(problem), .. }) => {
                    self.refused(target, behalf, record, problem, done).await?
                }
                Ok(exported) => done.push((record, exported)),
                Err(error) if ends_run(&error) => failed = failed.or(Some(error)),
                Err(error) => self.refused(target, behalf, record, (&error).into(), done).await?,
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Does what can be done together; answers what is to be done alone.
    async fn together(
        &self,
        target: &Target,
        records: &[i64],
        behalf: &Behalf,
        done: &mut Done,
    ) -> Result<Vec<i64>, Error> {
        let (known, ids) = (target.clone(), records.to_vec());
        let all = self.store.read(move |tx| ours::read_many(tx, &known, &ids)).await?;
        let is_due = |record: &&i64| all.iter().any(|ours| ours.due.record == **record);
        done.extend(records.iter().filter(|record| !is_due(record)).map(|record| (*record, Exported::new("nothing"))));
        let is_plain = |ours: &Ours| {
            let is_left_out = ours.binding.as_ref().is_some_and(|binding| binding.no_export);
            // What has come back changed before may be a bounce, which is told alone.
            ours.row.is_some() && ours.intent.is_none() && ours.trail.is_none() && !is_left_out
        };
        let (plain, rest): (Vec<Ours>, Vec<Ours>) = all.into_iter().partition(is_plain);
        let mut lot = Lot { alone: rest.iter().map(|ours| ours.due.record).collect(), ..Lot::default() };
        if plain.len() < 2 {
            lot.alone.extend(plain.iter().map(|ours| ours.due.record));
            return Ok(lot.alone);
        }
        self.begin_exports(&plain).await?;
        self.sort(target, behalf, plain, &mut lot, done).await?;
        self.look_at_all(target, behalf, &mut lot).await?;
        let mut there = Vec::with_capacity(lot.creates.len() + lot.updates.len());
        let created = self.send_creates(target, behalf, &mut lot, &mut there, done).await;
        let updated = match created {
            Ok(()) => self.send_updates(target, behalf, &mut lot, &mut there, done).await,
            failed => failed,
        };
        // What arrived is taken in, whatever became of the rest.
        self.take_in(target, behalf, there, std::mem::take(&mut lot.ends), done).await?;
        updated?;
        Ok(lot.alone)
    }

    /// Has the records mapped, and sorts them by what is to be done.
    async fn sort(
        &self,
        target: &Target,
        behalf: &Behalf,
        plain: Vec<Ours>,
        lot: &mut Lot,
        done: &mut Done,
    ) -> Result<(), Error> {
        let Some(bodies) = prepare::prepare_many(target, behalf, &plain).await? else {
            lot.alone.extend(plain.iter().map(|ours| ours.due.record));
            return Ok(());
        };
        for (ours, mut body) in plain.into_iter().zip(bodies) {
            if let Body::Send(so_far) = &body
                && !target.export_extensions.is_empty()
            {
                let mut asked = Vec::new();
                body = extend::extend(target, behalf, &ours, so_far.clone(), &mut asked).await?;
                if !asked.is_empty() {
                    lot.alone.push(ours.due.record);
                    continue;
                }
            }
            match body {
                Body::Send(body) => lot.ready(ours, body),
                Body::Skip(reason) => {
                    let skipped = Exported { reason: Some(reason), ..Exported::new("skipped") };
                    lot.ends.push((ours, Fate::Skipped, skipped));
                }
                Body::Needs(_) => lot.alone.push(ours.due.record),
                Body::Failed(problem) => self.refused(target, behalf, ours.due.record, problem, done).await?,
            }
        }
        Ok(())
    }

    async fn refused(
        &self,
        target: &Target,
        behalf: &Behalf,
        record: i64,
        problem: Problem,
        done: &mut Done,
    ) -> Result<(), Error> {
        self.not_exported(target, behalf, record, &problem).await?;
        done.push((record, Exported::failed(problem)));
        Ok(())
    }

    /// Looks at theirs before they are changed: those that changed there too are brought together with ours alone.
    async fn look_at_all(&self, target: &Target, behalf: &Behalf, lot: &mut Lot) -> Result<(), Error> {
        if !target.session.answers(op::READ) || target.has_hook("run") {
            return Ok(());
        }
        let looks = |ready: &&Ready| {
            let binding = ready.ours.binding.as_ref();
            binding.is_some_and(|binding| conflict::looks_first(target, binding))
        };
        let ids: Vec<String> =
            lot.updates.iter().filter(looks).filter_map(|ready| ready.ours.external_id().map(str::to_owned)).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let page = match self.read_together(target, behalf, ids).await? {
            Some(page) => page,
            None => {
                lot.alone.extend(lot.updates.drain(..).map(|ready| ready.ours.due.record));
                return Ok(());
            }
        };
        let theirs: HashMap<&str, _> = page.items.iter().map(|item| (item.id.as_str(), item)).collect();
        let is_as_agreed = |ready: &Ready| {
            let (Some(binding), Some(id)) = (&ready.ours.binding, ready.ours.external_id()) else { return true };
            // What is gone, the send finds out.
            let item = theirs.get(id).filter(|item| !item.deleted);
            !looks(&ready) || item.is_none_or(|item| conflict::is_as_agreed(target, item.hash, binding))
        };
        let (as_agreed, apart): (Vec<Ready>, Vec<Ready>) = lot.updates.drain(..).partition(is_as_agreed);
        lot.updates = as_agreed;
        lot.alone.extend(apart.iter().map(|ready| ready.ours.due.record));
        Ok(())
    }

    /// Reads records by their ids; none where the connector reads them one by one.
    async fn read_together(&self, target: &Target, behalf: &Behalf, ids: Vec<String>) -> Result<Option<Page>, Error> {
        if !target.session.answers(op::READ_MANY) {
            return Ok(None);
        }
        match fetch::read_many(target, behalf, ids).await {
            Ok(page) => Ok(Some(page)),
            Err(error) if is_one_by_one(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn send_creates(
        &self,
        target: &Target,
        behalf: &Behalf,
        lot: &mut Lot,
        there: &mut Vec<There>,
        done: &mut Done,
    ) -> Result<(), Error> {
        if lot.creates.len() < 2 || !target.session.answers(op::CREATE_MANY) {
            lot.alone.extend(lot.creates.drain(..).map(|ready| ready.ours.due.record));
            return Ok(());
        }
        let creates = std::mem::take(&mut lot.creates);
        let new: Vec<_> = creates.iter().map(|ready| (&ready.ours, ready.body.as_slice())).collect();
        let Some(outcomes) = self.create_many(target, behalf, &new).await? else {
            lot.alone.extend(creates.iter().map(|ready| ready.ours.due.record));
            return Ok(());
        };
        for (ready, outcome) in creates.into_iter().zip(outcomes) {
            match outcome {
                Ok(answer) => there.push(There::new(ready, true, answer)),
                Err(error) => self.refused(target, behalf, ready.ours.due.record, (&error).into(), done).await?,
            }
        }
        Ok(())
    }

    async fn send_updates(
        &self,
        target: &Target,
        behalf: &Behalf,
        lot: &mut Lot,
        there: &mut Vec<There>,
        done: &mut Done,
    ) -> Result<(), Error> {
        if lot.updates.len() < 2 || !target.session.answers(op::UPDATE_MANY) {
            lot.alone.extend(lot.updates.drain(..).map(|ready| ready.ours.due.record));
            return Ok(());
        }
        let updates = std::mem::take(&mut lot.updates);
        let changes: Vec<(&str, &[u8])> =
            updates.iter().map(|ready| (ready.ours.external_id().unwrap_or_default(), ready.body.as_slice())).collect();
        let outcomes = match send::update_many(target, behalf, &changes).await {
            Ok(outcomes) => outcomes,
            Err(error) if is_one_by_one(&error) => {
                lot.alone.extend(updates.iter().map(|ready| ready.ours.due.record));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for (ready, outcome) in updates.into_iter().zip(outcomes) {
            match outcome {
                Ok(answer) => there.push(There::new(ready, false, answer)),
                // What becomes of ours then is the operator's choice.
                Err(error) if error.is_gone() => lot.alone.push(ready.ours.due.record),
                Err(error) => self.refused(target, behalf, ready.ours.due.record, (&error).into(), done).await?,
            }
        }
        Ok(())
    }

    /// Takes the answers in: records, bindings, and the end of what was due, in one transaction.
    async fn take_in(
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
        let theirs = outcome::theirs_many(self, target, behalf, &pages).await?;
        let mut plan = Plan::new(target.clone(), std::sync::Arc::new(Page::empty()), self.clock.now());
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
        let refused = match self.apply(std::sync::Arc::new(plan), at).await {
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
        let page = self.read_together(target, behalf, ids).await.ok().flatten();
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

impl Lot {
    /// Sorts a record by whether it is there, and whether it is as it was sent last.
    fn ready(&mut self, ours: Ours, body: Vec<u8>) {
        let Some(id) = ours.external_id().map(str::to_owned) else {
            return self.creates.push(Ready { ours, body });
        };
        let hash = xxh3_128(&body).to_be_bytes();
        let is_same = ours.binding.as_ref().and_then(|binding| binding.export_hash) == Some(hash);
        if body == b"{}" || (is_same && !ours.due.forced) {
            let said = Exported { external_id: Some(id), ..Exported::new("unchanged") };
            return self.ends.push((ours, Fate::Unchanged, said));
        }
        self.updates.push(Ready { ours, body });
    }
}

impl There {
    fn new(ready: Ready, created: bool, answer: Answer) -> Self {
        let hash = xxh3_128(&ready.body).to_be_bytes();
        Self { ours: ready.ours, hash, created, answer }
    }
}
