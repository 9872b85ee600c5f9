//! One export: what is due of a record is mapped, sent, and its answer taken in.

use std::sync::Arc;

use futures_util::{FutureExt, future::BoxFuture};
use serde_json::json;
use xxhash_rust::xxh3::xxh3_128;

use super::{
    answer,
    due::{self, Wanted},
    look::Found,
    ours::{self, Ours},
    outcome::{self, Fate, Sent},
    prepare::{self, Body},
    run::Became,
    send,
};
use crate::{
    backend::MissingRemotely,
    queue::{Outcome, Running},
    storage::Durability,
    sync::{
        Error,
        engine::Engine,
        guard::Chain,
        handler::payload,
        page::Page,
        plan::{Action, Plan, What},
        problem::Problem,
        session::{Asked, Behalf},
        target::Target,
        task::ExportRecord,
    },
};

/// What became of a record.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Exported {
    /// One of `created`, `updated`, `unchanged`, `skipped`, `unbound`; `nothing` where nothing was due.
    pub action: &'static str,
    /// Theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Why it was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it can't be exported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

impl Exported {
    pub(super) fn new(action: &'static str) -> Self {
        Self { action, ..Self::default() }
    }

    pub(super) fn failed(problem: Problem) -> Self {
        Self { action: "failed", problem: Some(problem), ..Self::default() }
    }

    /// The same of a record that an earlier attempt has made there.
    fn made(self) -> Self {
        match self.action {
            "updated" | "unchanged" => Self { action: "created", ..self },
            _ => self,
        }
    }

    /// Nothing was due.
    pub(super) fn is_nothing(&self) -> bool {
        self.action == "nothing" && self.problem.is_none()
    }

    /// As what it is counted.
    pub(super) fn became(&self) -> Became {
        match (&self.problem, self.action) {
            (Some(problem), _) => Became::of(&problem.code),
            (None, "created") => Became::Created,
            (None, "updated") => Became::Updated,
            (None, "skipped" | "unbound") => Became::Skipped,
            (None, _) => Became::Unchanged,
        }
    }
}

impl Engine {
    pub(in crate::sync) async fn run_export(&self, job: &Running) -> Result<Outcome, Error> {
        let asked: ExportRecord = payload(job)?;
        let session = self.session(asked.backend).await?;
        let target = self.target(&session, &asked.kind)?;
        let behalf = Behalf::from(job);
        if asked.asked {
            self.ask(&target, asked.record).await?;
        }
        match self.export_one(&target, asked.record, &Chain::default(), &behalf).await {
            Ok(Exported { problem: Some(problem), .. }) => {
                // The sweep has it from here, on the binding's own budget.
                self.not_exported(&target, &behalf, asked.record, &problem).await?;
                Err(Error::Export { kind: asked.kind, record: asked.record, why: problem.message })
            }
            Ok(exported) => Ok(Outcome::Done(json!(exported))),
            Err(Error::Fenced) => Err(Error::Fenced),
            Err(error) => {
                self.export_failed(&target, &behalf, asked.record, &error).await?;
                Err(error)
            }
        }
    }

    /// Exports what is due of a record, as nothing else does at the same time.
    pub(in crate::sync) async fn export_due(
        &self,
        target: &Target,
        record: i64,
        behalf: &Behalf,
    ) -> Result<Exported, Error> {
        self.export_one(target, record, &Chain::default(), behalf).await
    }

    /// Sends all of a record as it is here, whatever has become of theirs.
    pub(in crate::sync) async fn export_over(
        &self,
        target: &Target,
        record: i64,
        behalf: &Behalf,
    ) -> Result<Exported, Error> {
        self.ask(target, record).await?;
        let exported = self.export_held(target, record, &Chain::default(), behalf, true).await?;
        if let Some(problem) = &exported.problem {
            self.not_exported(target, behalf, record, problem).await?;
        }
        Ok(exported)
    }

