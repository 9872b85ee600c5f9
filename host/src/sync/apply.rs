//! The one write path: everything that a plan comes to, in one transaction.
//!
//! Before its first write it compares what the plan was made with: the job's fence, the backend's epoch, the cursor, the
//! run's place, and for each record binding and version. It never calls a connector, and it may run twice.

use std::borrow::Cow;

use serde_json::json;

use super::{
    Account, Error, conflict,
    export::{outcome, run as export_run, run::Counting},
    mark, page,
    plan::{Action, Plan, What},
    problem::Problem,
    resolve,
    session::Asked,
    task,
    write::{self, Wrote},
};
use crate::{
    base::{Fault, Map, Timestamp},
    model::job::{Fence, NewJob, Scope},
    plugin::{self, Committed, commit::Error as CommitError},
    queue,
    record::{
        Change,
        binding::{self, Standing},
        cursor,
    },
    storage::{self, Tx, quarantine, run},
};

/// The circumstances of an apply, made outside the transaction.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// When.
    pub now: Timestamp,
    /// On whose behalf.
    pub change: Change,
    /// The job that must still own its work.
    pub fence: Option<Fence>,
    /// Jobs made here belong to the run of this one.
    pub spawned_by: Option<i64>,
    /// The run that the plan is a page of.
    pub run: Option<RunStep>,
    /// The run that exports which end with this transaction are counted in.
    pub counting: Option<Counting>,
    /// Each record has a savepoint of its own, since the page failed without.
    pub careful: bool,
    /// The record is one that the job's own work refers to: once it is made, the job has come nearer to its end.
    pub on_the_way: bool,
    /// What ends with this transaction.
    pub finish: Option<serde_json::Value>,
}

/// What a page moves on in its run.
#[derive(Debug, Clone)]
pub struct RunStep {
    /// The run.
    pub id: i64,
    /// Pages committed before.
    pub number: i64,
    /// Version of the cursor when the run began; absent where the run does not move it.
    pub cursor_version: Option<i64>,
    /// The page that comes next.
    pub next: Option<String>,
    /// What the run has seen of the outside system's time, this page included.
    pub seen: mark::Seen,
    /// Ids of the page, where the run looks for what is gone.
    pub ids: Option<Vec<u64>>,
    /// Whether the step is a page that was listed, and no sweep.
    pub listed: bool,
    /// Dependencies imported for the page.
    pub dependencies: i64,
    /// The run ends with it.
    pub end: Option<RunEnd>,
}

/// How a run ends well.
#[derive(Debug, Clone, Default)]
pub struct RunEnd {
    /// Where the cursor moves to.
    pub cursor: Option<String>,
    /// The connector's `state_format`.
    pub state_format: u32,
}

/// How long a record waits that a create under way may have made.
const WAIT_SECONDS: i64 = 5;
/// Problems that the result of a job lists; the rest is on the bindings.
const LISTED: i64 = 20;

/// What was applied.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    /// What became of the records.
    pub account: Account,
    /// Records that are kept, and why.
    pub problems: Vec<(String, Problem)>,
    /// The record of the last write: for an import of one.
    pub record: Option<i64>,
}

