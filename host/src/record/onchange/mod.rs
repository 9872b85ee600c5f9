//! What follows from a choice: the ERP's forms fill in addresses, prices and terms once a partner or a product is
//! chosen; a new record made here gets the same, where nothing was said of the field. What is said is never overridden
//! (null is said too), and a later change of the choice changes nothing by itself.

mod invoice;
mod partner;
mod price;
mod product;
mod sale;
mod stock;

use super::{
    Error, Model, Values,
    compute::{Inputs, Sets},
    values::Input,
    work::Work,
};
use crate::model::Value;

/// One rule: fields that follow from others of a new record.
#[derive(Debug)]
pub(crate) struct Onchange {
    /// The model.
    model: &'static str,
    /// The choices; the rule runs where one of them is made.
    when: &'static [&'static str],
    /// What else it looks at.
    reads: &'static [&'static str],
    /// What it fills in.
    sets: &'static [&'static str],
    /// Works it out. Null: nothing follows. A list: the links of a many2many.
    run: fn(&mut Inputs<'_, '_>) -> Result<Sets, Error>,
}

/// All of them, in the order in which they run: a later one sees what an earlier one filled in.
static ALL: &[&Onchange] = &[
    &sale::ORDER_PARTNER,
    &sale::ORDER_CURRENCY,
    &sale::LINE_PRODUCT,
    &invoice::MOVE_PARTNER,
    &invoice::MOVE_CURRENCY,
    &invoice::MOVE_DUE,
    &invoice::LINE_PRODUCT,
    &invoice::PAYMENT_JOURNAL,
    &stock::PICKING_ORDER,
    &stock::MOVE_PRODUCT,
    &stock::MOVE_PICKING,
];

/// Those of a model.
pub(super) fn of(model: &str) -> Vec<&'static Onchange> {
    ALL.iter().copied().filter(|rule| rule.model == model).collect()
}

impl<'a> Work<'a> {
    /// What follows from the choices in the values of a new record, by field. `link`: what the host links it to.
    pub(super) fn fill(
        &mut self,
        model: &'a Model,
        values: &Values,
        link: Option<&(usize, Value)>,
    ) -> Result<Vec<(usize, Value)>, Error> {
        let mut filled: Vec<(usize, Value)> = Vec::new();
        for rule in &model.onchanges {
            let said = |name: &str| {
                let index = model.field(name).map(|field| field.index);
                values.iter().any(|(at, _)| Some(*at) == index) || link.is_some_and(|(at, _)| Some(*at) == index)
            };
            if rule.sets.iter().all(|name| said(name)) {
                continue;
            }
            let own = known(model, rule, values, link, &filled);
            let choices = own.iter().take(rule.when.len());
            if choices.into_iter().all(|(_, value)| *value == Value::Null) {
                continue;
            }
            let found = (rule.run)(&mut Inputs { work: self, model, record: None, own })?;
            for (name, value) in found.into_iter().filter(|(name, value)| *value != Value::Null && !said(name)) {
                let index = super::compute::index(model, name);
                if !filled.iter().any(|(at, _)| *at == index) {
                    filled.push((index, value));
                }
            }
        }
        Ok(filled)
    }
}

/// What a rule looks at, as the record will have it: its choices first.
fn known(
    model: &Model,
    rule: &Onchange,
    values: &Values,
    link: Option<&(usize, Value)>,
    filled: &[(usize, Value)],
) -> Vec<(usize, Value)> {
    let value = |index: usize| {
        let said = values.iter().find_map(|(at, input)| match input {
            Input::Value(value) if *at == index => Some(value),
            _ => None,
        });
        let of = |list: &'_ [(usize, Value)]| list.iter().find(|(at, _)| *at == index).map(|(_, value)| value.clone());
        link.filter(|(at, _)| *at == index)
            .map(|(_, value)| value.clone())
            .or_else(|| said.cloned())
            .or_else(|| of(filled))
            .or_else(|| model.defaults.iter().find(|own| own.field == index).map(|own| own.value.clone()))
            .unwrap_or(Value::Null)
    };
    let names = rule.when.iter().chain(rule.reads);
    names.map(|name| super::compute::index(model, name)).map(|index| (index, value(index))).collect()
}

/// A reference as a value.
fn reference(id: Option<i64>) -> Value {
    id.map_or(Value::Null, Value::Ref)
}

/// A value as a reference.
fn id(value: &Value) -> Option<i64> {
    if let Value::Ref(id) = value { Some(*id) } else { None }
}

/// A value as a text.
fn text(value: &Value) -> &str {
    if let Value::Text(text) = value { text } else { "" }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{super::declaration, *};

    #[test]
    fn rules_name_fields_of_the_models_that_come_with_the_program_and_none_that_is_computed() {
        let (mut fields, mut computed) = (BTreeSet::new(), BTreeSet::new());
        for (file, source) in super::super::built_in::FILES {
            let model = declaration::parse(file, source).expect("the file is sound");
            for field in model.fields {
                fields.insert(format!("{}.{}", model.name, field.name));
                if field.definition.computed {
                    computed.insert(format!("{}.{}", model.name, field.name));
                }
            }
        }
        for rule in ALL {
            for name in rule.when.iter().chain(rule.reads).chain(rule.sets) {
                assert!(fields.contains(&format!("{}.{name}", rule.model)), "{}.{name}", rule.model);
            }
            for name in rule.sets {
                assert!(!computed.contains(&format!("{}.{name}", rule.model)), "{}.{name}", rule.model);
            }
        }
    }
}
