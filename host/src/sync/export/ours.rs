//! A record of ours as an export sees it: its values as JSON for the connector, and as they stood, for the comparison
//! once the answer is here.

use std::{collections::HashMap, fmt::Write as _};

use bindery_contract::FieldType;

use super::{
    bounce::{self, Trail},
    due,
    due::Due,
    exporter,
};
use crate::{
    base::Fault,
    model::Value,
    record::{self, Binding, Field, Kind, Model, Row, binding, encode},
    storage::{Tx, export, intent, intent::Intent},
    sync::{
        Error, conflict,
        target::Target,
        under_way::{self, Lines, Sending},
    },
};

/// What is known of a record when its export begins.
pub struct Ours {
    /// What is due.
    pub due: Due,
    /// Its binding.
    pub binding: Option<Binding>,
    /// Its create that is under way.
    pub intent: Option<Intent>,
    /// Its values; absent: it is gone.
    pub row: Option<Row>,
    /// The same as JSON.
    pub json: String,
    /// The lines that go with it, where it must be known what of them was sent.
    pub lines: Lines,
    /// What was sent of it and came back changed.
    pub trail: Option<Trail>,
    /// Theirs was looked at already.
    pub looked: bool,
    /// It was made there by an earlier attempt, which this export has found out.
    pub made: bool,
}

impl Ours {
    /// Theirs, where it is bound.
    pub fn external_id(&self) -> Option<&str> {
        self.binding.as_ref()?.external_id.as_deref()
    }

    /// What is under way once this is sent; nothing where nobody asks for it.
    pub fn sending(&self, target: &Target) -> Option<Sending> {
        let row = self.row.as_ref().filter(|_| conflict::keeps_agreed(target))?;
        let rules = &target.declared.export_rules;
        // Rules without names may read whatever they like.
        let is_open = exporter::reads(&target.declared).is_none();
        let is_sent = |name: &str| is_open || rules.iter().any(|rule| rule.reads.iter().any(|read| read == name));
        let values = under_way::values(&target.kind.model, row, is_sent);
        Some(Sending { values, lines: self.lines.clone() })
    }

    /// The fields that changed; absent: all, as for what is made there, or was left out before.
    pub fn changed(&self) -> Option<Vec<String>> {
        let is_whole =
            |binding: &Binding| binding.sync_date.is_none() || binding.sync_status == binding::Status::Skipped;
        if self.due.forced || self.external_id().is_none() || self.binding.as_ref().is_none_or(is_whole) {
            return None;
        }
        due::fields(&self.due)
    }
}

/// Reads a record; nothing where nothing is due of it.
pub fn read(tx: &mut dyn Tx, target: &Target, id: i64) -> Result<Option<Ours>, Error> {
    match export::due(tx, target.session.backend, target.name(), id)? {
        None => Ok(None),
        Some(due) => look(tx, target, due).map(Some),
    }
}

/// Reads several records; those of which nothing is due are left out.
pub fn read_many(tx: &mut dyn Tx, target: &Target, ids: &[i64]) -> Result<Vec<Ours>, Error> {
    let mut dues = Vec::with_capacity(ids.len());
    for id in ids {
        dues.extend(export::due(tx, target.session.backend, target.name(), *id)?);
    }
    look_many(tx, target, dues)
}

/// Reads the record of what is due, or would be.
pub fn look(tx: &mut dyn Tx, target: &Target, due: Due) -> Result<Ours, Error> {
    let ours = look_many(tx, target, vec![due])?.pop();
    ours.ok_or_else(|| Error::Refused("nothing was read of a record".to_owned()))
}

fn look_many(tx: &mut dyn Tx, target: &Target, dues: Vec<Due>) -> Result<Vec<Ours>, Error> {
    let (backend, kind, model) = (target.session.backend, target.name(), &target.kind.model);
    let ids: Vec<i64> = dues.iter().map(|due| due.record).collect();
    let bindings = binding::of_records(tx, backend, &target.kind, &ids).map_err(Fault::from)?;
    let mut bindings: HashMap<Option<i64>, Binding> =
        bindings.into_iter().map(|binding| (binding.record, binding)).collect();
    let rows = record::read(tx, &target.catalogue, model, &ids, &fields(target)).map_err(Fault::from)?;
    let mut rows: HashMap<i64, Row> = rows.into_iter().map(|row| (row.id, row)).collect();
    let mut writer = Writer::new(target);
    let mut all = Vec::with_capacity(dues.len());
    for due in dues {
        let id = due.record;
        let row = rows.remove(&id);
        let json = match &row {
            None => String::new(),
            Some(row) => writer.record(tx, row).map_err(Fault::from)?,
        };
        let lines = std::mem::take(&mut writer.sent);
        let intent = intent::open(tx, backend, kind, id)?;
        let binding = bindings.remove(&Some(id));
        let trail = binding.as_ref().map(|binding| bounce::trail(tx, binding.id)).transpose()?.flatten();
        all.push(Ours { due, binding, intent, row, json, lines, trail, looked: false, made: false });
    }
    Ok(all)
}

/// The fields that an export reads: all but the large ones that no rule names.
fn fields(target: &Target) -> Vec<usize> {
    let rules = &target.declared.export_rules;
    let is_named = |field: &Field| rules.iter().any(|rule| rule.reads.contains(&field.name));
    let is_read = |field: &&Field| field.field_type != FieldType::Binary || is_named(field);
    target.kind.model.fields.iter().filter(is_read).map(|field| field.index).collect()
}

/// External ids by kind, of records by model.
type External = HashMap<(String, i64), Vec<(String, String)>>;

/// Writes records as JSON.
struct Writer<'t> {
    target: &'t Target,
    external: External,
    /// Relations that are written with external ids; absent: all.
    related: Option<Vec<String>>,
    /// Lines that were written with a record.
    sent: Lines,
}

