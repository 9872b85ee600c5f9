//! One page of a resource: by cursor, page number or offset, with `updated_since` and filters; and the faults that
//! bend a page.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::{
    clock,
    collection::{Collection, Item},
    fault::Fault,
    rule::{self, Invalid},
};

const LARGEST: usize = 250;
/// No resource has an id as great as this.
const BEYOND_ITEMS: u64 = 1_000_000_000_000;

/// What was asked for.
#[derive(Default)]
struct Query {
    limit: usize,
    cursor: Option<(i64, u64)>,
    page: Option<usize>,
    offset: usize,
    since: Option<i64>,
    ids: Option<Vec<u64>>,
    filters: Vec<(String, String)>,
}

impl Query {
    fn parse(parameters: &[(String, String)], ignores_paging: bool) -> Result<Self, Invalid> {
        let mut query = Self { limit: 100, ..Self::default() };
        let number =
            |name: &str, value: &str| value.parse::<usize>().map_err(|_| Invalid::new(name, "must be a number"));
        for (name, value) in parameters {
            match name.as_str() {
                "limit" => query.limit = number(name, value)?,
                "cursor" | "page" | "offset" if ignores_paging => {}
                "cursor" => query.cursor = Some(place(value).ok_or_else(|| Invalid::new(name, "is not one of ours"))?),
                "page" => query.page = Some(number(name, value)?.max(1)),
                "offset" => query.offset = number(name, value)?,
                "updated_since" => {
                    query.since = Some(clock::parse(value).ok_or_else(|| Invalid::new(name, "must be RFC 3339"))?);
                }
                "ids" => {
                    let ids = value.split(',').map(|id| id.parse().map_err(|_| Invalid::new(name, "must be numbers")));
                    query.ids = Some(ids.collect::<Result<_, _>>()?);
                }
                _ => query.filters.push((name.clone(), value.clone())),
            }
        }
        if !(1..=LARGEST).contains(&query.limit) {
            return Err(Invalid::new("limit", "must be between 1 and 250"));
        }
        if let Some(page) = query.page {
            query.offset = (page - 1) * query.limit;
        }
        Ok(query)
    }
}

/// A cursor is opaque: clients may only give it back.
fn cursor(time: i64, id: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{time}/{id}"))
}

fn place(cursor: &str) -> Option<(i64, u64)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (time, id) = text.split_once('/')?;
    Some((time.parse().ok()?, id.parse().ok()?))
}

/// The answer's body.
pub(crate) fn page(
    collection: &Collection,
    parameters: &[(String, String)],
    fault: Option<&Fault>,
    now: i64,
) -> Result<String, Invalid> {
    let query = Query::parse(parameters, matches!(fault, Some(Fault::IgnoresPaging)))?;
    let (total, start) = match (query.filters.is_empty() && query.ids.is_none(), query.since) {
        (true, None) => (collection.len(), query.offset),
        _ => (matching(collection, &query, None).count(), query.offset),
    };
    let mut found = matching(collection, &query, query.cursor).skip(start);
    let items: Vec<(u64, &Item)> = found.by_ref().take(query.limit).collect();
    let more = found.next().is_some();
    let next = match (more, items.last()) {
        (true, Some((id, item))) => Some(cursor(if query.since.is_some() { item.updated } else { 0 }, *id)),
        _ => None,
    };
    let mut body = String::with_capacity(items.iter().map(|(_, item)| item.text.len() + 1).sum::<usize>() + 200);
    body.push_str(r#"{"items":["#);
    for (at, (_, item)) in items.iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        body.push_str(&item.text);
    }
    let next = next.map_or_else(|| "null".to_owned(), |next| format!("\"{next}\""));
    let pages = total.div_ceil(query.limit).max(1);
    let number = start / query.limit + 1;
    body.push_str(&format!(
        r#"],"next":{next},"page":{number},"pages":{pages},"total":{total},"time":"{}"}}"#,
        clock::rfc3339(now)
    ));
    Ok(match fault {
        Some(fault) => bend(body, fault, query.cursor),
        None => body,
    })
}

fn matching<'a>(
    collection: &'a Collection,
    query: &'a Query,
    from: Option<(i64, u64)>,
) -> Box<dyn Iterator<Item = (u64, &'a Item)> + 'a> {
    let items: Box<dyn Iterator<Item = (u64, &Item)>> = match (query.since, from) {
        _ if query.ids.is_some() => {
            Box::new(query.ids.iter().flatten().filter_map(|id| collection.get(*id).map(|item| (*id, item))))
        }
        (Some(since), None) => Box::new(collection.changed_after(since - 1, u64::MAX)),
        (Some(_), Some((time, id))) => Box::new(collection.changed_after(time, id)),
        (None, from) => Box::new(collection.after(from.map_or(0, |(_, id)| id))),
    };
    if query.filters.is_empty() {
        return items;
    }
    Box::new(items.filter(|(_, item)| {
        let Ok(value) = serde_json::from_str::<Value>(&item.text) else { return false };
        query.filters.iter().all(|(name, wanted)| match &value[name.as_str()] {
            Value::String(text) => text == wanted,
            other => serde_json::to_string(other).is_ok_and(|text| text == *wanted),
        })
    }))
}

fn bend(body: String, fault: &Fault, from: Option<(i64, u64)>) -> String {
    let Ok(mut page) = serde_json::from_str::<Value>(&body) else { return body };
    let items = page["items"].as_array_mut();
    match (fault, items) {
        (Fault::WrongType { item, field, value }, Some(items)) => {
            if let Some(item) = items.get_mut(*item) {
                item[field.as_str()] = value.clone();
            }
        }
        (Fault::WithoutId { item }, Some(items)) => {
            if let Some(fields) = items.get_mut(*item).and_then(Value::as_object_mut) {
                fields.remove("id");
            }
        }
        (Fault::DuplicateId { item }, Some(items)) => {
            if let Some(item) = items.get(*item).cloned() {
                items.push(item);
            }
        }
        // The first items again under ids that no item has: each page is new to the client, and goes on.
        (Fault::Endless, Some(items)) => {
            let number = from.map_or(0, |(time, _)| time.unsigned_abs());
            for item in items {
                if let Some(id) = item["id"].as_u64() {
                    item["id"] = (id + number * BEYOND_ITEMS).into();
                }
            }
            page["next"] = cursor(-1 - i64::try_from(number).unwrap_or(0), 0).into();
        }
        (Fault::RepeatedCursor, _) => {
            if let Some((time, id)) = from {
                page["next"] = cursor(time, id).into();
            }
        }
        _ => return body,
    }
    rule::text(&page)
}
