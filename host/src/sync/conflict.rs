//! Both sides may have changed since they were last in step: whose change stands. The only place where that is decided,
//! before anything is written or sent.
//!
//! Where only one side changed, that side stands. Where both did, they are brought together field by field; about fields
//! that both changed the operator's policy decides, or a person.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{
    Error,
    apply::{Abort, Circumstances},
    digest::Hash,
    export::due::{self, Wanted},
    line,
    mark::Mark,
    merge::{self, Clash, Merged, Side},
    plan::{Action, Plan, Seen, What, Write},
    planner::Options,
    problem::Problem,
    step,
    target::Target,
    under_way::{self, UnderWay},
};
use crate::{
    backend::{Conflict as Policy, Export},
    base::{Fault, Timestamp},
    model::{Value, job::NewJob},
    record::{self, Binding, Model, Row, binding, binding::Status},
    storage::{Store, Tx, agreed as rows, conflict},
};

/// What is done about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// Theirs is brought together with ours.
    Theirs,
    /// Ours is sent there.
    Ours,
}

/// What a person decides about a conflict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Whose value stands in fields that are not named; absent: the policy decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Side>,
    /// Whose value stands, by field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Side>,
}

/// An import brings a record that is bound; `theirs` is the digest of its payload.
pub fn on_import(target: &Target, theirs: Hash, binding: &Binding) -> Stands {
    let is_ours_changed = binding.record.is_some() && binding.record_version != binding.current_version;
    let is_theirs_changed = binding.payload_hash != Some(theirs) || binding.map_fingerprint != Some(target.fingerprint);
    let is_settled = matches!(binding.sync_status, Status::Success | Status::InProgress | Status::Pending);
    match (is_ours_changed, is_theirs_changed) {
        // It is about to be sent, and not brought back to what it was.
        (true, false) if is_settled && is_sent(target, binding) => Stands::Ours,
        _ => Stands::Theirs,
    }
}

/// Whether an export looks at theirs before it sends a change: not where ours wins anyway, and not where nothing tells what
/// theirs was.
pub fn looks_first(target: &Target, binding: &Binding) -> bool {
    let business = &target.session.business;
    let is_ours = |policy: Policy| policy == Policy::Local;
    let fields = business.conflict_fields(target.name());
    let is_known = binding.payload_hash.is_some();
    is_known
        && keeps_agreed(target)
        && !(is_ours(business.conflict(target.name())) && fields.values().copied().all(is_ours))
}

/// Whether a payload is the one that both sides were last in step with.
pub fn is_as_agreed(target: &Target, theirs: Hash, binding: &Binding) -> bool {
    binding.payload_hash == Some(theirs) && binding.map_fingerprint == Some(target.fingerprint)
}

/// Whether a change of ours is sent by itself.
fn is_sent(target: &Target, binding: &Binding) -> bool {
    goes_out(target) && !binding.no_export && binding.record_version.is_some()
}

fn goes_out(target: &Target) -> bool {
    step::exports(&target.declared) && target.session.business.export(target.name()) != Export::None
}

/// Whether it is kept what both sides had: only kinds that go both ways can be in conflict.
pub fn keeps_agreed(target: &Target) -> bool {
    target.declared.import && goes_out(target)
}

/// What both sides have once theirs is taken over: its values, and which lines it has.
pub fn agreed(model: &Model, theirs: &Write) -> Map<String, Json> {
    let mut all = merge::agreed(model, &theirs.values);
    all.extend(line::ids(model, &theirs.children));
    all
}

/// Brings the writes of a plan together with what changed here.
pub async fn merge(store: &Store, plan: &mut Plan, options: &Options) -> Result<(), Error> {
    if !keeps_agreed(&plan.target) {
        return Ok(());
    }
    let model = plan.target.kind.model.clone();
    let mut both: Vec<(i64, i64)> = Vec::new();
    let keeps_lines = keeps_lines(&plan.target, options.decision.as_ref());
    for action in &mut plan.actions {
        let What::Write(write) = &mut action.what else { continue };
        write.agreed = Some(agreed(&model, write));
        write.keeps_lines = keeps_lines;
        if let Some(seen) = action.seen.filter(|seen| is_changed_here(seen, write)) {
            both.extend(seen.record.map(|record| (seen.id, record)));
        }
    }
    if both.is_empty() || options.anew {
        return Ok(());
    }
    let known = read_both(store, &plan.target, both).await?;
    let page = plan.page.clone();
    for action in &mut plan.actions {
        let What::Write(write) = &mut action.what else { continue };
        let Some(seen) = action.seen.filter(|seen| is_changed_here(seen, write)) else { continue };
        let Some(row) = seen.record.and_then(|record| known.ours.get(&record)) else { continue };
        let updated = action.item.and_then(|item| page.items[item].updated.as_deref());
        let whose = |field: &str| decided(&plan.target, options.decision.as_ref(), field, updated, row);
        let theirs = std::mem::take(&mut write.values);
        let before = merge::Before { agreed: known.agreed.get(&seen.id), under_way: known.under_way.get(&seen.id) };
        let Merged { taken, kept, clashes } = merge::merge(&model, before, row, theirs, whose);
        (write.values, write.kept) = (taken, kept);
        if keeps_lines {
            // Theirs are not taken over, and not agreed on.
            let lines = line::ids(&model, &std::mem::take(&mut write.children));
            write.agreed.iter_mut().for_each(|agreed| agreed.retain(|field, _| !lines.contains_key(field)));
        }
        if !clashes.is_empty() {
            action.what = What::Conflict(clashes);
        }
    }
    Ok(())
}

