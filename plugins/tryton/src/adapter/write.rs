//! Creates, changes, searches for what a create may have made, archives and deletes.
//!
//! The body of an export names Tryton's fields and is compared with what stands there: only differences are sent, so that
//! sending again is harmless. What a field of ours means to several of Tryton's is told in `party`, `product` and `sale`.

use bindery_plugin::{
    Request,
    prelude::*,
    serde_json::{Value, json},
};

use super::{
    ask,
    difference::{self, Object},
    explained, fields, party, product, resource,
    resource::Resource,
    sale,
};
use crate::{Tryton, wire};

/// Makes a record; answers it as `list` does.
pub async fn create(cx: Context<Tryton>, kind: &Kind, values: Json) -> Result<External> {
    let resource = resource::of(kind)?;
    let mut wanted: Object = values.read()?;
    let wish = sale::Wish::take(&mut wanted);
    fit(&cx, kind, &Object::new(), &mut wanted).await?;
    let made = sent(cx.post(path(resource, None), &difference::fresh(&wanted)), resource);
    if kind.as_str() != sale::KIND {
        return refused(made.external("/id").updated(UPDATED).await);
    }
    let made: Value = refused(made.await)?.json()?;
    let id = difference::id(&made).ok_or_else(|| Error::failed("Tryton answered a sale without its id"))?;
    lead(&cx, id, &wish).await?;
    one(&cx, resource, &id.to_string()).await
}

/// Changes a record; answers it as `list` does.
pub async fn update(cx: Context<Tryton>, kind: &Kind, id: &str, values: Json) -> Result<External> {
    let resource = resource::of(kind)?;
    let mut wanted: Object = values.read()?;
    let wish = sale::Wish::take(&mut wanted);
    let current = current(&cx, resource, id, kind, &wanted).await?;
    fit(&cx, kind, &current, &mut wanted).await?;
    let written = difference::difference(&current, &wanted);
    if kind.as_str() == sale::KIND {
        let number = id.parse().map_err(|_| Error::gone(format!("{id:?} is no sale")))?;
        sale::change(&cx, number, &written, &wish).await?;
    } else if !written.is_empty() {
        let change = sent(cx.put(path(resource, Some(id)), &written), resource);
        return refused(change.external("/id").updated(UPDATED).await);
    }
    one(&cx, resource, id).await
}

/// Ids of what a create may have made: those with the same unique code, or with the very same content. The one sale that is
/// found is led to the state that it was to have.
pub async fn find(cx: Context<Tryton>, kind: &Kind, values: Json) -> Result<Vec<String>> {
    let mut wanted: Object = values.read()?;
    let wish = sale::Wish::take(&mut wanted);
    let ids = same(&cx, kind, &wanted).await?;
    let ([id], sale::KIND) = (ids.as_slice(), kind.as_str()) else { return Ok(ids) };
    let number = id.parse().map_err(|_| Error::gone(format!("{id:?} is no sale")))?;
    match lead(&cx, number, &wish).await {
        Ok(()) => Ok(ids),
        Err(error) if error.is_retryable() => Err(error),
        // The create that follows meets it again, and tells it.
        Err(_) => Ok(Vec::new()),
    }
}

/// Leads a new sale to its state. Nothing is left of one that Tryton refuses to quote or to confirm.
async fn lead(cx: &Context<Tryton>, id: u64, wish: &sale::Wish) -> Result<()> {
    let led = sale::advance(cx, id, wish).await;
    if led.as_ref().is_err_and(|error| !error.is_retryable()) {
        refused(cx.delete(format!("/rest/model/sale.sale/{id}")).error_at("/message").await)?;
    }
    led
}

