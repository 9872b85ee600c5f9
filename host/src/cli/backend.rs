//! `bindery backend`: add, configure and test connections to outside systems.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Done,
    input::{self, Pair},
    output::{maybe, pairs, table, value},
    session::Session,
};
use crate::{
    base::Timestamp,
    operation::backend::{Backend, List, Named, Tested},
};

/// What can be done with backends.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a backend of a type that an installed plugin provides.
    #[command(after_help = "Examples:\n  \
                            bindery backend add shop --type demo --set api_url=https://shop.example --secret api_token=@token\n  \
                            pass shop/token | bindery backend add shop --type demo --set api_url=https://shop.example --secret api_token=-")]
    Add {
        /// Its name.
        name: String,
        /// The backend type; `plugin list` shows them.
        #[arg(long = "type", value_name = "TYPE")]
        backend_type: String,
        #[command(flatten)]
        settings: Settings,
        /// Add it switched off.
        #[arg(long)]
        disabled: bool,
    },
    /// All backends and how they are.
    List,
    /// One backend: settings, which secrets are set, connection.
    Show {
        /// Its name.
        name: String,
    },
    /// Change settings or secrets. What is not named stays.
    #[command(after_help = "Every backend also has settings of the host: warehouse, pricelist, company, team (ids of \
                            records), remote_deletion (ignore, archive, delete), export (none, bound, all), \
                            local_deletion (ignore, archive, delete), missing_remotely (fail, recreate, unbind), \
                            conflict (remote, local, newest, ask), \
                            page_size, overlap_seconds, batch_size, max_records, max_body_bytes, timeout_ms, models (that the connector's code may use), \
                            without_extensions (plugins whose rules are not wanted here).\n\n\
                            Examples:\n  \
                            bindery backend set shop --set warehouse=1 --set remote_deletion=archive\n  \
                            bindery backend set shop --kind demo.product --set remote_deletion=ignore\n  \
                            bindery backend set shop --kind demo.product --set 'conflict_fields={\"list_price\":\"local\"}'\n  \
                            bindery backend set shop --extension acme_customs --set prefix=HS\n  \
                            bindery backend set shop --secret api_token=@new-token\n  \
                            bindery backend set shop --unset page_size")]
    Set {
        /// The backend.
        name: String,
        /// Set it for this kind alone: remote_deletion, export, local_deletion, missing_remotely, conflict,
        /// conflict_fields, page_size, overlap_seconds, batch_size.
        #[arg(long, value_name = "KIND")]
        kind: Option<String>,
        /// Set it for this plugin, which extends the connector: its own settings and secrets in this backend.
        #[arg(long, value_name = "PLUGIN", conflicts_with = "kind")]
        extension: Option<String>,
        #[command(flatten)]
        settings: Settings,
        /// Forget a secret, or put a setting's default back.
        #[arg(long, value_name = "KEY")]
        unset: Vec<String>,
    },
    /// Remove a backend that has no bindings, with its secrets.
    Remove {
        /// The backend.
        name: String,
    },
    /// Let jobs of the backend run again.
    Enable {
        /// The backend.
        name: String,
    },
    /// Stop the backend's work at once; its jobs wait until it is enabled.
    Disable {
        /// The backend.
        name: String,
    },
    /// Connect now and say what the outside system answers.
    Test {
        /// The backend.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Settings {
    /// A setting; `plugin show` lists them. The plugin's schema says how the value is read.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = input::pair)]
    set: Vec<Pair>,
    /// A secret setting, from a file or from standard input.
    #[arg(long = "secret", value_name = "KEY=@FILE|KEY=-", value_parser = input::secret_pair)]
    secret: Vec<Pair>,
}

