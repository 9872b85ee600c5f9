//! The rules that a manifest must keep, each broken one listed with its place. What its fields mean for our models is
//! checked by the record room.

use std::collections::BTreeSet;

use bindery_contract::{
    Manifest,
    field::{FieldDecl, FieldType},
    manifest::{Kind, Place, Rule},
    op,
};

/// Verbs of mapper rules.
const VERBS: [&str; 7] = ["direct", "set", "lookup", "relation", "compute", "mapping", "children"];

/// Everything that is wrong with a manifest: place and problem. Empty: it is fine.
pub fn problems(manifest: &Manifest) -> Vec<(String, String)> {
    let mut found = Found(Vec::new());
    if !is_word(&manifest.id, 2, 40) {
        found.at("id", format!("{:?} is not 2 to 40 lower case letters, digits and _", manifest.id));
    }
    if let Err(error) = semver::Version::parse(&manifest.version) {
        found.at("version", format!("{:?} is no semantic version: {error}", manifest.version));
    }
    for backend_type in &manifest.backend_types {
        if !is_word(backend_type, 2, 40) {
            found.at("backend_types", format!("{backend_type:?} is not 2 to 40 lower case letters, digits and _"));
        }
    }
    found.repeated("backend_types", manifest.backend_types.iter());
    if manifest.backend_types.is_empty() && manifest.extensions.is_empty() {
        found.at("backend_types", "it provides no backend type and extends no other plugin".to_owned());
    }
    if !manifest.backend_types.is_empty() && !manifest.ops.iter().any(|known| known == op::TEST_CONNECTION) {
        found.at("ops", "every connector answers test_connection".to_owned());
    }
    settings(manifest, &mut found);
    found.repeated("kinds", manifest.kinds.iter().map(|kind| &kind.name));
    for kind in &manifest.kinds {
        check_kind(manifest, kind, &mut found);
    }
    components(manifest, &mut found);
    found.repeated("actions", manifest.actions.iter().map(|action| &action.name));
    actions(manifest, &mut found);
    for field in &manifest.fields {
        check_field(&format!("fields.{}.{}", field.model, field.field.name), &field.field, &mut found);
    }
    extensions(manifest, &mut found);
    found.0
}

/// An action has a name of its own; a custom operation is named after the component that declares it.
fn actions(manifest: &Manifest, found: &mut Found) {
    for action in &manifest.actions {
        let (component, name) = action.name.rsplit_once('.').unwrap_or(("", &action.name));
        let is_declared = component.is_empty() || manifest.components.iter().any(|known| known.name == component);
        if !is_word(name, 1, 60) {
            found.at(&format!("actions.{}", action.name), "a name is lower case letters, digits and _".to_owned());
        } else if !is_declared {
            found.at(&format!("actions.{}", action.name), format!("there is no component {component:?}"));
        }
    }
}

struct Found(Vec<(String, String)>);

impl Found {
    fn at(&mut self, place: &str, problem: String) {
        self.0.push((place.to_owned(), problem));
    }

    fn repeated<'a>(&mut self, place: &str, names: impl Iterator<Item = &'a String>) {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name) {
                self.at(place, format!("{name:?} is declared twice"));
            }
        }
    }
}

fn settings(manifest: &Manifest, found: &mut Found) {
    let schema = &manifest.settings_schema;
    if schema.is_null() {
        if !manifest.backend_types.is_empty() {
            found.at("settings_schema", "it is missing".to_owned());
        }
        return;
    }
    if schema.get("type").and_then(|kind| kind.as_str()) != Some("object") {
        found.at("settings_schema", "it does not describe an object".to_owned());
        return;
    }
    if let Err(error) = jsonschema::validator_for(schema) {
        found.at("settings_schema", format!("it is no valid JSON Schema: {error}"));
    }
}

fn check_kind(manifest: &Manifest, kind: &Kind, found: &mut Found) {
    let place = format!("kinds.{}", kind.name);
    match kind.name.split_once('.') {
        Some((connector, noun)) if is_word(connector, 1, 40) && noun.split('.').all(|part| is_word(part, 1, 40)) => {
            if connector != manifest.id && !manifest.backend_types.iter().any(|known| known == connector) {
                found.at(&place, format!("its name must start with {:?} or a backend type", manifest.id));
            }
        }
        _ => found.at(&place, "its name must be `connector.noun` in lower case".to_owned()),
    }
    if !kind.model.split('.').all(|part| is_word(part, 1, 40)) {
        found.at(&place, format!("{:?} is no name of a model", kind.model));
    }
    found.repeated(&place, kind.fields.iter().map(|field| &field.name));
    for field in &kind.fields {
        check_field(&format!("{place}.fields.{}", field.name), field, found);
    }
    for constraint in &kind.constraints {
        for column in &constraint.unique {
            let known = column == "backend" || column == "external_id";
            if !known && !kind.fields.iter().any(|field| field.name == *column) {
                found.at(&format!("{place}.constraints.{}", constraint.name), format!("there is no field {column:?}"));
            }
        }
    }
    for dependency in &kind.depends_on {
        if manifest.kind(&dependency.kind).is_none() {
            found.at(&format!("{place}.depends_on"), format!("there is no kind {:?}", dependency.kind));
        }
    }
    capabilities(manifest, kind, &place, found);
    rules(manifest, &format!("{place}.import_rules"), &kind.import_rules, found);
    rules(manifest, &format!("{place}.export_rules"), &kind.export_rules, found);
}

