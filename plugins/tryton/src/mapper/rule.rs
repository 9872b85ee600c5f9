//! The rules that most mappers here are made of, over the shapes of Tryton's JSON.

use bindery_plugin::{prelude::*, serde_json::json};

use crate::wire;

/// A text; an empty one clears the field, as null does: Tryton writes either where nothing was entered.
pub fn text<C: Connector>(r: &mut Rules<C>, pointer: &'static str, field: &'static str) {
    r.compute(field, [pointer], [field], move |src| {
        let text = src.text(pointer)?.map(|text| Some(text).filter(|text| !text.is_empty()));
        Ok(Values::new().set_maybe(field, text))
    });
}

/// A text of the record that a relation points to; no relation clears the field.
pub fn inner_text<C: Connector>(r: &mut Rules<C>, relation: &'static str, pointer: &'static str, field: &'static str) {
    r.compute(field, [relation], [field], move |src| match src.at(relation)? {
        Maybe::Absent => Ok(Values::new()),
        Maybe::Null => set(field, None::<String>),
        Maybe::Value(target) => Ok(Values::new().set_maybe(field, target.text(pointer)?)),
    });
}

/// A decimal.
pub fn decimal<C: Connector>(r: &mut Rules<C>, pointer: &'static str, field: &'static str) {
    r.compute(field, [pointer], [field], move |src| Ok(Values::new().set_maybe(field, wire::decimal(src, pointer)?)));
}

/// A number that Tryton keeps in binary, without the noise after the sixth digit.
pub fn quantity<C: Connector>(r: &mut Rules<C>, pointer: &'static str, field: &'static str) {
    r.compute(field, [pointer], [field], move |src| {
        Ok(Values::new().set_maybe(field, src.decimal(pointer)?.map(|number| number.round(6))))
    });
}

/// A date.
pub fn date<C: Connector>(r: &mut Rules<C>, pointer: &'static str, field: &'static str) {
    r.compute(field, [pointer], [field], move |src| Ok(Values::new().set_maybe(field, wire::date(src, pointer)?)));
}

/// A boolean.
pub fn truth<C: Connector>(r: &mut Rules<C>, pointer: &'static str, field: &'static str) {
    r.compute(field, [pointer], [field], move |src| Ok(Values::new().set_maybe(field, wire::truth(src, pointer)?)));
}

/// A relation, given as an id or as the record with its id; none clears the field.
pub fn bound<C: Connector>(r: &mut Rules<C>, pointer: &'static str, field: &'static str, kind: &'static str) {
    r.compute(field, [pointer], [field], move |src| {
        let id = match src.at(pointer)? {
            Maybe::Absent => return Ok(Values::new()),
            Maybe::Null => return set(field, None::<i64>),
            Maybe::Value(target) => match target.raw("/id")? {
                Some(_) => target.id("/id")?,
                None => target.id("")?,
            },
        };
        Ok(Values::new().set_bound(field, kind, &id.required(pointer)?))
    });
}

/// A list of relations within the record that another relation points to; none at all is an empty list.
pub fn inner_bounds<C: Connector>(
    r: &mut Rules<C>,
    relation: &'static str,
    pointer: &'static str,
    field: &'static str,
    kind: &'static str,
) {
    r.compute(field, [relation], [field], move |src| {
        let ids: Vec<u64> = match src.at(relation)? {
            Maybe::Absent => return Ok(Values::new()),
            Maybe::Null => Vec::new(),
            Maybe::Value(target) => match target.parse_at(pointer)? {
                Maybe::Absent => return Ok(Values::new()),
                ids => ids.or_default(),
            },
        };
        let targets: Vec<_> = ids.iter().map(|id| json!({"$ref": {"kind": kind, "id": id.to_string()}})).collect();
        set(field, targets)
    });
}

/// The amounts of a document as Tryton rounds them: on the binding, beside those that are worked out here.
pub fn amounts<C: Connector>(r: &mut Rules<C>) {
    for (pointer, field) in
        [("/untaxed_amount", "untaxed_amount"), ("/tax_amount", "tax_amount"), ("/total_amount", "total_amount")]
    {
        decimal(r, pointer, field);
    }
}
