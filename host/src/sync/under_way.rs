//! What of a record is under way: kept before it is sent, until its answer is taken in. A value that is found there
//! meanwhile, or after a host was killed, is our own then, and no change of theirs. It decides nothing.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::merge;
use crate::{
    record::{Model, Row},
    storage::{self, Tx, under_way},
};

/// Sends without an answer that are remembered: any of them may be what is there.
const REMEMBERED: usize = 8;

/// Values by field.
pub type Values = Map<String, Json>;

/// Values of lines that go with their record, by model and id.
pub type Lines = BTreeMap<String, BTreeMap<i64, Values>>;

/// One send.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sending {
    /// The record's own values.
    pub values: Values,
    /// Its lines.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lines: Lines,
}

/// What is under way of one record: the oldest send first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnderWay(Vec<Sending>);

impl UnderWay {
    /// Whether a field may have been sent with this value.
    pub fn is_sent(&self, field: &str, value: &Json) -> bool {
        self.0.iter().any(|sending| sending.values.get(field) == Some(value))
    }

    /// A field as it was sent last.
    pub fn last(&self, field: &str) -> Option<&Json> {
        self.0.last()?.values.get(field)
    }

    /// Whether lines went with it.
    pub fn has_lines(&self) -> bool {
        self.0.iter().any(|sending| !sending.lines.is_empty())
    }

    /// A line of ours as it was sent, the newest first.
    pub fn line(&self, model: &str, id: i64) -> impl Iterator<Item = &Values> {
        self.0.iter().rev().filter_map(move |sending| sending.lines.get(model)?.get(&id))
    }

    /// What is under way of a line, as if it were a record of its own.
    pub fn of_line(&self, model: &str, id: i64) -> Self {
        let sent = self.0.iter().filter_map(|sending| sending.lines.get(model)?.get(&id));
        Self(sent.map(|values| Sending { values: values.clone(), lines: Lines::new() }).collect())
    }

    fn add(&mut self, sending: Sending) {
        if self.0.last() != Some(&sending) {
            self.0.push(sending);
        }
        let forgotten = self.0.len().saturating_sub(REMEMBERED);
        self.0.drain(..forgotten);
    }
}

/// The values of a record, to be compared.
pub fn values(model: &Model, row: &Row, is_sent: impl Fn(&str) -> bool) -> Values {
    let named = row.values.iter().map(|(index, value)| (&model.fields[*index].name, value));
    named.filter(|(name, _)| is_sent(name)).map(|(name, value)| (name.clone(), merge::of_value(value))).collect()
}

/// Notes what is sent now, by binding, beside what was sent before and has no answer. Those that are gone are left out.
pub fn note(tx: &mut dyn Tx, all: Vec<(i64, Sending)>) -> Result<(), storage::Error> {
    let bindings: Vec<i64> = all.iter().map(|(binding, _)| *binding).collect();
    let mut known = of_all(tx, &bindings)?;
    for (binding, sending) in all {
        let mut under_way = known.remove(&binding).unwrap_or_default();
        under_way.add(sending);
        match under_way::put(tx, binding, &serde_json::json!(under_way).to_string()) {
            Ok(()) | Err(storage::Error::ForeignKey(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What is under way of one binding; nothing, where nothing is.
pub fn of(tx: &mut dyn Tx, binding: i64) -> Result<UnderWay, storage::Error> {
    Ok(of_all(tx, &[binding])?.remove(&binding).unwrap_or_default())
}

/// What is under way, by binding.
pub fn of_all(tx: &mut dyn Tx, bindings: &[i64]) -> Result<HashMap<i64, UnderWay>, storage::Error> {
    // What can't be read tells nothing: then the operator's policy decides, as where nothing was noted.
    let read = |text: String| serde_json::from_str(&text).unwrap_or_default();
    Ok(under_way::of(tx, bindings)?.into_iter().map(|(binding, text)| (binding, read(text))).collect())
}

/// The last send has arrived, and no answer tells what became of it: answers its values, which is all that is known of
/// theirs. Its lines stay, until an import tells which of theirs they are.
pub fn arrived(tx: &mut dyn Tx, binding: i64) -> Result<Option<Values>, storage::Error> {
    let Some(last) = of(tx, binding)?.0.pop() else { return Ok(None) };
    if last.lines.is_empty() {
        forget(tx, binding)?;
    } else {
        let lines = UnderWay(vec![Sending { values: Values::new(), lines: last.lines }]);
        under_way::put(tx, binding, &serde_json::json!(lines).to_string())?;
    }
    Ok(Some(last.values))
}

/// An import tells what is there: what has arrived is no longer under way. What may still arrive is.
pub fn seen(tx: &mut dyn Tx, binding: i64) -> Result<(), storage::Error> {
    let known = of(tx, binding)?.0;
    match !known.is_empty() && known.iter().all(|sending| sending.values.is_empty()) {
        true => forget(tx, binding),
        false => Ok(()),
    }
}

/// Nothing is under way any more: what is there is known.
pub fn forget(tx: &mut dyn Tx, binding: i64) -> Result<(), storage::Error> {
    under_way::forget(tx, binding)
}
