//! The import of a kind: the next page is fetched while this one is prepared and the ones before are written.
//!
//! A run goes on from its last committed page, whatever ended it before. It holds no lock and relies on none: `apply`
//! compares.

use std::{collections::VecDeque, sync::Arc};

use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    Account, Error,
    apply::{Abort, Applied, Circumstances, RunEnd, RunStep},
    digest::short,
    engine::{Engine, IN_FLIGHT},
    fetch::{self, Ask},
    guard::Chain,
    handler,
    mark::Seen,
    page::Page,
    plan::Plan,
    planner::{self, Options},
    problem::Problem,
    profile::Profile,
    quiet::Quiet,
    session::{Behalf, Session},
    target::Target,
};
use crate::{
    base::{Fault, Timestamp},
    storage::{Durability, run},
};

/// What is asked of a run.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Everything, and even what looks unchanged.
    pub force: bool,
    /// Filters given by the operator.
    pub filters: Vec<(String, String)>,
    /// The job ends with the run, with this as its result.
    pub finish: Option<Value>,
}

/// What a run came to.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Report {
    /// The run.
    pub run: i64,
    /// The kind.
    pub kind: String,
    /// What became of the records.
    pub account: Account,
    /// Where the next run starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The first records that are kept, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<(String, Problem)>,
    /// More to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Seconds spent in each stage.
    pub profile: Vec<(&'static str, f64)>,
}

/// Problems that a report lists; the rest is on the bindings.
const LISTED: usize = 20;

/// A run under way.
pub(super) struct Run<'e> {
    pub(super) engine: &'e Engine,
    pub(super) target: Target,
    pub(super) behalf: Behalf,
    pub(super) stored: run::Run,
    pub(super) seen: Seen,
    pub(super) number: i64,
    /// The cursor of the page that is planned next.
    place: Option<String>,
    pub(super) account: Account,
    pub(super) notes: Vec<String>,
    problems: Vec<(String, Problem)>,
    quiet: Quiet,
    in_flight: VecDeque<InFlight>,
    /// A page was committed in this attempt, so that the attempt costs the job nothing.
    moved_on: bool,
    profile: Arc<Profile>,
    total: Option<u64>,
}

struct InFlight {
    plan: Arc<Plan>,
    at: Circumstances,
    answer: JoinHandle<Result<Applied, Abort>>,
}

impl Engine {
    /// Imports a kind of a backend, from where the job's earlier attempt left it.
    pub async fn import_kind(
        &self,
        session: &Arc<Session>,
        kind: &str,
        wish: &Wish,
        behalf: &Behalf,
    ) -> Result<Report, Error> {
        let target = self.target(session, kind)?;
        if !target.declared.import {
            return Err(Error::NotImported { kind: kind.to_owned() });
        }
        let (stored, note) = self.begin(&target, wish, behalf).await?;
        let mut run = Run {
            engine: self,
            seen: Seen { as_of: stored.seen_as_of.clone(), latest: stored.seen_latest.clone() },
            number: stored.page_number,
            account: Account::from_counts(stored.counts),
            place: stored.page_cursor.clone(),
            target,
            behalf: behalf.clone(),
            stored,
            notes: note.into_iter().collect(),
            problems: Vec::new(),
            quiet: Quiet::default(),
            in_flight: VecDeque::new(),
            moved_on: false,
            profile: Arc::default(),
            total: None,
        };
        let ended = run.all(wish).await;
        // What was handed to the writer is written, whatever stops the run.
        let drained = run.drain().await;
        match ended.and_then(|cursor| drained.map(|()| cursor)) {
            Ok(cursor) => run.report(cursor),
            Err(error) => {
                run.ended_by(&error).await?;
                Err(error)
            }
        }
    }
}

