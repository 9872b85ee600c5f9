//! What a plugin's manifest brings into the catalogue: fields on models, kinds, and the constraints of kinds.

use std::sync::Arc;

use bindery_contract::{
    field::FieldType,
    manifest::{Constraint, Kind as KindDeclaration, Manifest},
};
use serde::{Deserialize, Serialize};

use super::{
    Catalogue, Error, Kind, Model, catalogue,
    declaration::{self, Declared, ModelDeclaration},
    install::{Installation, words},
};
use crate::storage::{
    Tx, binding as bindings,
    catalogue::{self as rows, KindRow},
    record as tables,
};

/// What a kind's row says besides its name, model and owner.
#[derive(Debug, Default, Serialize, Deserialize)]
struct KindDefinition {
    fields: Vec<Declared>,
    constraints: Vec<Constraint>,
}

/// Names of a binding's own fields, which extra fields can't take.
pub const OWN_FIELDS: [&str; 12] = [
    "id",
    "backend",
    "kind",
    "record",
    "external_id",
    "sync_date",
    "sync_status",
    "retry_count",
    "max_retries",
    "last_error",
    "no_export",
    "external_updated_at",
];

/// Brings a manifest in, and hides what its plugin declared before and does not any more.
pub(super) fn register(tx: &mut dyn Tx, owner: &str, manifest: &Manifest) -> Result<(), Error> {
    let mut extensions: Vec<ModelDeclaration> = Vec::new();
    for added in &manifest.fields {
        let declared = Declared::from(&added.field);
        declaration::check(&added.model, &declared)
            .map_err(|problem| Error::Definition(format!("{owner}: {problem}")))?;
        match extensions.iter_mut().find(|model| model.name == added.model) {
            Some(model) => model.fields.push(declared),
            None => extensions.push(ModelDeclaration {
                name: added.model.clone(),
                extends: true,
                label: String::new(),
                display: String::new(),
                order: String::new(),
                fields: vec![declared],
            }),
        }
    }
    Installation::begin(tx, owner)?.install(&extensions)?;
    let stored = rows::kinds(tx)?;
    let models = rows::models(tx)?;
    for declared in &manifest.kinds {
        let model = models.iter().find(|model| model.name == declared.model).ok_or_else(|| {
            Error::Definition(format!("{owner}: kind {} is over {}, which is no model", declared.name, declared.model))
        })?;
        if models.iter().any(|model| model.name == declared.name) {
            return Err(Error::Collision(format!(
                "{owner} declares kind {}, which is the name of a model",
                declared.name
            )));
        }
        let known = stored.iter().find(|kind| kind.name == declared.name);
        one_kind(tx, owner, declared, model.id, known)?;
    }
    for kind in stored {
        if kind.owner == owner && !kind.hidden && manifest.kind(&kind.name).is_none() {
            rows::update_kind(tx, &KindRow { hidden: true, ..kind })?;
        }
    }
    Ok(())
}

/// Makes cheap what a first sync asks for each new record: whether one of ours has the same value.
pub(super) fn index_matched(tx: &mut dyn Tx, catalogue: &Catalogue, manifest: &Manifest) -> Result<(), Error> {
    for declared in &manifest.kinds {
        let Some(kind) = catalogue.kind(&declared.name) else { continue };
        for field in declared.matched_by.iter().filter_map(|name| kind.model.field(name)) {
            let is_reference = matches!(field.field_type, FieldType::Many2one { .. });
            if let Some(column) = field.column.as_ref().filter(|_| !is_reference && !field.unique) {
                tables::create_index(tx, &kind.model.table.name, column)?;
            }
        }
    }
    Ok(())
}

fn one_kind(
    tx: &mut dyn Tx,
    owner: &str,
    declared: &KindDeclaration,
    model: i64,
    known: Option<&KindRow>,
) -> Result<(), Error> {
    let name = &declared.name;
    if !declaration::is_model_name(name) {
        return Err(Error::Definition(format!("{owner}: {name:?} is no name for a kind")));
    }
    let fields = extra_fields(owner, declared)?;
    let mut definition = KindDefinition { fields, constraints: declared.constraints.clone() };
    let mut before = KindDefinition::default();
    if let Some(known) = known {
        if known.owner != owner && !known.hidden {
            return Err(Error::Collision(format!("kind {name} is declared by {} and by {owner}", known.owner)));
        }
        if known.model != model {
            return Err(Error::Collision(format!(
                "{owner} declares kind {name} over another model than before: give the new kind another name"
            )));
        }
        before = parse(known)?;
        keep_types(owner, name, &before, &definition)?;
        // Fields that are not declared any more keep their place, so that a return with another type is noticed.
        for old in before.fields.drain(..) {
            if !definition.fields.iter().any(|field| field.name == old.name) {
                definition.fields.push(Declared { label: HIDDEN.to_owned(), ..old });
            }
        }
    }
    let mut row = KindRow {
        id: known.map_or(0, |known| known.id),
        name: name.clone(),
        model,
        owner: owner.to_owned(),
        definition: serde_json::to_string(&definition).expect("a definition is plain data"),
        hidden: false,
    };
    match known {
        Some(_) => rows::update_kind(tx, &row)?,
        None => row.id = rows::insert_kind(tx, &row)?,
    }
    constraints(tx, owner, &row, &before.constraints, &definition)
}

