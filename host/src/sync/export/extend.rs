//! Extensions of an export: rules of other plugins over the body that the connector made, in the order of their composition.
//!
//! Each sees our record and the body so far, and answers places of the body with their values (`/tags`, or just `tags`).
//! One that stands in place of a rule keeps that rule's marks, and the body comes to it without what the rule has set.

use bindery_contract::{
    Frame,
    manifest::{Extension, Place, Rule},
    op,
    record::PrepareItem,
};
use serde_json::{Map, Value};

use super::{ours::Ours, prepare::Body};
use crate::sync::{
    Error,
    session::{self, Asked, Behalf, bad},
    target::Target,
};

/// Lays the extensions of a kind over a body.
pub async fn extend(
    target: &Target,
    behalf: &Behalf,
    ours: &Ours,
    body: Vec<u8>,
    all_asked: &mut Vec<Asked>,
) -> Result<Body, Error> {
    let mut so_far = body;
    for extension in target.export_extensions.iter().map(|at| &target.session.extensions[*at]) {
        let declared = &extension.declared;
        let replaced = replaced(target, declared);
        if !runs(declared, replaced, ours) {
            continue;
        }
        if let Some(rule) = replaced {
            so_far = without(&so_far, rule)?;
        }
        let request = op::Extend {
            connector: target.session.manifest.id.clone(),
            kind: target.name().to_owned(),
            name: declared.name.clone(),
            items: vec![PrepareItem {
                id: ours.external_id().unwrap_or_default().to_owned(),
                create: ours.external_id().is_none(),
                ..PrepareItem::default()
            }],
        };
        let scope = session::scope(&extension.context, behalf);
        let segments: [&[u8]; 2] = [ours.json.as_bytes(), &so_far];
        let answer = session::call(&*extension.caller, &scope, op::EXTEND, &request, &segments).await?;
        all_asked.extend(Asked::of(&scope));
        let frame = Frame::decode(&answer).map_err(|error| bad(op::EXTEND, &error))?;
        let head: op::ExtendAnswer = frame.header().map_err(|error| bad(op::EXTEND, &error))?;
        if let Some((_, error)) = head.errors.first() {
            return Ok(Body::Failed(error.into()));
        }
        so_far = laid_over(&so_far, frame.segment(0).map_err(|error| bad(op::EXTEND, &error))?)?;
    }
    Ok(Body::Send(so_far))
}

/// The rule that an extension stands in place of.
fn replaced<'t>(target: &'t Target, extension: &Extension) -> Option<&'t Rule> {
    let name = extension.rule.as_ref().filter(|_| extension.place == Place::Instead)?;
    target.declared.export_rules.iter().find(|rule| rule.name == *name)
}

/// Whether an extension runs for a record: as the rule would that it replaces, and where a field that it reads has changed.
fn runs(extension: &Extension, replaced: Option<&Rule>, ours: &Ours) -> bool {
    if replaced.is_some_and(|rule| rule.only_create) && ours.external_id().is_some() {
        return false;
    }
    let Some(changed) = ours.changed() else { return true };
    let first = |pointer: &String| pointer.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned();
    let mut fields: Vec<String> = extension.reads.iter().map(first).collect();
    if let Some(rule) = replaced {
        fields.extend(if rule.changed_by.is_empty() { rule.reads.clone() } else { rule.changed_by.clone() });
    }
    fields.is_empty() || fields.iter().any(|field| changed.contains(field))
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Error> {
    serde_json::from_slice(body).map_err(|error| bad(op::EXPORT_PREPARE, &error))
}

/// A body without what a rule has set.
fn without(body: &[u8], rule: &Rule) -> Result<Vec<u8>, Error> {
    let mut left = Value::Object(object(body)?);
    for place in &rule.sets {
        let Some((parent, name)) = place.rsplit_once('/') else { continue };
        if let Some(Value::Object(entries)) = left.pointer_mut(parent) {
            entries.remove(name);
        }
    }
    Ok(left.to_string().into_bytes())
}

/// Sets places of a body.
fn laid_over(body: &[u8], values: &[u8]) -> Result<Vec<u8>, Error> {
    let mut all = Value::Object(object(body)?);
    for (place, value) in object(values)? {
        let mut here = &mut all;
        for step in place.trim_start_matches('/').split('/') {
            if !here.is_object() {
                *here = Value::Object(Map::new());
            }
            let Value::Object(entries) = here else { continue };
            here = entries.entry(step.to_owned()).or_insert(Value::Null);
        }
        *here = value;
    }
    Ok(all.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_set_and_made_on_the_way() {
        let body = laid_over(br#"{"a":1,"b":{"c":2}}"#, br#"{"/b/d":3,"e":{"f":4},"/g/h":5}"#).expect("JSON");
        let expected = serde_json::json!({"a": 1, "b": {"c": 2, "d": 3}, "e": {"f": 4}, "g": {"h": 5}});
        assert_eq!(serde_json::from_slice::<Value>(&body).expect("JSON"), expected);
        let rule = Rule { sets: vec!["/b/d".to_owned(), "/a".to_owned()], ..Rule::default() };
        let left = without(&body, &rule).expect("JSON");
        let expected = serde_json::json!({"b": {"c": 2}, "e": {"f": 4}, "g": {"h": 5}});
        assert_eq!(serde_json::from_slice::<Value>(&left).expect("JSON"), expected);
    }
}