/// Why a transaction was given up.
#[derive(Debug, thiserror::Error)]
pub enum Abort {
    /// The whole plan: it must not, or can't, be applied.
    #[error(transparent)]
    Plan(#[from] Error),
    /// One record: the page is run again, carefully.
    #[error("{0}")]
    Record(Problem),
    /// What was asked to be written while items were mapped is refused: which item it belongs to is to be found out.
    #[error("{0}")]
    Asked(Problem),
    /// An earlier page of the run is not committed yet.
    #[error("an earlier page is missing")]
    OutOfOrder,
}

impl From<storage::Error> for Abort {
    fn from(error: storage::Error) -> Self {
        match error {
            storage::Error::Unique(_) | storage::Error::ForeignKey(_) | storage::Error::Check(_) => {
                Self::Record(Fault::from(error).into())
            }
            error => Self::Plan(error.into()),
        }
    }
}

impl From<crate::record::Error> for Abort {
    fn from(error: crate::record::Error) -> Self {
        match error {
            crate::record::Error::Storage(error) => error.into(),
            crate::record::Error::CursorChanged { .. } => Self::Plan(Error::CursorChanged),
            error => Self::Record(Fault::from(error).into()),
        }
    }
}

/// Applies a plan.
pub fn apply(tx: &mut dyn Tx, plan: &Plan, at: &Circumstances) -> Result<Applied, Abort> {
    check(tx, plan, at)?;
    let committed = commit_asked(tx, plan, at)?;
    let moved = moved(tx, plan)?;
    let mut applied = Applied { account: plan.settled, ..Applied::default() };
    keep_nameless(tx, plan, at, &mut applied)?;
    let (mut written, mut exported) = (Vec::new(), Vec::new());
    for action in &plan.actions {
        let what = match moved.contains(&action.id.as_str()) {
            true => Cow::Owned(What::Requeue),
            false => with_ids(&action.what, &committed),
        };
        let what = &*what;
        let outcome = if at.careful {
            match tx.savepoint(|tx| act(tx, plan, action, what, at))? {
                // Nothing came in that could be kept.
                Err(Abort::Record(problem)) if matches!(what, What::Sent(_)) => {
                    Outcome { problem: Some(problem), ..Outcome::default() }
                }
                Err(Abort::Record(problem)) => act(tx, plan, action, &What::Quarantine(problem), at)?,
                outcome => outcome?,
            }
        } else {
            act(tx, plan, action, what, at)?
        };
        if let (What::Sent(sent), None) = (what, &outcome.problem) {
            exported.extend(sent.became().map(|became| (sent.record, became)));
        }
        applied.account.add(&outcome.account);
        applied.record = outcome.record.or(applied.record);
        if let Some(problem) = outcome.problem {
            applied.problems.push((action.id.clone(), problem));
        }
        if let Some((record, created)) = outcome.wrote {
            written.push(bindery_contract::op::Written { id: action.id.clone(), record, created });
        }
    }
    if plan.target.has_hook("after") && !written.is_empty() {
        enqueue(tx, at, after_job(plan, written))?;
    }
    if let Some(counting) = &at.counting {
        export_run::count(tx, counting, plan.target.name(), &exported)?;
    }
    finish(tx, plan, at, &mut applied)?;
    Ok(applied)
}

/// Compares what the plan was made with.
fn check(tx: &mut dyn Tx, plan: &Plan, at: &Circumstances) -> Result<(), Abort> {
    if let Some(fence) = &at.fence {
        queue::check_fence(tx, fence).map_err(|error| match error {
            queue::Error::Stale { .. } => Error::Fenced,
            other => Error::Below(other.into()),
        })?;
    }
    let session = &plan.target.session;
    match storage::backend::epoch(tx, session.backend)? {
        Some((epoch, true)) if epoch == session.epoch => {}
        _ => return Err(Error::EpochChanged.into()),
    }
    let Some(step) = &at.run else { return Ok(()) };
    match run::place(tx, step.id)? {
        Some((0, number)) if number == step.number => {}
        Some((0, number)) if number < step.number => return Err(Abort::OutOfOrder),
        _ => return Err(Error::Fenced.into()),
    }
    if let Some(version) = step.cursor_version
        && cursor::get(tx, session.backend, plan.target.name())?.version != version
    {
        return Err(Error::CursorChanged.into());
    }
    Ok(())
}

/// Commits what plugins have asked for while the plan was made. What was asked for by a page as a whole and is refused
/// ends the run; the rest is some item's.
fn commit_asked(tx: &mut dyn Tx, plan: &Plan, at: &Circumstances) -> Result<Vec<Committed>, Abort> {
    let commit = |(at_place, asked): (usize, &Asked)| {
        let guard = asked.guard(plan.catalogue().clone(), at.now);
        plugin::commit(tx, &asked.writes, &guard).map_err(|error| match error {
            CommitError::Fenced(_) => Error::Fenced.into(),
            CommitError::BackendChanged => Error::EpochChanged.into(),
            CommitError::Storage(error) => match Abort::from(error) {
                Abort::Record(problem) if at_place >= plan.asked_by_page => Abort::Asked(problem),
                abort => abort,
            },
            error if at_place >= plan.asked_by_page => Abort::Asked(Fault::from(error).into()),
            error => Error::Below(error.into()).into(),
        })
    };
    plan.asked.iter().enumerate().map(commit).collect()
}

/// What is to be done, with the ids of what was made meanwhile in place of temporary ones.
fn with_ids<'w>(what: &'w What, committed: &[Committed]) -> Cow<'w, What> {
    let What::Write(write) = what else { return Cow::Borrowed(what) };
    let Some(committed) = write.asked.and_then(|at| committed.get(at)) else { return Cow::Borrowed(what) };
    let mut write = write.clone();
    Cow::Owned(match resolve::put_ids(&mut write, &committed.ids) {
        None => What::Write(write),
        Some(id) => {
            let message = format!("it names the temporary id {id}, which stands for nothing that was written");
            What::Quarantine(Problem::new("sync.bad_answer", message))
        }
    })
}

