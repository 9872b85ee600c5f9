//! Runs export rules over a record and puts the body together, numbers as they were written.

use bindery_contract::{manifest, op};

use super::{
    Hooks, Maybe, Source, Values,
    export::{ExportMapper, ExportRules, Rule, Verb},
};
use crate::{
    Connector, Context, Json,
    error::{Error, Result},
    json::pointer,
};

/// A mapper's export rules for one kind, in the order of a mapping.
pub(crate) struct ExportPlan<C: Connector>(ExportRules<C>);

/// One record to export, with its values.
pub(crate) struct ExportItem {
    pub(crate) head: op::ExportItem,
    pub(crate) values: Source,
}

/// What a body still lacks: kinds and record ids that must be exported first.
type Needs = Vec<(String, i64)>;

impl<C: Connector> ExportPlan<C> {
    pub(crate) fn of<M: ExportMapper<C>>() -> Self {
        let mut rules = ExportRules::of::<M>();
        rules.rules.sort_by_key(|rule| match rule.verb {
            Verb::Direct { .. } | Verb::Set { .. } | Verb::Relation { .. } => 0,
            Verb::Compute(_) | Verb::Mapping(_) => 1,
            Verb::Children { .. } => 2,
            Verb::Finalize(_) => 3,
        });
        Self(rules)
    }

    pub(crate) fn declarations(&self) -> Vec<manifest::Rule> {
        // What runs last reads the whole body, and is no rule that a field triggers or an extension replaces.
        let rules = self.0.rules.iter().filter(|rule| !matches!(rule.verb, Verb::Finalize(_)));
        rules.map(|rule| rule.declared.clone()).collect()
    }

    pub(crate) fn wrong(&self) -> &[String] {
        &self.0.wrong
    }

    /// Maps one record: the answer, and the body's bytes.
    pub(crate) async fn map(
        &self,
        cx: &Context<C>,
        hooks: Option<&(dyn Hooks + Sync)>,
        item: &ExportItem,
    ) -> (op::Exported, Vec<u8>) {
        let mut needs = Vec::new();
        match self.checked(cx, hooks, item, &mut needs).await {
            Err(error) => (op::Exported::Error { error: error.into_contract() }, Vec::new()),
            Ok(_) if !needs.is_empty() => (op::Exported::Needs { records: needs }, Vec::new()),
            Ok(body) => (op::Exported::Body, body.into_bytes()),
        }
    }

    async fn checked(
        &self,
        cx: &Context<C>,
        hooks: Option<&(dyn Hooks + Sync)>,
        item: &ExportItem,
        needs: &mut Needs,
    ) -> Result<Json> {
        let when = When { create: item.head.id.is_none(), changed: item.head.changed.as_deref() };
        let body = body(&self.0, cx, &item.values, when, needs).await?;
        if let Some(hooks) = hooks.filter(|hooks| hooks.has_checks()) {
            hooks.validate(&item.values, &Values::of_object(&body)?)?;
            for target in hooks.dependencies(&item.values)? {
                let record =
                    target.id.parse().map_err(|_| Error::invalid("a dependency of an export is one of our ids"))?;
                needs.push((target.kind, record));
            }
        }
        Ok(body)
    }
}

/// When rules run.
#[derive(Clone, Copy)]
struct When<'a> {
    create: bool,
    changed: Option<&'a [String]>,
}

impl When<'_> {
    fn runs<C: Connector>(self, rule: &Rule<C>) -> bool {
        let declared = &rule.declared;
        if self.create {
            return true;
        }
        let triggers = if declared.changed_by.is_empty() { &declared.reads } else { &declared.changed_by };
        let is_changed =
            |changed: &[String]| triggers.is_empty() || triggers.iter().any(|field| changed.contains(field));
        !declared.only_create && self.changed.is_none_or(is_changed)
    }
}

type Mapped<'a> = std::pin::Pin<Box<dyn Future<Output = Result<Json>> + Send + 'a>>;