impl Run<'_> {
    /// All pages, then what is gone. Answers where the next run starts.
    async fn all(&mut self, wish: &Wish) -> Result<Option<String>, Error> {
        let sweeps = self.stored.complete && self.target.declared.scan_finds_deleted;
        let is_listed = self.stored.page_number > 0 && self.stored.page_cursor.is_none();
        if !is_listed {
            self.pages(wish, sweeps).await?;
        }
        if sweeps {
            self.drain().await?;
            self.sweep().await?;
        }
        if sweeps || is_listed {
            let plan = Plan::new(self.target.clone(), Arc::new(Page::empty()), self.engine.clock.now());
            let end = self.end();
            let step = RunStep { end: Some(end), ..self.step(None) };
            self.submit(plan, step, wish.finish.clone()).await?;
        }
        self.drain().await?;
        Ok(self.next_cursor())
    }

    async fn pages(&mut self, wish: &Wish, sweeps: bool) -> Result<(), Error> {
        let options = Options { force: wish.force, ..Options::default() };
        let mut feed = self.feed(wish);
        loop {
            let fetched = tokio::select! {
                biased;
                reason = self.behalf.cancel.cancelled() => return Err(handler::stopped_by(reason)),
                fetched = feed.pages.recv() => fetched,
            };
            let Some(fetched) = fetched else { return Ok(()) };
            if self.renew(wish).await? {
                // What was fetched is another build's: the page comes again, so that one build has it from start to end.
                feed = self.feed(wish);
                continue;
            }
            let (page, fetched_at) = fetched?;
            let next = page.next.clone();
            let (plan, dependencies, ids) = self.plan(page, fetched_at, &options, sweeps).await?;
            let is_last = next.is_none();
            let ends = is_last && !sweeps;
            let end = ends.then(|| self.end());
            self.place.clone_from(&next);
            let step = RunStep { next, ids, listed: true, dependencies, end, ..self.step(None) };
            self.submit(plan, step, wish.finish.clone().filter(|_| ends)).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Fetches from where the run stands, ahead of what is planned and written.
    fn feed(&self, wish: &Wish) -> Feed {
        let ask = Ask { since: self.stored.since.clone(), cursor: self.place.clone(), filters: wish.filters.clone() };
        let (into, pages) = mpsc::channel(1);
        let limits = (self.engine.limits(&self.target.session), self.engine.clock.clone());
        let fetching = fetch::pages(self.target.clone(), self.behalf.clone(), ask, limits, self.profile.clone(), into);
        Feed { pages, fetching: tokio::spawn(fetching) }
    }

    /// Goes on with what serves now, where a plugin was reloaded since the page before; answers whether it was.
    async fn renew(&mut self, wish: &Wish) -> Result<bool, Error> {
        if self.engine.is_current(&self.target.session).await? {
            return Ok(false);
        }
        let session = self.engine.session(self.target.session.backend).await?;
        if session.epoch != self.target.session.epoch {
            return Err(Error::EpochChanged);
        }
        let before = self.target.session.manifest.state_format;
        self.target = self.engine.target(&session, self.target.name())?;
        self.notes.push(format!("a plugin was reloaded; page {} on came through the new build", self.number + 1));
        if session.manifest.state_format != before {
            self.drain().await?;
            let (stored, note) = self.engine.begin(&self.target, wish, &self.behalf).await?;
            self.notes.extend(note);
            self.stand_at(stored);
        }
        Ok(true)
    }

    fn stand_at(&mut self, stored: run::Run) {
        self.seen = Seen { as_of: stored.seen_as_of.clone(), latest: stored.seen_latest.clone() };
        self.quiet = Quiet::default();
        self.number = stored.page_number;
        self.place.clone_from(&stored.page_cursor);
        self.stored = stored;
    }

    async fn plan(
        &mut self,
        page: Page,
        fetched_at: Timestamp,
        options: &Options,
        sweeps: bool,
    ) -> Result<(Plan, i64, Option<Vec<u64>>), Error> {
        self.total = page.total.or(self.total);
        self.seen.clock(page.as_of.as_deref());
        self.seen.items(page.items.iter().filter_map(|item| item.updated.as_deref()));
        let ids = sweeps.then(|| page.items.iter().map(|item| short(&item.id)).collect());
        let (store, target) = (&self.engine.store, self.target.clone());
        let planned = planner::plan(store, &target, page, fetched_at, options, &self.behalf, &self.profile).await?;
        if planned.missing.is_empty() {
            return Ok((planned.plan, 0, ids));
        }
        // They may be on a page that is just being written: look again once it is.
        self.drain().await?;
        let plan = planner::resolve_again(&self.engine.store, planned.plan, &[]).await?;
        let missing = planner::still_missing(&self.engine.store, &plan, planned.missing).await?;
        if missing.is_empty() {
            return Ok((plan, 0, ids));
        }
        let chain = Chain::default();
        let session = &self.target.session;
        let importing = self.engine.import_missing(session, &missing, &chain, &self.behalf);
        let (imported, unmet) = self.profile.dependencies.time_async(importing).await?;
        Ok((planner::resolve_again(&self.engine.store, plan, &unmet).await?, imported, ids))
    }

    /// The next step of the run, before it is filled in.
    pub(super) fn step(&self, next: Option<String>) -> RunStep {
        RunStep {
            id: self.stored.id,
            number: self.number,
            cursor_version: self.moves_cursor().then_some(self.stored.cursor_version),
            next,
            seen: self.seen.clone(),
            ids: None,
            listed: false,
            dependencies: 0,
            end: None,
        }
    }

    fn moves_cursor(&self) -> bool {
        self.target.declared.incremental && !self.stored.filtered
    }

    fn next_cursor(&self) -> Option<String> {
        let next = self.seen.next(self.stored.since.as_deref(), self.target.overlap_seconds());
        next.filter(|_| self.moves_cursor())
    }

    fn end(&self) -> RunEnd {
        RunEnd {
            cursor: self.next_cursor().filter(|next| Some(next) != self.stored.since.as_ref()),
            state_format: self.target.session.manifest.state_format,
        }
    }

    /// Hands a plan to the writer, in order; waits while too many are under way.
    pub(super) async fn submit(
        &mut self,
        mut plan: Plan,
        mut step: RunStep,
        finish: Option<Value>,
    ) -> Result<(), Error> {
        if finish.is_none() && self.quiet.take(&plan, &step) {
            return Ok(());
        }
        self.quiet.join(&mut plan, &mut step);
        while self.in_flight.len() >= IN_FLIGHT {
            self.settle().await?;
        }
        let mut at = self.engine.circumstances(&self.target.session, &self.behalf);
        at.run = Some(step);
        at.finish = finish.map(|mut result| {
            if let Some(object) = result.as_object_mut() {
                object.insert("kind".to_owned(), json!(self.target.name()));
                object.insert("run".to_owned(), json!(self.stored.id));
                if !self.notes.is_empty() {
                    object.insert("notes".to_owned(), json!(self.notes));
                }
            }
            result
        });
        self.number += 1;
        let plan = Arc::new(plan);
        let (engine, work, when) = (self.engine.clone(), plan.clone(), at.clone());
        let profile = self.profile.clone();
        let mut answer = async move { profile.commit.time_async(engine.try_apply(work, when)).await }.boxed();
        // Polled once now, it stands in the writer's line before the next page does.
        let answer = match (&mut answer).now_or_never() {
            Some(ready) => tokio::spawn(std::future::ready(ready)),
            None => tokio::spawn(answer),
        };
        self.in_flight.push_back(InFlight { plan, at, answer });
        Ok(())
    }

    /// Waits for the oldest write. One that failed for a record's sake is done again with care; the pages behind it
    /// refused themselves and are done again in their turn.
    async fn settle(&mut self) -> Result<(), Error> {
        let Some(InFlight { plan, at, answer }) = self.in_flight.pop_front() else { return Ok(()) };
        let answer = answer.await.unwrap_or_else(|_| Err(Abort::Plan(crate::storage::Error::Closed.into())));
        let applied = match answer {
            Ok(applied) => applied,
            Err(Abort::Plan(error)) => return Err(error),
            Err(Abort::Record(_)) => self.engine.apply(plan, Circumstances { careful: true, ..at }).await?,
            Err(Abort::Asked(_)) => self.engine.apply_one_by_one(&plan, at, self.stored.forced, &self.behalf).await?,
            Err(Abort::OutOfOrder) => self.engine.apply(plan, at).await?,
        };
        if applied.account.unaccounted() != 0 {
            return Err(Error::Unaccounted(applied.account.unaccounted()));
        }
        self.moved_on = true;
        self.account.add(&applied.account);
        let room = LISTED.saturating_sub(self.problems.len());
        self.problems.extend(applied.problems.into_iter().take(room));
        self.show_progress();
        Ok(())
    }

    /// Waits for all writes.
    pub(super) async fn drain(&mut self) -> Result<(), Error> {
        let mut first = Ok(());
        while !self.in_flight.is_empty() {
            let settled = self.settle().await;
            first = first.and(settled);
        }
        first
    }

    fn show_progress(&self) {
        let Some(progress) = &self.behalf.progress else { return };
        let total = self.total.and_then(|total| i64::try_from(total).ok());
        progress.set(self.account.offered, total, format!("{}: {}", self.target.name(), self.account));
    }

    fn report(self, cursor: Option<String>) -> Result<Report, Error> {
        if self.account.unaccounted() != 0 {
            return Err(Error::Unaccounted(self.account.unaccounted()));
        }
        tracing::debug!(backend = self.target.session.name, kind = self.target.name(), account = %self.account,
            stages = ?self.profile.stages(), "run ended");
        Ok(Report {
            run: self.stored.id,
            kind: self.target.name().to_owned(),
            account: self.account,
            cursor,
            problems: self.problems,
            notes: self.notes,
            profile: self.profile.stages().to_vec(),
        })
    }

    /// Ends the run for an error, or leaves it open where the job goes on later.
    async fn ended_by(&self, error: &Error) -> Result<(), Error> {
        let state = match error {
            Error::Cancelled => 3,
            error if handler::stays_open(error, self.behalf.is_last_attempt && !self.moved_on) => return Ok(()),
            _ => 2,
        };
        let fault = Fault::from(error.clone());
        let (id, now) = (self.stored.id, self.engine.clock.now());
        self.engine
            .store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                let error = Some((fault.code.name, fault.message.as_str()));
                run::end(tx, id, &run::End { state, now: now.0, moved_cursor: false, error })?;
                Ok(run::forget(tx, id)?)
            })
            .await
    }
}

/// Pages on their way; the fetching ends with it.
struct Feed {
    pages: mpsc::Receiver<fetch::Fetched>,
    fetching: JoinHandle<()>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.fetching.abort();
    }
}