/// External ids whose binding, or record, is not what the plan saw.
fn moved<'p>(tx: &mut dyn Tx, plan: &'p Plan) -> Result<Vec<&'p str>, Abort> {
    let imports = || plan.actions.iter().filter(|action| !matches!(action.what, What::Sent(_)));
    let ids: Vec<&str> = imports().map(|action| action.id.as_str()).collect();
    if ids.is_empty() {
        return Ok(ids);
    }
    let found = binding::standing(tx, plan.target.session.backend, &plan.target.kind, &ids)?;
    let now: Map<&str, Standing> = found.iter().map(|(id, standing)| (id.as_str(), *standing)).collect();
    let same = |action: &Action| match (&action.seen, now.get(action.id.as_str())) {
        (None, None) => true,
        (Some(seen), Some(now)) => (seen.id, seen.record, seen.version) == (now.binding, now.record, now.version),
        _ => false,
    };
    Ok(imports().filter(|action| !same(action)).map(|action| action.id.as_str()).collect())
}

/// What one action came to.
#[derive(Debug, Default)]
struct Outcome {
    account: Account,
    problem: Option<Problem>,
    record: Option<i64>,
    /// The record that hooks are told of, and whether it was made.
    wrote: Option<(i64, bool)>,
}

fn act(tx: &mut dyn Tx, plan: &Plan, action: &Action, what: &What, at: &Circumstances) -> Result<Outcome, Abort> {
    let mut out = Outcome::default();
    let account = &mut out.account;
    match what {
        What::Write(write) => match write::write(tx, plan, action, write, at)? {
            Ok(Wrote { record, created, changed, matched, lines }) => {
                let count = if created {
                    &mut account.created
                } else if changed {
                    &mut account.updated
                } else {
                    &mut account.unchanged
                };
                *count += 1;
                account.matched += i64::from(matched);
                account.lines += lines;
                out.record = Some(record);
                out.wrote = (created || changed).then_some((record, created));
            }
            Err(problem) => return act(tx, plan, action, &What::Quarantine(problem), at),
        },
        What::Skip { .. } => {
            write::skip(tx, action, at)?;
            account.skipped += 1;
        }
        What::Quarantine(problem) => {
            write::quarantine(tx, plan, action, problem, at)?;
            account.quarantined += 1;
            out.problem = Some(problem.clone());
        }
        What::Hold { reason, candidates } => {
            write::hold(tx, plan, action, reason, candidates, at)?;
            account.quarantined += 1;
            account.held += 1;
        }
        What::Conflict(clashes) => {
            out.problem = Some(conflict::hold(tx, plan, action, clashes, at)?);
            account.quarantined += 1;
        }
        What::Gone => {
            // What a sweep found missing was not offered; its account says that it was looked at.
            account.offered += i64::from(action.item.is_none());
            account.gone += 1;
            let changed = write::gone(tx, plan, action, at)?;
            *(if changed { &mut account.updated } else { &mut account.skipped }) += 1;
        }
        What::Sent(sent) => out.problem = outcome::write(tx, plan, sent, at)?,
        What::Wait | What::Requeue => {
            account.offered += i64::from(action.item.is_none());
            account.skipped += 1;
            account.requeued += 1;
            let mut job = task::import_record(&plan.target.session, plan.target.name(), &action.id);
            job.eta = matches!(what, What::Wait).then(|| at.now.plus_seconds(WAIT_SECONDS));
            enqueue(tx, at, job)?;
        }
    }
    Ok(out)
}

/// Keeps payloads that have no id: they can't be told apart, so they wait for a person.
fn keep_nameless(tx: &mut dyn Tx, plan: &Plan, at: &Circumstances, applied: &mut Applied) -> Result<(), Abort> {
    for item in &plan.page.nameless {
        let why = format!("{}; it starts with {:?}", item.why, page::start(plan.page.nameless_text(item).as_bytes()));
        quarantine::keep(
            tx,
            &quarantine::Keep {
                backend: plan.target.session.backend,
                kind: plan.target.name(),
                binding: None,
                external_id: None,
                run: at.run.as_ref().map(|run| run.id),
                payload: plan.page.nameless_text(item),
                external_updated_at: None,
                map_fingerprint: plan.target.fingerprint,
                code: "sync.no_id",
                error: &why,
                path: None,
                field: None,
                now: at.now.0,
            },
        )?;
        applied.account.quarantined += 1;
        let problem = Problem { retry: false, ..Problem::new("sync.no_id", why) };
        applied.problems.push((String::new(), problem));
    }
    Ok(())
}

