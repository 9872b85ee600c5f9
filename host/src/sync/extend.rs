//! Extensions: rules of other plugins over this connector's mapping, run in the order of their composition.
//!
//! Each sees the source and the values so far, and answers values that are laid over them. One that stands in place of a
//! rule keeps that rule's marks: `only_create`, and `changed_by` as far as the connector's own run tells of it (a rule
//! that did not run because nothing it names has changed has set none of its fields).

use std::{borrow::Cow, collections::BTreeMap};

use bindery_contract::{
    Frame, Manifest,
    manifest::{self, Place, Rule},
    op,
};
use serde_json::value::RawValue;

use super::{
    Error,
    plan::Write,
    prepare::{Item, Mapped, values},
    problem::Problem,
    session::{self, Asked, Behalf, Extension, bad},
    target::Target,
};

/// Lays the extensions of a kind over what the connector made; answers what they have asked to be written. `raw` are the
/// connector's values as it wrote them.
pub async fn extend(
    target: &Target,
    behalf: &Behalf,
    items: &[Item<'_>],
    raw: &[Option<&str>],
    mapped: &mut [Mapped],
) -> Result<Vec<Asked>, Error> {
    let mut all_asked = Vec::new();
    let mut so_far: Vec<Cow<'_, str>> = raw.iter().map(|values| Cow::Borrowed(values.unwrap_or("{}"))).collect();
    for extension in target.extensions.iter().map(|at| &target.session.extensions[*at]) {
        let replaced = replaced(target, &extension.declared);
        let is_meant = |at: &usize| {
            matches!(mapped[*at], Mapped::Values(..))
                && replaced.is_none_or(|rule| runs(rule, &items[*at], &so_far[*at]))
        };
        let at: Vec<usize> = (0..items.len()).filter(is_meant).collect();
        if at.is_empty() {
            continue;
        }
        if let Some(rule) = replaced {
            for at in &at {
                let Mapped::Values(write, _) = &mut mapped[*at] else { continue };
                so_far[*at] = Cow::Owned(without(target, write, &so_far[*at], rule)?);
            }
        }
        let (answer, asked) = ask(target, extension, behalf, items, &so_far, &at).await?;
        all_asked.extend(asked);
        take(target, &answer, &at, &mut so_far, mapped)?;
    }
    Ok(all_asked)
}

/// Whether an extension is of the mapper that maps a kind: `import.mapper` or `export.mapper`.
pub fn concerns(manifest: &Manifest, usage: &str, kind: &str, model: &str, extension: &manifest::Extension) -> bool {
    manifest.components.iter().any(|component| {
        component.name == extension.component
            && component.usage == usage
            && (component.apply_on.is_empty() || component.apply_on.iter().any(|on| on == kind || on == model))
    })
}

/// The rule that an extension stands in place of.
fn replaced<'t>(target: &'t Target, extension: &manifest::Extension) -> Option<&'t Rule> {
    let name = extension.rule.as_ref().filter(|_| extension.place == Place::Instead)?;
    target.declared.import_rules.iter().find(|rule| rule.name == *name)
}

/// Whether the rule itself would have run for an item.
fn runs(rule: &Rule, item: &Item<'_>, values: &str) -> bool {
    if rule.only_create && !item.head.create {
        return false;
    }
    let is_watched = !rule.changed_by.is_empty() && item.head.digests.is_some();
    !is_watched || fields(values).is_ok_and(|fields| rule.sets.iter().any(|field| fields.contains_key(field.as_str())))
}

/// Takes away what a rule has set; answers what is left as JSON.
fn without(target: &Target, write: &mut Write, so_far: &str, rule: &Rule) -> Result<String, Error> {
    let is_set = |name: &str| rule.sets.iter().any(|field| field == name);
    write.values.retain(|(field, _)| !is_set(&target.field(*field).name));
    let mut left = fields(so_far).map_err(|error| bad(op::PREPARE, &error))?;
    left.retain(|name, _| !is_set(name));
    serde_json::to_string(&left).map_err(|error| bad(op::PREPARE, &error))
}

async fn ask(
    target: &Target,
    extension: &Extension,
    behalf: &Behalf,
    items: &[Item<'_>],
    so_far: &[Cow<'_, str>],
    at: &[usize],
) -> Result<(Vec<u8>, Option<Asked>), Error> {
    let request = op::Extend {
        connector: target.session.manifest.id.clone(),
        kind: target.name().to_owned(),
        name: extension.declared.name.clone(),
        items: at.iter().map(|at| items[*at].head.clone()).collect(),
    };
    let sources = at.iter().map(|at| items[*at].text.as_bytes());
    let values = at.iter().map(|at| so_far[*at].as_bytes());
    let segments: Vec<&[u8]> = sources.chain(values).collect();
    let scope = session::scope(&extension.context, behalf);
    let answer = session::call(&*extension.caller, &scope, op::EXTEND, &request, &segments).await?;
    Ok((answer, Asked::of(&scope)))
}

fn take(
    target: &Target,
    answer: &[u8],
    at: &[usize],
    so_far: &mut [Cow<'_, str>],
    mapped: &mut [Mapped],
) -> Result<(), Error> {
    let frame = Frame::decode(answer).map_err(|error| bad(op::EXTEND, &error))?;
    let head: op::ExtendAnswer = frame.header().map_err(|error| bad(op::EXTEND, &error))?;
    for (entry, at) in at.iter().enumerate() {
        if let Some((_, error)) = head.errors.iter().find(|(index, _)| *index == entry) {
            mapped[*at] = Mapped::Failed(error.into());
            continue;
        }
        let text = frame.segment(entry).ok().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let json = text.ok_or_else(|| bad(op::EXTEND, &format!("no values for item {entry}")))?;
        let Mapped::Values(write, _) = &mut mapped[*at] else { continue };
        match laid_over(target, write, &so_far[*at], json) {
            Ok(merged) => so_far[*at] = Cow::Owned(merged),
            Err(problem) => mapped[*at] = Mapped::Failed(problem),
        }
    }
    Ok(())
}

type Fields<'j> = BTreeMap<Cow<'j, str>, &'j RawValue>;

fn fields(json: &str) -> Result<Fields<'_>, serde_json::Error> {
    serde_json::from_str(json)
}

/// Lays an extension's values over a write; answers both together as JSON, for the next extension.
fn laid_over(target: &Target, write: &mut Write, so_far: &str, json: &str) -> Result<String, Problem> {
    let unusable = |error: serde_json::Error| Problem::new("sync.bad_answer", format!("extension: {error}"));
    let more: &RawValue = serde_json::from_str(json).map_err(unusable)?;
    for (field, input) in values(target, &target.kind.model, Some(more))? {
        match write.values.iter_mut().find(|(known, _)| *known == field) {
            Some((_, value)) => *value = input,
            None => write.values.push((field, input)),
        }
    }
    let mut all = fields(so_far).map_err(unusable)?;
    all.extend(fields(json).map_err(unusable)?);
    serde_json::to_string(&all).map_err(unusable)
}
