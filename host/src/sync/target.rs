//! What is imported: one kind of one backend, with everything about it that stays the same for a whole run.

use std::sync::Arc;

use bindery_contract::{manifest, op};

use super::{
    Error,
    digest::{self, Digest},
    extend, mark,
    session::Session,
};
use crate::{
    backend::RemoteDeletion,
    record::{Catalogue, Field, Kind},
    storage::export::Among,
};

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
    /// Digests payloads.
    pub digest: Digest,
    /// Digest of everything else that decides what a payload is mapped to.
    pub fingerprint: i64,
    /// Fields by which records are matched, in order.
    pub matched_by: Vec<usize>,
    /// Conditions that a record must meet to be matched.
    pub matched_among: Vec<serde_json::Value>,
    /// The session's extensions that take part in its mapping, in order.
    pub extensions: Vec<usize>,
    /// The same for the mapping of an export.
    pub export_extensions: Vec<usize>,
}

impl std::ops::Deref for Target {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Target {
    /// A kind of a backend.
    pub fn new(session: Arc<Session>, catalogue: Catalogue, kind: &str) -> Result<Self, Error> {
        let declared = session.kind(kind)?.clone();
        let known = catalogue.need_kind(kind).map_err(|error| Error::Below(error.into()))?.clone();
        let digest = Digest::without(&declared.ignored_paths)
            .map_err(|error| Error::BadAnswer { op: op::LIST, why: format!("ignored path: {error}") })?;
        let schema = format!("{:x}", known.model.digest);
        let (manifest, all) = (&session.manifest, &session.extensions);
        let concerning = |usage: &str| -> Vec<usize> {
            let model = &known.model.name;
            (0..all.len()).filter(|at| extend::concerns(manifest, usage, kind, model, &all[*at].declared)).collect()
        };
        let (extensions, export_extensions) = (concerning("import.mapper"), concerning("export.mapper"));
        let own = session.mapped_by.iter().map(String::as_str).chain([kind, schema.as_str()]);
        let parts = own.chain(extensions.iter().map(|at| all[*at].digest.as_str()));
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
            digest,
            fingerprint,
            matched_by,
            matched_among,
            extensions,
            export_extensions,
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
        let wanted = self.session.business.overlap_seconds(self.name());
        wanted.or(self.declared.overlap_seconds).unwrap_or(mark::OVERLAP_SECONDS)
    }

    /// Items a page, where the operator has a wish.
    pub fn page_size(&self) -> Option<u32> {
        self.session.business.page_size(self.name())
    }

    /// Records that are sent in one request at most.
    pub fn batch(&self) -> usize {
        batch(&self.declared, self.session.business.batch_size(self.name()))
    }

    /// Records that are exported as one lot: what is sent in one request, or as many as are read and taken in together where
    /// each has a request of its own. An exporter of the connector's own gets one at a time.
    pub fn lot(&self) -> usize {
        match self.batch() {
            1 if self.declared.export_hooks.iter().any(|hook| hook == "run") => 1,
            1 => LOT,
            batch => batch,
        }
    }

    /// Some of our records, after an id, as they are looked for in tables.
    pub fn among(&self, after: i64, limit: u64) -> Among<'_> {
        Among {
            backend: self.session.backend,
            kind: self.kind.id,
            name: self.name(),
            table: self.kind.model.table.name.as_str(),
            after,
            limit,
        }
    }

    /// What becomes of our record when theirs is gone.
    pub fn deletion(&self) -> RemoteDeletion {
        self.session.business.remote_deletion(self.name())
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

/// Records of a lot that are sent one by one.
const LOT: usize = 32;
/// Records sent in one request, whatever a connector declares.
const MOST_AT_ONCE: u32 = 500;

/// Records of a kind that are sent in one request at most: as many as the connector takes, or fewer where the operator
/// wants it so. An exporter of the connector's own gets one at a time.
pub fn batch(declared: &manifest::Kind, wish: Option<u32>) -> usize {
    let most =
        if declared.export_hooks.iter().any(|hook| hook == "run") { 1 } else { declared.batch.min(MOST_AT_ONCE) };
    wish.unwrap_or(most).min(most).max(1) as usize
}
