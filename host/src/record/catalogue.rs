//! The catalogue: an immutable snapshot of all models and kinds, read from the store, where it is changed by
//! [`install`] and [`register`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use arc_swap::ArcSwap;
use bindery_contract::{field::FieldType, manifest::Manifest};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Error, Field, Kind, Model, compute,
    declaration::{self, Declared, Definition, ModelDeclaration},
    decode, delegate,
    field::FieldDefault,
    install, onchange, register,
};
use crate::{
    base::name::nearest,
    storage::{
        Tx,
        binding_lookup::Lookup,
        catalogue::{self as rows, FieldRow, ModelRow},
        record::Table,
    },
};

/// The owner of the models that come with the program.
pub const BUILT_IN: &str = "bindery";
/// The owner of the models and fields in the operator's files.
pub const OPERATOR: &str = "operator";

/// All models and kinds at one moment. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Catalogue(pub(super) Arc<Contents>);

#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) models: BTreeMap<String, Arc<Model>>,
    pub(super) kinds: BTreeMap<String, Arc<Kind>>,
}

impl Catalogue {
    /// Reads the catalogue as it stands in the store.
    pub fn load(tx: &mut dyn Tx) -> Result<Self, Error> {
        let mut fields = HashMap::<i64, Vec<FieldRow>>::new();
        for field in rows::fields(tx)?.into_iter().filter(|field| !field.owners.is_empty()) {
            fields.entry(field.model).or_default().push(field);
        }
        let mut contents = Contents::default();
        let stored = rows::models(tx)?;
        for row in stored {
            let model = Arc::new(model(&row, fields.remove(&row.id).unwrap_or_default())?);
            contents.models.insert(row.name, model);
        }
        link_back(&mut contents);
        delegate::extend(&mut contents)?;
        for row in rows::kinds(tx)?.into_iter().filter(|row| !row.hidden) {
            let model = contents.models.values().find(|model| model.id == row.model);
            let model = model.ok_or_else(|| Error::Definition(format!("kind {} has lost its model", row.name)))?;
            contents.kinds.insert(row.name.clone(), Arc::new(register::kind(&row, Arc::clone(model))?));
        }
        Ok(Self(Arc::new(contents)))
    }

    /// Installs the models that come with the program and those of the operator (`(file name, toml)`), making tables
    /// and columns that are missing. Safe to run at every start: what was installed before is only read.
    pub fn install_models(tx: &mut dyn Tx, operator: &[(String, String)]) -> Result<Self, Error> {
        install_files(tx, BUILT_IN, super::built_in::FILES.iter().copied())?;
        install_files(tx, OPERATOR, operator.iter().map(|(file, text)| (file.as_str(), text.as_str())))?;
        Self::load(tx)
    }

    /// Registers what a plugin declares: fields on models, kinds with their extra fields and constraints. A different
    /// definition of what is there refuses all of it, naming both owners. What the owner declared before and does not
    /// any more is hidden, never dropped.
    pub fn register(tx: &mut dyn Tx, owner: &str, manifest: &Manifest) -> Result<Self, Error> {
        register::register(tx, owner, manifest)?;
        let catalogue = Self::load(tx)?;
        register::index_matched(tx, &catalogue, manifest)?;
        Ok(catalogue)
    }

    /// Takes an owner's declarations away: its kinds and fields are hidden, their data stays.
    pub fn withdraw(tx: &mut dyn Tx, owner: &str) -> Result<Self, Error> {
        Self::register(tx, owner, &Manifest::default())
    }

    /// A record model.
    pub fn model(&self, name: &str) -> Option<&Arc<Model>> {
        self.0.models.get(name)
    }

    /// A record model, or the error that says there is none.
    pub fn need_model(&self, name: &str) -> Result<&Arc<Model>, Error> {
        self.model(name).ok_or_else(|| self.unknown(name))
    }

    /// The error that says that there is neither a model nor a kind of a name, and which one may have been meant.
    pub fn unknown(&self, name: &str) -> Error {
        let known = self.0.models.keys().chain(self.0.kinds.keys()).map(String::as_str);
        Error::UnknownModel { name: name.to_owned(), nearest: nearest(name, known).map(str::to_owned) }
    }

    /// A record model by its id in the store.
    pub fn model_by_id(&self, id: i64) -> Option<&Arc<Model>> {
        self.models().find(|model| model.id == id)
    }

    /// A kind.
    pub fn kind(&self, name: &str) -> Option<&Arc<Kind>> {
        self.0.kinds.get(name)
    }

    /// A kind, or the error that says there is none.
    pub fn need_kind(&self, name: &str) -> Result<&Arc<Kind>, Error> {
        self.kind(name).ok_or_else(|| self.unknown(name))
    }

    /// A kind by its id in the store.
    pub fn kind_by_id(&self, id: i64) -> Option<&Arc<Kind>> {
        self.kinds().find(|kind| kind.id == id)
    }

    /// All models, by name.
    pub fn models(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.0.models.values()
    }

    /// All kinds, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.0.kinds.values()
    }
}

