//! Parties with their addresses and contact mechanisms, which are contacts of the partner under kinds of their own.

use bindery_plugin::prelude::*;

use crate::{Tryton, wire};

/// A party.
pub struct Party;

impl ImportMapper<Tryton> for Party {
    fn rules(r: &mut Rules<Tryton>) {
        for (pointer, field) in [
            ("/name", "name"),
            ("/code", "ref"),
            ("/email", "email"),
            ("/phone", "phone"),
            ("/mobile", "mobile"),
            ("/website", "website"),
            ("/lang/code", "lang"),
            ("/tax_identifier/code", "vat"),
        ] {
            r.direct(pointer, field);
        }
        r.set("customer_rank", 1).only_create();
        wire::truth_rule(r, "/active", "active");
        r.children("/addresses", "/id", "child_ids", "tryton.address", Address);
        r.children("/contact_mechanisms", "/id", "child_ids", "tryton.contact_mechanism", ContactMechanism);
    }
}

/// An address of a party.
pub struct Address;

impl ImportMapper<Tryton> for Address {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/party_name", "name");
        r.direct("/street", "street");
        r.direct("/postal_code", "zip");
        r.direct("/city", "city");
        r.lookup("/country/name", "res.country", "name").set("country_id").or_create();
        wire::truth_rule(r, "/active", "active");
        r.compute("type", ["/invoice", "/delivery"], ["type"], |src| {
            let is = |pointer| wire::truth(src, pointer).map(Maybe::or_default);
            set(
                "type",
                if is("/invoice")? {
                    "invoice"
                } else if is("/delivery")? {
                    "delivery"
                } else {
                    "other"
                },
            )
        });
    }
}

/// One way to reach a party: an e-mail address, a telephone number, a web site.
pub struct ContactMechanism;

impl ImportMapper<Tryton> for ContactMechanism {
    fn rules(r: &mut Rules<Tryton>) {
        r.set("type", "contact").only_create();
        wire::truth_rule(r, "/active", "active");
        r.compute("value", ["/type", "/value", "/name"], ["name", "email", "phone", "mobile", "website"], |src| {
            let value = src.text("/value")?.or_default();
            let name = src.text("/name")?.option().filter(|name| !name.is_empty()).unwrap_or_else(|| value.clone());
            let values = set("name", name)?;
            Ok(match src.text("/type")?.or_default().as_str() {
                "email" => values.set("email", value),
                "phone" | "fax" | "other" => values.set("phone", value),
                "mobile" => values.set("mobile", value),
                "website" => values.set("website", value),
                _ => values,
            })
        });
    }
}
