//! Sales and their lines.

use bindery_plugin::prelude::*;

use super::line;
use crate::{Tryton, wire};

/// A sale.
pub struct Sale;

impl ImportMapper<Tryton> for Sale {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/reference", "client_order_ref");
        r.direct("/comment", "note");
        r.relation("/party", "tryton.party").set("partner_id");
        r.lookup("/currency/code", "res.currency", "name").set("currency_id").or_create();
        r.compute("name", ["/number", "/id"], ["name"], |src| {
            let number = src.text("/number")?.option();
            // Drafts have no number yet; the interface of Tryton shows them by id as well.
            set("name", number.map_or_else(|| Ok::<_, Error>(format!("({})", src.id("/id")?.required("/id")?)), Ok)?)
        });
        r.compute("state", ["/state"], ["state"], |src| {
            set(
                "state",
                match src.text("/state")?.required("/state")?.as_str() {
                    "draft" => "draft",
                    "quotation" => "sent",
                    "confirmed" | "processing" => "sale",
                    "done" => "done",
                    "cancelled" => "cancel",
                    other => return Err(Error::invalid(format!("{other:?} is not a state of a sale")).at("/state")),
                },
            )
        });
        r.compute("date_order", ["/sale_date"], ["date_order"], |src| {
            let day = wire::date(src, "/sale_date")?;
            Ok(Values::new().set_maybe("date_order", day.map(|day| format!("{day}T00:00:00Z"))))
        });
        r.children("/lines", "/id", "order_line", "tryton.sale_line", SaleLine);
    }
}

/// A line of a sale.
pub struct SaleLine;

impl ImportMapper<Tryton> for SaleLine {
    fn rules(r: &mut Rules<Tryton>) {
        line::rules(r, "product_uom_qty", "product_uom");
    }
}