async fn same(cx: &Context<Tryton>, kind: &Kind, wanted: &Object) -> Result<Vec<String>> {
    let resource = resource::of(kind)?;
    let text = |name: &str| wanted.get(name).and_then(Value::as_str).map(str::to_owned);
    let (domain, is_unique) = match (kind.as_str(), text("code")) {
        ("tryton.party", Some(code)) => (json!([["code", "=", code]]), true),
        (sale::KIND, _) => {
            (json!([["party", "=", wanted.get("party")], ["reference", "=", wanted.get("reference")]]), false)
        }
        ("tryton.variant", _) => (json!([["template", "=", wanted.get("template")]]), false),
        _ => (json!([["name", "=", text("name")]]), false),
    };
    let found = ask(cx, resource.model).query("f", "id").query("d", wire::encoded(&domain.to_string()));
    let found: Vec<Value> = explained(found.query("s", 50).await)?.json()?;
    let mut ids = Vec::new();
    for id in found.iter().filter_map(difference::id).map(|id| id.to_string()) {
        let mut wanted = wanted.clone();
        let is_it = is_unique || {
            let current = current(cx, resource, &id, kind, &wanted).await?;
            fit(cx, kind, &current, &mut wanted).await?;
            wanted.retain(|_, value| !value.is_null());
            difference::difference(&current, &wanted).is_empty()
        };
        if is_it {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// Deletes a record.
pub async fn delete(cx: Context<Tryton>, kind: &Kind, id: &str) -> Result<()> {
    let resource = resource::of(kind)?;
    refused(cx.delete(path(resource, Some(id))).error_at("/message").await).map(drop)
}

/// Archives a record, where Tryton can.
pub async fn archive(cx: Context<Tryton>, kind: &Kind, id: &str) -> Result<()> {
    let resource = resource::of(kind)?;
    if !resource.fields.contains(&"active") {
        return Err(kind.unsupported("archive"));
    }
    refused(cx.put(path(resource, Some(id)), &json!({"active": false})).error_at("/message").await).map(drop)
}

/// Where the date of the last change stands.
pub const UPDATED: &str = "/_timestamp";

/// What Tryton refuses, in its own words. Its 500 says that it can't do what was asked, and that nothing was done: the same
/// would meet it again.
pub fn refused<T>(answer: Result<T>) -> Result<T> {
    explained(answer).map_err(|error| match error.status() {
        Some(403) => error.cure(
            "let the key's user write it in Tryton, or keep changes of ours here: bindery backend set NAME --set export=none",
        ),
        Some(500) if !error.message().contains("locked") => {
            Error::invalid(format!("Tryton failed on it, and nothing was written there: {}", error.message()))
                .cure("look into Tryton's log; a field or a module that is missing there is the usual cause")
        }
        _ => error,
    })
}

/// Brings what is wanted into the shape of Tryton's fields.
async fn fit(cx: &Context<Tryton>, kind: &Kind, current: &Object, wanted: &mut Object) -> Result<()> {
    match kind.as_str() {
        "tryton.party" => party::fit(current, wanted),
        "tryton.product" | "tryton.variant" => product::fit(cx, current, wanted).await,
        sale::KIND => sale::fit(cx, current, wanted).await,
        _ => Ok(()),
    }
}

/// The record as it stands there, as far as it is to be compared.
async fn current(cx: &Context<Tryton>, resource: &Resource, id: &str, kind: &Kind, wanted: &Object) -> Result<Object> {
    let mut names = difference::names(wanted);
    let more = match kind.as_str() {
        "tryton.party" => party::COMPARED,
        "tryton.product" => product::COMPARED,
        "tryton.variant" => product::VARIANT_COMPARED,
        sale::KIND => sale::COMPARED,
        _ => &[],
    };
    // A field and one of its own can't both be asked for.
    names.retain(|name| !more.iter().any(|more| more.starts_with(&format!("{name}."))));
    let request = names.iter().map(String::as_str).chain(more.iter().copied());
    let request = request
        .filter(|name| !is_ours(name))
        .fold(ask(cx, &format!("{}/{}", resource.model, encode_segment(id))), |request, name| request.query("f", name));
    explained(request.await)?.json()
}

/// Parts of a body that are no fields there.
fn is_ours(name: &str) -> bool {
    matches!(name, "ways" | "vat" | "single" | "category" | "accounts" | "taxed_by")
        || name.contains(".barcode")
        || name.contains(".full_code")
}

/// The record as `list` gives it.
async fn one(cx: &Context<Tryton>, resource: &Resource, id: &str) -> Result<External> {
    let request = ask(cx, &format!("{}/{}", resource.model, encode_segment(id)));
    explained(fields(request, resource.fields).external("/id").updated(UPDATED).await)
}

/// A write that is answered with the record as `list` gives it.
fn sent(request: Request<Tryton>, resource: &Resource) -> Request<Tryton> {
    fields(request.error_at("/message"), resource.fields)
}

fn path(resource: &Resource, id: Option<&str>) -> String {
    let id = id.map(|id| format!("/{}", encode_segment(id))).unwrap_or_default();
    format!("/rest/model/{}{id}", resource.model)
}
