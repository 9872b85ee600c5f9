//! Relations: one target, and the commands of relations to many, in plain JSON or in the ERP's numbered triples.

use bindery_contract::record::{Find, Ref, reference};

use super::{items, pairs, scalar::shown};
use crate::{
    model::temporary::is_temporary,
    record::{Catalogue, Command, Model, Symbolic, Target, Values},
};

/// A record by id or by a symbolic reference; `null` and `false` are none.
pub(super) fn target(json: &str) -> Result<Option<Target>, String> {
    match json.as_bytes().first() {
        _ if json == "null" || json == "false" => Ok(None),
        Some(b'{') => symbolic(json)?
            .map(|symbolic| Some(Target::Symbolic(symbolic)))
            .ok_or_else(|| format!("an id, {{\"$ref\": …}} or {{\"$find\": …}} is wanted, not {}", shown(json))),
        _ => match json.parse::<i64>() {
            // A temporary id is replaced before the write, by whoever gave it.
            Ok(id) if id > 0 || is_temporary(id) => Ok(Some(Target::Id(id))),
            _ => Err(format!("the id of a record is wanted, not {}", shown(json))),
        },
    }
}

fn symbolic(json: &str) -> Result<Option<Symbolic>, String> {
    let pairs = pairs(json)?;
    let [(key, raw)] = pairs.as_slice() else { return Ok(None) };
    match key.as_ref() {
        reference::REF => {
            let target: Ref = serde_json::from_str(raw).map_err(|e| format!("$ref: {e}"))?;
            if target.id.is_empty() {
                return Err("$ref: the external id is empty".to_owned());
            }
            Ok(Some(Symbolic::Ref(target)))
        }
        reference::FIND => {
            let target: Find = serde_json::from_str(raw).map_err(|e| format!("$find: {e}"))?;
            Ok(Some(Symbolic::Find(target)))
        }
        _ => Ok(None),
    }
}

fn needed(json: &str) -> Result<Target, String> {
    target(json)?.ok_or_else(|| "the id of a record is wanted, not null".to_owned())
}

fn targets(json: &str) -> Result<Vec<Target>, String> {
    items(json)?.into_iter().map(needed).collect()
}

/// The commands in a value of a relation to many:
/// - `null`: no lines; a list of ids, references and objects: exactly these, the objects being new lines;
/// - `{"create": […], "update": {"5": {…}}, "delete": […], "unlink": […], "link": […], "set": […], "clear": true}`;
/// - a list of the ERP's triples `[0, 0, {…}]`, `[1, id, {…}]`, `[2, id]`, `[3, id]`, `[4, id]`, `[5]`, `[6, 0, ids]`.
pub(super) fn commands(catalogue: &Catalogue, model: &Model, json: &str) -> Result<Vec<Command>, String> {
    let reader = Reader { catalogue, model };
    match json.as_bytes().first() {
        _ if json == "null" || json == "false" => Ok(vec![Command::Clear]),
        Some(b'{') => reader.named(json),
        Some(b'[') => {
            let items = items(json)?;
            if !items.is_empty() && items.iter().all(|item| item.starts_with('[')) {
                items.into_iter().map(|item| reader.numbered(item)).collect()
            } else {
                reader.exactly(items)
            }
        }
        _ => Err(format!("a list of lines is wanted, not {}", shown(json))),
    }
}

struct Reader<'a> {
    catalogue: &'a Catalogue,
    model: &'a Model,
}

impl Reader<'_> {
    fn values(&self, json: &str) -> Result<Values, String> {
        super::values(self.catalogue, self.model, json).map_err(|e| e.to_string())
    }

    fn exactly(&self, items: Vec<&str>) -> Result<Vec<Command>, String> {
        let mut kept = Vec::new();
        let mut created = Vec::new();
        for item in items {
            if item.starts_with('{') && symbolic(item)?.is_none() {
                created.push(Command::Create(self.values(item)?));
            } else {
                kept.push(needed(item)?);
            }
        }
        let mut commands = vec![Command::Set(kept)];
        commands.extend(created);
        Ok(commands)
    }

    fn named(&self, json: &str) -> Result<Vec<Command>, String> {
        const ORDER: [&str; 7] = ["clear", "set", "delete", "unlink", "update", "link", "create"];
        let pairs = pairs(json)?;
        if let Some((key, _)) = pairs.iter().find(|(key, _)| !ORDER.contains(&key.as_ref())) {
            return Err(format!("{key:?} is none of {}", ORDER.join(", ")));
        }
        let mut commands = Vec::new();
        for verb in ORDER {
            let Some((_, raw)) = pairs.iter().find(|(key, _)| key == verb) else { continue };
            match verb {
                "clear" if *raw == "true" => commands.push(Command::Clear),
                "clear" => {}
                "set" => commands.push(Command::Set(targets(raw)?)),
                "delete" => commands.extend(targets(raw)?.into_iter().map(Command::Delete)),
                "unlink" => commands.extend(targets(raw)?.into_iter().map(Command::Unlink)),
                "link" => commands.extend(targets(raw)?.into_iter().map(Command::Link)),
                "update" => {
                    for (id, values) in super::pairs(raw)? {
                        commands.push(Command::Update(needed(&id)?, self.values(values)?));
                    }
                }
                _ => {
                    for values in items(raw)? {
                        commands.push(Command::Create(self.values(values)?));
                    }
                }
            }
        }
        Ok(commands)
    }

    fn numbered(&self, json: &str) -> Result<Command, String> {
        let parts = items(json)?;
        let part = |at: usize| parts.get(at).copied().ok_or_else(|| format!("{} is too short a command", shown(json)));
        Ok(match part(0)? {
            "0" => Command::Create(self.values(part(2)?)?),
            "1" => Command::Update(needed(part(1)?)?, self.values(part(2)?)?),
            "2" => Command::Delete(needed(part(1)?)?),
            "3" => Command::Unlink(needed(part(1)?)?),
            "4" => Command::Link(needed(part(1)?)?),
            "5" => Command::Clear,
            "6" => Command::Set(targets(part(2)?)?),
            other => return Err(format!("{other} is no command: 0 to 6 are")),
        })
    }
}