impl Command {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        match self {
            Self::Add { name, backend_type, settings, disabled } => {
                let request = json!({
                    "name": name,
                    "backend_type": backend_type,
                    "disabled": disabled,
                    "texts": input::texts(settings.set),
                    "secrets": input::secrets(settings.secret)?,
                });
                session.show("backend.add", &request, added).await
            }
            Self::List => session.show("backend.list", &json!({}), list).await,
            Self::Show { name } => session.show("backend.show", &json!({ "name": name }), show).await,
            Self::Set { name, kind, extension, settings, unset } => {
                let request = json!({
                    "name": name,
                    "kind": kind,
                    "extension": extension,
                    "unset": unset,
                    "texts": input::texts(settings.set),
                    "secrets": input::secrets(settings.secret)?,
                });
                session.show("backend.set", &request, show).await
            }
            Self::Remove { name } => {
                let line = |removed: Named| format!("{} is removed.", removed.name);
                session.show("backend.remove", &json!({ "name": name }), line).await
            }
            Self::Enable { name } => {
                let line = |backend: Backend| format!("{} is enabled.", backend.name);
                session.show("backend.enable", &json!({ "name": name }), line).await
            }
            Self::Disable { name } => {
                let line = |backend: Backend| format!("{} is disabled; its jobs wait.", backend.name);
                session.show("backend.disable", &json!({ "name": name }), line).await
            }
            Self::Test { name } => session.show("backend.test", &json!({ "name": name }), tested).await,
        }
    }
}

fn added(backend: Backend) -> String {
    format!(
        "Backend {name} of type {} is added.\n\nGo on with\n  bindery backend test {name}\n  bindery sync {name}",
        backend.backend_type,
        name = backend.name
    )
}

fn list(list: List) -> String {
    table(
        &["name", "type", "plugin", "enabled", "connection", "last check", "trouble"],
        list.backends
            .into_iter()
            .map(|backend| {
                vec![
                    backend.name,
                    backend.backend_type,
                    backend.plugin,
                    if backend.enabled { "yes" } else { "no" }.to_owned(),
                    backend.connection.status,
                    maybe(backend.connection.checked_at.map(Timestamp::to_rfc3339)),
                    backend.trouble.unwrap_or_default(),
                ]
            })
            .collect(),
        "There is no backend. `bindery backend add NAME --type TYPE` makes one.",
    )
}

fn show(backend: Backend) -> String {
    let mut text = pairs(&[
        ("name", backend.name),
        ("type", backend.backend_type),
        ("plugin", backend.plugin),
        ("enabled", if backend.enabled { "yes" } else { "no" }.to_owned()),
        ("connection", backend.connection.status),
        ("message", backend.connection.message.unwrap_or_default()),
        ("last check", maybe(backend.connection.checked_at.map(Timestamp::to_rfc3339))),
        ("hosts", backend.hosts.join(" ")),
        ("epoch", backend.epoch.to_string()),
        ("trouble", backend.trouble.unwrap_or_default()),
    ]);
    let own = backend.business.as_object().cloned().unwrap_or_default();
    let mut settings: Vec<Vec<String>> = backend
        .settings
        .iter()
        .chain(own.iter().filter(|(name, set)| !set.is_null() && !["kinds", "extensions"].contains(&name.as_str())))
        .map(|(name, set)| vec![name.clone(), value(set)])
        .collect();
    let parts = ["kinds", "extensions"].into_iter().filter_map(|part| own.get(part)?.as_object()).flatten();
    for (part, policy) in parts {
        let set = policy.as_object().into_iter().flatten();
        settings.extend(set.map(|(name, set)| vec![format!("{name} of {part}"), value(set)]));
    }
    settings.extend(
        backend
            .secrets
            .into_iter()
            .map(|(name, mask)| vec![name, mask.unwrap_or_else(|| "(secret, not set)".to_owned())]),
    );
    text.push('\n');
    text.push_str(&table(&["setting", "value"], settings, "No setting is set."));
    text
}

fn tested(tested: Tested) -> String {
    let mut text = format!("{}: {}", tested.name, tested.message);
    for (name, part) in tested.details {
        text.push_str(&format!("\n  {name}: {part}"));
    }
    text
}
