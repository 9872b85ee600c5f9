//! Which models a request touches besides the one it names: through dotted paths, look-ups and lines.

use serde_json::Value as Json;

use super::{ask::Ask, refusal::Told};
use crate::record::{
    Catalogue, Command, Field, Input, Model, Symbolic, Target, Values,
    domain::{Expression, parse},
};

impl Ask<'_> {
    /// Refuses a search that looks into models that may not be used.
    pub(super) fn may_search(&self, catalogue: &Catalogue, name: &str, domain: &Json, order: &str) -> Result<(), Told> {
        self.may_use(name)?;
        // What can't be parsed is refused by the search itself, with its own words.
        let mut paths = Vec::new();
        if let Ok(expression) = parse(domain) {
            gather(&expression, &mut paths);
        }
        let ordered = order.split(',').filter_map(|part| part.split_whitespace().next());
        paths.extend(ordered.map(|path| (path.to_owned(), false)));
        for (path, by_text) in paths {
            for model in crossed(catalogue, name, &path, by_text) {
                self.may_use(&model)?;
            }
        }
        Ok(())
    }

    /// Refuses values that write or look up records of models that may not be used.
    pub(super) fn may_write(&self, catalogue: &Catalogue, model: &Model, values: &Values) -> Result<(), Told> {
        for (index, input) in values {
            match input {
                Input::Value(_) => {}
                Input::Symbolic(symbolic) => self.may_look_up(symbolic)?,
                Input::Lines(commands) => {
                    let target = model.fields.get(*index).and_then(Field::target);
                    let target = target.and_then(|name| catalogue.model(name));
                    for command in commands {
                        self.may_change_line(catalogue, target.map(|model| &**model), command)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn may_change_line(&self, catalogue: &Catalogue, model: Option<&Model>, command: &Command) -> Result<(), Told> {
        let changed = |values: &Values| match model {
            Some(model) => {
                self.may_use(&model.name)?;
                self.may_write(catalogue, model, values)
            }
            None => Ok(()),
        };
        match command {
            Command::Create(values) => changed(values),
            Command::Update(target, values) => {
                self.may_point_at(target)?;
                changed(values)
            }
            Command::Delete(target) => {
                self.may_point_at(target)?;
                changed(&Values::new())
            }
            Command::Unlink(target) | Command::Link(target) => self.may_point_at(target),
            Command::Clear => Ok(()),
            Command::Set(targets) => targets.iter().try_for_each(|target| self.may_point_at(target)),
        }
    }

    fn may_point_at(&self, target: &Target) -> Result<(), Told> {
        match target {
            Target::Id(_) => Ok(()),
            Target::Symbolic(symbolic) => self.may_look_up(symbolic),
        }
    }

    fn may_look_up(&self, symbolic: &Symbolic) -> Result<(), Told> {
        match symbolic {
            Symbolic::Ref(target) => self.may_use(&target.kind)?,
            Symbolic::Find(find) => self.may_use(&find.model)?,
        }
        Ok(())
    }
}

/// The paths of a domain, and whether each is compared with a text: at its end that looks into the target's name.
fn gather(expression: &Expression, paths: &mut Vec<(String, bool)>) {
    match expression {
        Expression::All(parts) | Expression::Any(parts) => parts.iter().for_each(|part| gather(part, paths)),
        Expression::Not(part) => gather(part, paths),
        Expression::Constant(_) => {}
        Expression::Leaf(leaf) => paths.push((leaf.path.clone(), is_text(&leaf.value))),
    }
}

fn is_text(value: &Json) -> bool {
    match value {
        Json::String(_) => true,
        Json::Array(items) => items.iter().any(Json::is_string),
        _ => false,
    }
}

/// The models that a path leads into.
fn crossed(catalogue: &Catalogue, name: &str, path: &str, by_text: bool) -> Vec<String> {
    let (mut model, kind) = match (catalogue.model(name), catalogue.kind(name)) {
        (Some(model), _) => (model, None),
        (None, Some(kind)) => (&kind.model, Some(kind)),
        (None, None) => return Vec::new(),
    };
    let mut crossed = Vec::new();
    let parts: Vec<&str> = path.split('.').collect();
    for (number, part) in parts.iter().enumerate() {
        let extra = kind.filter(|_| number == 0);
        if extra.is_some() && *part == "record" {
            continue;
        }
        let field = extra.and_then(|kind| kind.field(part)).or_else(|| model.field(part));
        let Some(target) = field.and_then(Field::target).and_then(|name| catalogue.model(name)) else { break };
        if number + 1 < parts.len() || by_text {
            crossed.push(target.name.clone());
        }
        model = target;
    }
    crossed
}
