//! Sends what is ready of a lot: many records in one request where the connector takes them so, else a request for each, a
//! few at once.

use std::collections::HashMap;

use bindery_contract::op;
use futures_util::{StreamExt as _, stream};

use super::{
    batch::{Done, Lot, Ready, There},
    creation::is_one_by_one,
    send::{self, Answer},
};
use crate::sync::{
    Error, conflict, digest::Hash, engine::Engine, fetch, page::Page, session::Behalf, single::ends_run, target::Target,
};

/// Requests for one record that a lot has under way at once.
const AT_ONCE: usize = 4;

/// What is known of records there, by id.
type Hashes = HashMap<String, Hash>;

impl Engine {
    /// Looks at theirs before they are changed: those that changed there too are brought together with ours alone.
    pub(super) async fn look_at_all(&self, target: &Target, behalf: &Behalf, lot: &mut Lot) -> Result<(), Error> {
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
        let together = match target.batch() > 1 {
            true => self.read_together(target, behalf, ids.clone()).await?.map(|page| hashes(&page)),
            false => None,
        };
        let (theirs, unread) = match together {
            Some(theirs) => (theirs, Vec::new()),
            None => self.read_each(target, behalf, ids).await?,
        };
        let is_plain = |ready: &Ready| {
            let (Some(binding), Some(id)) = (&ready.ours.binding, ready.ours.external_id()) else { return true };
            if !looks(&ready) {
                return true;
            }
            // What is gone, the send finds out; what could not be read, its own export.
            let is_as_agreed = |theirs: &Hash| conflict::is_as_agreed(target, *theirs, binding);
            theirs.get(id).is_none_or(is_as_agreed) && !unread.iter().any(|unread| unread == id)
        };
        let (plain, apart): (Vec<Ready>, Vec<Ready>) = lot.updates.drain(..).partition(is_plain);
        lot.updates = plain;
        lot.alone.extend(apart.iter().map(|ready| ready.ours.due.record));
        Ok(())
    }

    /// Reads records by their ids; none where the connector reads them one by one.
    pub(super) async fn read_together(
        &self,
        target: &Target,
        behalf: &Behalf,
        ids: Vec<String>,
    ) -> Result<Option<Page>, Error> {
        if !target.session.answers(op::READ_MANY) {
            return Ok(None);
        }
        match fetch::read_many(target, behalf, ids).await {
            Ok(page) => Ok(Some(page)),
            Err(error) if is_one_by_one(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads records a request each; answers what is known of them, and which ones could not be read.
    async fn read_each(
        &self,
        target: &Target,
        behalf: &Behalf,
        ids: Vec<String>,
    ) -> Result<(Hashes, Vec<String>), Error> {
        let read = async |id: String| (fetch::read(target, behalf, &id).await, id);
        let reads: Vec<_> = ids.into_iter().map(read).collect();
        let mut reads = std::pin::pin!(stream::iter(reads).buffer_unordered(AT_ONCE));
        let (mut known, mut unread) = (Hashes::new(), Vec::new());
        while let Some((read, id)) = reads.next().await {
            match read {
                Ok(page) => known.extend(hashes(&page)),
                Err(error) if error.is_gone() || error.is_unsupported() => {}
                Err(error) if ends_run(&error) => return Err(error),
                Err(_) => unread.push(id),
            }
        }
        Ok((known, unread))
    }

    /// Creates records in one request; one by one each goes its own way, so that few are under way when all stops.
    pub(super) async fn send_creates(
        &self,
        target: &Target,
        behalf: &Behalf,
        lot: &mut Lot,
        there: &mut Vec<There>,
        done: &mut Done,
    ) -> Result<(), Error> {
        if lot.creates.len() < 2 || target.batch() < 2 || !target.session.answers(op::CREATE_MANY) {
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

    /// Sends changes. An error that concerns more than a record is told once all have come to their end.
    pub(super) async fn send_updates(
        &self,
        target: &Target,
        behalf: &Behalf,
        lot: &mut Lot,
        there: &mut Vec<There>,
        done: &mut Done,
    ) -> Result<(), Error> {
        let updates = std::mem::take(&mut lot.updates);
        self.note_under_way(target, updates.iter().map(|ready| &ready.ours)).await?;
        let changes: Vec<(&str, &[u8])> =
            updates.iter().map(|ready| (ready.ours.external_id().unwrap_or_default(), ready.body.as_slice())).collect();
        let is_together = target.batch() > 1 && changes.len() > 1 && target.session.answers(op::UPDATE_MANY);
        let together = match is_together {
            true => match send::update_many(target, behalf, &changes).await {
                Ok(outcomes) => Some(outcomes),
                Err(error) if is_one_by_one(&error) => None,
                Err(error) => return Err(error),
            },
            false => None,
        };
        let is_alone = together.is_none();
        let outcomes = match together {
            Some(outcomes) => outcomes,
            None => update_each(target, behalf, &changes).await,
        };
        let mut failed = None;
        for (ready, outcome) in updates.into_iter().zip(outcomes) {
            match outcome {
                Ok(answer) => there.push(There::new(ready, false, answer)),
                // What becomes of ours then is the operator's choice.
                Err(error) if error.is_gone() => lot.alone.push(ready.ours.due.record),
                Err(error) if is_alone && ends_run(&error) => failed = failed.or(Some(error)),
                Err(error) => self.refused(target, behalf, ready.ours.due.record, (&error).into(), done).await?,
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Sends changes a request each, in their order.
async fn update_each(target: &Target, behalf: &Behalf, changes: &[(&str, &[u8])]) -> Vec<Result<Answer, Error>> {
    let sends: Vec<_> = changes.iter().map(|(id, body)| send::update(target, behalf, id, body)).collect();
    stream::iter(sends).buffered(AT_ONCE).collect().await
}

fn hashes(page: &Page) -> Hashes {
    let is_there = page.items.iter().filter(|item| !item.deleted);
    is_there.map(|item| (item.id.clone(), item.hash)).collect()
}
