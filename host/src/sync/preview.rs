//! A plan that is only shown: how many records would be made, changed or matched, and which fields would differ.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{
    Account, Error,
    engine::Engine,
    fetch::{self, Ask},
    guard::Paging,
    handler,
    plan::{Action, Plan, What, Write},
    planner::{self, Options},
    profile::Profile,
    session::{Behalf, Session},
};
use crate::{
    model::Value,
    record::{self, Input, cursor, encode},
};

/// Records that a plan shows one by one; all of them are counted.
const SHOWN: usize = 200;

/// What a kind's import would come to.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Preview {
    /// The kind.
    pub kind: String,
    /// Counts, as the account of the import would have them.
    pub account: Account,
    /// Records one by one, up to a bound.
    pub records: Vec<Shown>,
    /// There are more than are shown.
    pub truncated: bool,
    /// Records that would be imported first: kind and external id.
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
        let target = self.target(session, kind)?;
        if !target.declared.import {
            return Err(Error::NotImported { kind: kind.to_owned() });
        }
        let (backend, key) = (session.backend, kind.to_owned());
        let cursor = self
            .store
            .read(move |tx| cursor::get(tx, backend, &key).map_err(|error| Error::Below(error.into())))
            .await?;
        let since = cursor.value.filter(|_| target.declared.incremental && !force && filters.is_empty());
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

fn shown(
    tx: &mut dyn crate::storage::Tx,
    plan: &Plan,
    action: &Action,
    account: &mut Account,
) -> Result<Option<Shown>, record::Error> {
    let mut shown = Shown { id: action.id.clone(), action: "skip", record: None, fields: Vec::new(), reason: None };
    let count = match &action.what {
        What::Write(write) => {
            shown.record = write.record;
            shown.fields = differences(tx, plan, write)?;
            account.matched += i64::from(write.matched);
            match write.record {
                None => {
                    shown.action = "create";
                    &mut account.created
                }
                Some(_) if shown.fields.is_empty() && write.children.is_empty() && !write.matched => {
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
        What::Gone => {
            shown.action = "gone";
            account.gone += 1;
            &mut account.updated
        }
        What::Requeue => {
            shown.action = "requeue";
            account.requeued += 1;
            &mut account.skipped
        }
    };
    *count += 1;
    Ok(Some(shown))
}

/// Field, our value, and the value it would get.
fn differences(
    tx: &mut dyn crate::storage::Tx,
    plan: &Plan,
    write: &Write,
) -> Result<Vec<(String, Json, Json)>, record::Error> {
    let model = &plan.target.kind.model;
    let fields: Vec<usize> = write.values.iter().map(|(field, _)| *field).collect();
    let rows = match write.record {
        Some(record) if !fields.is_empty() => record::read(tx, plan.catalogue(), model, &[record], &fields)?,
        _ => Vec::new(),
    };
    let ours = |field: usize| {
        rows.first().and_then(|row| row.values.iter().find(|(at, _)| *at == field)).map(|(_, value)| value)
    };
    let mut all = Vec::new();
    for (field, input) in &write.values {
        let before = ours(*field);
        let after = match input {
            Input::Value(value) if before == Some(value) => continue,
            Input::Value(Value::Null) if before.is_none() => continue,
            Input::Value(value) => encode::value(value),
            Input::Symbolic(symbolic) => json!(format!("{symbolic:?}")),
            Input::Lines(commands) => json!(format!("{} changes of lines", commands.len())),
        };
        all.push((model.fields[*field].name.clone(), before.map_or(Json::Null, encode::value), after));
    }
    Ok(all)
}
