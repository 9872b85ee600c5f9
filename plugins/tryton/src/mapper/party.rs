//! Parties with their addresses and contact mechanisms, which are contacts of the partner under kinds of their own.

use bindery_plugin::prelude::*;

use super::rule;
use crate::{Tryton, wire};

/// A party.
pub struct Party;

impl ImportMapper<Tryton> for Party {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/name", "name");
        for (pointer, field) in
            [("/code", "ref"), ("/email", "email"), ("/phone", "phone"), ("/mobile", "mobile"), ("/website", "website")]
        {
            rule::text(r, pointer, field);
        }
        rule::inner_text(r, "/lang", "/code", "lang");
        rule::inner_text(r, "/tax_identifier", "/code", "vat");
        rule::truth(r, "/active", "active");
        r.set("customer_rank", 1).only_create();
        r.children("/addresses", "/id", "child_ids", "tryton.address", Address);
        r.children("/contact_mechanisms", "/id", "child_ids", "tryton.contact_mechanism", ContactMechanism);
    }
}

/// An address of a party.
pub struct Address;

impl ImportMapper<Tryton> for Address {
    fn rules(r: &mut Rules<Tryton>) {
        rule::text(r, "/party_name", "name");
        rule::text(r, "/postal_code", "zip");
        rule::text(r, "/city", "city");
        rule::bound(r, "/party", "parent_id", "tryton.party");
        rule::bound(r, "/country", "country_id", "tryton.country");
        rule::bound(r, "/subdivision", "state_id", "tryton.subdivision");
        rule::truth(r, "/active", "active");
        // Ours has two lines; what Tryton has below the first one is the second.
        r.compute("street", ["/street"], ["street", "street2"], |src| {
            let Maybe::Value(street) = src.text("/street")? else { return set("street", None::<String>) };
            let (first, rest) = street.split_once('\n').unwrap_or((&street, ""));
            let line = |text: &str| Some(text.trim().replace('\n', ", ")).filter(|text| !text.is_empty());
            Ok(set("street", line(first))?.set("street2", line(rest)))
        });
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
        r.direct("/type", "mechanism_type");
        r.direct("/value", "mechanism_value");
        rule::text(r, "/comment", "comment");
        rule::bound(r, "/party", "parent_id", "tryton.party");
        rule::truth(r, "/active", "active");
        r.compute("value", ["/type", "/value", "/name"], ["name", "email", "phone", "mobile", "website"], |src| {
            let value = src.text("/value")?.or_default();
            let name = src.text("/name")?.option().filter(|name| !name.is_empty()).unwrap_or_else(|| value.clone());
            let kind = src.text("/type")?.or_default();
            let of = |kinds: &[&str]| Some(&value).filter(|_| kinds.contains(&kind.as_str()));
            Ok(set("name", name)?
                .set("email", of(&["email"]))
                .set("phone", of(&["phone", "fax"]))
                .set("mobile", of(&["mobile"]))
                .set("website", of(&["website"])))
        });
    }
}
