//! Use cases of backends: add, configure, switch on and off, test. Secrets go in and never come out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::{Secret, Timestamp};

/// Adds a backend.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// Its name, unique.
    pub name: String,
    /// A backend type that a plugin provides.
    pub backend_type: String,
    /// Settings, without secrets.
    #[serde(default)]
    pub settings: BTreeMap<String, Value>,
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
    /// Settings; null puts the default back.
    #[serde(default)]
    pub settings: BTreeMap<String, Value>,
    /// Settings given as text, read by the types of the plugin's schema.
    #[serde(default)]
    pub texts: BTreeMap<String, String>,
    /// Secret settings.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretText>,
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
    /// By name.
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
    pub backend_type: String,
    /// The plugin that provides the type.
    pub plugin: String,
    /// Whether jobs run for it.
    pub enabled: bool,
    /// Raised by every change that running work must notice.
    pub epoch: i64,
    /// `unknown`, `connected` or `failed`.
    pub connection: String,
    /// What the last test said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_message: Option<String>,
    /// When it was last tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_check: Option<Timestamp>,
    /// Settings, without secrets.
    pub settings: BTreeMap<String, Value>,
    /// Names of the secrets that are set.
    pub secrets: Vec<String>,
    /// Why it can't work now, where it can't: plugin missing, key lost, settings refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What a test of the connection came to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tested {
    /// The backend.
    pub name: String,
    /// What the outside system said of itself.
    pub message: String,
    /// More of it: version, time, whatever the connector reports.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
    /// When.
    pub checked: Timestamp,
}