/// Where the host keeps the snapshot that stands. Cheap to clone; all clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Current(Arc<ArcSwap<Catalogue>>);

impl Current {
    /// A holder of a first snapshot.
    pub fn new(catalogue: Catalogue) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(catalogue)))
    }

    /// The snapshot that stands. Take it once for a piece of work and keep to it.
    pub fn get(&self) -> Catalogue {
        Catalogue::clone(&self.0.load())
    }

    /// Puts a newer snapshot in its place, after the transaction that made it is committed.
    pub fn set(&self, catalogue: Catalogue) {
        self.0.store(Arc::new(catalogue));
    }
}

fn install_files<'a>(
    tx: &mut dyn Tx,
    owner: &str,
    files: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> Result<(), Error> {
    let all: String = files.clone().map(|(file, text)| format!("{file}\n{text}\n")).collect();
    let digest = format!("{:016x}", xxh3_64(all.as_bytes()));
    if rows::installed(tx, owner)?.as_deref() == Some(&digest) {
        return Ok(());
    }
    let declared: Vec<ModelDeclaration> =
        files.map(|(file, text)| declaration::parse(file, text)).collect::<Result<_, _>>()?;
    install::Installation::begin(tx, owner)?.install(&declared)?;
    Ok(rows::note_installed(tx, owner, &digest)?)
}

fn model(row: &ModelRow, rows: Vec<FieldRow>) -> Result<Model, Error> {
    let mut digest = String::new();
    let mut fields = Vec::with_capacity(rows.len() + 2);
    let mut delegate = None;
    for stored in rows {
        let definition = install::definition(&stored)?;
        digest.push_str(&format!("{}:{};", stored.name, stored.definition));
        let declared = Declared { name: stored.name, label: stored.label, help: stored.help, definition };
        if declared.definition.delegate {
            delegate = Some(fields.len());
        }
        fields.push(field(&row.name, fields.len(), declared)?);
    }
    for (name, label) in [("create_date", "Created on"), ("write_date", "Last changed on")] {
        let definition = Definition {
            field_type: FieldType::Datetime,
            required: false,
            unique: false,
            read_only: true,
            computed: true,
            ondelete: super::OnDelete::SetNull,
            delegate: false,
            default: None,
        };
        let declared = Declared { name: name.to_owned(), label: label.to_owned(), help: String::new(), definition };
        fields.push(field(&row.name, fields.len(), declared)?);
    }
    let columns = fields.iter().map(|field| field.column.clone().unwrap_or_default()).collect();
    let links = fields
        .iter()
        .filter(|field| matches!(field.field_type, FieldType::Many2many { .. }))
        .map(|field| (field.index, install::link_table(&row.table, &field.name)))
        .collect();
    Ok(Model {
        id: row.id,
        name: row.name.clone(),
        label: row.label.clone(),
        display: row.display.clone(),
        order: row.sort.clone(),
        digest: xxh3_64(digest.as_bytes()),
        by_name: fields.iter().map(|field| (field.name.clone(), field.index)).collect(),
        required: fields.iter().filter(|field| field.required).map(|field| field.index).collect(),
        defaults: fields
            .iter()
            .filter_map(|field| Some(FieldDefault::new(field.index, field.default.clone()?)))
            .collect(),
        delegate,
        onchanges: onchange::of(&row.name),
        computes: compute::of(&row.name),
        causes: compute::caused_by(&row.name),
        referred: Vec::new(),
        lookup: Lookup::new(&row.table),
        links,
        table: Table::new(row.table.clone(), columns),
        fields,
    })
}

/// A field as the catalogue holds it.
pub(super) fn field(model: &str, index: usize, declared: Declared) -> Result<Field, Error> {
    let Declared { name, label, help, definition } = declared;
    let is_column =
        !matches!(definition.field_type, FieldType::One2many { .. } | FieldType::Many2many { .. } | FieldType::Unknown);
    let default = match &definition.default {
        None => None,
        Some(json) => {
            let value = decode::scalar(&definition.field_type, &json.to_string());
            Some(value.map_err(|problem| Error::Definition(format!("{model}.{name}: its default: {problem}")))?)
        }
    };
    Ok(Field {
        index,
        column: is_column.then(|| name.clone()),
        label: if label.is_empty() { name.clone() } else { label },
        name,
        help,
        required: definition.required,
        unique: definition.unique,
        read_only: definition.read_only,
        computed: definition.computed,
        ondelete: definition.ondelete,
        default,
        delegated: None,
        field_type: definition.field_type,
    })
}

/// Tells each model which many2one fields lead to it: what a removal must look after.
fn link_back(contents: &mut Contents) {
    let mut referred = HashMap::<String, Vec<(String, usize)>>::new();
    for model in contents.models.values() {
        for field in &model.fields {
            if let FieldType::Many2one { model: target } = &field.field_type {
                referred.entry(target.clone()).or_default().push((model.name.clone(), field.index));
            }
        }
    }
    for (name, model) in &mut contents.models {
        if let (Some(list), Some(model)) = (referred.remove(name), Arc::get_mut(model)) {
            model.referred = list;
        }
    }
}
