//! References of a page, looked up at once: before the write off the writer's thread, and again inside it for what was
//! open then.

use std::collections::HashMap;

use bindery_contract::record::Ref;

use super::{
    plan::{Children, Seen, Write},
    problem::Problem,
    target::Target,
};
use crate::{
    base::Fault,
    plugin::Ids,
    record::{Catalogue, Change, Command, Error, Input, Symbolic, Values, binding, reference::Resolver, values},
    storage::{self, Tx},
};

/// A write whose references are to be looked up.
pub struct Wanted {
    /// The item, by its place on the page.
    pub item: usize,
    /// Its binding as the plan saw it.
    pub seen: Option<Seen>,
    /// The write.
    pub write: Box<Write>,
    /// Records that the connector wants to be here first.
    pub needs: Vec<Ref>,
}

/// A write with what is missing for it.
pub struct Resolved {
    /// The write; its references are ids, but for those in `open`.
    pub wanted: Wanted,
    /// Records that are not bound yet.
    pub missing: Vec<Ref>,
    /// Why it can't be written at all.
    pub problem: Option<Problem>,
}

impl Wanted {
    /// Whether something of it must be looked up.
    pub fn is_open(&self) -> bool {
        !self.needs.is_empty() || refers(&self.write)
    }
}

impl From<Wanted> for Resolved {
    /// What refers to nothing is resolved as it is.
    fn from(wanted: Wanted) -> Self {
        Self { wanted, missing: Vec::new(), problem: None }
    }
}

/// Looks up the references of all writes of a page.
pub fn resolve(tx: &mut dyn Tx, target: &Target, wanted: Vec<Wanted>) -> Result<Vec<Resolved>, storage::Error> {
    let mut resolver = Resolver::default();
    for one in &wanted {
        each_values(&one.write, &mut |values| resolver.gather(values));
    }
    let resolver = match resolver.look_up(tx, &target.catalogue, target.session.backend) {
        Ok(()) => Some(resolver),
        Err(Error::Storage(error)) => return Err(error),
        // One of them can't be looked up; each is tried alone, so that it stops nobody else.
        Err(_) => None,
    };
    let unbound = unbound(tx, target, wanted.iter().flat_map(|one| &one.needs))?;
    let mut all = Vec::with_capacity(wanted.len());
    for one in wanted {
        let alone = match &resolver {
            Some(_) => Ok(None),
            None => alone(tx, target, &one.write)?.map(Some),
        };
        all.push(match alone {
            Err(problem) => Resolved { wanted: one, missing: Vec::new(), problem: Some(problem) },
            Ok(own) => put(own.as_ref().or(resolver.as_ref()), one, &unbound),
        });
    }
    Ok(all)
}

fn alone(tx: &mut dyn Tx, target: &Target, write: &Write) -> Result<Result<Resolver, Problem>, storage::Error> {
    let mut resolver = Resolver::default();
    each_values(write, &mut |values| resolver.gather(values));
    match resolver.look_up(tx, &target.catalogue, target.session.backend) {
        Ok(()) => Ok(Ok(resolver)),
        Err(Error::Storage(error)) => Err(error),
        Err(error) => Ok(Err(Fault::from(error).into())),
    }
}

/// Which of some records are not bound to one of ours.
pub fn unbound<'r>(
    tx: &mut dyn Tx,
    target: &Target,
    needs: impl Iterator<Item = &'r Ref>,
) -> Result<HashMap<String, Vec<String>>, storage::Error> {
    let mut by_kind: HashMap<&str, Vec<&str>> = HashMap::new();
    for need in needs {
        by_kind.entry(&need.kind).or_default().push(&need.id);
    }
    let mut unbound = HashMap::new();
    for (name, mut ids) in by_kind {
        ids.sort_unstable();
        ids.dedup();
        let found = match target.catalogue.kind(name) {
            None => Vec::new(),
            Some(kind) => match binding::find_page(tx, target.session.backend, kind, &ids) {
                Ok(found) => found,
                Err(Error::Storage(error)) => return Err(error),
                Err(_) => Vec::new(),
            },
        };
        let bound = |id: &str| found.iter().any(|b| b.external_id.as_deref() == Some(id) && b.record.is_some());
        unbound.insert(name.to_owned(), ids.iter().filter(|id| !bound(id)).map(|id| (*id).to_owned()).collect());
    }
    Ok(unbound)
}

