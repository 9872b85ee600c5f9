//! A backend as the host keeps it in memory, and as it is shown. Neither ever holds a secret in clear.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::Business;
use crate::{
    base::{Timestamp, redact::MASK},
    security::Keyring,
    storage::{self, backend::Row, secret},
};

/// One configured connection. Replaced as a whole when it changes.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Its id.
    pub id: i64,
    /// Its name: unique, and for ever.
    pub name: String,
    /// Its type.
    pub backend_type: String,
    /// The plugin that provides the type.
    pub plugin: String,
    /// Whether its jobs run.
    pub enabled: bool,
    /// Raised by whatever makes work under way stale.
    pub epoch: i64,
    /// Connector's settings that were set, without secrets and without defaults.
    pub settings: Map<String, Value>,
    /// Secrets that are set, by setting.
    pub secrets: BTreeMap<String, SecretState>,
    /// The host's own settings.
    pub business: Business,
    /// As they were set.
    pub(super) business_values: Map<String, Value>,
    /// What the last check of the connection found.
    pub connection: Connection,
    /// When it was made.
    pub created_at: Timestamp,
    /// When an operator changed it last.
    pub updated_at: Timestamp,
}

/// What is known of a secret without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretState {
    /// The key that sealed it.
    pub key_id: String,
    /// Whether that key is here.
    pub readable: bool,
    /// When it was set.
    pub updated_at: Timestamp,
}

/// What the last check of a connection found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// How it went.
    pub status: Status,
    /// What was said.
    pub message: Option<String>,
    /// When.
    pub checked_at: Option<Timestamp>,
}

/// How a check went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Never checked.
    #[default]
    Unknown,
    /// It answered.
    Ok,
    /// It did not.
    Failed,
}

impl Status {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Failed => "failed",
        }
    }
}

/// A backend as people and programs see it.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub backend_type: String,
    /// The plugin that provides the type.
    pub plugin: String,
    /// Whether its jobs run.
    pub enabled: bool,
    /// Raised by whatever makes work under way stale.
    pub epoch: i64,
    /// Connector's settings with their defaults.
    pub settings: Map<String, Value>,
    /// Each secret that the connector knows: `***` where it is set, null where it is not.
    pub secrets: BTreeMap<String, Option<&'static str>>,
    /// The host's own settings.
    pub business: Business,
    /// What the last check of the connection found.
    pub connection: Connection,
    /// Hosts that it may call.
    pub hosts: Vec<String>,
    /// Why its jobs don't run, or not with the newest build of its plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When an operator changed it last.
    pub updated_at: Timestamp,
}

impl Backend {
    pub(super) fn read(row: Row, secrets: &[secret::Row], keyring: &Keyring) -> Result<Self, storage::Error> {
        let object = |text: &str, what: &str| {
            serde_json::from_str::<Map<String, Value>>(text)
                .map_err(|_| storage::Error::Shape(format!("{what} of backend {} are no JSON object", row.name)))
        };
        let business_values = object(&row.business, "the business settings")?;
        let secrets = secrets.iter().filter(|secret| secret.backend == row.id).map(|secret| {
            let readable = keyring.has(&secret.key_id);
            let state = SecretState { key_id: secret.key_id.clone(), readable, updated_at: secret.updated_at };
            (secret.field.clone(), state)
        });
        Ok(Self {
            settings: object(&row.settings, "the settings")?,
            secrets: secrets.collect(),
            business: Business::from_values(&business_values),
            business_values,
            connection: Connection {
                status: match row.connection_status.as_str() {
                    "ok" => Status::Ok,
                    "failed" => Status::Failed,
                    _ => Status::Unknown,
                },
                message: row.connection_message,
                checked_at: row.checked_at,
            },
            id: row.id,
            name: row.name,
            backend_type: row.backend_type,
            plugin: row.plugin,
            enabled: row.enabled,
            epoch: row.epoch,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }

    pub(super) fn to_row(&self) -> Row {
        Row {
            id: self.id,
            name: self.name.clone(),
            backend_type: self.backend_type.clone(),
            plugin: self.plugin.clone(),
            enabled: self.enabled,
            epoch: self.epoch,
            settings: Value::Object(self.settings.clone()).to_string(),
            business: Value::Object(self.business_values.clone()).to_string(),
            connection_status: self.connection.status.as_str().to_owned(),
            connection_message: self.connection.message.clone(),
            checked_at: self.connection.checked_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    /// Secrets that are set and can't be read with the keys of this host.
    pub fn unreadable_secrets(&self) -> Vec<&str> {
        self.secrets.iter().filter(|(_, state)| !state.readable).map(|(field, _)| field.as_str()).collect()
    }

    pub(super) fn masked(&self, known: impl Iterator<Item = String>) -> BTreeMap<String, Option<&'static str>> {
        let set = self.secrets.keys().map(|field| (field.clone(), Some(MASK)));
        known.map(|field| (field, None)).chain(set).collect()
    }
}
