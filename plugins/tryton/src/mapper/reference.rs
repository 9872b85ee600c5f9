//! What other records refer to: currencies, countries and their subdivisions, units of measure, payment terms, taxes.

use bindery_plugin::prelude::*;

use super::rule;
use crate::{Tryton, wire};

/// A currency. Ours are named by their code.
pub struct Currency;

impl ImportMapper<Tryton> for Currency {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/code", "name");
        r.direct("/name", "full_name");
        r.direct("/digits", "decimal_places");
        rule::text(r, "/symbol", "symbol");
        rule::decimal(r, "/rounding", "rounding");
        rule::truth(r, "/active", "active");
    }
}

/// A country.
pub struct Country;

impl ImportMapper<Tryton> for Country {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/name", "name");
        rule::text(r, "/code", "code");
    }
}

/// A subdivision of a country: a state, a province, a region.
pub struct Subdivision;

impl ImportMapper<Tryton> for Subdivision {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/name", "name");
        rule::text(r, "/code", "code");
        rule::bound(r, "/country", "country_id", "tryton.country");
    }
}

/// A unit of measure. Our ratio says how many of it make one of the category's reference, as Tryton's rate does.
pub struct Unit;

impl ImportMapper<Tryton> for Unit {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/name", "name");
        r.lookup("/category/name", "uom.category", "name").set("category_id").or_create();
        rule::truth(r, "/active", "active");
        for (pointer, field, digits) in [("/rate", "factor", 12), ("/rounding", "rounding", 6)] {
            r.compute(field, [pointer], [field], move |src| {
                Ok(Values::new().set_maybe(field, src.decimal(pointer)?.map(|number| number.round(digits))))
            });
        }
        r.compute("uom_type", ["/factor"], ["uom_type"], |src| {
            let factor: f64 = src.parse_at("/factor")?.or(1.0);
            set(
                "uom_type",
                if factor > 1.0 {
                    "bigger"
                } else if factor < 1.0 {
                    "smaller"
                } else {
                    "reference"
                },
            )
        });
    }
}

/// Payment terms.
pub struct PaymentTerm;

impl ImportMapper<Tryton> for PaymentTerm {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/name", "name");
        rule::text(r, "/description", "note");
        rule::truth(r, "/active", "active");
    }
}

/// A tax. One without an amount of its own is a group of its children.
pub struct Tax;

impl ImportMapper<Tryton> for Tax {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/name", "name");
        r.relation("/childs", "tryton.tax").set("children_tax_ids");
        rule::text(r, "/description", "description");
        rule::text(r, "/description", "invoice_label");
        rule::inner_text(r, "/group", "/name", "tax_group_name");
        rule::truth(r, "/update_unit_price", "include_base_amount");
        rule::truth(r, "/active", "active");
        r.compute("sequence", ["/sequence"], ["sequence"], |src| set("sequence", src.integer("/sequence")?.or(1)));
        r.compute("use", ["/group"], ["type_tax_use"], |src| {
            let kind = src.text("/group/kind")?.or_default();
            set("type_tax_use", if kind == "purchase" { "purchase" } else { "sale" })
        });
        r.compute("amount", ["/type", "/rate", "/amount"], ["amount_type", "amount"], |src| {
            let zero = Decimal::new(0, 0);
            let (kind, amount) = match src.text("/type")?.required("/type")?.as_str() {
                "percentage" => ("percent", wire::decimal(src, "/rate")?.or(zero).shift(2)),
                "fixed" => ("fixed", wire::decimal(src, "/amount")?.or(zero)),
                _ => ("group", zero),
            };
            Ok(set("amount_type", kind)?.set("amount", amount))
        });
    }
}
