//! What each backend exports by itself: its kinds, the fields that their mappers read, and the lines that count as a part
//! of their record.

use std::{collections::HashSet, sync::Arc};

use bindery_contract::{FieldType, manifest};

use super::catch_up::Active;
use crate::{
    backend::{Backend, Backends, Export, LocalDeletion},
    record::{Catalogue, Kind},
    sync::{step, target},
};

/// One kind that a backend exports by itself.
#[derive(Clone)]
pub struct Exporter {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: Arc<Kind>,
    /// Whether records that are not bound yet are exported.
    pub takes_new: bool,
    /// Conditions that a new one must meet.
    pub among: Vec<serde_json::Value>,
    /// Fields whose change matters; absent: any.
    pub reads: Option<HashSet<String>>,
    /// What becomes of theirs when ours is removed.
    pub deletion: LocalDeletion,
    /// Records sent in one request at most.
    pub batch: usize,
    /// Lines that are sent with their record.
    pub lines: Vec<Lines>,
}

/// Lines of a record.
#[derive(Clone)]
pub struct Lines {
    /// The field of the record that holds them.
    pub field: String,
    /// Their model.
    pub model: String,
    /// The field of the line that refers to the record, by index.
    pub inverse: usize,
}

impl Exporter {
    /// The fields of a change that matter; none: it is left alone.
    pub fn concerned(&self, changed: &[String]) -> Option<Vec<String>> {
        let reads = |field: &&String| self.reads.as_ref().is_none_or(|reads| reads.contains(*field));
        let fields: Vec<String> = changed.iter().filter(reads).cloned().collect();
        (!fields.is_empty()).then_some(fields)
    }
}

/// Everything that is exported by itself, and which of the kinds that could be is so. A backend whose plugin is missing
/// exports nothing until it is back.
pub fn all(backends: &Backends, catalogue: &Catalogue) -> (Vec<Exporter>, Active) {
    let (mut all, mut active) = (Vec::new(), Active::new());
    for backend in backends.list() {
        let Some(generation) = backends.generation(&backend) else { continue };
        let kinds = generation.manifest.kinds.iter().filter(|kind| step::exports(kind));
        for declared in kinds {
            let exporter = one(&backend, catalogue, declared);
            active.insert((backend.id, declared.name.clone()), exporter.is_some());
            let Some(mut exporter) = exporter else { continue };
            if backends.is_export_extended(&backend, &generation.manifest, declared) {
                // What its rules read is another plugin's business: any change may matter.
                exporter.reads = None;
            }
            all.push(exporter);
        }
    }
    (all, active)
}

fn one(backend: &Backend, catalogue: &Catalogue, declared: &manifest::Kind) -> Option<Exporter> {
    let policy = backend.business.export(&declared.name);
    let kind = catalogue.kind(&declared.name)?.clone();
    let lines = declared.export_rules.iter().filter(|rule| rule.verb == "children").filter_map(|rule| {
        let field = kind.model.field(rule.reads.first()?)?;
        let FieldType::One2many { model, inverse } = &field.field_type else { return None };
        let inverse = catalogue.model(model)?.field(inverse)?.index;
        Some(Lines { field: field.name.clone(), model: model.clone(), inverse })
    });
    (policy != Export::None).then(|| Exporter {
        backend: backend.id,
        takes_new: policy == Export::All,
        among: among(backend, declared),
        deletion: backend.business.local_deletion(&declared.name),
        reads: reads(declared),
        batch: target::batch(declared, backend.business.batch_size(&declared.name)),
        lines: lines.collect(),
        kind: kind.clone(),
    })
}

/// What a new record must meet: the connector's word, and the operator's.
fn among(backend: &Backend, declared: &manifest::Kind) -> Vec<serde_json::Value> {
    let mut among: Vec<serde_json::Value> = serde_json::from_str(&declared.matched_among).unwrap_or_default();
    among.extend(backend.business.export_domain(&declared.name).iter().cloned());
    among
}

/// The fields that a mapper reads; absent where its rules, or hooks, may read any.
pub fn reads(declared: &manifest::Kind) -> Option<HashSet<String>> {
    let is_open = |rule: &manifest::Rule| {
        matches!(rule.verb.as_str(), "compute" | "mapping") && rule.reads.is_empty() && rule.changed_by.is_empty()
    };
    if !declared.export_hooks.is_empty() || declared.export_rules.iter().any(is_open) {
        return None;
    }
    let rules = declared.export_rules.iter().filter(|rule| !rule.only_create);
    Some(
        rules
            .flat_map(|rule| if rule.changed_by.is_empty() { &rule.reads } else { &rule.changed_by })
            .cloned()
            .collect(),
    )
}
