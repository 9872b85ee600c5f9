//! Customers and their addresses.

use bindery_plugin::prelude::*;

use crate::Demo;

/// `/customers`.
pub struct CustomerImport;

impl ImportMapper<Demo> for CustomerImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/name", "name");
        r.direct("/email", "email");
        r.direct("/phone", "phone");
        r.direct("/company", "company_name");
        r.direct("/vat", "vat");
        r.direct("/language", "lang");
        r.direct("/active", "active");
        r.direct("/note", "comment");
        r.set("type", "contact").only_create();
        r.set("customer_rank", 1).only_create();
        r.compute("company", ["/company"], ["is_company", "company_type"], |customer| {
            let is_company = customer.text("/company")?.option().is_some();
            Ok(Values::new()
                .set("is_company", is_company)
                .set("company_type", if is_company { "company" } else { "person" }))
        });
        r.children("/addresses", "/id", "child_ids", "demo.address", AddressImport);
    }
}

/// The addresses of a customer: contacts below it.
struct AddressImport;

impl ImportMapper<Demo> for AddressImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/name", "name");
        r.direct("/street", "street");
        r.direct("/street2", "street2");
        r.direct("/zip", "zip");
        r.direct("/city", "city");
        r.lookup("/country", "res.country", "code").set("country_id");
        r.compute("type", ["/type"], ["type"], |address| {
            set(
                "type",
                match address.text("/type")?.or_default().as_str() {
                    "billing" => "invoice",
                    "shipping" => "delivery",
                    _ => "other",
                },
            )
        });
    }
}

/// Our customers as the shop wants them.
pub struct CustomerExport;

impl ExportMapper<Demo> for CustomerExport {
    fn rules(r: &mut ExportRules<Demo>) {
        r.direct("name", "/name");
        r.direct("email", "/email");
        r.direct("phone", "/phone");
        r.direct("company_name", "/company");
        r.direct("vat", "/vat");
        r.direct("lang", "/language");
        r.direct("comment", "/note");
        r.direct("active", "/active");
    }
}
