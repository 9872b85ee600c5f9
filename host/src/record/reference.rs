//! Symbolic references, resolved in bulk: gather those of a page, look all of them up at once, put ids in their place.

use std::collections::{BTreeMap, HashMap};

use bindery_contract::field::FieldType;

use super::{Catalogue, Change, Command, Error, Input, Symbolic, Target, Values, decode, store};
use crate::{
    model::Value,
    storage::{Tx, binding as bindings, record as tables},
};

/// Gathers references and knows what they stand for.
#[derive(Debug, Clone, Default)]
pub struct Resolver {
    found: HashMap<Symbolic, Option<i64>>,
    /// Look-ups that find several records: these are never guessed.
    ambiguous: Vec<Symbolic>,
    looked_up: bool,
}

impl Resolver {
    /// Notes the references in some values, lines included.
    pub fn gather(&mut self, values: &Values) {
        each(values, &mut |symbolic| {
            if !self.found.contains_key(symbolic) {
                self.found.insert(symbolic.clone(), None);
                self.looked_up = false;
            }
        });
    }

    /// Looks up what is not known yet: one query for each kind, and for each model and field.
    pub fn look_up(&mut self, tx: &mut dyn Tx, catalogue: &Catalogue, backend: i64) -> Result<(), Error> {
        if self.looked_up {
            return Ok(());
        }
        let mut by_kind = BTreeMap::<&str, Vec<&str>>::new();
        let mut by_field = BTreeMap::<(&str, &str), Vec<&str>>::new();
        for symbolic in self.found.iter().filter(|(_, record)| record.is_none()).map(|(symbolic, _)| symbolic) {
            match symbolic {
                Symbolic::Ref(target) => by_kind.entry(&target.kind).or_default().push(&target.id),
                Symbolic::Find(find) => by_field.entry((&find.model, &find.field)).or_default().push(&find.value),
            }
        }
        let mut ids = HashMap::<(&str, String), i64>::new();
        for (name, external_ids) in by_kind {
            let kind = catalogue.need_kind(name)?;
            for (external_id, record) in bindings::records(tx, backend, kind.id, &external_ids)? {
                ids.insert((name, external_id), record);
            }
        }
        let mut values = HashMap::<(&str, &str, String), Vec<i64>>::new();
        for ((model, field), texts) in by_field {
            for (text, record) in with_value(tx, catalogue, model, field, &texts)? {
                values.entry((model, field, text)).or_default().push(record);
            }
        }
        let mut news = Vec::new();
        for symbolic in self.found.iter().filter(|(_, record)| record.is_none()).map(|(symbolic, _)| symbolic) {
            let found = match symbolic {
                Symbolic::Ref(target) => ids.get(&(target.kind.as_str(), target.id.clone())).copied(),
                Symbolic::Find(find) => {
                    match values.get(&(find.model.as_str(), find.field.as_str(), find.value.clone())).map(Vec::as_slice)
                    {
                        Some([one]) => Some(*one),
                        Some([_, _, ..]) => {
                            self.ambiguous.push(symbolic.clone());
                            None
                        }
                        _ => None,
                    }
                }
            };
            if let Some(record) = found {
                news.push((symbolic.clone(), record));
            }
        }
        for (symbolic, record) in news {
            self.found.insert(symbolic, Some(record));
        }
        self.looked_up = true;
        Ok(())
    }

    /// Makes the records of `$find` with `create` that were not found.
    pub fn create_missing(&mut self, tx: &mut dyn Tx, catalogue: &Catalogue, change: &Change) -> Result<(), Error> {
        let missing: Vec<Symbolic> = self.unresolved().cloned().collect();
        for symbolic in missing {
            let Symbolic::Find(find) = &symbolic else { continue };
            if !find.create || self.ambiguous.contains(&symbolic) {
                continue;
            }
            let model = catalogue.need_model(&find.model)?;
            let field = model.field(&find.field).ok_or_else(|| no_field(&find.model, &find.field))?;
            let json = serde_json::Value::String(find.value.clone()).to_string();
            let value = decode::scalar(&field.field_type, &json)
                .or_else(|_| decode::scalar(&field.field_type, &find.value))
                .map_err(|problem| Error::field(&model.name, &field.name, problem))?;
            let id = store::create(tx, catalogue, model, &vec![(field.index, value.into())], change)?;
            self.insert(symbolic, id);
        }
        Ok(())
    }

    /// What a reference stands for, where it is known.
    pub fn get(&self, symbolic: &Symbolic) -> Option<i64> {
        self.found.get(symbolic).copied().flatten()
    }

    /// Tells it what a reference stands for, as when a page makes its own targets.
    pub fn insert(&mut self, symbolic: Symbolic, record: i64) {
        self.found.insert(symbolic, Some(record));
    }

    /// References that stand for nothing.
    pub fn unresolved(&self) -> impl Iterator<Item = &Symbolic> {
        self.found.iter().filter(|(_, record)| record.is_none()).map(|(symbolic, _)| symbolic)
    }

