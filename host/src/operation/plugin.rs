//! Use cases of plugins: install a file, see what is loaded, what it provides, and why a file was refused.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Installs a plugin file that the host can read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// Absolute path of the file, on the host's machine.
    pub file: PathBuf,
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
    /// `active`, or `refused` where the file can't be loaded now.
    pub state: String,
    /// Why it was refused, or why its newest file was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Digest of the file.
    pub sha256: String,
    /// Number of the loaded copy, from 1 at each start of the host.
    pub generation: u64,
    /// `in_process` or `worker`.
    pub isolation: String,
    /// Backend types it provides.
    pub backend_types: Vec<String>,
    /// Kinds it binds, with their record models.
    pub kinds: Vec<Kind>,
    /// Backends that use it.
    pub backends: Vec<String>,
    /// Actions it declares.
    pub actions: Vec<String>,
    /// Hosts it may call besides those of the settings.
    pub hosts: Vec<String>,
    /// Settings of its backends.
    pub settings: Vec<Setting>,
}

/// A kind of a plugin.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kind {
    /// Its name.
    pub name: String,
    /// The record model.
    pub model: String,
    /// The step of a whole sync that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Record fields by which existing records are matched.
    pub matched_by: Vec<String>,
    /// One line for people.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    /// What it is for.
    pub help: String,
}