    /// Exports what is due of a record.
    pub(super) fn export_one<'a>(
        &'a self,
        target: &'a Target,
        record: i64,
        chain: &'a Chain,
        behalf: &'a Behalf,
    ) -> BoxFuture<'a, Result<Exported, Error>> {
        self.export_held(target, record, chain, behalf, false)
    }

    /// The same; `over`: theirs is not looked at before.
    fn export_held<'a>(
        &'a self,
        target: &'a Target,
        record: i64,
        chain: &'a Chain,
        behalf: &'a Behalf,
        over: bool,
    ) -> BoxFuture<'a, Result<Exported, Error>> {
        // Boxed, since dependencies make it call itself.
        async move {
            let _held = self.hold_record(target, record, chain).await?;
            let Some(ours) = self.ours(target, record).await? else { return Ok(Exported::new("nothing")) };
            if ours.row.is_none() {
                self.end_export(target, behalf, &ours, Fate::Removed, Vec::new()).await?;
                return Ok(Exported::new("nothing"));
            }
            if ours.binding.as_ref().is_some_and(|binding| binding.no_export) {
                return self
                    .left_out(target, behalf, &ours, "its binding says that it is not exported", Vec::new())
                    .await;
            }
            self.begin_export(&ours).await?;
            if target.declared.export_hooks.iter().any(|hook| hook == "run") {
                return self.export_whole(target, behalf, &ours).await;
            }
            if let Some(intent) = &ours.intent {
                match self.settle(target, behalf, &ours, intent).await? {
                    super::intent::Settled::Anew => {}
                    super::intent::Settled::Bound => {
                        let Some(ours) = self.ours(target, record).await? else {
                            self.count_exported(target, behalf, vec![(record, Became::Created)]).await?;
                            return Ok(Exported::new("created"));
                        };
                        let ours = Ours { made: true, ..ours };
                        return Ok(self.export_ours(target, ours, chain, behalf).await?.made());
                    }
                    super::intent::Settled::Parked(problem) => return Ok(Exported::failed(problem)),
                }
            }
            self.export_ours(target, Ours { looked: over, ..ours }, chain, behalf).await
        }
        .boxed()
    }

    async fn export_ours(
        &self,
        target: &Target,
        mut ours: Ours,
        chain: &Chain,
        behalf: &Behalf,
    ) -> Result<Exported, Error> {
        let (mut body, mut asked) = prepare::prepare(target, behalf, &ours).await?;
        if let Body::Needs(needs) = &body {
            let needs = needs.clone();
            if let Some(problem) = self.export_needs(target, &ours, &needs, chain, behalf).await? {
                return Ok(Exported::failed(problem));
            }
            let Some(again) = self.ours(target, ours.due.record).await? else { return Ok(Exported::new("nothing")) };
            ours = again;
            (body, asked) = prepare::prepare(target, behalf, &ours).await?;
        }
        match body {
            Body::Send(body) => self.send_body(target, behalf, &ours, body, asked).await,
            Body::Skip(reason) => self.left_out(target, behalf, &ours, &reason, asked).await,
            Body::Failed(problem) => Ok(Exported::failed(problem)),
            Body::Needs(needs) => {
                let names: Vec<String> = needs.iter().map(|(kind, record)| format!("{kind} {record}")).collect();
                Ok(Exported::failed(Problem::unbound(None, &format!("{} there", names.join(", ")))))
            }
        }
    }

    async fn left_out(
        &self,
        target: &Target,
        behalf: &Behalf,
        ours: &Ours,
        reason: &str,
        asked: Vec<Asked>,
    ) -> Result<Exported, Error> {
        self.end_export(target, behalf, ours, Fate::Skipped, asked).await?;
        Ok(Exported { reason: Some(reason.to_owned()), ..Exported::new("skipped") })
    }

    async fn send_body(
        &self,
        target: &Target,
        behalf: &Behalf,
        ours: &Ours,
        body: Vec<u8>,
        asked: Vec<Asked>,
    ) -> Result<Exported, Error> {
        let hash = xxh3_128(&body).to_be_bytes();
        let Some(id) = ours.external_id() else {
            let mut answer = self.create(target, behalf, ours, &body).await?;
            send::read_back(target, behalf, &mut answer).await;
            let id = answer.id.clone();
            let theirs = answer::theirs(self, target, behalf, answer.page.take()).await?;
            let arrived = outcome::Arrived { external_id: id.clone(), created: true, hash, theirs };
            let asked = asked.into_iter().chain(answer.asked).collect();
            self.arrived(target, behalf, ours, arrived, asked).await?;
            return Ok(Exported { external_id: Some(id), ..Exported::new("created") });
        };
        let is_same = ours.binding.as_ref().and_then(|binding| binding.export_hash) == Some(hash);
        if body == b"{}" || (is_same && !ours.due.forced) {
            self.end_export(target, behalf, ours, Fate::Unchanged, asked).await?;
            return Ok(Exported { external_id: Some(id.to_owned()), ..Exported::new("unchanged") });
        }
        if let Some(stopped) = self.stop_bounce(target, ours, (&body, &hash)).await? {
            return Ok(stopped);
        }
        match self.look(target, behalf, ours, id).await? {
            Found::AsAgreed => {}
            Found::Apart(problem) => return Ok(Exported::failed(problem)),
            Found::Taken => {
                let Some(now) = self.ours(target, ours.due.record).await? else { return Ok(Exported::new("nothing")) };
                let now = Ours { looked: true, ..now };
                return Box::pin(self.export_ours(target, now, &Chain::default(), behalf)).await;
            }
        }
        self.note_under_way(target, std::iter::once(ours)).await?;
        match send::update(target, behalf, id, &body).await {
            Ok(mut answer) => {
                send::read_back(target, behalf, &mut answer).await;
                let theirs = answer::theirs(self, target, behalf, answer.page.take()).await?;
                let arrived = outcome::Arrived { external_id: id.to_owned(), created: false, hash, theirs };
                let asked = asked.into_iter().chain(answer.asked).collect();
                self.arrived(target, behalf, ours, arrived, asked).await?;
                Ok(Exported { external_id: Some(id.to_owned()), ..Exported::new("updated") })
            }
            Err(error) if error.is_gone() => self.missing_there(target, behalf, ours, id).await,
            Err(error) => Err(error),
        }
    }

    /// Theirs is gone: what the operator wants then.
    async fn missing_there(&self, target: &Target, behalf: &Behalf, ours: &Ours, id: &str) -> Result<Exported, Error> {
        match target.session.business.missing_remotely(target.name()) {
            MissingRemotely::Fail => Ok(Exported::failed(Problem {
                retry: false,
                ..Problem::new("sync.missing_remotely", format!("{} {id} does not exist there any more", target.name()))
            })),
            MissingRemotely::Unbind => {
                self.end_export(target, behalf, ours, Fate::Unbound, Vec::new()).await?;
                Ok(Exported::new("unbound"))
            }
            MissingRemotely::Recreate => {
                self.forget_theirs(ours).await?;
                let Some(anew) = self.ours(target, ours.due.record).await? else {
                    return Ok(Exported::new("nothing"));
                };
                // A create has a body of its own: all rules run.
                Box::pin(self.export_ours(target, anew, &Chain::default(), behalf)).await
            }
        }
    }

    /// Takes the answer in: the record as it stands there, the binding, what is due.
    async fn arrived(
        &self,
        target: &Target,
        behalf: &Behalf,
        ours: &Ours,
        arrived: outcome::Arrived,
        asked: Vec<Asked>,
    ) -> Result<(), Error> {
        let sent = Sent::new(ours, Fate::Arrived(Box::new(arrived)));
        self.apply_sent(target, behalf, sent, asked).await
    }

    pub(super) async fn end_export(
        &self,
        target: &Target,
        behalf: &Behalf,
        ours: &Ours,
        fate: Fate,
        asked: Vec<Asked>,
    ) -> Result<(), Error> {
        self.apply_sent(target, behalf, Sent::new(ours, fate), asked).await
    }

    pub(super) async fn apply_sent(
        &self,
        target: &Target,
        behalf: &Behalf,
        sent: Sent,
        asked: Vec<Asked>,
    ) -> Result<(), Error> {
        let mut plan = Plan::new(target.clone(), Arc::new(Page::empty()), self.clock.now());
        plan.asked = asked;
        plan.actions.push(Action { item: None, id: String::new(), seen: None, what: What::Sent(Box::new(sent)) });
        let at = self.circumstances(&target.session, behalf);
        let applied = self.apply(Arc::new(plan), at).await?;
        match applied.problems.into_iter().next() {
            None => Ok(()),
            Some((_, problem)) => Err(Error::Refused(problem.message)),
        }
    }

    pub(super) async fn ours(&self, target: &Target, record: i64) -> Result<Option<Ours>, Error> {
        let target = target.clone();
        self.store.read(move |tx| ours::read(tx, &target, record)).await
    }

    async fn hold_record(
        &self,
        target: &Target,
        record: i64,
        chain: &Chain,
    ) -> Result<tokio::sync::OwnedMutexGuard<()>, Error> {
        let hold = self.exporting.take(target.session.backend, target.name(), record);
        if chain.is_empty() {
            return Ok(hold.await);
        }
        // Two that need each other must not wait for each other.
        let patience = std::time::Duration::from_secs(2);
        tokio::time::timeout(patience, hold)
            .await
            .map_err(|_| Error::Busy { what: format!("{} {record}", target.name()) })
    }

    /// All of a record is due, since somebody asks for it.
    async fn ask(&self, target: &Target, record: i64) -> Result<(), Error> {
        let (backend, kind, now) = (target.session.backend, target.name().to_owned(), self.clock.now());
        let wanted = Wanted { backend, kind, record, forced: true, ..Wanted::default() };
        self.store.write(Durability::Durable, move |tx| Ok(due::fold(tx, wanted.clone(), now).map(drop)?)).await
    }

    /// Exports the records that another one needs; answers what can't be.
    async fn export_needs(
        &self,
        target: &Target,
        ours: &Ours,
        needs: &[(String, i64)],
        chain: &Chain,
        behalf: &Behalf,
    ) -> Result<Option<Problem>, Error> {
        let chain = chain.with(target.name(), &ours.due.record.to_string())?;
        for (kind, record) in needs {
            let unmet = |why: &str| {
                let mut problem = Problem::unbound(None, &format!("{kind} {record} there"));
                problem.message = format!("{}: {why}", problem.message);
                Ok(Some(problem))
            };
            if !target.session.manifest.kind(kind).is_some_and(|kind| kind.export) {
                return unmet("it can't be exported");
            }
            if let Err(error) = chain.with(kind, &record.to_string()) {
                return unmet(&error.to_string());
            }
            let (wanted, now) = (Wanted { kind: kind.clone(), record: *record, ..ours.wanted() }, self.clock.now());
            self.store.write(Durability::Durable, move |tx| due::fold(tx, wanted.clone(), now).map(drop)).await?;
            let needed = self.target(&target.session, kind)?;
            let exported = self.export_one(&needed, *record, &chain, behalf).await?;
            if let Some(problem) = exported.problem {
                // Where it was asked for, too, its own turn tells of it.
                let apart = Behalf { counting: None, ..behalf.clone() };
                self.not_exported(&needed, &apart, *record, &problem).await?;
                return unmet(&problem.message);
            }
        }
        Ok(None)
    }
}
