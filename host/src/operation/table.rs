//! The one list of operations: name, least group, whether it changes something, function. Faces call by name, so that
//! neither the access check nor the audit log can be forgotten. It holds no logic of an operation.

use std::{future::Future, pin::Pin, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Caller, Error, Group, Host, access, audit, binding, cursor, job, plugin, record, status, sync,
};
use crate::base::Fault;

type Answer = Pin<Box<dyn Future<Output = Result<String, Fault>> + Send>>;

/// One use case.
pub struct Operation {
    /// `noun.verb`.
    pub name: &'static str,
    /// The least group that may ask for it.
    pub group: Group,
    /// Whether it changes something: such a call is written to the audit log, whatever came of it.
    pub changes: bool,
    run: fn(Arc<Host>, Caller, String) -> Answer,
}

macro_rules! operations {
    ($($group:ident $mode:ident $name:literal => $function:path;)*) => {
        /// Every operation, in the order of the nouns.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            name: $name,
            group: Group::$group,
            changes: operations!(@$mode),
            run: |host, caller, input| Box::pin(async move {
                let request = parse($name, &input)?;
                let answer = $function(&host, &caller, request).await?;
                Ok(write($name, &answer)?)
            }),
        },)*];
    };
    (@reads) => { false };
    (@changes) => { true };
}

operations! {
    User reads "plugin.list" => plugin::list;
    User reads "plugin.show" => plugin::show;
    Admin changes "plugin.install" => plugin::install;
    User reads "sync.progress" => sync::progress;
    User reads "record.models" => record::models;
    User reads "record.search" => record::search;
    User reads "record.read" => record::read;
    Manager changes "record.create" => record::create;
    Manager changes "record.write" => record::write;
    Manager changes "record.unlink" => record::unlink;
    User reads "binding.list" => binding::list;
    User reads "binding.show" => binding::show;
    Manager changes "binding.bind" => binding::bind;
    Manager changes "binding.import" => binding::import;
    Manager changes "binding.unbind" => binding::unbind;
    User reads "job.list" => job::list;
    User reads "job.show" => job::show;
    Manager changes "job.retry" => job::retry;
    Manager changes "job.cancel" => job::cancel;
    User reads "cursor.show" => cursor::show;
    Manager changes "cursor.set" => cursor::set;
    Manager changes "cursor.reset" => cursor::reset;
    User reads "cursor.history" => cursor::history;
    User reads "status.show" => status::show;
    User reads "status.audit" => audit::list;
}

/// Runs an operation for a caller: JSON in, JSON out. The only way in.
pub async fn call(host: &Arc<Host>, caller: &Caller, name: &str, input: String) -> Result<String, Fault> {
    let operation = OPERATIONS
        .iter()
        .find(|operation| operation.name == name)
        .ok_or_else(|| Error::Unknown(name.to_owned()))?;
    access::check(caller, operation)?;
    let result = (operation.run)(host.clone(), caller.clone(), input.clone()).await;
    if operation.changes {
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

    #[test]
    fn names_are_unique_and_nobody_may_do_anything() {
        for (at, operation) in OPERATIONS.iter().enumerate() {
            assert!(OPERATIONS[..at].iter().all(|other| other.name != operation.name), "{}", operation.name);
            assert!(access::check(&Caller::nobody(), operation).is_err(), "{}", operation.name);
            assert!(access::check(&Caller::owner(), operation).is_ok(), "{}", operation.name);
        }
    }

    #[test]
    fn a_user_only_reads() {
        let user = Caller { actor: "ada".to_owned(), group: Some(Group::User) };
        for operation in OPERATIONS {
            assert_eq!(access::check(&user, operation).is_ok(), !operation.changes, "{}", operation.name);
        }
    }
}
