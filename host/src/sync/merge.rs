//! Brings two changed sides of a record together, field by field: against what both had when they were last in step. It
//! reads and writes nothing.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::under_way::UnderWay;
use crate::{
    model::Value,
    record::{Command, Input, Model, Row, Target, Values, encode},
};

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// This host's record.
    Ours,
    /// The outside system's.
    Theirs,
}

/// A field that both sides have changed, each in its own way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clash {
    /// The field.
    pub field: String,
    /// What both had before; null where that is not known.
    pub agreed: Json,
    /// Ours now.
    pub ours: Json,
    /// Theirs now.
    pub theirs: Json,
}

/// What came of it.
#[derive(Debug, Default, PartialEq)]
pub struct Merged {
    /// Values of theirs that are written here.
    pub taken: Values,
    /// Fields in which ours stands, and is still to be sent.
    pub kept: Vec<String>,
    /// Fields that nobody has decided about.
    pub clashes: Vec<Clash>,
}

/// What is known of both sides from before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Before<'b> {
    /// What both had when they were last in step; absent where that is not known.
    pub agreed: Option<&'b Map<String, Json>>,
    /// What was sent since, and may have arrived.
    pub under_way: Option<&'b UnderWay>,
}

impl Before<'_> {
    /// Whose change of a field it was, where only one side has changed it.
    fn tells(&self, name: &str, mine: &Json, other: &Json) -> Option<Side> {
        let agreed = self.agreed.and_then(|agreed| agreed.get(name));
        // What is there is our own, or what it was: whatever ours is now, they have not changed it.
        if agreed == Some(other) || self.under_way.is_some_and(|under_way| under_way.is_sent(name, other)) {
            return Some(Side::Ours);
        }
        let last = self.under_way.and_then(|under_way| under_way.last(name));
        let is_as_sent = last.is_none_or(|last| last == mine);
        (is_as_sent && agreed.or(last) == Some(mine)).then_some(Side::Theirs)
    }
}

/// Brings both sides together. Where it is not known what both had, whatever differs was changed by both. `whose` decides
/// about fields that were; nothing: a person does.
pub fn merge(
    model: &Model,
    before: Before<'_>,
    ours: &Row,
    theirs: Values,
    whose: impl Fn(&str) -> Option<Side>,
) -> Merged {
    let mut merged = Merged::default();
    for (index, input) in theirs {
        let name = &model.fields[index].name;
        let mine = ours.values.iter().find(|(at, _)| *at == index).map(|(_, value)| of_value(value));
        let (Some(mine), Some(other)) = (mine, of_input(&input)) else {
            // Lines and what can't be compared are taken as they come.
            merged.taken.push((index, input));
            continue;
        };
        if mine == other {
            continue;
        }
        let agreed = before.agreed.and_then(|agreed| agreed.get(name));
        let side = before.tells(name, &mine, &other).or_else(|| whose(name));
        match side {
            Some(Side::Theirs) => merged.taken.push((index, input)),
            Some(Side::Ours) => merged.kept.push(name.clone()),
            None => merged.clashes.push(Clash {
                field: name.clone(),
                agreed: agreed.cloned().unwrap_or_default(),
                ours: mine,
                theirs: other,
            }),
        }
    }
    merged
}

/// Theirs as JSON, to be agreed on. What can't be compared is left out.
pub fn agreed(model: &Model, theirs: &Values) -> Map<String, Json> {
    let value = |(index, input): &(usize, Input)| Some((model.fields[*index].name.clone(), of_input(input)?));
    theirs.iter().filter_map(value).collect()
}

/// A value as JSON, to be compared.
pub fn of_value(value: &Value) -> Json {
    match value {
        Value::Refs(ids) => sorted(ids.clone()),
        value => encode::value(value),
    }
}

fn of_input(input: &Input) -> Option<Json> {
    match input {
        Input::Value(value) => Some(of_value(value)),
        Input::Symbolic(_) => None,
        Input::Lines(commands) => match commands.as_slice() {
            [Command::Clear] => Some(sorted(Vec::new())),
            [Command::Set(targets)] => {
                let id = |target: &Target| if let Target::Id(id) = target { Some(*id) } else { None };
                targets.iter().map(id).collect::<Option<Vec<_>>>().map(sorted)
            }
            _ => None,
        },
    }
}

/// The order of a list of records is no change.
fn sorted(mut ids: Vec<i64>) -> Json {
    ids.sort_unstable();
    ids.into()
}
