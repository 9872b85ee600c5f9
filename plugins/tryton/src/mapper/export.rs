//! The other way: our partners, products and orders as the adapter's bodies want them. Fields are Tryton's by name; what one
//! field of ours means to several of Tryton's goes under a name of its own (`ways`, `vat`, `single` …), which the adapter
//! knows.

use bindery_plugin::{
    prelude::*,
    serde_json::{Map, Value, json},
};

use crate::{Tryton, adapter::explained, wire};

/// A decimal with as many digits as Tryton keeps.
pub fn decimal(field: &Source) -> Result<Value> {
    Ok(match field.decimal("")? {
        Maybe::Value(number) => json!({"__class__": "Decimal", "decimal": number.round(4).to_string()}),
        _ => Value::Null,
    })
}

/// The external id of what a relation leads to.
pub fn external(record: &Source, field: &str, kind: &str) -> Result<Option<u64>> {
    let id = match record.at(field)?.option() {
        Some(target) => match target.at("/external")?.option() {
            Some(ids) => ids.id(kind)?.option(),
            None => None,
        },
        None => None,
    };
    Ok(id.and_then(|id| id.parse().ok()))
}

/// The id of what a relation leads to, which Tryton has by itself and we know by its code.
async fn by_code(
    cx: &Context<Tryton>,
    record: &Source,
    field: &str,
    (kind, ours, theirs): (&str, &str, &str),
) -> Result<Value> {
    if let Some(id) = external(record, field, kind)? {
        return Ok(id.into());
    }
    let Some(id) = record.at(field)?.option().map(|target| target.integer("/id")).transpose()?.and_then(Maybe::option)
    else {
        return Ok(Value::Null);
    };
    let found = cx.records(ours).fields(["code"]).read([id]).await?;
    let code = found.first().map(|found| found.text("code")).transpose()?.map(Maybe::or_default).unwrap_or_default();
    find(cx, theirs, &code).await?.ok_or_else(|| {
        Error::invalid(format!("Tryton has none in {theirs} with the code {code:?}"))
            .field(field)
            .cure("import the countries there (trytond_import_countries)")
    })
}

/// The id of the record with a code.
async fn find(cx: &Context<Tryton>, model: &str, code: &str) -> Result<Option<Value>> {
    let domain = wire::encoded(&json!([["code", "=", code]]).to_string());
    let request = cx.get(format!("/rest/model/{model}")).query("f", "id").query("d", domain).query("s", 1);
    let found: Vec<Value> = explained(request.await)?.json()?;
    Ok(found.into_iter().next().map(|found| found["id"].clone()))
}

/// A category.
pub struct Category;

impl ExportMapper<Tryton> for Category {
    fn rules(r: &mut ExportRules<Tryton>) {
        r.direct("name", "/name");
        r.relation("parent_id", "tryton.category", "/parent").numeric();
    }
}

/// A partner.
pub struct Party;

const WAYS: [&str; 4] = ["email", "phone", "mobile", "website"];

impl ExportMapper<Tryton> for Party {
    fn rules(r: &mut ExportRules<Tryton>) {
        r.direct("name", "/name");
        r.direct("active", "/active");
        r.direct("vat", "/vat");
        // Without one, Tryton gives the party a number of its own.
        r.compute("code", ["ref"], ["/code"], |partner| match partner.text("ref")?.option() {
            Some(code) if !code.is_empty() => set("/code", code),
            _ => Ok(Values::new()),
        });
        for way in WAYS {
            r.direct(way, &format!("/ways/{way}"));
        }
        r.mapping("lang", ["lang"], ["/lang"], async |partner, cx| {
            let Some(code) = partner.text("lang")?.option() else { return set("/lang", None::<u64>) };
            // Ours may name the country where Tryton has the language alone.
            let short = code.split('_').next().unwrap_or_default();
            for code in [code.as_str(), short] {
                if let Some(id) = find(&cx, "ir.lang", code).await? {
                    return set("/lang", id);
                }
            }
            Err(Error::invalid(format!("Tryton has no language {code:?}")).field("lang"))
        });
        r.mapping("own address", ADDRESS, ["/own_address"], async |partner, cx| {
            let mut own = address(&cx, &partner).await?;
            own.insert("invoice".to_owned(), true.into());
            set("/own_address", Some(own).filter(|own| own.values().any(|part| part.is_string())))
        })
        .only_create();
        r.children("child_ids", "/children", "tryton.address", Contact);
        r.finalize(|_, body| Json::of(&with_contacts(body.read()?)));
    }
}

