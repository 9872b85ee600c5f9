//! Wrong pages and wrong records: the filter `page` of a sync says which.

use bindery_plugin::{Json, prelude::*};

/// Answers pages of its own making.
pub(crate) struct Adapter;

impl bindery_plugin::Adapter<super::Fault> for Adapter {
    async fn list(&self, _: Context<super::Fault>, kind: Kind, query: ListQuery) -> Result<Page> {
        if kind.as_str() == "fault.partner" {
            return partners();
        }
        let at = query.cursor.as_deref().map_or(Ok(0), str::parse::<u64>).unwrap_or_default();
        match query.filter("page").unwrap_or_default() {
            "empty_id" => page(&[("", "Nameless"), ("2", "Two")], None),
            "duplicate_id" => page(&[("1", "One"), ("1", "One again"), ("2", "Two")], None),
            "same_cursor" => page(&[("1", "One")], Some("0".to_owned())),
            "endless" => page(&[(&at.to_string(), "Once more")], Some((at + 1).to_string())),
            "empty_cursor" => page(&[("1", "One")], Some(String::new())),
            "wrong_value" => {
                let item = json(&serde_json::json!({"name": "Two", "sequence": "many"}))?;
                Ok(Page::of_items([one("1", "One")?, ("2".to_owned(), None, item)], None))
            }
            "no_name" => {
                let item = json(&serde_json::json!({"name": null, "sequence": 2}))?;
                Ok(Page::of_items([one("1", "One")?, ("2".to_owned(), None, item)], None))
            }
            "panic" => panic!("panic in list"),
            _ => page(&[("1", "One"), ("2", "Two")], None),
        }
    }
}

fn json(value: &serde_json::Value) -> Result<Json> {
    Json::of(value)
}

type Item = (String, Option<String>, Json);

fn one(id: &str, name: &str) -> Result<Item> {
    Ok((id.to_owned(), None, json(&serde_json::json!({"name": name, "sequence": 1}))?))
}

fn page(items: &[(&str, &str)], next: Option<String>) -> Result<Page> {
    let items: Vec<Item> = items.iter().map(|(id, name)| one(id, name)).collect::<Result<_>>()?;
    Ok(Page::of_items(items, next))
}

/// Three partners, each of which is the parent of the next, and the last of the first.
fn partners() -> Result<Page> {
    let items: Vec<Item> = [("1", "3"), ("2", "1"), ("3", "2")]
        .into_iter()
        .map(|(id, parent)| {
            let item = serde_json::json!({"name": format!("Partner {id}"), "parent": parent});
            Ok((id.to_owned(), None, json(&item)?))
        })
        .collect::<Result<_>>()?;
    Ok(Page::of_items(items, None))
}

/// Maps a tag as it is.
pub(crate) struct TagImport;

impl ImportMapper<super::Fault> for TagImport {
    fn rules(r: &mut Rules<super::Fault>) {
        r.direct("/name", "name");
        r.direct("/sequence", "sequence");
    }
}

/// Maps a partner with its parent.
pub(crate) struct PartnerImport;

impl ImportMapper<super::Fault> for PartnerImport {
    fn rules(r: &mut Rules<super::Fault>) {
        r.direct("/name", "name");
        r.relation("/parent", "fault.partner").set("parent_id");
    }
}
