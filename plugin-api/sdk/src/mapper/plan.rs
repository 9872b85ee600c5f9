//! A mapper's rules, made ready to run over many records: what to look for, where it goes.

use super::rule::{Rule, Rules, Verb};
use crate::{Connector, json::pointer};
use bindery_contract::manifest;

/// A field that rules set.
pub(crate) struct Slot {
    pub(crate) field: String,
    /// The field as a JSON key with its colon.
    pub(crate) label: Vec<u8>,
    /// A field of the binding, not of the record.
    pub(crate) is_extra: bool,
}

/// A data rule: where its value lies, where it goes.
pub(crate) struct Data {
    pub(crate) rule: usize,
    /// Index into [`Plan::keys`]; none for a constant.
    pub(crate) key: Option<usize>,
    /// The pointer below that key.
    pub(crate) rest: String,
    pub(crate) slot: usize,
}

/// The lines of a record.
pub(crate) struct Child<C: Connector> {
    pub(crate) rule: usize,
    pub(crate) pointer: String,
    pub(crate) id: String,
    pub(crate) field: String,
    pub(crate) kind: String,
    pub(crate) plan: Plan<C>,
}

/// The rules of one mapper for one kind.
pub(crate) struct Plan<C: Connector> {
    /// In the order of a mapping.
    pub(crate) rules: Vec<Rule<C>>,
    pub(crate) slots: Vec<Slot>,
    /// The top-level keys that data rules read.
    pub(crate) keys: Vec<String>,
    pub(crate) data: Vec<Data>,
    /// Indices of `compute` and `mapping` rules.
    pub(crate) code: Vec<usize>,
    pub(crate) children: Vec<Child<C>>,
    /// Indices of `finalize` rules.
    pub(crate) finalize: Vec<usize>,
    /// Whether a rule of it, or of its lines, asks the host.
    pub(crate) is_async: bool,
    pub(crate) has_digests: bool,
}

impl<C: Connector> Plan<C> {
    /// Makes rules ready. `extra` tells the fields of a kind's binding; `wrong` collects what can't be.
    pub(crate) fn new(
        mut rules: Rules<C>,
        kind: &str,
        extra: &dyn Fn(&str, &str) -> bool,
        wrong: &mut Vec<String>,
    ) -> Self {
        rules.finish();
        wrong.extend(rules.wrong.drain(..).map(|what| format!("{kind}: {what}")));
        let mut ordered = rules.rules;
        ordered.sort_by_key(|rule| rule.verb.stage());
        let mut plan = Self {
            rules: Vec::new(),
            slots: Vec::new(),
            keys: Vec::new(),
            data: Vec::new(),
            code: Vec::new(),
            children: Vec::new(),
            finalize: Vec::new(),
            is_async: false,
            has_digests: ordered.iter().any(|rule| !rule.changed_by.is_empty()),
        };
        for (index, rule) in ordered.iter_mut().enumerate() {
            plan.add(index, rule, kind, extra, wrong);
        }
        plan.rules = ordered;
        plan
    }

    fn add(
        &mut self,
        index: usize,
        rule: &mut Rule<C>,
        kind: &str,
        extra: &dyn Fn(&str, &str) -> bool,
        wrong: &mut Vec<String>,
    ) {
        match &mut rule.verb {
            Verb::Set { .. } => {
                let slot = self.slot(&rule.sets[0], kind, extra);
                self.data.push(Data { rule: index, key: None, rest: String::new(), slot });
            }
            Verb::Direct { .. } | Verb::Lookup { .. } | Verb::Relation { .. } => {
                let (Some(field), Some(read)) = (rule.sets.first(), rule.reads.first()) else { return };
                let slot = self.slot(field, kind, extra);
                let mut steps = pointer::steps(read);
                if steps.is_empty() {
                    wrong.push(format!("{kind}: the rule {:?} reads the whole record; use compute", rule.name));
                    return;
                }
                let first = steps.remove(0);
                let rest = steps.iter().map(|s| format!("/{}", s.replace('~', "~0").replace('/', "~1"))).collect();
                let key = self.key(first);
                self.data.push(Data { rule: index, key: Some(key), rest, slot });
            }
            Verb::Compute(_) | Verb::Mapping(_) => {
                self.is_async |= matches!(rule.verb, Verb::Mapping(_));
                for field in &rule.sets {
                    self.slot(field, kind, extra);
                }
                self.code.push(index);
            }
            Verb::Children { id, kind: child, rules } => {
                let rules = std::mem::replace(rules, Rules::new());
                let plan = Self::new(rules, child, extra, wrong);
                self.is_async |= plan.is_async;
                self.children.push(Child {
                    rule: index,
                    pointer: rule.reads[0].clone(),
                    id: id.clone(),
                    field: rule.sets[0].clone(),
                    kind: child.clone(),
                    plan,
                });
            }
            Verb::Finalize(_) => self.finalize.push(index),
        }
    }

    fn slot(&mut self, field: &str, kind: &str, extra: &dyn Fn(&str, &str) -> bool) -> usize {
        if let Some(known) = self.slots.iter().position(|slot| slot.field == field) {
            return known;
        }
        let label = format!("{}:", serde_json::Value::from(field)).into_bytes();
        self.slots.push(Slot { field: field.to_owned(), label, is_extra: extra(kind, field) });
        self.slots.len() - 1
    }

    fn key(&mut self, key: String) -> usize {
        self.keys.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.keys.push(key);
            self.keys.len() - 1
        })
    }

    /// The rules as the manifest shows them; those of lines follow under their own kinds.
    pub(crate) fn declarations(&self) -> Vec<manifest::Rule> {
        self.rules.iter().map(Rule::declaration).collect()
    }

    /// The plans of lines under their kinds, at any depth.
    pub(crate) fn kinds_of_lines<'a>(&'a self, found: &mut Vec<(&'a str, &'a Self)>) {
        for child in &self.children {
            found.push((&child.kind, &child.plan));
            child.plan.kinds_of_lines(found);
        }
    }
}