/// The contacts of a partner as addresses and mechanisms.
fn with_contacts(mut body: Map<String, Value>) -> Map<String, Value> {
    let own = body.remove("own_address").filter(|own| !own.is_null());
    if let Some(Value::Array(children)) = body.remove("children") {
        let mut addresses: Vec<Value> = children.iter().filter_map(|one| one.get("address")).cloned().collect();
        if addresses.is_empty() {
            addresses.extend(own);
        }
        let ways = children.iter().filter_map(|one| one.get("ways")?.as_array()).flatten().cloned().collect();
        body.insert("addresses".to_owned(), Value::Array(addresses));
        body.insert("contact_mechanisms".to_owned(), ways);
    }
    body
}

/// A contact of a partner: an address, or ways to reach it.
struct Contact;

const ADDRESS: [&str; 6] = ["street", "street2", "zip", "city", "country_id", "state_id"];

impl ExportMapper<Tryton> for Contact {
    fn rules(r: &mut ExportRules<Tryton>) {
        r.mapping("contact", ["type"], ["/address", "/ways"], async |contact, cx| {
            let own = |kind: &str| -> Result<Option<u64>> {
                let ids = contact.at("/external")?.option();
                Ok(ids.map(|ids| ids.id(kind)).transpose()?.and_then(Maybe::option).and_then(|id| id.parse().ok()))
            };
            if let Some(id) = own("tryton.contact_mechanism")? {
                let mut ways = ways(&contact)?;
                ways.truncate(1);
                let mut way = ways.pop().unwrap_or_default();
                way.insert("id".to_owned(), id.into());
                return set("/ways", [way]);
            }
            let kind = contact.text("type")?.or_default();
            let id = own("tryton.address")?;
            if id.is_none() && !matches!(kind.as_str(), "invoice" | "delivery" | "other" | "private") {
                return set("/ways", ways(&contact)?);
            }
            let mut address = address(&cx, &contact).await?;
            address.insert("party_name".to_owned(), json!(contact.text("name")?.option()));
            address.insert("active".to_owned(), contact.boolean("active")?.or(true).into());
            // An invoice address may be one to deliver to as well.
            address.insert("invoice".to_owned(), (kind == "invoice").into());
            if kind != "invoice" {
                address.insert("delivery".to_owned(), (kind == "delivery").into());
            }
            if let Some(id) = id {
                address.insert("id".to_owned(), id.into());
            }
            set("/address", address)
        });
    }
}

async fn address(cx: &Context<Tryton>, record: &Source) -> Result<Map<String, Value>> {
    let text = |field| -> Result<Option<String>> { Ok(record.text(field)?.option().filter(|text| !text.is_empty())) };
    let street: Vec<String> = [text("street")?, text("street2")?].into_iter().flatten().collect();
    let mut address = Map::new();
    address.insert("street".to_owned(), json!(Some(street.join("\n")).filter(|street| !street.is_empty())));
    address.insert("postal_code".to_owned(), json!(text("zip")?));
    address.insert("city".to_owned(), json!(text("city")?));
    let country = by_code(cx, record, "country_id", ("tryton.country", "res.country", "country.country")).await?;
    let state = ("tryton.subdivision", "res.country.state", "country.subdivision");
    address.insert("country".to_owned(), country);
    address.insert("subdivision".to_owned(), by_code(cx, record, "state_id", state).await?);
    Ok(address)
}

