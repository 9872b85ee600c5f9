//! A plan that is only shown: how many records would be made, changed or matched, and which fields would differ.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{
    Account, Error,
    engine::Engine,
    fetch::{self, Ask},
    guard::Paging,
    handler,
    merge::Clash,
    plan::{Action, Children, Plan, What, Write},
    planner::{self, Options},
    profile::Profile,
    session::{Behalf, Session},
};
use crate::{
    model::Value,
    record::{self, Input, Model, Values, binding, encode},
    storage::{Tx, run::Direction},
};

/// Records that a plan shows one by one; all of them are counted.
const SHOWN: usize = 200;

/// What a kind's import or export would come to.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Preview {
    /// The kind.
    pub kind: String,
    /// Which of the two.
    pub direction: Direction,
    /// Counts, as the account of the run would have them.
    pub account: Account,
    /// Records one by one, up to a bound.
    pub records: Vec<Shown>,
    /// There are more than are shown.
    pub truncated: bool,
    /// Records that would be imported or sent first: kind and id.
    pub dependencies: Vec<String>,
}

/// One record of a plan.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Shown {
    /// External id.
    pub id: String,
    /// `create`, `update`, `match`, `skip`, `quarantine`, `hold`, `gone`, `requeue`.
    pub action: &'static str,
    /// Ours, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<i64>,
    /// Field, our value, the value it would get.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, Json, Json)>,
    /// Why, where it is not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Engine {
    /// Plans a kind and writes nothing.
    pub(super) async fn preview(
        &self,
        session: &Arc<Session>,
        kind: &str,
        filters: &[(String, String)],
        force: bool,
        behalf: &Behalf,
    ) -> Result<Preview, Error> {
        let (target, behalf) = (self.target(session, kind)?, &behalf.plan());
        if !target.declared.import {
            return Err(Error::NotImported { kind: kind.to_owned() });
        }
        let since = if force || !filters.is_empty() { None } else { self.since(&target).await? };
        let ask = Ask { since, cursor: None, filters: filters.to_vec() };
        let options = Options { force, ..Options::default() };
        let (mut preview, profile) = (Preview { kind: kind.to_owned(), ..Preview::default() }, Profile::default());
        let mut paging = Paging::new(self.limits(session));
        let mut next = None;
        loop {
            if behalf.cancel.is_cancelled() {
                return Err(handler::stopped(&behalf.cancel));
            }
            paging.ask(next.as_deref())?;
            let fetched_at = self.clock.now();
            let page = fetch::list(&target, behalf, &ask, next.as_deref(), &profile).await?;
            next = page.next.clone();
            paging.got(page.items.iter().map(|item| item.id.as_str()), next.is_some())?;
            preview.account.pages += 1;
            let planned = planner::plan(&self.store, &target, page, fetched_at, &options, behalf, &profile).await?;
            let names = planned.missing.iter().map(|need| format!("{} {}", need.kind, need.id));
            preview.dependencies.extend(names);
            self.show(&mut preview, planned.plan).await?;
            if let Some(progress) = &behalf.progress {
                progress.set(preview.account.offered, None, format!("{kind}: {}", preview.account));
            }
            if next.is_none() {
                preview.dependencies.sort_unstable();
                preview.dependencies.dedup();
                return Ok(preview);
            }
        }
    }

    async fn show(&self, preview: &mut Preview, plan: Plan) -> Result<(), Error> {
        let room = SHOWN.saturating_sub(preview.records.len());
        let (account, records, more) = self
            .store
            .read(move |tx| -> Result<_, Error> {
                let mut account = plan.settled;
                account.quarantined += plan.page.nameless.len() as i64;
                let mut records = Vec::new();
                let mut more = false;
                for action in &plan.actions {
                    let shown = shown(tx, &plan, action, &mut account).map_err(|error| Error::Below(error.into()))?;
                    match shown {
                        Some(_) if records.len() >= room => more = true,
                        shown => records.extend(shown),
                    }
                }
                Ok((account, records, more))
            })
            .await?;
        preview.account.add(&account);
        preview.records.extend(records);
        preview.truncated |= more;
        Ok(())
    }
}

fn shown(tx: &mut dyn Tx, plan: &Plan, action: &Action, account: &mut Account) -> Result<Option<Shown>, record::Error> {
    let mut shown = Shown { id: action.id.clone(), action: "skip", record: None, fields: Vec::new(), reason: None };
    let count = match &action.what {
        What::Write(write) => {
            shown.record = write.record;
            shown.fields = differences(tx, plan, write)?;
            if let Some(record) = write.record {
                lines(tx, plan, &plan.target.kind.model, record, &write.children, &mut shown.fields)?;
            }
            account.matched += i64::from(write.matched);
            match write.record {
                None => {
                    shown.action = "create";
                    &mut account.created
                }
                Some(_) if shown.fields.is_empty() && !write.matched => {
                    account.unchanged += 1;
                    return Ok(None);
                }
                Some(_) => {
                    shown.action = if write.matched { "match" } else { "update" };
                    &mut account.updated
                }
            }
        }
        What::Skip { reason } => {
            shown.reason = Some(reason.clone());
            &mut account.skipped
        }
        What::Quarantine(problem) => {
            shown.action = "quarantine";
            shown.reason = Some(problem.to_string());
            &mut account.quarantined
        }
        What::Hold { reason, candidates } => {
            shown.action = "hold";
            shown.reason = Some(format!("{} of our records have {reason}: {candidates:?}", candidates.len()));
            account.held += 1;
            &mut account.quarantined
        }
        What::Conflict(clashes) => {
            shown.apart(action, clashes);
            &mut account.quarantined
        }
        What::Gone => {
            shown.action = "gone";
            account.gone += 1;
            &mut account.updated
        }
        // What was sent is no plan any more.
        What::Sent(_) => return Ok(None),
        What::Wait | What::Requeue => {
            shown.action = "requeue";
            account.requeued += 1;
            &mut account.skipped
        }
    };
    *count += 1;
    Ok(Some(shown))
}

