//! Tryton's REST: which model a kind is, which fields are asked for, and how pages are counted.

use bindery_plugin::{prelude::*, serde_json::Number};

use crate::{Tryton, wire};

/// Talks to Tryton.
pub struct TrytonAdapter;

/// What a kind is in Tryton.
struct Resource {
    model: &'static str,
    /// Dotted paths to records whose change counts as a change of this one; `""` is itself.
    changes: &'static [&'static str],
    /// Restricts the list, as JSON; null: none.
    only: Option<&'static str>,
    fields: &'static [&'static str],
}

fn resource(kind: &Kind) -> Result<Resource> {
    let of = |model, changes, fields| Ok(Resource { model, changes, only: None, fields });
    match kind.as_str() {
        "tryton.category" => of("product.category", &[""], &["name", "parent"]),
        "tryton.product" => of(
            "product.template",
            &["", "products."],
            &[
                "name",
                "code",
                "active",
                "type",
                "salable",
                "list_price",
                "cost_price",
                "categories.name",
                "default_uom.name",
                "products.code",
                "products.active",
                "products.cost_price",
                "products.list_price_used",
                "products.description",
                "products.identifiers.code",
            ],
        ),
        "tryton.variant" => of(
            "product.product",
            &[""],
            &[
                "code",
                "active",
                "cost_price",
                "list_price_used",
                "description",
                "identifiers.code",
                "template",
                "template.name",
            ],
        ),
        "tryton.party" => of(
            "party.party",
            &["", "addresses.", "contact_mechanisms."],
            &[
                "name",
                "code",
                "active",
                "email",
                "phone",
                "mobile",
                "website",
                "lang.code",
                "tax_identifier.code",
                "addresses.party_name",
                "addresses.street",
                "addresses.postal_code",
                "addresses.city",
                "addresses.country.name",
                "addresses.country.code",
                "addresses.active",
                "addresses.invoice",
                "addresses.delivery",
                "contact_mechanisms.type",
                "contact_mechanisms.value",
                "contact_mechanisms.name",
                "contact_mechanisms.active",
            ],
        ),
        "tryton.sale" => of(
            "sale.sale",
            &["", "lines."],
            &[
                "number",
                "state",
                "reference",
                "sale_date",
                "party",
                "currency.code",
                "comment",
                "lines.type",
                "lines.sequence",
                "lines.product",
                "lines.product.name",
                "lines.quantity",
                "lines.unit_price",
                "lines.unit.name",
                "lines.description",
            ],
        ),
        "tryton.invoice" => of(
            "account.invoice",
            &["", "lines."],
            &[
                "number",
                "state",
                "type",
                "reference",
                "invoice_date",
                "party",
                "currency.code",
                "total_amount",
                "lines.type",
                "lines.sequence",
                "lines.product",
                "lines.product.name",
                "lines.quantity",
                "lines.unit_price",
                "lines.unit.name",
                "lines.description",
            ],
        ),
        "tryton.warehouse" => Ok(Resource {
            model: "stock.location",
            changes: &[""],
            only: Some(r#"["type","=","warehouse"]"#),
            fields: &["name", "code", "active"],
        }),
        "tryton.location" => Ok(Resource {
            model: "stock.location",
            changes: &[""],
            only: Some(r#"["type","!=","warehouse"]"#),
            fields: &["name", "code", "active", "type", "parent", "parent.type"],
        }),
        _ => Err(kind.unsupported("reading it")),
    }
}

impl Adapter<Tryton> for TrytonAdapter {
    fn api_headers(&self, cx: &Context<Tryton>, parent: Headers) -> Headers {
        parent.bearer(&cx.settings().api_key).set("X-Tryton-Context", context(cx, ""))
    }

    async fn list(&self, cx: Context<Tryton>, kind: Kind, query: ListQuery) -> Result<Page> {
        if kind.as_str() == "tryton.stock" {
            return stock_page(cx, query).await;
        }
        let resource = resource(&kind)?;
        let at = query.offset(cx.settings().page_size)?;
        let domain = match (&query.since, resource.only) {
            (Some(since), _) => Some(wire::changed_since(resource.changes, since)?),
            (None, Some(only)) => Some(wire::encoded(&format!("[{only}]"))),
            (None, None) => None,
        };
        fields(cx.get(format!("/rest/model/{}", resource.model)), resource.fields)
            .query("d", domain)
            .query("o", wire::encoded(r#"[["id","ASC"]]"#))
            .query("s", at.limit())
            .query("p", at.start())
            .page("", "/id")
            .counted(at)
            .await
    }

    async fn read(&self, cx: Context<Tryton>, kind: Kind, id: String) -> Result<External> {
        if kind.as_str() == "tryton.stock" {
            return stock_record(cx, &id).await;
        }
        let resource = resource(&kind)?;
        let request = cx.get(format!("/rest/model/{}/{}", resource.model, encode_segment(&id)));
        fields(request, resource.fields).external("/id").await
    }
}

fn fields(request: bindery_plugin::Request<Tryton>, names: &[&str]) -> bindery_plugin::Request<Tryton> {
    names.iter().fold(request, |request, name| request.query("f", *name))
}

/// Tryton's context: the company whose prices are meant, and more where it is asked for.
fn context(cx: &Context<Tryton>, more: &str) -> String {
    wire::encoded(&format!("{{\"company\":{}{more}}}", cx.settings().company))
}

/// The quantity of one product at one place: Tryton has no such records, but counts when asked.
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
struct Place {
    id: u64,
}

/// A page of stock: the products at one storage location after another. The cursor is `location:offset`.
async fn stock_page(cx: Context<Tryton>, query: ListQuery) -> Result<Page> {
    let storage = wire::encoded(r#"[["type","=","storage"]]"#);
    let places =
        cx.get("/rest/model/stock.location").query("d", storage).query("o", wire::encoded(r#"[["id","ASC"]]"#));
    let places: Vec<Place> = places.query("s", 1000).await?.json()?;
    let (place, start) = match &query.cursor {
        Some(cursor) => cursor
            .split_once(':')
            .and_then(|(place, start)| Some((place.parse::<u64>().ok()?, start.parse::<u64>().ok()?)))
            .ok_or_else(|| Error::invalid(format!("the cursor {cursor:?} is not LOCATION:OFFSET")))?,
        None => (places.first().map_or(0, |place| place.id), 0),
    };
    let limit = u64::from(cx.settings().page_size);
    let goods = cx.get("/rest/model/product.product").header("X-Tryton-Context", at_place(&cx, place));
    let goods = goods.query("o", wire::encoded(r#"[["id","ASC"]]"#)).query("s", limit).query("p", start);
    let goods: Vec<Counted> = goods.query("f", "quantity").await?.json()?;
    let next = if goods.len() as u64 == limit {
        Some(format!("{place}:{}", start + limit))
    } else {
        places.iter().find(|other| other.id > place).map(|other| format!("{}:0", other.id))
    };
    let items: Result<Vec<_>> = goods
        .into_iter()
        .map(|product| {
            let item = quantity(product, place);
            Ok((item.id.clone(), None, Json::of(&item)?))
        })
        .collect();
    Ok(Page::of_items(items?, next))
}

async fn stock_record(cx: Context<Tryton>, id: &str) -> Result<External> {
    let ids = id
        .split_once('@')
        .and_then(|(product, place)| Some((product.parse::<u64>().ok()?, place.parse::<u64>().ok()?)));
    let (product, place) = ids.ok_or_else(|| Error::gone(format!("{id:?} is not PRODUCT@LOCATION")))?;
    let counted =
        cx.get(format!("/rest/model/product.product/{product}")).header("X-Tryton-Context", at_place(&cx, place));
    let item = quantity(counted.query("f", "quantity").await?.json()?, place);
    Ok(External::item(item.id.clone(), Json::of(&item)?))
}

/// Without the location in the context, Tryton counts 0.
fn at_place(cx: &Context<Tryton>, place: u64) -> String {
    context(cx, &format!(",\"locations\":[{place}]"))
}

fn quantity(product: Counted, place: u64) -> Quantity {
    let quantity = product.quantity.unwrap_or_else(|| 0.into());
    Quantity { id: format!("{}@{place}", product.id), product: product.id, location: place, quantity }
}