/// What a kind declares needs ops that the connector answers.
fn capabilities(manifest: &Manifest, kind: &Kind, place: &str, found: &mut Found) {
    let has = |hooks: &[String], name: &str| hooks.iter().any(|hook| hook == name);
    let is_whole = has(&kind.import_hooks, "run") || has(&kind.import_hooks, "batch");
    let needs = [
        (kind.import && !is_whole, "it is imported", op::LIST),
        (kind.import && !is_whole, "it is imported", op::PREPARE),
        (has(&kind.import_hooks, "run"), "it has an importer of its own", op::IMPORT_RECORD),
        (has(&kind.import_hooks, "after"), "it has a hook after its import", op::AFTER_IMPORT),
        (kind.export && !has(&kind.export_hooks, "run"), "it is exported", op::EXPORT_PREPARE),
        (has(&kind.export_hooks, "after"), "it has a hook after its export", op::AFTER_EXPORT),
    ];
    for (_, what, op) in needs.iter().filter(|(needed, _, op)| *needed && !manifest.ops.iter().any(|known| known == op))
    {
        found.at(place, format!("{what}, but the connector does not answer {op}"));
    }
}

fn rules(manifest: &Manifest, place: &str, rules: &[Rule], found: &mut Found) {
    found.repeated(place, rules.iter().map(|rule| &rule.name));
    for rule in rules {
        let place = format!("{place}.{}", rule.name);
        if !VERBS.contains(&rule.verb.as_str()) {
            found.at(&place, format!("{:?} is no verb; there are {}", rule.verb, VERBS.join(", ")));
        }
        match &rule.kind {
            Some(kind) if manifest.kind(kind).is_none() => found.at(&place, format!("there is no kind {kind:?}")),
            None if rule.verb == "children" => found.at(&place, "children need a kind".to_owned()),
            _ => {}
        }
    }
}

fn components(manifest: &Manifest, found: &mut Found) {
    found.repeated("components", manifest.components.iter().map(|component| &component.name));
    for component in &manifest.components {
        let place = format!("components.{}", component.name);
        if component.usage.is_empty() {
            found.at(&place, "it has no usage".to_owned());
        }
        for parent in &component.inherit {
            let known = manifest.components.iter().any(|other| other.name == *parent && other.name != component.name);
            if !known && !parent.starts_with("base.") {
                found.at(&place, format!("there is no component {parent:?} to inherit from"));
            }
        }
        for backend_type in &component.backend_types {
            if !manifest.backend_types.contains(backend_type) {
                found.at(&place, format!("there is no backend type {backend_type:?}"));
            }
        }
    }
}

fn check_field(place: &str, field: &FieldDecl, found: &mut Found) {
    if !is_word(&field.name, 1, 60) {
        found.at(place, "a name is lower case letters, digits and _".to_owned());
    }
    match &field.field_type {
        FieldType::Decimal { scale } if *scale > 12 => {
            found.at(place, format!("a decimal has at most 12 digits after the point, not {scale}"));
        }
        FieldType::Selection { options } if options.is_empty() => {
            found.at(place, "a selection needs options".to_owned());
        }
        FieldType::Unknown => found.at(place, "its type is not known to this host".to_owned()),
        _ => {}
    }
}

fn extensions(manifest: &Manifest, found: &mut Found) {
    found.repeated("extensions", manifest.extensions.iter().map(|extension| &extension.name));
    for extension in &manifest.extensions {
        let place = format!("extensions.{}", extension.name);
        if let Err(error) = semver::VersionReq::parse(&extension.requirement) {
            found.at(&place, format!("{:?} is no version requirement: {error}", extension.requirement));
        }
        if extension.connector == manifest.id {
            found.at(&place, "a plugin can't extend itself".to_owned());
        }
        if extension.component.is_empty() {
            found.at(&place, "it names no component".to_owned());
        }
        match (extension.place, &extension.rule) {
            (Place::Unknown, _) => found.at(&place, "its place is not known to this host".to_owned()),
            (Place::Instead, None) => found.at(&place, "to replace a rule it must name one".to_owned()),
            _ => {}
        }
    }
    if !manifest.extensions.is_empty() && !manifest.ops.iter().any(|known| known == op::EXTEND) {
        found.at("ops", "it has extensions, but does not answer extend".to_owned());
    }
}

fn is_word(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && text.as_bytes()[0].is_ascii_lowercase()
}