/// The label of extra fields that nobody declares any more.
const HIDDEN: &str = "\u{0}hidden";

fn extra_fields(owner: &str, declared: &KindDeclaration) -> Result<Vec<Declared>, Error> {
    let mut fields = Vec::<Declared>::new();
    for field in &declared.fields {
        let field = Declared::from(field);
        let wrong =
            |problem: &str| Err(Error::Definition(format!("{owner}: {}.{}: {problem}", declared.name, field.name)));
        if let Err(problem) = declaration::check(&declared.name, &field) {
            return Err(Error::Definition(format!("{owner}: {problem}")));
        }
        if OWN_FIELDS.contains(&field.name.as_str()) {
            return wrong("every binding has a field of this name");
        }
        if fields.iter().any(|other| other.name == field.name) {
            return wrong("declared twice");
        }
        if matches!(field.definition.field_type, FieldType::One2many { .. } | FieldType::Many2many { .. }) {
            return wrong("a binding holds no relations to many; declare a kind of its own for the lines");
        }
        fields.push(field);
    }
    Ok(fields)
}

fn keep_types(owner: &str, kind: &str, before: &KindDefinition, now: &KindDefinition) -> Result<(), Error> {
    for field in &now.fields {
        let old = before.fields.iter().find(|old| old.name == field.name);
        if let Some(old) = old.filter(|old| old.definition.field_type != field.definition.field_type) {
            return Err(Error::Collision(format!(
                "{kind}.{} was {} and is {} as {owner} declares it now: a changed type is a new field, so give it \
                 another name",
                field.name,
                words(&old.definition.field_type),
                words(&field.definition.field_type),
            )));
        }
    }
    Ok(())
}

fn constraints(
    tx: &mut dyn Tx,
    owner: &str,
    row: &KindRow,
    before: &[Constraint],
    now: &KindDefinition,
) -> Result<(), Error> {
    for old in before {
        if !now.constraints.contains(old) {
            bindings::drop_constraint(tx, &index_name(row.id, &old.name))?;
        }
    }
    for constraint in now.constraints.iter().filter(|constraint| !before.contains(constraint)) {
        let wrong = |problem: String| {
            Error::Definition(format!("{owner}: constraint {} of {}: {problem}", constraint.name, row.name))
        };
        if !declaration::is_word(&constraint.name) || constraint.unique.is_empty() {
            return Err(wrong("it needs a lower case name and the fields that are unique together".to_owned()));
        }
        let mut columns = Vec::with_capacity(constraint.unique.len());
        for name in &constraint.unique {
            let extra = now.fields.iter().any(|field| field.name == *name && field.label != HIDDEN);
            if !extra && !["backend", "external_id", "record"].contains(&name.as_str()) {
                return Err(wrong(format!("{name} is neither an extra field, nor backend, external_id or record")));
            }
            columns.push(bindings::expression(name, extra));
        }
        let twice = bindings::duplicates(tx, row.id, &columns)?;
        if !twice.is_empty() {
            return Err(Error::Collision(format!(
                "constraint {} of {} is broken by bindings that are there: {}",
                constraint.name,
                row.name,
                twice.join(", ")
            )));
        }
        bindings::create_constraint(tx, &index_name(row.id, &constraint.name), row.id, &columns)?;
    }
    Ok(())
}

/// The index of a kind's constraint; its name is how a refusal is traced back to the constraint.
pub(super) fn index_name(kind: i64, constraint: &str) -> String {
    format!("binding_kind_{kind}_{constraint}")
}

fn parse(row: &KindRow) -> Result<KindDefinition, Error> {
    serde_json::from_str(&row.definition)
        .map_err(|e| Error::Definition(format!("the stored definition of kind {} can't be read: {e}", row.name)))
}

/// A kind as the catalogue holds it.
pub(super) fn kind(row: &KindRow, model: Arc<Model>) -> Result<Kind, Error> {
    let definition = parse(row)?;
    let declared = definition.fields.into_iter().filter(|field| field.label != HIDDEN);
    let fields = declared
        .enumerate()
        .map(|(index, field)| catalogue::field(&row.name, index, field))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Kind {
        id: row.id,
        name: row.name.clone(),
        model,
        owner: row.owner.clone(),
        by_name: fields.iter().map(|field| (field.name.clone(), field.index)).collect(),
        fields,
        constraints: definition.constraints,
    })
}
