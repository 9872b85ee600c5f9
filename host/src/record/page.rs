//! The page of all models for people (`docs/models.md`), made from a catalogue, so that it can't differ from it.

use std::fmt::Write as _;

use super::{Catalogue, Field, Model, OnDelete, encode, install::words};

/// The page, as Markdown.
pub fn models(catalogue: &Catalogue) -> String {
    let mut page = String::from(
        "# Models\n\n\
         Made from the catalogue; write it anew with `BINDERY_UPDATE=1 cargo test -p bindery-tests --test it catalogue`.\n\n\
         Every record also has `id`, `create_date` and `write_date`. Decimals are exact, with the digits after the point \
         that stand in brackets; money has four. A field that is *computed* is worked out by the host and can't be \
         written; *read only* ones are written by connectors alone. Records of models with `active` are hidden from \
         searches once it is false. Models are extended by files of the operator and by plugins.\n\n",
    );
    for model in catalogue.models() {
        let _ = writeln!(page, "- [`{}`](#{}) {}", model.name, model.name.replace('.', ""), model.label);
    }
    for model in catalogue.models() {
        one(&mut page, model);
    }
    page
}

fn one(page: &mut String, model: &Model) {
    let _ = write!(
        page,
        "\n## {}\n\n{}. Named by `{}`, ordered by `{}`.\n\n| field | type | label | |\n|---|---|---|---|\n",
        model.name, model.label, model.display, model.order
    );
    let is_shown =
        |field: &&Field| !matches!(field.name.as_str(), "create_date" | "write_date") && !field.is_elsewhere();
    for field in model.fields.iter().filter(is_shown) {
        let field_type = words(&field.field_type).replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | {field_type} | {} | {} |", field.name, field.label, notes(field));
    }
    if let Some(link) = model.delegate.map(|index| &model.fields[index]) {
        let target = link.target().unwrap_or_default();
        let _ = writeln!(
            page,
            "\nEvery other field of [`{target}`](#{}) is a field of this model too, through `{}`: read, searched and \
             written there.",
            target.replace('.', ""),
            link.name
        );
    }
}

fn notes(field: &Field) -> String {
    let mut notes = Vec::new();
    for (holds, note) in [
        (field.required, "required"),
        (field.unique, "unique"),
        (field.computed, "computed"),
        (field.read_only && !field.computed, "read only"),
        (field.ondelete == OnDelete::Cascade, "goes with its target"),
        (field.ondelete == OnDelete::Restrict, "keeps its target"),
    ] {
        if holds {
            notes.push(note.to_owned());
        }
    }
    if let Some(default) = field.default.as_ref().filter(|_| !field.computed) {
        notes.push(format!("default `{}`", encode::value(default)));
    }
    if !field.help.is_empty() {
        notes.push(field.help.clone());
    }
    notes.join("; ")
}