/// Moves the run on, and ends what ends with this page. A page that is committed, or a record that was made because
/// others refer to it, is not done again by a later attempt.
fn finish(tx: &mut dyn Tx, plan: &Plan, at: &Circumstances, applied: &mut Applied) -> Result<(), Abort> {
    if let Some(step) = &at.run {
        applied.account.pages = i64::from(step.listed);
        applied.account.dependencies = step.dependencies;
        if let Some(ids) = &step.ids {
            run::see(tx, step.id, step.number, ids)?;
        }
        let place = run::Place {
            page_cursor: step.next.as_deref(),
            pages: 1,
            seen_as_of: step.seen.as_of.as_deref(),
            seen_latest: step.seen.latest.as_deref(),
        };
        if !run::advance(tx, step.id, &place, &applied.account.counts())? {
            return Err(Error::Fenced.into());
        }
        if let Some(end) = &step.end {
            end_run(tx, plan, at, step, end)?;
        }
    }
    let is_sent = applied.problems.is_empty() && plan.actions.iter().any(|action| matches!(action.what, What::Sent(_)));
    let moves_on = at.run.is_some() || (at.on_the_way && (applied.account.created > 0 || is_sent));
    if let Some(fence) = at.fence.as_ref().filter(|_| moves_on && at.finish.is_none()) {
        queue::moved_on(tx, fence).map_err(|error| Error::Below(error.into()))?;
    }
    if let (Some(result), Some(fence)) = (&at.finish, &at.fence) {
        let mut result = result.clone();
        if let Some(object) = result.as_object_mut() {
            let account = match &at.run {
                Some(step) => run::get(tx, step.id)?.map_or(applied.account, |run| Account::from_counts(run.counts)),
                None => applied.account,
            };
            object.entry("account").or_insert_with(|| json!(account));
            if let Some(step) = &at.run {
                let of = (plan.target.session.backend, plan.target.name());
                let kept = quarantine::of_run(tx, of, step.id, LISTED)?;
                let problems: Vec<_> = kept
                    .into_iter()
                    .map(|kept| (kept.external_id.clone().unwrap_or_default(), Problem::from(kept)))
                    .collect();
                if !problems.is_empty() {
                    object.insert("problems".to_owned(), json!(problems));
                }
            }
        }
        queue::finish(tx, at.now, fence, &queue::Outcome::Done(result)).map_err(|error| Error::Below(error.into()))?;
    }
    Ok(())
}

fn end_run(tx: &mut dyn Tx, plan: &Plan, at: &Circumstances, step: &RunStep, end: &RunEnd) -> Result<(), Abort> {
    let (backend, kind) = (plan.target.session.backend, plan.target.name());
    if let (Some(value), Some(version)) = (&end.cursor, step.cursor_version) {
        let by = format!("run {}", step.id);
        let to = cursor::Move { value: Some(value), state_format: end.state_format, by: &by, now: at.now };
        cursor::advance(tx, backend, kind, version, &to)?;
    }
    if step.ids.is_some() || !step.listed {
        run::forget(tx, step.id)?;
    }
    quarantine::drop_nameless(tx, backend, kind, step.id)?;
    let moved_cursor = end.cursor.is_some();
    run::end(tx, step.id, &run::End { state: 1, now: at.now.0, moved_cursor, error: None })?;
    Ok(())
}

fn after_job(plan: &Plan, written: Vec<bindery_contract::op::Written>) -> NewJob {
    task::after_import(&plan.target.session, plan.target.name(), written)
}

/// Enqueues a job that belongs to the run of the one at work.
pub fn enqueue(tx: &mut dyn Tx, at: &Circumstances, mut job: NewJob) -> Result<(), Abort> {
    job.spawned_by = at.spawned_by;
    if let Some((_, scope)) = &mut job.identity {
        *scope = Scope::UntilStart;
    }
    queue::enqueue(tx, at.now, &job).map_err(|error| Error::Below(error.into()))?;
    Ok(())
}
