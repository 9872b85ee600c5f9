//! Use cases of plugins: install a file, see what is loaded, what it provides, and why a file was refused.

use std::{collections::HashMap, path::PathBuf};

use bindery_contract::manifest::settings as keyword;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Caller, Host,
    wire::{Nothing, Problem},
};
use crate::{
    base::Fault,
    plugin,
    record::{self, Catalogue},
    storage::Durability,
};

/// Installs a plugin file that the host can read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// Absolute path of the file, on the host's machine.
    pub file: PathBuf,
    /// Where its code runs from now on; absent: where it ran before, or the host's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<plugin::Isolation>,
}

/// Names a plugin.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// Its id.
    pub id: String,
}

/// All plugins.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// By id.
    pub plugins: Vec<Plugin>,
}

/// A plugin.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plugin {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// One line for people.
    pub description: String,
    /// `ready`; `stale`, where the last build was refused and the one before it serves; `refused`, where nothing serves.
    pub state: String,
    /// Why it was refused, or why its newest file was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// Digest of the file.
    pub sha256: String,
    /// Number of the loaded copy, from 1 at each start of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// `in_process` or `worker`.
    pub isolation: String,
    /// Backend types it provides.
    pub backend_types: Vec<String>,
    /// Kinds it binds, with their record models.
    pub kinds: Vec<Kind>,
    /// Backends that use it.
    pub backends: Vec<String>,
    /// Actions it declares, and custom operations of its components.
    pub actions: Vec<Action>,
    /// Rules that it adds to other plugins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Extension>,
    /// Hosts it may call besides those of the settings.
    pub hosts: Vec<String>,
    /// Record models that its code asks to use, besides those that its kinds bind: each backend grants them.
    #[serde(default)]
    pub models: Vec<String>,
    /// Settings of its backends.
    pub settings: Vec<Setting>,
}

/// A rule that a plugin adds to another one.
#[derive(Debug, Serialize, Deserialize)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// The plugin that is extended.
    pub connector: String,
    /// Versions of it that it was written for.
    pub requirement: String,
    /// The component that is extended.
    pub component: String,
    /// The rule that it follows or stands in place of; absent: it comes after all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Whether it stands in place of the rule.
    pub instead: bool,
    /// Why it can't run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// A kind of a plugin.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kind {
    /// Its name.
    pub name: String,
    /// The record model.
    pub model: String,
    /// The step of a whole sync that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Record fields by which existing records are matched.
    pub matched_by: Vec<String>,
    /// One line for people.
    pub description: String,
}

/// Something that an operator can start.
#[derive(Debug, Serialize, Deserialize)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// Text of its button.
    pub label: String,
    /// What it does, in one line.
    pub description: String,
}

/// One setting of a backend type.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its JSON type.
    pub value_type: String,
    /// Must be given.
    pub required: bool,
    /// Never shown; given with `--secret`.
    pub secret: bool,
    /// What is used where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Where it stands on the form: a page, else a group of the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// A group with a title of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The model whose record it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// What it is for.
    pub help: String,
}

pub(super) async fn list(host: &Host, _: &Caller, _: Nothing) -> Result<List, Fault> {
    let backends = users(host);
    Ok(List { plugins: host.plugins.list().into_iter().map(|listed| shown(host, listed, &backends)).collect() })
}

pub(super) async fn show(host: &Host, _: &Caller, Show { id }: Show) -> Result<Plugin, Fault> {
    let listed = host.plugins.show(&id).ok_or_else(|| plugin::Error::Unknown(id.clone()))?;
    Ok(shown(host, listed, &users(host)))
}