/// The ways in which a contact is reached.
fn ways(contact: &Source) -> Result<Vec<Map<String, Value>>> {
    let text = |field| -> Result<Option<String>> { Ok(contact.text(field)?.option().filter(|text| !text.is_empty())) };
    let mut ways = Vec::new();
    for way in WAYS {
        let Some(value) = text(way)? else { continue };
        let name = text("name")?.filter(|name| *name != value);
        let comment = text("comment")?;
        let active = contact.boolean("active")?.or(true);
        let way = json!({"type": way, "value": value, "name": name, "comment": comment, "active": active});
        ways.extend(way.as_object().cloned());
    }
    Ok(ways)
}

/// A product.
pub struct Template;

impl ExportMapper<Tryton> for Template {
    fn rules(r: &mut ExportRules<Tryton>) {
        r.direct("name", "/name");
        r.direct("active", "/active");
        r.direct("sale_ok", "/salable");
        r.direct("list_price", "/list_price").with(decimal);
        r.relation("uom_id", "tryton.uom", "/default_uom").numeric();
        r.relation("categ_id", "tryton.category", "/category").numeric();
        r.relation("taxes_id", "tryton.tax", "/taxed_by/customer")
            .numeric()
            .changed_by(["taxes_id", "supplier_taxes_id"]);
        r.relation("supplier_taxes_id", "tryton.tax", "/taxed_by/supplier")
            .numeric()
            .changed_by(["taxes_id", "supplier_taxes_id"]);
        r.compute("type", ["type"], ["/type", "/consumable"], |product| {
            let (kind, consumable) = match product.text("type")?.or_default().as_str() {
                "service" => ("service", false),
                "consu" => ("goods", true),
                _ => ("goods", false),
            };
            Ok(set("/type", kind)?.set("/consumable", consumable))
        });
        r.direct("default_code", "/single/full_code");
        r.direct("barcode", "/single/barcode");
        r.direct("description", "/single/description");
        r.direct("standard_price", "/single/cost_price").with(decimal);
        r.children("product_variant_ids", "/products", "tryton.variant", Variant);
    }
}

/// A variant of a product.
pub struct Variant;

impl ExportMapper<Tryton> for Variant {
    fn rules(r: &mut ExportRules<Tryton>) {
        r.compute("id", ["external"], ["/id"], |variant| line_id(variant, "tryton.variant"));
        r.direct("default_code", "/full_code");
        r.direct("barcode", "/barcode");
        r.direct("active", "/active");
        r.direct("lst_price", "/list_price").with(decimal);
        r.direct("standard_price", "/cost_price").with(decimal);
    }
}

/// A variant on its own: it is made after its product, which brings it along.
pub struct SingleVariant;

impl ExportMapper<Tryton> for SingleVariant {
    fn rules(r: &mut ExportRules<Tryton>) {
        r.relation("product_tmpl_id", "tryton.product", "/template").numeric();
        r.direct("default_code", "/full_code");
        r.direct("barcode", "/barcode");
        r.direct("active", "/active");
    }
}

fn line_id(line: &Source, kind: &str) -> Result<Values> {
    let ids = line.at("/external")?.option();
    let id = ids.map(|ids| ids.id(kind)).transpose()?.and_then(Maybe::option);
    match id.and_then(|id| id.parse::<u64>().ok()) {
        Some(id) => set("/id", id),
        None => Ok(Values::new()),
    }
}

/// An order.
pub struct Sale;