fn put(resolver: Option<&Resolver>, mut one: Wanted, unbound: &HashMap<String, Vec<String>>) -> Resolved {
    let mut missing: Vec<Ref> = (one.needs.iter())
        .filter(|need| unbound.get(&need.kind).is_some_and(|ids| ids.contains(&need.id)))
        .cloned()
        .collect();
    let Some(resolver) = resolver.filter(|_| refers(&one.write)) else {
        return Resolved { wanted: one, missing, problem: None };
    };
    let mut left = Vec::new();
    let mut trial = one.write.clone();
    if each_values_mut(&mut trial, &mut |values| left.extend(resolver.apply(values))) {
        let open = |symbolic: &&Symbolic| match symbolic {
            Symbolic::Ref(_) => true,
            Symbolic::Find(find) => find.create,
        };
        one.write.open = left.iter().map(|(_, symbolic)| symbolic).filter(open).cloned().collect();
        if one.write.open.is_empty() {
            trial.unresolved = !left.is_empty();
            trial.open.clear();
            one.write = trial;
        } else {
            // What is known can be compared with ours; the rest is looked up once more inside the write.
            resolver.apply_known(&mut one.write.values);
        }
        missing.extend(one.write.open.iter().filter_map(|symbolic| match symbolic {
            Symbolic::Ref(target) => Some(target.clone()),
            Symbolic::Find(_) => None,
        }));
    }
    Resolved { wanted: one, missing, problem: None }
}

/// Looks up, inside the write, what was open when the plan was made. Makes what a look-up is to make.
pub fn settle(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    backend: i64,
    write: &Write,
    change: &Change,
) -> Result<Result<Write, Problem>, Error> {
    let mut resolver = Resolver::default();
    each_values(write, &mut |values| resolver.gather(values));
    resolver.look_up(tx, catalogue, backend)?;
    resolver.create_missing(tx, catalogue, change)?;
    let mut settled = write.clone();
    let mut left = Vec::new();
    each_values_mut(&mut settled, &mut |values| left.extend(resolver.apply(values)));
    for (_, symbolic) in &left {
        match symbolic {
            Symbolic::Ref(target) => {
                return Ok(Err(Problem::unbound(None, &format!("{} {}", target.kind, target.id))));
            }
            Symbolic::Find(_) => settled.unresolved = true,
        }
    }
    settled.open.clear();
    Ok(Ok(settled))
}

/// Shows all values of a write, those of its lines included.
fn each_values(write: &Write, each: &mut dyn FnMut(&Values)) {
    fn lines(children: &[Children], each: &mut dyn FnMut(&Values)) {
        for line in children.iter().flat_map(|children| &children.lines) {
            each(&line.values);
            each(&line.create_values);
            lines(&line.children, each);
        }
    }
    each(&write.values);
    lines(&write.children, each);
}

/// Puts the ids that temporary ones have become into all values of a write; answers one that stands for nothing.
pub fn put_ids(write: &mut Write, ids: &Ids) -> Option<i64> {
    fn lines(children: &mut [Children], ids: &Ids) -> Option<i64> {
        children.iter_mut().flat_map(|children| &mut children.lines).find_map(|line| {
            let own = ids.resolve(&mut line.values).or_else(|| ids.resolve(&mut line.create_values));
            own.or_else(|| lines(&mut line.children, ids))
        })
    }
    ids.resolve(&mut write.values).or_else(|| lines(&mut write.children, ids))
}

/// Whether a write, or a line of it, has a reference in it.
fn refers(write: &Write) -> bool {
    let mut any = false;
    each_values(write, &mut |values| any = any || has_symbolic(values));
    any
}

/// As [`each_values`], to change them; only values with a reference in them. Answers whether there were any.
fn each_values_mut(write: &mut Write, each: &mut dyn FnMut(&mut Values)) -> bool {
    fn one(values: &mut Values, each: &mut dyn FnMut(&mut Values)) -> bool {
        let symbolic = has_symbolic(values);
        if symbolic {
            each(values);
        }
        symbolic
    }
    fn lines(children: &mut [Children], each: &mut dyn FnMut(&mut Values)) -> bool {
        let mut any = false;
        for line in children.iter_mut().flat_map(|children| &mut children.lines) {
            any |= one(&mut line.values, each);
            any |= one(&mut line.create_values, each);
            any |= lines(&mut line.children, each);
        }
        any
    }
    let own = one(&mut write.values, each);
    lines(&mut write.children, each) || own
}

fn has_symbolic(values: &Values) -> bool {
    fn target(target: &values::Target) -> bool {
        matches!(target, values::Target::Symbolic(_))
    }
    values.iter().any(|(_, input)| match input {
        Input::Value(_) => false,
        Input::Symbolic(_) => true,
        Input::Lines(commands) => commands.iter().any(|command| match command {
            Command::Create(values) => has_symbolic(values),
            Command::Update(at, values) => target(at) || has_symbolic(values),
            Command::Delete(at) | Command::Unlink(at) | Command::Link(at) => target(at),
            Command::Set(all) => all.iter().any(target),
            Command::Clear => false,
        }),
    })
}