/// The models learn of a plugin in the transaction that installs it, and before it serves: no call ever sees a kind or a
/// field that the host does not know.
pub(super) async fn install(host: &Host, _: &Caller, asked: Install) -> Result<Plugin, Fault> {
    let staged = match host.plugins.stage(&asked.file, asked.isolation).await? {
        plugin::Stage::Unchanged(listed) => return Ok(shown(host, *listed, &users(host))),
        plugin::Stage::New(staged) => staged,
    };
    let (owner, manifest, write) = (staged.id().to_owned(), staged.manifest().clone(), staged.writing());
    let registered = host.store.write(Durability::Durable, move |tx| -> Result<Catalogue, record::Error> {
        let catalogue = Catalogue::register(tx, &owner, &manifest)?;
        write(tx)?;
        Ok(catalogue)
    });
    let catalogue = match registered.await {
        Ok(catalogue) => catalogue,
        Err(error) => {
            let fault = Fault::from(error);
            host.plugins.refuse(staged.id(), fault.clone()).await?;
            return Err(fault);
        }
    };
    host.catalogue.set(catalogue);
    let listed = host.plugins.publish(staged);
    host.backends.plugins_changed();
    Ok(shown(host, listed, &users(host)))
}

/// Names of backends by plugin.
fn users(host: &Host) -> HashMap<String, Vec<String>> {
    let mut users = HashMap::<String, Vec<String>>::new();
    for backend in host.backends.list() {
        users.entry(backend.plugin.clone()).or_default().push(backend.name.clone());
    }
    users
}

fn shown(host: &Host, listed: plugin::Listed, users: &HashMap<String, Vec<String>>) -> Plugin {
    let manifest = &listed.manifest;
    let faults = host.backends.extension_faults(manifest);
    Plugin {
        version: listed.version,
        description: manifest.description.clone(),
        state: match listed.state {
            plugin::State::Ready => "ready",
            plugin::State::Stale => "stale",
            plugin::State::Refused => "refused",
        }
        .to_owned(),
        error: listed.error.map(Problem::from),
        sha256: listed.sha256,
        generation: listed.generation,
        isolation: listed.isolation.as_str().to_owned(),
        backend_types: manifest.backend_types.clone(),
        kinds: manifest.kinds.iter().map(kind).collect(),
        backends: users.get(&listed.id).cloned().unwrap_or_default(),
        actions: manifest.actions.iter().map(action).collect(),
        extensions: manifest.extensions.iter().zip(faults).map(extension).collect(),
        hosts: manifest.hosts.clone(),
        models: manifest.models.clone(),
        settings: settings(&manifest.settings_schema),
        id: listed.id,
    }
}

fn action(action: &bindery_contract::manifest::Action) -> Action {
    let [name, label, description] = [&action.name, &action.label, &action.description].map(Clone::clone);
    Action { name, label, description }
}

fn extension((declared, fault): (&bindery_contract::manifest::Extension, Option<Fault>)) -> Extension {
    Extension {
        name: declared.name.clone(),
        connector: declared.connector.clone(),
        requirement: declared.requirement.clone(),
        component: declared.component.clone(),
        rule: declared.rule.clone(),
        instead: declared.place == bindery_contract::manifest::Place::Instead,
        error: fault.map(Problem::from),
    }
}

fn kind(kind: &bindery_contract::manifest::Kind) -> Kind {
    Kind {
        name: kind.name.clone(),
        model: kind.model.clone(),
        step: kind.step.map(|step| format!("{step:?}").to_lowercase()),
        matched_by: kind.matched_by.clone(),
        description: kind.description.clone(),
    }
}

/// The settings of a schema, in its order.
fn settings(schema: &Value) -> Vec<Setting> {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let word = |property: &Value, name: &str| property[name].as_str().map(str::to_owned);
    let one = |(name, property): (&String, &Value)| Setting {
        name: name.clone(),
        value_type: value_type(property),
        required: required.iter().any(|word| word == name),
        secret: property[keyword::SECRET] == true,
        default: property.get("default").cloned(),
        page: word(property, keyword::PAGE),
        group: word(property, keyword::GROUP),
        record: word(property, keyword::RECORD),
        help: property["description"].as_str().unwrap_or_default().to_owned(),
    };
    properties.iter().map(one).collect()
}

fn value_type(property: &Value) -> String {
    match &property["type"] {
        Value::String(word) => word.clone(),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).filter(|word| *word != "null").collect();
            words.join("|")
        }
        _ => match property["enum"].as_array() {
            Some(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|"),
            None => String::new(),
        },
    }
}