impl Shown {
    /// Both sides changed the same fields.
    fn apart(&mut self, action: &Action, clashes: &[Clash]) {
        self.action = "conflict";
        self.record = action.seen.and_then(|seen| seen.record);
        self.fields = clashes.iter().map(|one| (one.field.clone(), one.ours.clone(), one.theirs.clone())).collect();
        self.reason = Some("both sides changed the same fields; a person decides".to_owned());
    }
}

/// Field, our value, and the value it would get.
type Difference = (String, Json, Json);

fn differences(tx: &mut dyn Tx, plan: &Plan, write: &Write) -> Result<Vec<Difference>, record::Error> {
    of_values(tx, plan, &plan.target.kind.model, write.record, &write.values)
}

fn of_values(
    tx: &mut dyn Tx,
    plan: &Plan,
    model: &Model,
    record: Option<i64>,
    values: &Values,
) -> Result<Vec<Difference>, record::Error> {
    let fields: Vec<usize> = values.iter().map(|(field, _)| *field).collect();
    let rows = match record {
        Some(record) if !fields.is_empty() => record::read(tx, plan.catalogue(), model, &[record], &fields)?,
        _ => Vec::new(),
    };
    let ours = |field: usize| {
        rows.first().and_then(|row| row.values.iter().find(|(at, _)| *at == field)).map(|(_, value)| value)
    };
    let mut all = Vec::new();
    for (field, input) in values {
        let before = ours(*field);
        let after = match input {
            Input::Value(value) if before == Some(value) => continue,
            Input::Value(Value::Null) if before.is_none() => continue,
            Input::Value(value) => encode::value(value),
            Input::Symbolic(symbolic) => json!(symbolic.to_string()),
            Input::Lines(commands) => json!(format!("{} changes of lines", commands.len())),
        };
        all.push((model.fields[*field].name.clone(), before.map_or(Json::Null, encode::value), after));
    }
    Ok(all)
}

/// What would become of the lines of a record, field by field; lines that stay as they are are not told of.
fn lines(
    tx: &mut dyn Tx,
    plan: &Plan,
    parent: &Model,
    record: i64,
    children: &[Children],
    into: &mut Vec<Difference>,
) -> Result<(), record::Error> {
    for children in children {
        let ids: Vec<&str> = children.lines.iter().map(|line| line.id.as_str()).collect();
        let backend = plan.target.session.backend;
        let known = if ids.is_empty() { Vec::new() } else { binding::find_page(tx, backend, &children.kind, &ids)? };
        let (mut added, mut changed) = (0_usize, 0_usize);
        for line in &children.lines {
            let bound = known.iter().find(|bound| bound.external_id.as_deref() == Some(&line.id));
            let Some(ours) = bound.and_then(|bound| bound.record) else {
                added += 1;
                continue;
            };
            let mut differs = of_values(tx, plan, &children.kind.model, Some(ours), &line.values)?;
            differs.retain(|(field, ..)| *field != children.kind.model.fields[children.inverse].name);
            lines(tx, plan, &children.kind.model, ours, &line.children, &mut differs)?;
            changed += usize::from(!differs.is_empty());
        }
        let kept: Vec<i64> = known.iter().filter_map(|bound| bound.record).collect();
        let (count, gone) = missing(tx, plan, parent, record, children, &kept)?;
        let parts = [(added, "new"), (changed, "changed"), (gone, "gone")];
        let words: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        if !words.is_empty() {
            let field = parent.fields[children.field].name.clone();
            into.push((field, json!(format!("{count} lines")), json!(words.join(", "))));
        }
    }
    Ok(())
}

/// How many lines a record has, and how many of them came from there and are not there any more.
fn missing(
    tx: &mut dyn Tx,
    plan: &Plan,
    parent: &Model,
    record: i64,
    children: &Children,
    kept: &[i64],
) -> Result<(usize, usize), record::Error> {
    let rows = record::read(tx, plan.catalogue(), parent, &[record], &[children.field])?;
    let Some((_, Value::Refs(ours))) = rows.first().and_then(|row| row.values.first()) else { return Ok((0, 0)) };
    let mut gone = 0;
    for line in ours.iter().filter(|line| !kept.contains(line)) {
        let bound = binding::find_by_record(tx, plan.target.session.backend, &children.kind, *line)?;
        gone += usize::from(bound.is_some());
    }
    Ok((ours.len(), gone))
}
