//! The one list of operations: name, what it takes to be permitted, function. Faces call by name, so that neither the
//! access check nor the audit log can be forgotten. It holds no logic of an operation.

use std::{future::Future, pin::Pin, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Caller, Error, Host,
    access::{self, Subject},
    audit, backend, binding, channel, conflict, cursor, export, job, link, plugin, record, review, schedule, status,
    sync, verify,
};
use crate::{base::Fault, security::role::Permission};

type Answer = Pin<Box<dyn Future<Output = Result<String, Fault>> + Send>>;

/// One use case.
pub struct Operation {
    /// `noun.verb`.
    pub name: &'static str,
    /// What one must be permitted to do. All but reading is written to the audit log, whatever came of it.
    pub permission: Permission,
    /// With which model.
    pub subject: Subject,
    run: fn(Arc<Host>, Caller, String) -> Answer,
}

macro_rules! operations {
    ($($permission:ident $model:tt $name:literal => $function:path;)*) => {
        /// Every operation, in the order of the nouns.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            name: $name,
            permission: Permission::$permission,
            subject: operations!(@ $model),
            run: |host, caller, input| Box::pin(async move {
                let request = parse($name, &input)?;
                let answer = $function(&host, &caller, request).await?;
                Ok(write($name, &answer)?)
            }),
        },)*];
    };
    (@ _) => { Subject::Requested };
    (@ $model:literal) => { Subject::Model($model) };
}

operations! {
    Read "generic.plugin" "plugin.list" => plugin::list;
    Read "generic.plugin" "plugin.show" => plugin::show;
    Create "generic.plugin" "plugin.install" => plugin::install;
    Read "generic.backend" "backend.list" => backend::list;
    Read "generic.backend" "backend.show" => backend::show;
    Create "generic.backend" "backend.add" => backend::add;
    Write "generic.backend" "backend.set" => backend::set;
    Unlink "generic.backend" "backend.remove" => backend::remove;
    Write "generic.backend" "backend.enable" => backend::enable;
    Write "generic.backend" "backend.disable" => backend::disable;
    Write "generic.backend" "backend.test" => backend::test;
    Write "generic.backend" "sync.start" => sync::start;
    Write "generic.backend" "export.start" => export::start;
    Read "queue.job" "sync.progress" => sync::progress;
    Write "generic.backend" "verify.start" => verify::start;
    Read "generic.binding" "review.list" => review::list;
    Read "generic.binding" "review.show" => review::show;
    Write "generic.binding" "review.resolve" => review::resolve;
    Read "generic.binding" "conflict.list" => conflict::list;
    Read "generic.binding" "conflict.show" => conflict::show;
    Write "generic.binding" "conflict.resolve" => conflict::resolve;
    Read "generic.catalogue" "record.models" => record::models;
    Read _ "record.search" => record::search;
    Read _ "record.read" => record::read;
    Create _ "record.create" => record::create;
    Write _ "record.write" => record::write;
    Unlink _ "record.unlink" => record::unlink;
    Read "generic.binding" "binding.list" => binding::list;
    Read "generic.binding" "binding.show" => binding::show;
    Create "generic.binding" "binding.bind" => binding::bind;
    Create "generic.binding" "binding.import" => link::import;
    Write "generic.binding" "binding.retry" => binding::retry;
    Write "generic.binding" "binding.resync" => binding::resync;
    Unlink "generic.binding" "binding.unbind" => binding::unbind;
    Read "queue.job" "job.list" => job::list;
    Read "queue.job" "job.show" => job::show;
    Write "queue.job" "job.follow" => job::follow;
    Write "queue.job" "job.retry" => job::retry;
    Write "queue.job" "job.requeue" => job::requeue;
    Write "queue.job" "job.done" => job::done;
    Write "queue.job" "job.cancel" => job::cancel;
    Create "queue.job" "job.create_test" => job::create_test;
    Read "queue.job.channel" "channel.list" => channel::list;
    Write "queue.job.channel" "channel.set" => channel::set;
    Read "generic.schedule" "schedule.list" => schedule::list;
    Write "generic.schedule" "schedule.set" => schedule::set;
    Write "generic.schedule" "schedule.pause" => schedule::pause;
    Write "generic.schedule" "schedule.resume" => schedule::resume;
    Unlink "generic.schedule" "schedule.remove" => schedule::remove;
    Write "generic.schedule" "schedule.run" => schedule::run;
    Read "generic.cursor" "cursor.show" => cursor::show;
    Write "generic.cursor" "cursor.set" => cursor::set;
    Unlink "generic.cursor" "cursor.reset" => cursor::reset;
    Read "generic.cursor" "cursor.history" => cursor::history;
    Read "generic.status" "status.show" => status::show;
    Read "generic.audit" "status.audit" => audit::list;
}

/// Runs an operation for a caller: JSON in, JSON out. The only way in.
pub async fn call(host: &Arc<Host>, caller: &Caller, name: &str, input: String) -> Result<String, Fault> {
    let operation =
        OPERATIONS.iter().find(|operation| operation.name == name).ok_or_else(|| Error::Unknown(name.to_owned()))?;
    let permitted = access::check(&host.rules, &host.catalogue.get(), caller, operation, &input);
    let result = match permitted {
        Ok(()) => (operation.run)(host.clone(), caller.clone(), input.clone()).await,
        Err(fault) => Err(fault),
    };
    if access::is_change(operation) {
        audit::note(host, caller, operation.name, &input, result.as_ref().err()).await;
    }
    result
}

fn parse<T: DeserializeOwned>(operation: &'static str, input: &str) -> Result<T, Error> {
    let input = if input.trim().is_empty() { "{}" } else { input };
    serde_json::from_str(input).map_err(|error| Error::Request { operation, reason: error.to_string() })
}

fn write<T: Serialize>(operation: &'static str, answer: &T) -> Result<String, Error> {
    serde_json::to_string(answer).map_err(|error| Error::Answer { operation, reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::Catalogue,
        security::role::{Group, Rules},
    };

    fn may(caller: &Caller, operation: &Operation) -> bool {
        let request = r#"{"model": "sale.order"}"#;
        access::check(&Rules::built_in(), &Catalogue::default(), caller, operation, request).is_ok()
    }

    fn of(group: Group) -> Caller {
        Caller { actor: "ada".to_owned(), groups: vec![group] }
    }

    #[test]
    fn names_are_unique_and_nobody_may_do_anything() {
        for (at, operation) in OPERATIONS.iter().enumerate() {
            assert!(OPERATIONS[..at].iter().all(|other| other.name != operation.name), "{}", operation.name);
            assert!(!may(&Caller::nobody(), operation), "{}", operation.name);
            assert!(may(&Caller::owner(), operation), "{}", operation.name);
        }
    }

    #[test]
    fn a_user_reads_a_manager_runs_and_only_an_admin_installs() {
        for operation in OPERATIONS {
            let is_read = operation.permission == Permission::Read;
            let is_plugin = operation.subject == Subject::Model("generic.plugin");
            assert_eq!(may(&of(Group::User), operation), is_read, "{}", operation.name);
            assert_eq!(may(&of(Group::Manager), operation), is_read || !is_plugin, "{}", operation.name);
        }
    }

    #[test]
    fn a_request_that_names_no_model_is_denied() {
        let operation = OPERATIONS.iter().find(|operation| operation.name == "record.unlink").expect("it is there");
        let denied = access::check(&Rules::built_in(), &Catalogue::default(), &of(Group::Manager), operation, "{}");
        assert_eq!(denied.expect_err("denied").code.name, "operation.request");
    }
}
