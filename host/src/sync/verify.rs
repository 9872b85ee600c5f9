//! Compares what an outside system lists with what is bound here, and what of ours is not there yet.

use std::{collections::HashSet, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Error,
    digest::short,
    engine::Engine,
    export::select::Choice,
    fetch::{self, Ask},
    guard::Paging,
    handler::{self, payload},
    page::{Item, Page},
    profile::Profile,
    session::Behalf,
    target::Target,
    task::VerifyBackend,
};
use crate::{
    backend::Export,
    base::Fault,
    queue::{Outcome, Running},
    record::{Binding, binding, binding::Status},
};

/// What differs for one kind.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Comparison {
    /// The kind.
    pub kind: String,
    /// Records listed there.
    pub listed: u64,
    /// Bindings here.
    pub bound: u64,
    /// Listed there, not imported here.
    pub missing: Vec<String>,
    /// Changed there since the last import.
    pub changed: Vec<String>,
    /// Our record was changed since the last import.
    pub edited: Vec<String>,
    /// Bound here, not listed there any more.
    pub gone: Vec<String>,
    /// Ours that are to be there and are not: record ids.
    #[serde(default)]
    pub unsent: Vec<i64>,
    /// Bound to nothing of ours, and not waiting for anything either.
    pub dangling: Vec<String>,
    /// Imported, sent, or treated as gone, by the repair.
    pub repaired: u64,
    /// What could not be mended: external id, or `record` and ours, and why.
    pub unrepaired: Vec<(String, String)>,
}

impl Comparison {
    fn differs(&self) -> bool {
        let all = [&self.missing, &self.changed, &self.edited, &self.gone, &self.dangling];
        !self.unsent.is_empty() || all.into_iter().any(|ids| !ids.is_empty())
    }
}

impl Engine {
    pub(super) async fn run_verify(&self, job: &Running) -> Result<Outcome, Error> {
        let asked: VerifyBackend = payload(job)?;
        let session = self.session(asked.backend).await?;
        let behalf = Behalf::from(job);
        let kinds: Vec<String> = if asked.kinds.is_empty() {
            session.manifest.kinds.iter().filter(|kind| kind.import).map(|kind| kind.name.clone()).collect()
        } else {
            asked.kinds.clone()
        };
        let mut all = Vec::new();
        for kind in &kinds {
            let target = self.target(&session, kind)?;
            let mut difference = self.compare(&target, &behalf.plan()).await?;
            if let Some(repair) = asked.repair {
                self.repair(&target, &mut difference, repair, &behalf).await?;
            }
            all.push(difference);
        }
        let equal = !all.iter().any(Comparison::differs);
        Ok(Outcome::Done(json!({ "equal": equal, "repaired": asked.repair, "kinds": all })))
    }

    async fn compare(&self, target: &Target, behalf: &Behalf) -> Result<Comparison, Error> {
        let mut difference = Comparison { kind: target.name().to_owned(), ..Comparison::default() };
        let limits = self.limits(&target.session);
        let (ask, profile, mut paging) = (Ask::default(), Profile::default(), Paging::new(limits));
        let (mut next, mut seen) = (None, HashSet::new());
        loop {
            if behalf.cancel.is_cancelled() {
                return Err(handler::stopped(&behalf.cancel));
            }
            paging.ask(next.as_deref())?;
            let page = fetch::list(target, behalf, &ask, next.as_deref(), &profile).await?;
            next = page.next.clone();
            paging.got(page.items.iter().map(|item| item.id.as_str()), next.is_some())?;
            seen.extend(page.items.iter().map(|item| short(&item.id)));
            difference.listed += page.items.len() as u64;
            self.compare_page(target, page, &mut difference).await?;
            if let Some(progress) = &behalf.progress {
                progress.set(difference.listed as i64, None, format!("{}: {} compared", target.name(), seen.len()));
            }
            if next.is_none() {
                break;
            }
        }
        let bindings = self.bindings(target).await?;
        difference.unsent = self.unsent(target, &bindings).await?;
        for binding in bindings {
            let id = binding.external_id.clone().unwrap_or_default();
            difference.bound += 1;
            if binding.record.is_none() && !matches!(binding.sync_status, Status::Failed | Status::Skipped) {
                difference.dangling.push(id);
            } else if !seen.contains(&short(&id)) && binding.sync_status != Status::Skipped {
                difference.gone.push(id);
            }
        }
        Ok(difference)
    }

    async fn compare_page(&self, target: &Target, page: Page, difference: &mut Comparison) -> Result<(), Error> {
        let (known, page) = (target.clone(), Arc::new(page));
        let listed = page.clone();
        let found = self
            .store
            .read(move |tx| -> Result<_, Error> {
                let ids: Vec<&str> = listed.items.iter().map(|item| item.id.as_str()).collect();
                Ok(binding::find_page(tx, known.session.backend, &known.kind, &ids).map_err(Fault::from)?)
            })
            .await?;
        for item in &page.items {
            match found.iter().find(|binding| binding.external_id.as_deref() == Some(&item.id)) {
                None => difference.missing.push(item.id.clone()),
                Some(binding) if binding.record.is_none() => {
                    if binding.sync_status != Status::Skipped {
                        difference.missing.push(item.id.clone());
                    }
                }
                Some(binding) if is_changed(item, binding) => difference.changed.push(item.id.clone()),
                Some(binding) if binding.record_version != binding.current_version => {
                    difference.edited.push(item.id.clone());
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Ours that are due there, or may be new there, and are not bound to anything of theirs.
    async fn unsent(&self, target: &Target, bound: &[Binding]) -> Result<Vec<i64>, Error> {
        if !target.declared.export || target.session.business.export(target.name()) == Export::None {
            return Ok(Vec::new());
        }
        let bound: HashSet<i64> = bound.iter().filter_map(|binding| binding.record).collect();
        let chosen = self.chosen(target, &Choice::Differing).await?;
        Ok(chosen.into_iter().filter(|record| !bound.contains(record)).collect())
    }

    async fn bindings(&self, target: &Target) -> Result<Vec<Binding>, Error> {
        let known = target.clone();
        self.store
            .read(move |tx| -> Result<_, Error> {
                let (mut all, mut after) = (Vec::new(), 0);
                loop {
                    let filter = binding::Filter {
                        backend: Some(known.session.backend),
                        kind: Some(known.kind.id),
                        after,
                        limit: 1000,
                        ..binding::Filter::default()
                    };
                    let page = binding::list(tx, &filter).map_err(Fault::from)?;
                    let Some(last) = page.last() else { return Ok(all) };
                    after = last.id;
                    all.extend(page.into_iter().filter(|binding| binding.external_id.is_some()));
                }
            })
            .await
    }
}

/// Whether theirs is another than at the last import. Where a look-up had found nothing then, there is no digest to
/// compare, so that the next sync maps again; their date of change tells instead.
fn is_changed(item: &Item, binding: &Binding) -> bool {
    match binding.payload_hash {
        Some(hash) => hash != item.hash,
        None => item.updated != binding.external_updated_at,
    }
}