/// Lines have no sides of their own: they go with the record.
fn keeps_lines(target: &Target, decision: Option<&Decision>) -> bool {
    match decision.and_then(|decision| decision.rest) {
        Some(side) => side == Side::Ours,
        None => target.session.business.conflict(target.name()) == Policy::Local,
    }
}

/// Ours has changed since both were in step.
fn is_changed_here(seen: &Seen, write: &Write) -> bool {
    seen.record.is_some() && seen.record == write.record && seen.in_step.is_some() && seen.in_step != seen.version
}

/// What is known of records that changed here.
struct Known {
    /// What both sides had, by binding.
    agreed: HashMap<i64, Map<String, Json>>,
    /// What is under way, by binding.
    under_way: HashMap<i64, UnderWay>,
    /// Ours, by record.
    ours: HashMap<i64, Row>,
}

async fn read_both(store: &Store, target: &Target, both: Vec<(i64, i64)>) -> Result<Known, Error> {
    let target = target.clone();
    store
        .read(move |tx| -> Result<_, Error> {
            let (bindings, records): (Vec<i64>, Vec<i64>) = both.into_iter().unzip();
            let read = |text: String| serde_json::from_str(&text).unwrap_or_default();
            let agreed = rows::of(tx, &bindings)?.into_iter().map(|(id, text)| (id, read(text))).collect();
            let under_way = under_way::of_all(tx, &bindings)?;
            let model = &target.kind.model;
            let fields: Vec<usize> = model.fields.iter().map(|field| field.index).collect();
            let rows = record::read(tx, &target.catalogue, model, &records, &fields).map_err(Fault::from)?;
            Ok(Known { agreed, under_way, ours: rows.into_iter().map(|row| (row.id, row)).collect() })
        })
        .await
}

/// Whose change of a field stands; nothing where a person decides.
fn decided(
    target: &Target,
    decision: Option<&Decision>,
    field: &str,
    updated: Option<&str>,
    ours: &Row,
) -> Option<Side> {
    if let Some(side) = decision.and_then(|decision| decision.fields.get(field).copied().or(decision.rest)) {
        return Some(side);
    }
    let business = &target.session.business;
    let of_field = business.conflict_fields(target.name()).get(field).copied();
    match of_field.unwrap_or_else(|| business.conflict(target.name())) {
        Policy::Remote => Some(Side::Theirs),
        Policy::Local => Some(Side::Ours),
        Policy::Newest => Some(newest(&target.kind.model, updated, ours)),
        Policy::Ask => None,
    }
}

/// Theirs, unless ours is known to be younger.
fn newest(model: &Model, updated: Option<&str>, ours: &Row) -> Side {
    let theirs = match updated.map(Mark::read) {
        Some(Mark::Instant(moment)) => Some(moment.as_microsecond()),
        _ => None,
    };
    match (theirs, ours.get(model, "write_date")) {
        (Some(theirs), Some(Value::Datetime(Timestamp(at)))) if *at > theirs => Side::Ours,
        _ => Side::Theirs,
    }
}

/// Keeps, with a write, what both sides have now; and what of ours stood is sent.
pub fn agree(
    tx: &mut dyn Tx,
    plan: &Plan,
    (binding, record, is_new): (i64, i64, bool),
    write: &Write,
    at: &Circumstances,
) -> Result<(), Abort> {
    let Some(theirs) = &write.agreed else { return Ok(()) };
    put(tx, binding, theirs, is_new)?;
    if !is_new {
        under_way::seen(tx, binding)?;
        conflict::close(tx, binding, at.now.0)?;
    }
    if !write.kept.is_empty() {
        let wanted = Wanted {
            backend: plan.target.session.backend,
            kind: plan.target.name().to_owned(),
            record,
            changed: Some(write.kept.clone()),
            ..Wanted::default()
        };
        due::enqueue(tx, wanted, at.now, &NewJob::new("", Json::Null)).map_err(|error| Error::Below(error.into()))?;
    }
    Ok(())
}

/// Keeps what theirs is; fields that are not told of stay as they were agreed.
pub fn put(tx: &mut dyn Tx, binding: i64, theirs: &Map<String, Json>, is_new: bool) -> Result<(), Abort> {
    let mut all: Map<String, Json> = Map::new();
    if !is_new && let Some((_, known)) = rows::of(tx, &[binding])?.pop() {
        all = serde_json::from_str(&known).unwrap_or_default();
    }
    all.extend(theirs.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(rows::put(tx, binding, &Json::Object(all).to_string())?)
}

/// Keeps a record that both sides changed for a person; nothing is written or sent of it until then.
pub fn hold(
    tx: &mut dyn Tx,
    plan: &Plan,
    action: &Action,
    clashes: &[Clash],
    at: &Circumstances,
) -> Result<Problem, Abort> {
    let names: Vec<&str> = clashes.iter().map(|clash| clash.field.as_str()).collect();
    let message = format!("both sides changed {}; a person decides", names.join(", "));
    if let Some(Seen { id, record: Some(record), .. }) = action.seen {
        binding::mark_sync_failed(tx, id, &message, None, at.now)?;
        conflict::hold(
            tx,
            &conflict::Hold {
                backend: plan.target.session.backend,
                kind: plan.target.name(),
                binding: id,
                record,
                external_id: &action.id,
                payload: plan.payload(action),
                external_updated_at: plan.updated(action),
                fields: &serde_json::json!(clashes).to_string(),
                now: at.now.0,
            },
        )?;
    }
    Ok(Problem {
        field: clashes.first().map(|clash| clash.field.clone()),
        retry: false,
        ..Problem::new("sync.conflict", message)
    })
}
