//! What is imported: one kind of one backend, with everything about it that stays the same for a whole run.

use std::sync::Arc;

use bindery_contract::{manifest, op};

use super::{
    Error,
    digest::{self, Digest},
    mark,
    session::Session,
};
use crate::record::{Catalogue, Field, Kind};

/// What becomes of our record when theirs is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deletion {
    /// It stays, and so does the binding.
    #[default]
    Ignore,
    /// It is archived, where its model can be; else it stays.
    Archive,
    /// It is removed; where others need it, it is archived.
    Delete,
}

/// What an operator has set for a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Policy {
    /// When theirs is gone.
    pub deletion: Deletion,
    /// Seconds taken off the next cursor, where they differ from the connector's.
    pub overlap_seconds: Option<u32>,
    /// Items a page.
    pub page_size: Option<u32>,
    /// Most records that one run reads, where it differs from the host's.
    pub max_records: Option<u64>,
}

/// A kind of a backend. Cheap to clone.
#[derive(Clone)]
pub struct Target(Arc<Inner>);

/// What a [`Target`] points to.
pub struct Inner {
    /// The backend at work.
    pub session: Arc<Session>,
    /// The catalogue as it stood when the work began.
    pub catalogue: Catalogue,
    /// The kind as the catalogue has it.
    pub kind: Arc<Kind>,
    /// The kind as the connector declares it.
    pub declared: manifest::Kind,
    /// What the operator has set for it.
    pub policy: Policy,
    /// Digests payloads.
    pub digest: Digest,
    /// Digest of everything else that decides what a payload is mapped to.
    pub fingerprint: i64,
    /// Fields by which records are matched, in order.
    pub matched_by: Vec<usize>,
    /// Conditions that a record must meet to be matched.
    pub matched_among: Vec<serde_json::Value>,
}

impl std::ops::Deref for Target {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Target {
    /// A kind of a backend.
    pub fn new(session: Arc<Session>, catalogue: Catalogue, kind: &str, policy: Policy) -> Result<Self, Error> {
        let declared = session.kind(kind)?.clone();
        let known = catalogue.need_kind(kind).map_err(|error| Error::Below(error.into()))?.clone();
        let digest = Digest::without(&declared.ignored_paths)
            .map_err(|error| Error::BadAnswer { op: op::LIST, why: format!("ignored path: {error}") })?;
        let schema = format!("{:x}", known.model.digest);
        let parts = session.mapped_by.iter().map(String::as_str).chain([kind, schema.as_str()]);
        let fingerprint = digest::fingerprint(parts);
        let matched_by =
            declared.matched_by.iter().filter_map(|name| known.model.field(name)).map(|field| field.index).collect();
        let matched_among = match declared.matched_among.as_str() {
            "" => Vec::new(),
            domain => serde_json::from_str(domain).map_err(|error| Error::BadAnswer {
                op: "manifest",
                why: format!("{kind}: the domain of records to match is no list: {error}"),
            })?,
        };
        Ok(Self(Arc::new(Inner {
            session,
            catalogue,
            kind: known,
            declared,
            policy,
            digest,
            fingerprint,
            matched_by,
            matched_among,
        })))
    }

    /// Name of the kind.
    pub fn name(&self) -> &str {
        &self.kind.name
    }

    /// A field of the record model by index.
    pub fn field(&self, index: usize) -> &Field {
        &self.kind.model.fields[index]
    }

    /// Seconds taken off the next cursor.
    pub fn overlap_seconds(&self) -> u32 {
        self.policy.overlap_seconds.or(self.declared.overlap_seconds).unwrap_or(mark::OVERLAP_SECONDS)
    }

    /// Whether the importer has a hook.
    pub fn has_hook(&self, hook: &str) -> bool {
        self.declared.import_hooks.iter().any(|name| name == hook)
    }

    /// Whether another kind's records can be fetched one by one.
    pub fn can_import(&self, kind: &str) -> bool {
        self.session.manifest.kind(kind).is_some_and(|kind| kind.import) && self.session.answers(op::READ)
    }
}
