//! Components of its own, found by usage, by name, or all of them.

use bindery_plugin::prelude::*;

use crate::Specimen;

/// A component that only says which one it is.
pub(crate) struct Price(pub(crate) &'static str);

/// Another type of component.
struct Check(&'static str);

pub(crate) fn declare(c: &mut Components<Specimen>) {
    c.component("specimen.pricing", "pricing", Price("any"));
    c.component("specimen.plus.pricing", "pricing", Price("backend type")).backend_types(["specimen_plus"]);
    c.component("specimen.order.pricing", "pricing", Price("model")).apply_on(["sale.order", "res.partner"]);
    c.component("specimen.product.pricing", "pricing", Price("kind"))
        .inherit("specimen.pricing")
        .apply_on(["specimen.product"]);
    c.several("check");
    c.component("specimen.check.first", "check", Check("first"));
    c.component("specimen.check.second", "check", Check("second"));
}

/// What each way of looking a component up finds, or why it finds none.
pub(crate) fn report(cx: &Context<Specimen>) -> Result<Report> {
    let find = || cx.components();
    let pricing = |kind: &str| match find().for_kind(kind).usage("pricing").one::<Price>() {
        Ok(found) => found.0.to_owned(),
        Err(error) => error.to_string(),
    };
    let why = |found: Result<std::sync::Arc<Check>>| found.err().map(|error| error.to_string()).unwrap_or_default();
    let all = find().usage("check").all::<Check>()?;
    Ok(Report::connected("components")
        .detail("kind", pricing("specimen.product"))
        .detail("model of the kind", pricing("specimen.customer"))
        .detail("another model", pricing("sale.order"))
        .detail("neither", pricing("account.tax"))
        .detail("named", find().named::<Price>("specimen.order.pricing")?.0)
        .detail("all", all.iter().map(|check| check.0).collect::<Vec<_>>().join(" "))
        .detail("several", why(find().usage("check").one()))
        .detail("none", why(find().usage("weighing").one()))
        .detail("none of that name", why(find().named("specimen.nothing"))))
}
