//! Talks to Tryton's REST: pages by id, single records, what was deleted there, and what is written there.

use bindery_plugin::{Request, prelude::*};

use crate::{Tryton, wire};

mod deletion;
mod difference;
mod party;
mod product;
mod quantity;
mod resource;
mod sale;
mod write;

use resource::Resource;

/// The adapter of every kind.
pub struct TrytonAdapter;

/// The kind that Tryton has no records of.
const QUANTITY: &str = "tryton.stock";

impl Adapter<Tryton> for TrytonAdapter {
    fn api_headers(&self, cx: &Context<Tryton>, parent: Headers) -> Headers {
        let headers = parent.bearer(&cx.settings().api_key).set("X-Tryton-Context", context(cx, ""));
        match cx.settings().language.as_deref().map(str::trim) {
            Some(language) if !language.is_empty() => headers.set("Accept-Language", language.replace('_', "-")),
            _ => headers,
        }
    }

    async fn list(&self, cx: Context<Tryton>, kind: Kind, query: ListQuery) -> Result<Page> {
        if kind.as_str() == QUANTITY {
            return quantity::page(cx, query).await;
        }
        let resource = resource::of(&kind)?;
        let place = Place::read(&query)?;
        match (place, &query.since) {
            (Place::Deleted { after }, Some(since)) => deletion::page(cx, resource.model, since, after).await,
            (Place::Records { after }, _) => records(cx, resource, &query, after).await,
            (Place::Deleted { .. }, None) => Err(Error::invalid("deletions are listed only since a moment")),
        }
    }

    async fn read(&self, cx: Context<Tryton>, kind: Kind, id: String) -> Result<External> {
        if kind.as_str() == QUANTITY {
            return quantity::read(cx, &id).await;
        }
        let resource = resource::of(&kind)?;
        let request = ask(&cx, &format!("{}/{}", resource.model, encode_segment(&id)));
        explained(fields(request, resource.fields).external("/id").updated(write::UPDATED).await)
    }

    async fn create(&self, cx: Context<Tryton>, kind: Kind, values: Json) -> Result<External> {
        write::create(cx, &kind, values).await
    }

    async fn update(&self, cx: Context<Tryton>, kind: Kind, id: String, values: Json) -> Result<External> {
        write::update(cx, &kind, &id, values).await
    }

    async fn delete(&self, cx: Context<Tryton>, kind: Kind, id: String) -> Result<()> {
        write::delete(cx, &kind, &id).await
    }

    async fn archive(&self, cx: Context<Tryton>, kind: Kind, id: String) -> Result<()> {
        write::archive(cx, &kind, &id).await
    }

    async fn find(&self, cx: Context<Tryton>, kind: Kind, _: String, values: Json) -> Result<Vec<String>> {
        write::find(cx, &kind, values).await
    }
}

/// Where a page begins. A cursor is the last id before it; `deleted:` stands before it while deletions are listed.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// Records by id.
    Records { after: u64 },
    /// What was deleted, by the id of its log entry: these pages come first in a run that asks for changes.
    Deleted { after: u64 },
}

impl Place {
    fn read(query: &ListQuery) -> Result<Self> {
        let number = |text: &str| {
            text.parse().map_err(|_| Error::invalid(format!("the cursor {:?} is none of Tryton's", query.cursor)))
        };
        match query.cursor.as_deref() {
            None if query.since.is_some() => Ok(Self::Deleted { after: 0 }),
            None => Ok(Self::Records { after: 0 }),
            Some(cursor) => match cursor.strip_prefix("deleted:") {
                Some(after) => Ok(Self::Deleted { after: number(after)? }),
                None => Ok(Self::Records { after: number(cursor)? }),
            },
        }
    }
}

/// The records after an id. Counting by offset would miss one wherever an earlier one is deleted meanwhile.
async fn records(cx: Context<Tryton>, resource: &Resource, query: &ListQuery, after: u64) -> Result<Page> {
    let limit = query.limit.unwrap_or(cx.settings().page_size).max(1);
    let mut domain = vec![format!("[\"id\",\">\",{after}]")];
    domain.extend(resource.only.map(str::to_owned));
    if let Some(since) = &query.since {
        domain.push(wire::changed_since(resource.changes, since)?);
    }
    for (name, value) in &query.filters {
        domain.push(wire::equals(name, value)?);
    }
    let request = fields(ask(&cx, resource.model), resource.fields)
        .query("d", wire::encoded(&format!("[{}]", domain.join(","))))
        .query("o", wire::encoded(r#"[["id","ASC"]]"#))
        .query("s", limit);
    // A full page has a last item: its id is the cursor. A shorter one is the end.
    explained(request.page("", "/id").updated(write::UPDATED).next(format!("/{}/id", limit - 1)).await)
}

/// A request for records of a model, or for one of them.
fn ask(cx: &Context<Tryton>, path: &str) -> Request<Tryton> {
    cx.get(format!("/rest/model/{path}")).error_at("/message")
}

fn fields(request: Request<Tryton>, names: &[&str]) -> Request<Tryton> {
    names.iter().chain(&["_timestamp"]).fold(request, |request, name| request.query("f", *name))
}

/// Says what to do where Tryton refuses the key.
pub fn explained<T>(answer: Result<T>) -> Result<T> {
    answer.map_err(|error| match error.class() {
        ErrorClass::Auth => error.cure(
            "make an application key for `rest` in Tryton, let its user validate it, and set it as the secret api_key",
        ),
        _ => error,
    })
}

/// Tryton's context: the company whose prices are meant, archived records as well, and more where it is asked for.
fn context(cx: &Context<Tryton>, more: &str) -> String {
    wire::encoded(&format!("{{\"company\":{},\"active_test\":false{more}}}", cx.settings().company))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_for_changes_begins_with_what_was_deleted() {
        let place = |since: Option<&str>, cursor: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            Place::read(&ListQuery { since: owned(since), cursor: owned(cursor), ..ListQuery::default() })
        };
        assert_eq!(place(None, None).unwrap(), Place::Records { after: 0 });
        assert_eq!(place(Some("2026-01-01T00:00:00Z"), None).unwrap(), Place::Deleted { after: 0 });
        assert_eq!(place(None, Some("deleted:12")).unwrap(), Place::Deleted { after: 12 });
        assert_eq!(place(None, Some("12")).unwrap(), Place::Records { after: 12 });
        assert!(place(None, Some("12a")).unwrap_err().to_string().contains("12a"));
    }
}
