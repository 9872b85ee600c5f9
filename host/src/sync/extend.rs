//! Extensions: rules of other plugins over this connector's mapping, composed in the order of their declaration.
//!
//! Each sees the source and the values so far, and answers values that are laid over them.

use std::{borrow::Cow, collections::BTreeMap};

use bindery_contract::{Frame, op};
use serde_json::value::RawValue;

use super::{
    Error,
    plan::Write,
    prepare::{Item, Mapped, values},
    problem::Problem,
    session::{self, Behalf, Extension, bad},
    target::Target,
};

/// Lays the extensions of a kind over what the connector made. `raw` are the connector's values as it wrote them.
pub async fn extend(
    target: &Target,
    behalf: &Behalf,
    items: &[Item<'_>],
    raw: &[Option<&str>],
    mapped: &mut [Mapped],
) -> Result<(), Error> {
    let mut so_far: Vec<Cow<'_, str>> = raw.iter().map(|values| Cow::Borrowed(values.unwrap_or("{}"))).collect();
    for extension in target.session.extensions.iter().filter(|extension| concerns(target, extension)) {
        let at: Vec<usize> = (0..items.len()).filter(|at| matches!(mapped[*at], Mapped::Values(..))).collect();
        if at.is_empty() {
            return Ok(());
        }
        let answer = ask(target, extension, behalf, items, &so_far, &at).await?;
        let frame = Frame::decode(&answer).map_err(|error| bad(op::EXTEND, &error))?;
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
    }
    Ok(())
}

/// Whether an extension is of the mapper that maps this kind.
fn concerns(target: &Target, extension: &Extension) -> bool {
    target.session.manifest.components.iter().any(|component| {
        component.name == extension.declared.component
            && component.usage == "import.mapper"
            && (component.apply_on.is_empty()
                || component.apply_on.iter().any(|on| on == target.name() || *on == target.kind.model.name))
    })
}

async fn ask(
    target: &Target,
    extension: &Extension,
    behalf: &Behalf,
    items: &[Item<'_>],
    so_far: &[Cow<'_, str>],
    at: &[usize],
) -> Result<Vec<u8>, Error> {
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
    session::call(&*extension.caller, &scope, op::EXTEND, &request, &segments).await
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
    let mut all: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(so_far).map_err(unusable)?;
    all.extend(serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(json).map_err(unusable)?);
    serde_json::to_string(&all).map_err(unusable)
}
