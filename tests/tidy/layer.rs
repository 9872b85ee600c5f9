//! The layer rule: a room of the host imports only what the table in `docs/architecture.md` allows it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{finding::Finding, source::Source};

/// The table, read from the document.
#[derive(Debug, Default)]
pub(crate) struct Table {
    layers: BTreeMap<String, u32>,
    allowed: BTreeMap<String, BTreeSet<String>>,
}

impl Table {
    /// Reads rows `| layer | rooms | may import |`; what may be imported is `all`, `N and below`, or names of rooms.
    pub(crate) fn parse(document: &str) -> Result<Self, String> {
        let mut rows = Vec::new();
        for line in document.lines().filter(|line| line.starts_with('|')) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            if let [layer, rooms, allowed] = cells[..]
                && let Ok(layer) = layer.parse::<u32>()
            {
                rows.push((layer, names(rooms), allowed.to_owned()));
            }
        }
        if rows.is_empty() {
            return Err("there is no row `| layer | rooms | may import |`".to_owned());
        }
        let mut table = Self::default();
        for (layer, rooms, _) in &rows {
            for room in rooms {
                if table.layers.insert(room.clone(), *layer).is_some() {
                    return Err(format!("the room `{room}` stands in two layers"));
                }
            }
        }
        for (layer, rooms, text) in rows {
            let allowed = table.resolve(layer, &text)?;
            for room in rooms {
                table.allowed.insert(room, allowed.clone());
            }
        }
        Ok(table)
    }

    fn resolve(&self, layer: u32, text: &str) -> Result<BTreeSet<String>, String> {
        let below =
            |limit: u32| self.layers.iter().filter(move |(_, other)| **other <= limit).map(|(room, _)| room.clone());
        if text == "all" {
            return Ok(below(u32::MAX).collect());
        }
        if let Some(limit) = text.strip_suffix(" and below") {
            let limit = limit.parse::<u32>().map_err(|_| format!("`{text}` is not understood"))?;
            return if limit < layer {
                Ok(below(limit).collect())
            } else {
                Err(format!("layer {layer} may not import `{text}`"))
            };
        }
        let rooms = names(text);
        for room in &rooms {
            match self.layers.get(room) {
                None => return Err(format!("`{room}` is imported by layer {layer} and stands in no layer")),
                Some(other) if *other >= layer => {
                    return Err(format!("layer {layer} may not import `{room}`: not below it"));
                }
                Some(_) => {}
            }
        }
        Ok(rooms.into_iter().collect())
    }
}

fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Finds imports that the table doesn't allow, and rooms it doesn't know.
pub(crate) fn check(table: &Table, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let Some(room) = room_of(&source.path) else { continue };
        let Some(allowed) = table.allowed.get(&room) else {
            findings.push(Finding::new(&source.path, 1, format!("the layer table does not name the room `{room}`")));
            continue;
        };
        for (line, target) in imports(source) {
            if target == room || allowed.contains(&target) || source.is_test_line(line) {
                continue;
            }
            if table.layers.contains_key(&target) {
                let (from, to) = (table.layers[&room], table.layers[&target]);
                let way = if to > from {
                    "upward"
                } else if to == from {
                    "sideways"
                } else {
                    "past what it may see"
                };
                findings.push(Finding::new(
                    &source.path,
                    line,
                    format!("`{room}` (layer {from}) imports {way}: `{target}` (layer {to})"),
                ));
            } else {
                findings.push(Finding::new(&source.path, line, format!("`{target}` is no room of the layer table")));
            }
        }
    }
    findings
}

/// `host/src/queue/claim.rs` and `host/src/queue.rs` are of the room `queue`; `main.rs` and `lib.rs` of none.
fn room_of(path: &str) -> Option<String> {
    let inner = path.strip_prefix("host/src/")?;
    let first = inner.split('/').next()?.trim_end_matches(".rs");
    (!matches!(first, "main" | "lib")).then(|| first.to_owned())
}

