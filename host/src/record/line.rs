//! Lines of a record: the commands of one2many and many2many fields.

use bindery_contract::field::FieldType;

use super::{
    Error, Model, Values,
    row::many,
    values::{Command, Target},
    work::Work,
};
use crate::{model::Value, storage::record as tables};

/// The relation whose lines are changed.
struct Relation<'a> {
    model: &'a Model,
    record: i64,
    field: usize,
    lines: &'a Model,
    /// The lines' many2one field, for one2many; else it is many2many.
    inverse: Option<usize>,
}

impl<'a> Work<'a> {
    /// Carries out the commands of a field; answers whether anything changed.
    pub(super) fn lines(
        &mut self,
        model: &'a Model,
        record: i64,
        field: usize,
        commands: &[Command],
    ) -> Result<bool, Error> {
        let (lines, inverse) = match &model.fields[field].field_type {
            FieldType::One2many { model: lines, inverse } => {
                let lines = self.catalogue.need_model(lines)?;
                (lines, lines.field(inverse).map(|inverse| inverse.index))
            }
            FieldType::Many2many { model: lines } => (self.catalogue.need_model(lines)?, None),
            _ => return Err(Error::field(&model.name, &model.fields[field].name, "this field holds no lines")),
        };
        let relation = Relation { model, record, field, lines, inverse };
        let mut linked = many(self.tx, self.catalogue, model, field, &[record])?.remove(&record).unwrap_or_default();
        let mut changed = false;
        for command in commands {
            changed |= self.command(&relation, &mut linked, command)?;
        }
        Ok(changed)
    }

    fn command(&mut self, relation: &Relation<'a>, linked: &mut Vec<i64>, command: &Command) -> Result<bool, Error> {
        match command {
            Command::Create(values) => {
                let link = relation.inverse.map(|inverse| (inverse, relation.record));
                let id = self.create(relation.lines, values, link)?;
                if relation.inverse.is_none() {
                    self.link(relation, id)?;
                }
                linked.push(id);
                Ok(true)
            }
            Command::Update(target, values) => {
                let id = relation.linked(linked, target)?;
                Ok(!self.write(relation.lines, id, values)?.changed.is_empty())
            }
            Command::Delete(target) => {
                let id = relation.linked(linked, target)?;
                self.remove(relation.lines, id)?;
                linked.retain(|other| *other != id);
                Ok(true)
            }
            Command::Unlink(target) => {
                let id = relation.id(target)?;
                self.part(relation, linked, id)
            }
            Command::Link(target) => {
                let id = relation.id(target)?;
                self.join(relation, linked, id)
            }
            Command::Clear => {
                let mut changed = false;
                for id in linked.clone() {
                    changed |= self.part(relation, linked, id)?;
                }
                Ok(changed)
            }
            Command::Set(targets) => {
                let wanted = targets.iter().map(|target| relation.id(target)).collect::<Result<Vec<_>, _>>()?;
                let mut changed = false;
                for id in linked.clone() {
                    if !wanted.contains(&id) {
                        changed |= self.part(relation, linked, id)?;
                    }
                }
                for id in wanted {
                    changed |= self.join(relation, linked, id)?;
                }
                Ok(changed)
            }
        }
    }

    fn join(&mut self, relation: &Relation<'a>, linked: &mut Vec<i64>, id: i64) -> Result<bool, Error> {
        if linked.contains(&id) {
            return Ok(false);
        }
        match relation.inverse {
            Some(inverse) => {
                let values: Values = vec![(inverse, Value::Ref(relation.record).into())];
                self.write_trusted(relation.lines, id, &values)?;
            }
            None => self.link(relation, id)?,
        }
        linked.push(id);
        Ok(true)
    }

    fn part(&mut self, relation: &Relation<'a>, linked: &mut Vec<i64>, id: i64) -> Result<bool, Error> {
        if !linked.contains(&id) {
            return Ok(false);
        }
        linked.retain(|other| *other != id);
        match relation.inverse {
            // A line that can't stand alone goes with its link.
            Some(inverse) if relation.lines.fields[inverse].required => self.remove(relation.lines, id)?,
            Some(inverse) => {
                self.write_trusted(relation.lines, id, &vec![(inverse, Value::Null.into())])?;
            }
            None => tables::unlink(self.tx, relation.link_table(), relation.record, id)?,
        }
        Ok(true)
    }

    fn link(&mut self, relation: &Relation<'a>, id: i64) -> Result<(), Error> {
        if relation.lines.table.versions(self.tx, &[id])?.is_empty() {
            let problem = format!("there is no record {id} of {}", relation.lines.name);
            return Err(relation.wrong(problem));
        }
        Ok(tables::link(self.tx, relation.link_table(), relation.record, id)?)
    }
}

impl<'a> Relation<'a> {
    fn link_table(&self) -> &'a str {
        self.model.links.get(&self.field).map(String::as_str).unwrap_or_default()
    }

    fn wrong(&self, problem: String) -> Error {
        Error::field(&self.model.name, &self.model.fields[self.field].name, problem)
    }

    fn id(&self, target: &Target) -> Result<i64, Error> {
        match target {
            Target::Id(id) => Ok(*id),
            Target::Symbolic(symbolic) => Err(Error::Unresolved {
                model: self.model.name.clone(),
                field: self.model.fields[self.field].name.clone(),
                target: symbolic.to_string(),
            }),
        }
    }

    fn linked(&self, linked: &[i64], target: &Target) -> Result<i64, Error> {
        let id = self.id(target)?;
        if linked.contains(&id) {
            return Ok(id);
        }
        Err(self.wrong(format!("record {id} of {} is none of its lines", self.lines.name)))
    }
}