    /// Whether a look-up finds several records.
    pub fn is_ambiguous(&self, symbolic: &Symbolic) -> bool {
        self.ambiguous.contains(symbolic)
    }

    /// Puts ids in place of references. A relation whose target is missing is left out of the values and named in the
    /// answer, with its field's index (that of the field with the lines, for lines).
    pub fn apply(&self, values: &mut Values) -> Vec<(usize, Symbolic)> {
        let mut missing = Vec::new();
        values.retain_mut(|(index, input)| match input {
            Input::Value(_) => true,
            Input::Symbolic(symbolic) => match self.get(symbolic) {
                Some(id) => {
                    *input = Input::Value(Value::Ref(id));
                    true
                }
                None => {
                    missing.push((*index, symbolic.clone()));
                    false
                }
            },
            Input::Lines(commands) => {
                for command in commands.iter_mut() {
                    missing.extend(self.command(command).into_iter().map(|symbolic| (*index, symbolic)));
                }
                commands.retain(|command| !is_open(command));
                true
            }
        });
        missing
    }

    /// Puts ids in place of the references of those values that are known whole; all others stay as they are.
    pub fn apply_known(&self, values: &mut Values) {
        for value in values.iter_mut() {
            let mut known = vec![value.clone()];
            if self.apply(&mut known).is_empty()
                && let Some(known) = known.pop()
            {
                *value = known;
            }
        }
    }

    fn command(&self, command: &mut Command) -> Vec<Symbolic> {
        let inner = |values: &mut Values| self.apply(values).into_iter().map(|(_, symbolic)| symbolic).collect();
        match command {
            Command::Create(values) => inner(values),
            Command::Update(target, values) => {
                let mut missing: Vec<Symbolic> = inner(values);
                missing.extend(self.target(target));
                missing
            }
            Command::Delete(target) | Command::Unlink(target) | Command::Link(target) => {
                self.target(target).into_iter().collect()
            }
            Command::Clear => Vec::new(),
            Command::Set(targets) => {
                let missing = targets.iter_mut().filter_map(|target| self.target(target)).collect();
                targets.retain(|target| matches!(target, Target::Id(_)));
                missing
            }
        }
    }

    /// Puts the id in place; answers what stays unresolved.
    fn target(&self, target: &mut Target) -> Option<Symbolic> {
        let Target::Symbolic(symbolic) = target else { return None };
        match self.get(symbolic) {
            Some(id) => {
                *target = Target::Id(id);
                None
            }
            None => Some(symbolic.clone()),
        }
    }
}

fn is_open(command: &Command) -> bool {
    matches!(
        command,
        Command::Update(Target::Symbolic(_), _)
            | Command::Delete(Target::Symbolic(_))
            | Command::Unlink(Target::Symbolic(_))
            | Command::Link(Target::Symbolic(_))
    )
}

fn each(values: &Values, note: &mut dyn FnMut(&Symbolic)) {
    for (_, input) in values {
        match input {
            Input::Value(_) => {}
            Input::Symbolic(symbolic) => note(symbolic),
            Input::Lines(commands) => {
                for command in commands {
                    each_of_command(command, note);
                }
            }
        }
    }
}

fn each_of_command(command: &Command, note: &mut dyn FnMut(&Symbolic)) {
    let mut target = |target: &Target| {
        if let Target::Symbolic(symbolic) = target {
            note(symbolic);
        }
    };
    match command {
        Command::Create(values) => each(values, note),
        Command::Update(of, values) => {
            target(of);
            each(values, note);
        }
        Command::Delete(of) | Command::Unlink(of) | Command::Link(of) => target(of),
        Command::Clear => {}
        Command::Set(targets) => targets.iter().for_each(target),
    }
}

fn no_field(model: &str, field: &str) -> Error {
    Error::field(model, field, "there is no such field")
}

/// (value as asked for, record) of the records whose field has one of some values. Archived records count.
fn with_value(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    model: &str,
    field: &str,
    texts: &[&str],
) -> Result<Vec<(String, i64)>, Error> {
    let model = catalogue.need_model(model)?;
    let known = model.field(field).ok_or_else(|| no_field(&model.name, field))?;
    let Some(column) = &known.column else {
        return Err(Error::field(&model.name, field, "records can't be looked up by a relation to many"));
    };
    match known.field_type {
        FieldType::Text | FieldType::Selection { .. } => Ok(tables::with_text(tx, &model.table.name, column, texts)?),
        _ => {
            let mut found = Vec::new();
            for text in texts {
                // A value that the field can't hold is in no record.
                let json = serde_json::Value::String((*text).to_owned()).to_string();
                let Ok(value) =
                    decode::scalar(&known.field_type, &json).or_else(|_| decode::scalar(&known.field_type, text))
                else {
                    continue;
                };
                let condition = super::domain::equal(column, &value);
                for id in tables::search(tx, &model.table.name, &condition, &[], Some(2), 0)? {
                    found.push(((*text).to_owned(), id));
                }
            }
            Ok(found)
        }
    }
}
