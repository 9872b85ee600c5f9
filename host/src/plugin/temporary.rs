//! Ids of what is not committed yet: negative numbers that nothing else has, and what they come to stand for.
//!
//! A write that was asked for has a number, and so has everything that it makes on the way (lines, records that a
//! look-up creates, the record of a kind). A connector uses these like any id; they are replaced at the commit.

use std::{borrow::Cow, collections::HashMap};

use serde_json::Value as Json;

use crate::{
    model::{
        Value,
        temporary::{FIRST, is_temporary},
    },
    record::{Command, Input, Target, Values},
};

/// Things that one write may make.
const SPAN: i64 = 1 << 12;

/// The temporary id of what the nth write of a scope makes first.
pub(super) fn of_write(n: i64) -> i64 {
    FIRST - n * SPAN
}

/// The temporary id of what a write makes on the way, from 1.
pub(super) fn besides(write: i64, n: usize) -> Option<i64> {
    let n = i64::try_from(n).ok().filter(|n| *n < SPAN)?;
    Some(write - n)
}

/// What an id is the id of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    /// A record of a model, by the model's id in the catalogue.
    Record(i64),
    /// A binding.
    Binding,
    /// A job.
    Job,
}

/// Which temporary ids stand for what.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ids {
    known: HashMap<i64, (Thing, i64)>,
    names: HashMap<(Thing, i64), i64>,
}

impl Ids {
    /// The id that a temporary one has become; any other one as it is; `None` for one that stands for nothing.
    pub fn get(&self, id: i64) -> Option<i64> {
        if is_temporary(id) { self.known.get(&id).map(|(_, real)| *real) } else { Some(id) }
    }

    /// Puts the ids that temporary ones have become into values that are to be written; answers one that stands for
    /// nothing.
    pub fn resolve(&self, values: &mut Values) -> Option<i64> {
        values.iter_mut().find_map(|(_, input)| self.input(input))
    }

    pub(super) fn learn(&mut self, temporary: i64, thing: Thing, real: i64) {
        self.known.insert(temporary, (thing, real));
        self.names.insert((thing, real), temporary);
    }

    /// The temporary id of something that is not committed yet; any other id as it is.
    pub(super) fn name(&self, thing: Thing, real: i64) -> i64 {
        self.names.get(&(thing, real)).copied().unwrap_or(real)
    }

    /// What a temporary id stands for.
    pub(super) fn thing(&self, id: i64) -> Option<Thing> {
        self.known.get(&id).map(|(thing, _)| *thing)
    }

