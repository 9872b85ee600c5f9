//! The manifest of a connector, made from the same declarations that run.

use bindery_contract::{CONTRACT, Manifest, op};

use crate::{
    Connector,
    component::Registry,
    error::{Error, Result},
    settings,
};

/// What the plugin says about itself, or all that is wrong with its declarations.
pub(crate) fn manifest<C: Connector>(version: &str, description: &str) -> Result<Manifest> {
    let id = C::ID;
    let is_id = (2..=40).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !is_id {
        return Err(Error::failed(format!(
            "the id {id:?} must be 2 to 40 lower case letters, digits and '_', a letter first"
        )));
    }
    let registry = Registry::<C>::of()?;
    let ops = ops(&registry);
    let mut kinds: Vec<_> = registry.kinds.iter().map(|kind| kind.declared.clone()).collect();
    for kind in &registry.kinds {
        let mut lines = Vec::new();
        if let Some(plan) = &kind.import {
            plan.kinds_of_lines(&mut lines);
        }
        for (name, plan) in lines {
            if let Some(line) = kinds.iter_mut().find(|known| known.name == name && known.import_rules.is_empty()) {
                line.import_rules = plan.declarations();
            }
        }
    }
    Ok(Manifest {
        contract: CONTRACT,
        sdk: env!("CARGO_PKG_VERSION").to_owned(),
        unwind: cfg!(panic = "unwind"),
        id: id.to_owned(),
        version: version.to_owned(),
        description: description.to_owned(),
        backend_types: C::BACKEND_TYPES.iter().map(|name| (*name).to_owned()).collect(),
        state_format: C::STATE_FORMAT,
        ops,
        settings_schema: settings::schema::<C::Settings>(),
        kinds,
        components: registry.parts.iter().map(|part| part.declared.clone()).collect(),
        actions: registry.operations.iter().map(|operation| operation.declared.clone()).collect(),
        webhooks: registry.webhooks.as_ref().map(|webhooks| webhooks.declared.clone()),
        listeners: registry.listeners.iter().map(|listener| listener.declared.clone()).collect(),
        hosts: C::HOSTS.iter().map(|host| (*host).to_owned()).collect(),
        models: C::MODELS.iter().map(|model| (*model).to_owned()).collect(),
        fields: registry.model_fields.clone(),
        extensions: registry.extensions.iter().map(|entry| entry.declared.clone()).collect(),
    })
}

fn ops<C: Connector>(registry: &Registry<C>) -> Vec<String> {
    let is_connector = !C::BACKEND_TYPES.is_empty();
    let has_adapter = registry.parts.iter().any(|part| part.adapter.is_some());
    let imports = registry.kinds.iter().any(|kind| kind.import.is_some());
    let exports = registry.kinds.iter().any(|kind| kind.export.is_some());
    let sends_many = has_adapter && registry.kinds.iter().any(|kind| kind.export.is_some() && kind.declared.batch > 1);
    let hook = |import: bool, name: &str| {
        registry.kinds.iter().any(|kind| {
            let hooks = if import { &kind.declared.import_hooks } else { &kind.declared.export_hooks };
            hooks.iter().any(|known| known == name)
        })
    };
    let has_handlers = registry.webhooks.as_ref().is_some_and(|webhooks| !webhooks.handlers.is_empty());
    let answered = [
        (op::TEST_CONNECTION, is_connector),
        (op::SYNC, is_connector),
        (op::LIST, has_adapter),
        (op::READ, has_adapter),
        (op::PREPARE, imports),
        (op::AFTER_IMPORT, hook(true, "after")),
        (op::EXPORT_PREPARE, exports),
        (op::CREATE, has_adapter && exports),
        (op::UPDATE, has_adapter && exports),
        (op::READ_MANY, sends_many),
        (op::CREATE_MANY, sends_many),
        (op::UPDATE_MANY, sends_many),
        (op::FIND, has_adapter && exports),
        (op::DELETE, has_adapter && exports),
        (op::ARCHIVE, has_adapter && exports),
        (op::AFTER_EXPORT, hook(false, "after")),
        (op::EXTEND, !registry.extensions.is_empty()),
        (op::ACTION, !registry.operations.is_empty()),
        (op::WEBHOOK, has_handlers),
        (op::LISTEN, !registry.listeners.is_empty()),
        (op::IMPORT_RECORD, hook(true, "run")),
        (op::IMPORT_BATCH, hook(true, "batch")),
        (op::EXPORT_RECORD, hook(false, "run")),
        (op::MIGRATE_STATE, C::STATE_FORMAT > 1),
    ];
    answered.iter().filter(|(_, is_answered)| *is_answered).map(|(op, _)| (*op).to_owned()).collect()
}
