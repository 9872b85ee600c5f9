//! `bindery plugin`: install a connector's file, see what is there.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::{
    Done,
    error::Error,
    output::{maybe, pairs, table, value},
    session::Session,
};
use crate::operation::plugin::{Extension, List, Plugin};

/// What can be done with plugins.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check a plugin file, copy it into the data directory, and load it. A newer file takes over without a restart.
    Install {
        /// The shared library.
        file: PathBuf,
        /// Where its code runs from now on. Without it, where it ran before, or the host's default.
        #[arg(long)]
        isolation: Option<Isolation>,
    },
    /// What is installed, and what was refused.
    List,
    /// One plugin: versions, kinds, settings, who uses it.
    Show {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Isolation {
    /// In the host's own process, for code that you trust: a crash of it is a crash of the host.
    InProcess,
    /// In a process of its own, which may crash without harm.
    Worker,
}

impl Command {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        match self {
            Self::Install { file, isolation } => {
                // The host may have another working directory.
                let file = file.canonicalize().map_err(|reason| Error::File { path: file.clone(), reason })?;
                let isolation = isolation.and_then(|isolation| isolation.to_possible_value());
                let isolation = isolation.as_ref().map(|word| word.get_name());
                session.show("plugin.install", &json!({ "file": file, "isolation": isolation }), installed).await
            }
            Self::List => session.show("plugin.list", &json!({}), list).await,
            Self::Show { id } => session.show("plugin.show", &json!({ "id": id }), show).await,
        }
    }
}

fn installed(plugin: Plugin) -> String {
    if plugin.backend_types.is_empty() {
        let of: std::collections::BTreeSet<&str> = plugin.extensions.iter().map(|one| one.connector.as_str()).collect();
        let of = of.into_iter().collect::<Vec<_>>().join(", ");
        return format!("{} {} is installed. It extends {of} in every backend of it.", plugin.id, plugin.version);
    }
    format!(
        "{} {} is installed and runs {}.\n\nConfigure a backend with\n  bindery backend add NAME --type {}{}",
        plugin.id,
        plugin.version,
        if plugin.isolation == "worker" { "in a process of its own" } else { "in the host's process" },
        plugin.backend_types.first().unwrap_or(&plugin.id),
        plugin
            .settings
            .iter()
            .filter(|setting| setting.required)
            .map(|setting| match setting.secret {
                true => format!(" --secret {}=@FILE", setting.name),
                false => format!(" --set {}=…", setting.name),
            })
            .collect::<String>()
    )
}

fn list(list: List) -> String {
    table(
        &["id", "version", "state", "types", "kinds", "backends"],
        list.plugins
            .into_iter()
            .map(|plugin| {
                vec![
                    plugin.id,
                    plugin.version,
                    plugin.error.map_or(plugin.state.clone(), |error| {
                        format!("{}: {} [{}]", plugin.state, error.message, error.code)
                    }),
                    plugin.backend_types.join(" "),
                    plugin.kinds.len().to_string(),
                    plugin.backends.join(" "),
                ]
            })
            .collect(),
        "No plugin is installed. `bindery plugin install FILE` takes one.",
    )
}

fn show(plugin: Plugin) -> String {
    let head = pairs(&[
        ("id", plugin.id),
        ("version", plugin.version),
        ("description", plugin.description),
        ("state", plugin.state),
        ("error", plugin.error.map(|error| format!("{} [{}]", error.message, error.code)).unwrap_or_default()),
        ("generation", maybe(plugin.generation)),
        ("isolation", plugin.isolation),
        ("sha256", plugin.sha256),
        ("backend types", plugin.backend_types.join(" ")),
        ("backends", plugin.backends.join(" ")),
        ("hosts", plugin.hosts.join(" ")),
        ("asks for models", plugin.models.join(" ")),
    ]);
    let kinds = plugin
        .kinds
        .into_iter()
        .map(|kind| {
            vec![kind.name, kind.model, kind.step.unwrap_or_default(), kind.matched_by.join(" "), kind.description]
        })
        .collect();
    let actions = plugin.actions.into_iter().map(|action| vec![action.name, action.description]).collect();
    let extensions = extensions(plugin.extensions);
    let settings = plugin
        .settings
        .into_iter()
        .map(|setting| {
            let mut marks = vec![setting.value_type];
            marks.extend(setting.required.then(|| "required".to_owned()));
            marks.extend(setting.secret.then(|| "secret".to_owned()));
            let place = setting.page.or(setting.group).unwrap_or_default();
            vec![
                setting.name,
                place,
                marks.join(" "),
                setting.default.as_ref().map(value).unwrap_or_default(),
                setting.help,
            ]
        })
        .collect();
    format!(
        "{head}\n{extensions}{}\n\n{}\n\n{}",
        table(&["kind", "model", "step", "matched by", "description"], kinds, "It binds no kinds."),
        table(&["setting", "place", "type", "default", "meaning"], settings, "It has no settings."),
        table(&["action", "meaning"], actions, "It has no actions.")
    )
}

/// The rules that it adds to others; nothing where it adds none.
fn extensions(extensions: Vec<Extension>) -> String {
    if extensions.is_empty() {
        return String::new();
    }
    let row = |one: Extension| {
        let place = match (one.rule, one.instead) {
            (None, _) => "after all rules".to_owned(),
            (Some(rule), true) => format!("instead of {rule}"),
            (Some(rule), false) => format!("after {rule}"),
        };
        let state = one.error.map_or_else(|| "ok".to_owned(), |error| format!("{} [{}]", error.message, error.code));
        vec![one.name, format!("{} {}", one.connector, one.requirement), one.component, place, state]
    };
    let rows = extensions.into_iter().map(row).collect();
    format!("{}\n\n", table(&["extension", "of", "component", "place", "state"], rows, ""))
}
