//! What changed while a kind was not exported by itself (its policy was `none`, its plugin was missing) becomes due once it
//! is again: the outbox's reader notes where it stopped to read for the kind, and reads that for it alone. Where the log
//! does not reach back so far, records are compared with what they were when they were last in step.
//!
//! Removals are not made up for: what they were bound to is known no more.

use std::collections::BTreeMap;

use super::{
    decide::{self, Decided},
    due::Wanted,
    exporter::Exporter,
};
use crate::{
    base::Fault,
    record::{Catalogue, binding, outbox},
    storage::{
        Durability, Tx,
        export::{self, Among},
        export_pause::{self as rows, Known},
        outbox as log,
    },
    sync::{Error, engine::Engine},
};

/// Changes, or records, looked at in one step.
const STEP: u64 = 1_000;

/// Whether kinds of backends are exported by themselves now, by backend and kind.
pub type Active = BTreeMap<(i64, String), bool>;

impl Engine {
    /// Notes which kinds are exported by themselves from here on, and makes due what changed while one of them was not.
    /// `seen` is how it was when this host looked last.
    pub(super) async fn catch_up(
        &self,
        seen: &mut Option<Active>,
        now: Active,
        catalogue: &Catalogue,
        exporters: &[Exporter],
    ) -> Result<(), Error> {
        if seen.as_ref() == Some(&now) {
            return Ok(());
        }
        let kinds = now.clone();
        let resumed = self.store.write(Durability::Durable, move |tx| note(tx, &kinds)).await?;
        for known in resumed {
            let of = |one: &&Exporter| one.backend == known.backend && one.kind.name == known.kind;
            if let Some(exporter) = exporters.iter().find(of) {
                self.make_up(exporter, known, catalogue).await?;
            }
        }
        *seen = Some(now);
        Ok(())
    }

    /// Makes due what a kind has missed, a step at a time; each step is kept with its place.
    async fn make_up(&self, exporter: &Exporter, mut known: Known, catalogue: &Catalogue) -> Result<(), Error> {
        let (read, from) = (exporter.clone(), known.clone());
        let catalogue = catalogue.clone();
        let (mut is_whole, to) = self
            .store
            .read(move |tx| -> Result<_, Error> {
                let to = outbox::position(tx, super::reader::CONSUMER).map_err(Fault::from)?.unwrap_or_default();
                let missed = log::first(tx)?.is_none_or(|first| first > from.paused_at.unwrap_or_default() + 1);
                Ok((!missed || from.paused_at >= Some(to), to))
            })
            .await?;
        if !is_whole {
            tracing::info!(kind = known.kind, "changes are no longer in the log: records are compared instead");
        }
        let mut after = 0;
        while let Some(place) = known.paused_at {
            let (catalogue, read) = (catalogue.clone(), read.clone());
            let next = self
                .store
                .read(move |tx| match is_whole {
                    true => changes(tx, &catalogue, &read, place, to),
                    false => differing(tx, &read, after),
                })
                .await?;
            known.paused_at = next.more.map(|next| if is_whole { next } else { place });
            after = next.more.unwrap_or_default();
            is_whole &= known.paused_at.is_some();
            let kept = known.clone();
            let exporter = std::slice::from_ref(exporter);
            self.keep_wanted(next.decided, exporter, Durability::Durable, move |tx| Ok(rows::put(tx, &kept)?)).await?;
        }
        Ok(())
    }
}

/// A step, and where the next one begins; none: it was the last.
struct Step {
    decided: Decided,
    more: Option<i64>,
}

/// What the log says of a kind, from a place on.
fn changes(tx: &mut dyn Tx, catalogue: &Catalogue, exporter: &Exporter, from: i64, to: i64) -> Result<Step, Error> {
    let mut events = outbox::after(tx, catalogue, from, STEP).map_err(Fault::from)?;
    let is_last = (events.len() as u64) < STEP;
    events.retain(|event| event.id <= to);
    let more = events.last().map(|event| event.id).filter(|last| !is_last && *last < to);
    let mut decided = decide::decide(tx, catalogue, std::slice::from_ref(exporter), &events).map_err(Fault::from)?;
    leave_in_step(tx, exporter, &mut decided)?;
    Ok(Step { decided, more })
}

/// Leaves out what was brought in step meanwhile: an import has matched it, or taken theirs over. Lines have versions of
/// their own, so that a record whose lines changed is sent.
fn leave_in_step(tx: &mut dyn Tx, exporter: &Exporter, decided: &mut Decided) -> Result<(), Error> {
    let records: Vec<i64> = decided.wanted.iter().map(|wanted| wanted.record).collect();
    let bound = binding::of_records(tx, exporter.backend, &exporter.kind, &records).map_err(Fault::from)?;
    let versions = exporter.kind.model.table.versions(tx, &records)?;
    let is_line = |field: &String| exporter.lines.iter().any(|lines| lines.field == *field);
    let mut left = Vec::new();
    decided.wanted.retain(|wanted| {
        let binding = bound.iter().find(|binding| binding.record == Some(wanted.record));
        let version = versions.iter().find(|(id, _)| *id == wanted.record).map(|(_, version)| *version);
        let in_step = binding.filter(|binding| binding.record_version.is_some() && binding.record_version == version);
        let Some(in_step) = in_step.filter(|_| !wanted.changed.iter().flatten().any(is_line)) else { return true };
        left.push(in_step.id);
        false
    });
    decided.pending.retain(|binding| !left.contains(binding));
    decided.edited.retain(|binding| !left.contains(binding));
    Ok(())
}

/// Bound records that are not as they were when they were last in step.
fn differing(tx: &mut dyn Tx, exporter: &Exporter, after: i64) -> Result<Step, Error> {
    let (backend, kind) = (exporter.backend, &exporter.kind);
    let table = kind.model.table.name.as_str();
    let among = Among { backend, kind: kind.id, name: &kind.name, table, after, limit: STEP };
    let records = export::records_behind(tx, &among)?;
    let more = records.last().copied().filter(|_| records.len() as u64 == STEP);
    let wanted = |record| Wanted { backend, kind: kind.name.clone(), record, edited: true, ..Wanted::default() };
    let decided = Decided { wanted: records.into_iter().map(wanted).collect(), ..Decided::default() };
    Ok(Step { decided, more })
}

/// Keeps which kinds are exported by themselves now; answers those that were not before, with the place where they stopped.
fn note(tx: &mut dyn Tx, kinds: &Active) -> Result<Vec<Known>, Error> {
    rows::forget_removed(tx)?;
    let read = outbox::position(tx, super::reader::CONSUMER).map_err(Fault::from)?.unwrap_or_default();
    let mut resumed = Vec::new();
    let mut new: BTreeMap<(i64, String), bool> = kinds.clone();
    for known in rows::all(tx)? {
        let is_active = new.remove(&(known.backend, known.kind.clone())).unwrap_or(false);
        match known.paused_at {
            None if !is_active => rows::put(tx, &Known { paused_at: Some(read), ..known })?,
            Some(_) if is_active => resumed.push(known),
            _ => {}
        }
    }
    for ((backend, kind), is_active) in new {
        rows::put(tx, &Known { backend, kind, paused_at: (!is_active).then_some(read) })?;
    }
    Ok(resumed)
}