    /// Every temporary id with what it stands for.
    pub(super) fn things(&self) -> impl Iterator<Item = (i64, Thing)> + '_ {
        self.known.iter().map(|(temporary, (thing, _))| (*temporary, *thing))
    }

    /// What these know and `others` don't is kept; `others` win.
    pub(super) fn extend(&mut self, others: &Self) {
        self.known.extend(&others.known);
        self.names.extend(&others.names);
    }

    /// JSON text with the ids that temporary ones have become.
    pub(super) fn text<'t>(&self, json: &'t str) -> Result<Cow<'t, str>, i64> {
        let mut out = String::new();
        let mut copied = 0;
        for (start, end) in negative_numbers(json) {
            let Ok(id) = json[start..end].parse::<i64>() else { continue };
            if is_temporary(id) {
                let real = self.get(id).ok_or(id)?;
                out.push_str(&json[copied..start]);
                out.push_str(&real.to_string());
                copied = end;
            }
        }
        if copied == 0 {
            return Ok(Cow::Borrowed(json));
        }
        out.push_str(&json[copied..]);
        Ok(Cow::Owned(out))
    }

    /// As [`Ids::text`], in a tree.
    pub(super) fn tree(&self, json: &mut Json) -> Result<(), i64> {
        match json {
            Json::Number(number) => match number.as_i64() {
                Some(id) if is_temporary(id) => *json = self.get(id).ok_or(id)?.into(),
                _ => {}
            },
            Json::Array(items) => items.iter_mut().try_for_each(|item| self.tree(item))?,
            Json::Object(pairs) => pairs.values_mut().try_for_each(|value| self.tree(value))?,
            _ => {}
        }
        Ok(())
    }

    fn input(&self, input: &mut Input) -> Option<i64> {
        match input {
            Input::Value(Value::Ref(id)) => self.id(id),
            Input::Value(Value::Refs(ids)) => ids.iter_mut().find_map(|id| self.id(id)),
            Input::Value(_) | Input::Symbolic(_) => None,
            Input::Lines(commands) => commands.iter_mut().find_map(|command| match command {
                Command::Create(values) => self.resolve(values),
                Command::Update(target, values) => self.target(target).or_else(|| self.resolve(values)),
                Command::Delete(target) | Command::Unlink(target) | Command::Link(target) => self.target(target),
                Command::Clear => None,
                Command::Set(targets) => targets.iter_mut().find_map(|target| self.target(target)),
            }),
        }
    }

    fn target(&self, target: &mut Target) -> Option<i64> {
        match target {
            Target::Id(id) => self.id(id),
            Target::Symbolic(_) => None,
        }
    }

    fn id(&self, id: &mut i64) -> Option<i64> {
        match self.get(*id) {
            Some(real) => {
                *id = real;
                None
            }
            None => Some(*id),
        }
    }
}

/// Where negative numbers stand in JSON text, texts left out.
fn negative_numbers(json: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let bytes = json.as_bytes();
    let (mut at, mut in_text) = (0, false);
    std::iter::from_fn(move || {
        while at < bytes.len() {
            match (in_text, bytes[at]) {
                (true, b'\\') => at += 1,
                (_, b'"') => in_text = !in_text,
                (false, b'-') => {
                    let start = at;
                    let more = bytes[start + 1..].iter().take_while(|byte| is_in_number(**byte)).count();
                    at = start + 1 + more;
                    return Some((start, at));
                }
                _ => {}
            }
            at += 1;
        }
        None
    })
}

fn is_in_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_ids_are_replaced_in_text_and_tree_and_only_as_numbers() {
        let mut ids = Ids::default();
        let (one, two) = (of_write(0), of_write(7));
        ids.learn(one, Thing::Record(3), 41);
        ids.learn(two, Thing::Binding, 42);
        let json = format!(r#"{{"a":{one},"b":[-5,-1.5e-3,{two}],"c":"{one} \"{two}"}}"#);
        let replaced = format!(r#"{{"a":41,"b":[-5,-1.5e-3,42],"c":"{one} \"{two}"}}"#);
        assert_eq!(ids.text(&json).expect("known"), replaced);
        let mut tree: Json = serde_json::from_str(&json).expect("JSON");
        ids.tree(&mut tree).expect("known");
        assert_eq!(tree, serde_json::from_str::<Json>(&replaced).expect("JSON"));
    }

    #[test]
    fn one_that_stands_for_nothing_is_named() {
        let unknown = of_write(3);
        assert_eq!(Ids::default().text(&format!("[{unknown}]")), Err(unknown));
        let mut values: Values = vec![(0, Input::Lines(vec![Command::Link(Target::Id(unknown))]))];
        assert_eq!(Ids::default().resolve(&mut values), Some(unknown));
        assert_eq!(Ids::default().get(12), Some(12));
    }

    #[test]
    fn what_a_write_makes_besides_has_ids_of_its_own() {
        assert_eq!(besides(of_write(1), 1), Some(of_write(1) - 1));
        assert_eq!(besides(of_write(1), 5_000), None);
        assert!(is_temporary(besides(of_write(9_999), 4_095).expect("small")));
        assert!(!is_temporary(-1) && !is_temporary(i64::MIN));
    }
}