fn body<'a, C: Connector>(
    rules: &'a ExportRules<C>,
    cx: &'a Context<C>,
    source: &'a Source,
    when: When<'a>,
    needs: &'a mut Needs,
) -> Mapped<'a> {
    Box::pin(async move {
        let mut body = Node::Object(Vec::new());
        for rule in rules.rules.iter().filter(|rule| when.runs(rule)) {
            let read = rule.declared.reads.first().map(String::as_str).unwrap_or_default();
            let place = rule.declared.sets.first().map(String::as_str).unwrap_or_default();
            match &rule.verb {
                Verb::Set { value } => body.put(place, Node::Value(value.clone()))?,
                Verb::Direct { with } => {
                    let value = match (with, source.at(read)?) {
                        (_, Maybe::Absent) => continue,
                        (Some(change), Maybe::Value(value)) => change(&value)?,
                        (_, value) => {
                            value.option().map_or_else(|| Ok(Json::null()), |v| Json::from_bytes(v.bytes()))?
                        }
                    };
                    body.put(place, Node::Value(value))?;
                }
                Verb::Relation { kind, numeric } => {
                    if let Some(value) = relation(source, read, (kind, *numeric), needs)? {
                        body.put(place, Node::Value(value))?;
                    }
                }
                Verb::Compute(code) => body.put_all(code(source)?)?,
                Verb::Mapping(code) => body.put_all(code(source.clone(), cx.clone()).await?)?,
                Verb::Children { rules } => {
                    let (mut lines, whole) = (Vec::new(), When { changed: None, ..when });
                    for line in source.items(read)? {
                        lines.push(self::body(rules, cx, &line, whole, needs).await?);
                    }
                    body.put(place, Node::Value(Json::of(&lines)?))?;
                }
                Verb::Finalize(code) => body = Node::Value(code(source, body.into_json()?)?),
            }
        }
        body.into_json()
    })
}

/// The external id of a related record, or of each of them.
fn relation(source: &Source, field: &str, (kind, numeric): (&str, bool), needs: &mut Needs) -> Result<Option<Json>> {
    let mut one = |target: &Source| -> Result<Json> {
        let id = match target.at("/external")?.option() {
            Some(ids) => ids.id(kind)?.option(),
            None => None,
        };
        match id {
            None => {
                needs.push((kind.to_owned(), target.integer("/id")?.required(field)?));
                Ok(Json::null())
            }
            Some(id) if numeric => {
                let number: i64 = id.parse().map_err(|_| Error::invalid(format!("{kind} {id:?} is no number")))?;
                Json::of(&number)
            }
            Some(id) => Json::of(&id),
        }
    };
    Ok(match source.at(field)? {
        Maybe::Absent => None,
        Maybe::Null => Some(Json::null()),
        Maybe::Value(value) if value.bytes().first() == Some(&b'[') => {
            let ids: Result<Vec<_>> = value.items("")?.iter().map(one).collect();
            Some(Json::of(&ids?)?)
        }
        Maybe::Value(value) => Some(one(&value)?),
    })
}

/// A body that is being put together.
enum Node {
    Object(Vec<(String, Self)>),
    Value(Json),
}

impl Node {
    /// Sets a place, making the objects on the way.
    fn put(&mut self, place: &str, value: Self) -> Result<()> {
        let mut here = self;
        for step in pointer::steps(place) {
            let Self::Object(entries) = here else {
                return Err(Error::invalid("something else stands on the way to this place of the body").at(place));
            };
            let index = entries.iter().position(|(key, _)| *key == step).unwrap_or_else(|| {
                entries.push((step, Self::Object(Vec::new())));
                entries.len() - 1
            });
            here = &mut entries[index].1;
        }
        *here = value;
        Ok(())
    }

    fn put_all(&mut self, values: Values) -> Result<()> {
        for (place, raw) in values.checked()?.fields {
            self.put(&place, Self::Value(Json::from_bytes(raw.get().as_bytes())?))?;
        }
        Ok(())
    }

    fn into_json(self) -> Result<Json> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Object(entries) => {
                let mut values = Values::new();
                for (key, node) in entries {
                    values = values.set(key, node.into_json()?);
                }
                values.into_json()
            }
        }
    }
}
