//! The quantity of each product at each storage location: Tryton has no such records, but counts when asked.
//!
//! All of them: the products of one location after another that lie there. Changes: the products and locations of stock
//! moves that were done since, each counted anew; what fell to nothing is then a quantity of 0.

use std::collections::{BTreeMap, BTreeSet};

use bindery_plugin::{Response, prelude::*, serde_json::Number};

use super::{ask, context, explained};
use crate::{Tryton, wire};

#[derive(Serialize)]
struct Quantity {
    id: String,
    product: u64,
    location: u64,
    quantity: Number,
}

#[derive(Deserialize)]
struct Counted {
    id: u64,
    quantity: Option<Number>,
}

#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

#[derive(Deserialize)]
struct Move {
    id: u64,
    product: Option<u64>,
    from_location: Option<u64>,
    to_location: Option<u64>,
}

/// A page of quantities.
pub async fn page(cx: Context<Tryton>, query: ListQuery) -> Result<Page> {
    let limit = query.limit.unwrap_or(cx.settings().page_size).max(1) as usize;
    match &query.since {
        None => all(&cx, query.cursor.as_deref(), limit).await,
        Some(since) => changed(&cx, query.cursor.as_deref(), since, limit).await,
    }
}

/// One quantity, by its id `PRODUCT@LOCATION`.
pub async fn read(cx: Context<Tryton>, id: &str) -> Result<External> {
    let ids = id.split_once('@').and_then(|(product, place)| Some((product.parse().ok()?, place.parse().ok()?)));
    let (product, place): (u64, u64) = ids.ok_or_else(|| Error::gone(format!("{id:?} is not PRODUCT@LOCATION")))?;
    let request = ask(&cx, &format!("product.product/{product}")).header("X-Tryton-Context", at_place(&cx, place));
    let (id, _, item) = quantity(explained(request.query("f", "quantity").await)?.json()?, place)?;
    Ok(External::item(id, item))
}

/// What lies at the locations. The cursor is `LOCATION:PRODUCT`, after which the page begins.
async fn all(cx: &Context<Tryton>, cursor: Option<&str>, limit: usize) -> Result<Page> {
    let (place, after) = match cursor {
        None => (None, 0),
        Some(cursor) => {
            let wrong = || Error::invalid(format!("the cursor {cursor:?} is not LOCATION:PRODUCT"));
            let (place, after) = cursor.split_once(':').ok_or_else(wrong)?;
            (Some(place.parse().map_err(|_| wrong())?), after.parse().map_err(|_| wrong())?)
        }
    };
    let place = match place {
        Some(place) => Some(place),
        None => next_place(cx, 0).await?,
    };
    let Some(place) = place else { return Ok(Page::of_items([], None)) };
    let lying = format!("[\"id\",\">\",{after}],[\"quantity\",\"!=\",0]");
    let answer = count(cx, place, &lying, limit).await?;
    let goods: Vec<Counted> = answer.json()?;
    let next = match goods.last() {
        Some(last) if goods.len() == limit => Some(format!("{place}:{}", last.id)),
        _ => next_place(cx, place).await?.map(|place| format!("{place}:0")),
    };
    let items = goods.into_iter().map(|product| quantity(product, place)).collect::<Result<Vec<_>>>()?;
    Ok(at_clock(Page::of_items(items, next), &answer))
}

/// What moves changed. The cursor is the last move before the page.
async fn changed(cx: &Context<Tryton>, cursor: Option<&str>, since: &str, limit: usize) -> Result<Page> {
    let after: u64 = match cursor {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| Error::invalid(format!("the cursor {cursor:?} is no move")))?,
    };
    // Moves that are only planned don't count yet, and those that are done stay so.
    let domain = format!("[[\"id\",\">\",{after}],[\"state\",\"=\",\"done\"],{}]", wire::changed_since(&[""], since)?);
    let request =
        ["product", "from_location", "to_location"].iter().fold(ask(cx, "stock.move"), |r, f| r.query("f", *f));
    let request = request.query("d", wire::encoded(&domain)).query("o", wire::encoded(r#"[["id","ASC"]]"#));
    let answer = explained(request.query("s", limit).await)?;
    let moves: Vec<Move> = answer.json()?;
    let next = moves.last().filter(|_| moves.len() == limit).map(|last| last.id.to_string());
    let mut touched: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for moved in &moves {
        for place in [moved.from_location, moved.to_location].into_iter().flatten() {
            touched.entry(place).or_default().extend(moved.product);
        }
    }
    let mut items = Vec::new();
    for place in storage_among(cx, touched.keys()).await? {
        let products = touched.remove(&place).unwrap_or_default();
        let ids: Vec<String> = products.iter().map(u64::to_string).collect();
        let among = format!("[\"id\",\"in\",[{}]]", ids.join(","));
        let goods: Vec<Counted> = count(cx, place, &among, products.len()).await?.json()?;
        items.extend(goods.into_iter().map(|product| quantity(product, place)).collect::<Result<Vec<_>>>()?);
    }
    Ok(at_clock(Page::of_items(items, next), &answer))
}

/// Products with their quantity at a location; what lies at places within it is counted there.
async fn count(cx: &Context<Tryton>, place: u64, domain: &str, limit: usize) -> Result<Response> {
    let goods = ask(cx, "product.product").header("X-Tryton-Context", at_place(cx, place)).query("f", "quantity");
    let goods = goods.query("d", wire::encoded(&format!("[{domain}]"))).query("o", wire::encoded(r#"[["id","ASC"]]"#));
    explained(goods.query("s", limit).await)
}

/// The first storage location after one.
async fn next_place(cx: &Context<Tryton>, after: u64) -> Result<Option<u64>> {
    let storage = format!("[[\"type\",\"=\",\"storage\"],[\"id\",\">\",{after}]]");
    let found = ask(cx, "stock.location").query("f", "id").query("d", wire::encoded(&storage));
    let found = explained(found.query("o", wire::encoded(r#"[["id","ASC"]]"#)).query("s", 1).await)?;
    Ok(found.json::<Vec<Numbered>>()?.first().map(|place| place.id))
}

/// Which of some locations are for storage.
async fn storage_among(cx: &Context<Tryton>, places: impl Iterator<Item = &u64>) -> Result<Vec<u64>> {
    let ids: Vec<String> = places.map(u64::to_string).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let storage = format!("[[\"type\",\"=\",\"storage\"],[\"id\",\"in\",[{}]]]", ids.join(","));
    let found = ask(cx, "stock.location").query("f", "id").query("d", wire::encoded(&storage)).await;
    Ok(explained(found)?.json::<Vec<Numbered>>()?.into_iter().map(|place| place.id).collect())
}

/// Without the location in the context, Tryton counts 0.
fn at_place(cx: &Context<Tryton>, place: u64) -> String {
    context(cx, &format!(",\"locations\":[{place}],\"with_childs\":false"))
}

fn at_clock(page: Page, answer: &Response) -> Page {
    match answer.header("date") {
        Some(clock) => page.as_of(clock),
        None => page,
    }
}

fn quantity(product: Counted, location: u64) -> Result<(String, Option<String>, Json)> {
    let quantity = product.quantity.unwrap_or_else(|| 0.into());
    let item = Quantity { id: format!("{}@{location}", product.id), product: product.id, location, quantity };
    Ok((item.id.clone(), None, Json::of(&item)?))
}