impl<'t> Writer<'t> {
    fn new(target: &'t Target) -> Self {
        let related = exporter::reads(&target.declared).map(|_| {
            let rules = target.declared.export_rules.iter().filter(|rule| rule.verb != "direct");
            rules.flat_map(|rule| rule.reads.iter().cloned()).collect()
        });
        Self { target, external: External::new(), related, sent: Lines::new() }
    }

    fn record(&mut self, tx: &mut dyn Tx, row: &Row) -> Result<String, record::Error> {
        let model = self.target.kind.model.clone();
        self.look_up(tx, &model, row, true)?;
        let mut out = String::with_capacity(1024);
        self.object(tx, &mut out, &model, row, None)?;
        Ok(out)
    }

    /// Looks up the external ids of what a record refers to.
    fn look_up(&mut self, tx: &mut dyn Tx, model: &Model, row: &Row, is_outer: bool) -> Result<(), record::Error> {
        for (index, value) in &row.values {
            let field = &model.fields[*index];
            let is_left_out = is_outer && self.related.as_ref().is_some_and(|names| !names.contains(&field.name));
            let Some(to) = field.target().filter(|_| !is_left_out) else { continue };
            let ids: Vec<i64> = match value {
                Value::Ref(id) => vec![*id],
                Value::Refs(ids) => ids.clone(),
                _ => continue,
            };
            self.external_ids(tx, to, &ids)?;
        }
        Ok(())
    }

    fn external_ids(&mut self, tx: &mut dyn Tx, model: &str, ids: &[i64]) -> Result<(), record::Error> {
        let mut new: Vec<i64> =
            ids.iter().filter(|id| !self.external.contains_key(&(model.to_owned(), **id))).copied().collect();
        new.sort_unstable();
        new.dedup();
        if new.is_empty() {
            return Ok(());
        }
        let mut found: HashMap<i64, Vec<(String, String)>> = new.iter().map(|id| (*id, Vec::new())).collect();
        for kind in self.kinds_over(model) {
            for binding in binding::of_records(tx, self.target.session.backend, &kind, &new)? {
                if let (Some(record), Some(id)) = (binding.record, binding.external_id) {
                    found.entry(record).or_default().push((kind.name.clone(), id));
                }
            }
        }
        self.external.extend(found.into_iter().map(|(id, all)| ((model.to_owned(), id), all)));
        Ok(())
    }

    fn kinds_over(&self, model: &str) -> Vec<std::sync::Arc<Kind>> {
        let declared = self.target.session.manifest.kinds.iter().filter(|kind| kind.model == model);
        declared.filter_map(|kind| self.target.catalogue.kind(&kind.name).cloned()).collect()
    }

    fn object(
        &mut self,
        tx: &mut dyn Tx,
        out: &mut String,
        model: &Model,
        row: &Row,
        own: Option<&str>,
    ) -> Result<(), record::Error> {
        let _ = write!(out, "{{\"id\":{}", row.id);
        if let Some(model) = own {
            out.push_str(",\"external\":");
            self.external_object(out, model, row.id);
        }
        for (index, value) in &row.values {
            let field = &model.fields[*index];
            let _ = write!(out, ",{}:", json(&field.name));
            match (value, field.target()) {
                (Value::Ref(id), Some(to)) => self.reference(out, to, *id),
                (Value::Refs(ids), Some(to)) if own.is_none() && self.has_lines(&field.name) => {
                    self.lines(tx, out, to, ids)?;
                }
                (Value::Refs(ids), Some(to)) => {
                    out.push('[');
                    for (at, id) in ids.iter().enumerate() {
                        if at > 0 {
                            out.push(',');
                        }
                        self.reference(out, to, *id);
                    }
                    out.push(']');
                }
                // Numbers cross as numbers, with all their digits.
                (Value::Decimal(decimal), _) => out.push_str(&encode::decimal(*decimal)),
                _ => out.push_str(&encode::value(value).to_string()),
            }
        }
        out.push('}');
        Ok(())
    }

    fn has_lines(&self, field: &str) -> bool {
        let rules = self.target.declared.export_rules.iter();
        rules.filter(|rule| rule.verb == "children").any(|rule| rule.reads.iter().any(|name| name == field))
    }

    /// The lines of a field in full, in order.
    fn lines(&mut self, tx: &mut dyn Tx, out: &mut String, model: &str, ids: &[i64]) -> Result<(), record::Error> {
        let lines = self.target.catalogue.need_model(model)?.clone();
        let is_read = |field: &&Field| field.field_type != FieldType::Binary;
        let fields: Vec<usize> = lines.fields.iter().filter(is_read).map(|field| field.index).collect();
        out.push('[');
        for (at, row) in record::read(tx, &self.target.catalogue, &lines, ids, &fields)?.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            self.look_up(tx, &lines, row, false)?;
            self.object(tx, out, &lines, row, Some(model))?;
            if conflict::keeps_agreed(self.target) {
                let values = under_way::values(&lines, row, |_| true);
                self.sent.entry(model.to_owned()).or_default().insert(row.id, values);
            }
        }
        out.push(']');
        Ok(())
    }

    fn reference(&self, out: &mut String, model: &str, id: i64) {
        let _ = write!(out, "{{\"id\":{id},\"external\":");
        self.external_object(out, model, id);
        out.push('}');
    }

    fn external_object(&self, out: &mut String, model: &str, id: i64) {
        out.push('{');
        let all = self.external.get(&(model.to_owned(), id)).map(Vec::as_slice).unwrap_or_default();
        for (at, (kind, external)) in all.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let _ = write!(out, "{comma}{}:{}", json(kind), json(external));
        }
        out.push('}');
    }
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