impl ExportMapper<Tryton> for Sale {
    fn rules(r: &mut ExportRules<Tryton>) {
        r.relation("partner_id", "tryton.party", "/party").numeric();
        r.relation("currency_id", "tryton.currency", "/currency").numeric();
        r.relation("payment_term_id", "tryton.payment_term", "/payment_term").numeric();
        r.relation("warehouse_id", "tryton.warehouse", "/warehouse").numeric();
        r.direct("note", "/comment");
        r.direct("client_order_ref", "/reference");
        // So that a person, and a search after a crash, knows ours again.
        r.compute("own name", ["name", "client_order_ref"], ["/reference"], |order| {
            let name = order.text("name")?.option().filter(|name| name != "New");
            let theirs = order.text("client_order_ref")?.option().filter(|text| !text.is_empty());
            set("/reference", theirs.or(name))
        })
        .only_create();
        r.compute("date", ["date_order"], ["/sale_date"], |order| {
            let moment = order.text("date_order")?.option();
            set("/sale_date", moment.as_deref().and_then(wire::day))
        });
        r.compute("state", ["state"], ["/state"], |order| {
            set(
                "/state",
                match order.text("state")?.or_default().as_str() {
                    "sent" => "quotation",
                    "sale" | "done" => "confirmed",
                    "cancel" => "cancelled",
                    _ => "draft",
                },
            )
        });
        for (field, place) in [("partner_invoice_id", "/invoice_address"), ("partner_shipping_id", "/shipment_address")]
        {
            r.compute(field, ["partner_id", field], [place], move |order| set(place, address_of(order, field)?))
                .changed_by([field]);
            // So that the ids of what it leads to come along.
        }
        r.children("order_line", "/lines", "tryton.sale_line", SaleLine);
    }
}

/// The address that an order names; none where the customer itself is named, or the customer is not there yet.
fn address_of(order: &Source, field: &str) -> Result<Option<u64>> {
    let id = external(order, field, "tryton.address")?;
    let ours = |field: &str| -> Result<Option<i64>> {
        Ok(order.at(field)?.option().map(|one| one.integer("/id")).transpose()?.and_then(Maybe::option))
    };
    let (named, customer) = (ours(field)?, ours("partner_id")?);
    let is_customer_there = external(order, "partner_id", "tryton.party")?.is_some();
    match id {
        None if named.is_some() && named != customer && is_customer_there => {
            Err(Error::retryable("the address is not in Tryton yet: its partner brings it along").field(field))
        }
        id => Ok(id),
    }
}

/// A line of an order.
pub struct SaleLine;

impl ExportMapper<Tryton> for SaleLine {
    fn rules(r: &mut ExportRules<Tryton>) {
        r.compute("id", ["external"], ["/id"], |line| line_id(line, "tryton.sale_line"));
        r.direct("name", "/description");
        r.direct("sequence", "/sequence");
        r.relation("tax_id", "tryton.tax", "/taxes").numeric();
        r.compute("type", ["display_type"], ["/type"], |line| {
            set(
                "/type",
                match line.text("display_type")?.option().as_deref() {
                    Some("line_section") => "title",
                    Some("line_note") => "comment",
                    _ => "line",
                },
            )
        });
        r.relation("product_id", "tryton.variant", "/product").numeric();
        r.relation("product_uom", "tryton.uom", "/unit").numeric();
        r.compute(
            "amounts",
            ["display_type", "product_uom_qty", "price_unit", "discount"],
            ["/quantity", "/unit_price"],
            |line| {
                if line.text("display_type")?.option().is_some() {
                    return Ok(Values::new());
                }
                if line.decimal("discount")?.option().is_some_and(|discount| discount.round(4) != Decimal::new(0, 4)) {
                    return Err(Error::invalid("Tryton's lines have no discount").field("discount").cure(
                        "put the price after the discount into the line's unit price, and take the discount away",
                    ));
                }
                let price = line.at("price_unit")?.option().map(|price| decimal(&price)).transpose()?;
                Ok(set("/quantity", line.decimal("product_uom_qty")?.option())?.set("/unit_price", price))
            },
        );
    }
}