/// Rooms named by paths from the crate's root, also by `super` that climbs up to it, with their lines.
fn imports(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let depth = source.path.trim_start_matches("host/src/").split('/').count();
    let modules = if source.path.ends_with("/mod.rs") { depth - 1 } else { depth };
    let climb = "super::".repeat(modules);
    for (root, exact) in [("crate::", false), (climb.as_str(), true)] {
        let mut from = 0;
        while !root.is_empty()
            && let Some(at) = source.code[from..].find(root)
        {
            let start = from + at;
            let end = start + root.len();
            from = end;
            let before = source.code[..start].chars().next_back();
            if before
                .is_some_and(|character| character.is_alphanumeric() || character == '_' || (exact && character == ':'))
            {
                continue;
            }
            let line = source.code[..start].matches('\n').count() + 1;
            found.extend(heads(&source.code[end..]).into_iter().map(|name| (line, name)));
        }
    }
    found
}

/// First names of a path: one, or those of a `{…}` group.
fn heads(rest: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim_start()
            .chars()
            .take_while(|character| character.is_alphanumeric() || *character == '_')
            .collect::<String>()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![name(rest)].into_iter().filter(|name| is_room(name)).collect();
    };
    let (mut depth, mut parts, mut current) = (0, Vec::new(), String::new());
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => parts.push(std::mem::take(&mut current)),
            _ => {}
        }
        current.push(character);
    }
    parts.push(current);
    parts.iter().map(|part| name(part.trim_start_matches(','))).filter(|name| is_room(name)).collect()
}

/// Items of the crate's root that are no modules (macros, constants) begin with a capital or don't exist here.
fn is_room(name: &str) -> bool {
    name.starts_with(|character: char| character.is_ascii_lowercase()) && !matches!(name, "self" | "super")
}

#[cfg(test)]
mod tests {
    use super::{Table, check};
    use crate::fixture;

    const TABLE: &str = "| layer | rooms | may import |\n|---|---|---|\n| 3 | app | all |\n| 2 | left, right | 1 and below |\n| 1 | model | base |\n| 0 | base | |\n";

    fn found(path: &str, text: &str) -> Vec<String> {
        let table = Table::parse(TABLE).unwrap();
        check(&table, &[fixture(path, text)]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn downward_imports_pass() {
        assert!(found("host/src/left/a.rs", "use crate::{base::Clock, left::b, model::{self, Value}};").is_empty());
        assert!(found("host/src/app.rs", "use crate::left; use crate::right;").is_empty());
    }

    #[test]
    fn upward_sideways_and_unknown_imports_fail() {
        assert_eq!(
            found("host/src/left/a.rs", "use crate::app::start;"),
            ["host/src/left/a.rs:1: `left` (layer 2) imports upward: `app` (layer 3)"]
        );
        assert_eq!(
            found("host/src/left/a.rs", "\nuse crate::{base, right::x};"),
            ["host/src/left/a.rs:2: `left` (layer 2) imports sideways: `right` (layer 2)"]
        );
        assert_eq!(
            found("host/src/model/a.rs", "fn a() { crate::attic::b() }"),
            ["host/src/model/a.rs:1: `attic` is no room of the layer table"]
        );
        assert_eq!(
            found("host/src/attic.rs", ""),
            ["host/src/attic.rs:1: the layer table does not name the room `attic`"]
        );
    }

    #[test]
    fn climbing_by_super_is_seen() {
        assert_eq!(found("host/src/left/a.rs", "use super::super::right::x;").len(), 1);
        assert_eq!(found("host/src/left/mod.rs", "use super::right::x;").len(), 1);
        assert!(found("host/src/left/a.rs", "use super::b;").is_empty());
    }

    #[test]
    fn a_table_with_a_circle_or_an_upward_row_is_refused() {
        assert!(Table::parse("| 1 | a | b |\n| 1 | b | a |").unwrap_err().contains("not below"));
        assert!(Table::parse("| 1 | a | 1 and below |").is_err());
        assert!(Table::parse("| 1 | a | c |").unwrap_err().contains("no layer"));
        assert!(Table::parse("| 1 | a | |\n| 2 | a | |").unwrap_err().contains("two layers"));
        assert!(Table::parse("nothing").is_err());
    }
}
