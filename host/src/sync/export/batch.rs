//! Exports of a lot of records: read, mapped and taken in together, and sent together where the connector takes many in one
//! request. Every promise holds for each of them as it does alone: its own intent, its own outcome, its own answer taken in;
//! a bad one costs itself. What is not plain is exported alone, after the others.

use futures_util::{StreamExt as _, stream};
use xxhash_rust::xxh3::xxh3_128;

use super::{
    extend,
    ours::{self, Ours},
    outcome::Fate,
    prepare::{self, Body},
    record::Exported,
    send::Answer,
};
use crate::sync::{
    Error, engine::Engine, guard::Chain, problem::Problem, session::Behalf, single::ends_run, target::Target,
};

/// Records that are exported alone at once.
const AT_ONCE: usize = 8;

/// What became of records, as far as it is known.
pub(super) type Done = Vec<(i64, Exported)>;

/// A record with the body to send.
pub(super) struct Ready {
    pub(super) ours: Ours,
    pub(super) body: Vec<u8>,
}

/// Records by what is to be done with them.
#[derive(Default)]
pub(super) struct Lot {
    pub(super) creates: Vec<Ready>,
    pub(super) updates: Vec<Ready>,
    /// Nothing is sent of them.
    pub(super) ends: Vec<(Ours, Fate, Exported)>,
    /// What can't be done together with others.
    pub(super) alone: Vec<i64>,
}

/// A record that is there now.
pub(super) struct There {
    pub(super) ours: Ours,
    pub(super) hash: [u8; 16],
    pub(super) created: bool,
    pub(super) answer: Answer,
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

    pub(super) async fn refused(
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
    pub(super) fn new(ready: Ready, created: bool, answer: Answer) -> Self {
        let hash = xxh3_128(&ready.body).to_be_bytes();
        Self { ours: ready.ours, hash, created, answer }
    }
}
