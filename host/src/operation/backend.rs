//! Use cases of backends: add, configure, switch on and off, test. Secrets go in and never come out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Caller, Host, wire::Nothing};
use crate::{
    backend::{self, Change, New},
    base::{Fault, Secret, Timestamp},
};

/// Adds a backend.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// Its name, unique.
    pub name: String,
    /// A backend type that a plugin provides.
    pub backend_type: String,
    /// Start switched off.
    #[serde(default)]
    pub disabled: bool,
    /// Settings, without secrets.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Settings given as text, read by the types of the plugin's schema.
    #[serde(default)]
    pub texts: BTreeMap<String, String>,
    /// Secret settings.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretText>,
}

/// Changes settings and secrets. What is not named stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The backend.
    pub name: String,
    /// The kind that the settings are for: `remote_deletion`, `page_size`, `overlap_seconds`, `batch_size`, …. Absent: the whole backend.
    #[serde(default)]
    pub kind: Option<String>,
    /// The plugin that the settings are for, where it is one that extends the connector. Absent: the connector.
    #[serde(default)]
    pub extension: Option<String>,
    /// Settings; null puts the default back.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Settings given as text, read by the types of the plugin's schema.
    #[serde(default)]
    pub texts: BTreeMap<String, String>,
    /// Secret settings.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretText>,
    /// Settings and secrets to forget; a setting's default comes back.
    #[serde(default)]
    pub unset: Vec<String>,
}

/// A secret on its way in: it can be read, never written.
#[derive(Debug, Clone)]
pub struct SecretText(pub Secret);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

/// Names a backend.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its name.
    pub name: String,
}

/// All backends.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// By id.
    pub backends: Vec<Backend>,
}

/// A backend as anybody may see it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Backend {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub backend_type: String,
    /// The plugin that provides the type.
    pub plugin: String,
    /// Whether jobs run for it.
    pub enabled: bool,
    /// Raised by every change that running work must notice.
    pub epoch: i64,
    /// How the last test of its connection went.
    pub connection: Connection,
    /// Settings of the connector with their defaults, without secrets.
    pub settings: Map<String, Value>,
    /// Secret settings: `***` where one is set, else null.
    pub secrets: BTreeMap<String, Option<String>>,
    /// Settings that every backend has: warehouse, pricelist, what to do with deletions, limits.
    pub business: Value,
    /// Hosts that it may call.
    pub hosts: Vec<String>,
    /// Why it can't work now, where it can't: plugin missing, key lost, settings refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its settings were changed last.
    pub updated_at: Timestamp,
}

/// How a test of a connection went.
#[derive(Debug, Serialize, Deserialize)]
pub struct Connection {
    /// `unknown`, `ok` or `failed`.
    pub status: String,
    /// What was said.
    pub message: Option<String>,
    /// When.
    pub checked_at: Option<Timestamp>,
}

/// What a test of the connection came to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tested {
    /// The backend.
    pub name: String,
    /// What the outside system said of itself.
    pub message: String,
    /// More of it, by name: version, time, whatever the connector reports.
    pub details: Vec<(String, String)>,
}

pub(super) async fn list(host: &Host, _: &Caller, _: Nothing) -> Result<List, Fault> {
    Ok(List { backends: host.backends.list().iter().map(|backend| shown(host, backend)).collect() })
}

pub(super) async fn show(host: &Host, _: &Caller, Named { name }: Named) -> Result<Backend, Fault> {
    Ok(shown(host, &*host.backends.by_name(&name)?))
}

pub(super) async fn add(host: &Host, _: &Caller, request: Add) -> Result<Backend, Fault> {
    let new = New {
        name: request.name,
        backend_type: request.backend_type,
        enabled: !request.disabled,
        change: change(request.settings, request.texts, request.secrets),
    };
    Ok(shown(host, &*host.backends.add(new).await?))
}

pub(super) async fn set(host: &Host, _: &Caller, request: Set) -> Result<Backend, Fault> {
    let before = shown(host, &*host.backends.by_name(&request.name)?);
    let mut change = change(request.settings, request.texts, request.secrets);
    (change.kind, change.extension) = (request.kind, request.extension);
    for name in request.unset {
        let stored = change.extension.as_ref().map_or_else(|| name.clone(), |plugin| format!("{plugin}:{name}"));
        match before.secrets.contains_key(&stored) {
            true => change.secrets.push((name, None)),
            false => drop(change.values.insert(name, Value::Null)),
        }
    }
    Ok(shown(host, &*host.backends.set(&request.name, change).await?))
}

pub(super) async fn enable(host: &Host, _: &Caller, Named { name }: Named) -> Result<Backend, Fault> {
    Ok(shown(host, &*host.backends.enable(&name).await?))
}

pub(super) async fn disable(host: &Host, _: &Caller, Named { name }: Named) -> Result<Backend, Fault> {
    Ok(shown(host, &*host.backends.disable(&name).await?))
}

pub(super) async fn remove(host: &Host, _: &Caller, Named { name }: Named) -> Result<Named, Fault> {
    host.backends.remove(&name).await?;
    Ok(Named { name })
}

pub(super) async fn test(host: &Host, _: &Caller, Named { name }: Named) -> Result<Tested, Fault> {
    let checked = host.backends.test_connection(&name).await?;
    Ok(Tested { name, message: checked.message, details: checked.details })
}

fn change(
    values: Map<String, Value>,
    texts: BTreeMap<String, String>,
    secrets: BTreeMap<String, SecretText>,
) -> Change {
    Change {
        values,
        texts: texts.into_iter().collect(),
        secrets: secrets.into_iter().map(|(name, SecretText(secret))| (name, Some(secret))).collect(),
        kind: None,
        extension: None,
    }
}

fn shown(host: &Host, backend: &backend::Backend) -> Backend {
    let shown = host.backends.shown(backend);
    let status = match shown.connection.status {
        backend::Status::Unknown => "unknown",
        backend::Status::Ok => "ok",
        backend::Status::Failed => "failed",
    };
    Backend {
        id: shown.id,
        name: shown.name,
        backend_type: shown.backend_type,
        plugin: shown.plugin,
        enabled: shown.enabled,
        epoch: shown.epoch,
        connection: Connection {
            status: status.to_owned(),
            message: shown.connection.message,
            checked_at: shown.connection.checked_at,
        },
        settings: shown.settings,
        secrets: shown.secrets.into_iter().map(|(name, mask)| (name, mask.map(str::to_owned))).collect(),
        business: serde_json::to_value(shown.business).unwrap_or_default(),
        hosts: shown.hosts,
        trouble: shown.trouble,
        created_at: shown.created_at,
        updated_at: shown.updated_at,
    }
}
