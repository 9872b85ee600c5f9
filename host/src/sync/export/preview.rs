//! What an export would send, shown beside what stands there, and nothing sent.

use serde_json::Value as Json;

use super::{
    due::Due,
    ours::{self, Ours},
    prepare::{self, Body},
    select::Choice,
};
use crate::storage::run::Direction;
use crate::sync::{
    Error,
    engine::Engine,
    fetch, handler,
    preview::{Preview, Shown},
    session::Behalf,
    target::Target,
};
use bindery_contract::op;

/// Records that are shown one by one; all of them are counted.
const SHOWN: usize = 200;

impl Engine {
    pub(in crate::sync) async fn preview_export(
        &self,
        target: &Target,
        choice: &Choice,
        behalf: &Behalf,
    ) -> Result<Preview, Error> {
        if !target.declared.export {
            return Err(Error::NotExported { kind: target.name().to_owned() });
        }
        let mut preview =
            Preview { kind: target.name().to_owned(), direction: Direction::Export, ..Preview::default() };
        for record in self.chosen(target, choice).await? {
            if behalf.cancel.is_cancelled() {
                return Err(handler::stopped(&behalf.cancel));
            }
            preview.account.offered += 1;
            let due = Due {
                backend: target.session.backend,
                kind: target.name().to_owned(),
                record,
                changed: None,
                chain: None,
                revision: 0,
                forced: false,
                since: 0,
            };
            let known = target.clone();
            let ours = self.store.read(move |tx| ours::look(tx, &known, due.clone())).await?;
            let shown = self.shown_export(target, behalf, &ours, &mut preview).await?;
            match shown {
                Some(_) if preview.records.len() >= SHOWN => preview.truncated = true,
                shown => preview.records.extend(shown),
            }
        }
        preview.dependencies.sort_unstable();
        preview.dependencies.dedup();
        Ok(preview)
    }

    async fn shown_export(
        &self,
        target: &Target,
        behalf: &Behalf,
        ours: &Ours,
        preview: &mut Preview,
    ) -> Result<Option<Shown>, Error> {
        let id = ours.external_id().unwrap_or_default().to_owned();
        let shown = |action, reason| Shown {
            id: id.clone(),
            action,
            record: Some(ours.due.record),
            fields: Vec::new(),
            reason,
        };
        let account = &mut preview.account;
        if ours.binding.as_ref().is_some_and(|binding| binding.no_export) {
            account.skipped += 1;
            return Ok(Some(shown("skip", Some("its binding says that it is not exported".to_owned()))));
        }
        let (body, _) = prepare::prepare(target, behalf, ours).await?;
        let body = match body {
            Body::Send(body) => body,
            Body::Skip(reason) => {
                account.skipped += 1;
                return Ok(Some(shown("skip", Some(reason))));
            }
            Body::Failed(problem) => {
                account.failed += 1;
                return Ok(Some(shown("quarantine", Some(problem.message))));
            }
            Body::Needs(needs) => {
                account.created += i64::from(id.is_empty());
                account.updated += i64::from(!id.is_empty());
                let names: Vec<String> = needs.iter().map(|(kind, record)| format!("{kind} {record}")).collect();
                let reason = format!("after {}", names.join(", "));
                preview.dependencies.extend(names);
                return Ok(Some(shown(if id.is_empty() { "create" } else { "update" }, Some(reason))));
            }
        };
        let theirs = self.theirs_now(target, behalf, &id).await;
        let fields = differing(&serde_json::from_slice(&body).unwrap_or_default(), theirs.as_ref());
        if !id.is_empty() && fields.is_empty() {
            account.unchanged += 1;
            return Ok(None);
        }
        let action = if id.is_empty() { "create" } else { "update" };
        account.created += i64::from(id.is_empty());
        account.updated += i64::from(!id.is_empty());
        Ok(Some(Shown { fields, ..shown(action, None) }))
    }

    /// The record as it stands there; nothing where it is new, or can't be read alone.
    async fn theirs_now(&self, target: &Target, behalf: &Behalf, id: &str) -> Option<Json> {
        if id.is_empty() || !target.session.answers(op::READ) {
            return None;
        }
        let page = fetch::read(target, behalf, id).await.ok()?;
        serde_json::from_str(page.text(page.items.first()?)).ok()
    }
}

/// The entries of a body that differ from what stands there: place, what would be sent, what is there.
fn differing(body: &Json, theirs: Option<&Json>) -> Vec<(String, Json, Json)> {
    let Some(entries) = body.as_object() else { return vec![(String::new(), body.clone(), Json::Null)] };
    let there = |name: &String| theirs.and_then(|theirs| theirs.get(name)).cloned().unwrap_or_default();
    let is_equal = |ours: &Json, theirs: &Json| match (ours.as_f64(), theirs.as_f64()) {
        (Some(ours), Some(theirs)) => ours.total_cmp(&theirs).is_eq(),
        _ => ours == theirs,
    };
    let entries = entries.iter().map(|(name, ours)| (format!("/{name}"), ours.clone(), there(name)));
    entries.filter(|(_, ours, there)| theirs.is_none() || !is_equal(ours, there)).collect()
}
