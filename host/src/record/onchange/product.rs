//! What follows from a product: its unit, its description, its taxes as a fiscal position has them.

use super::{id, text};
use crate::{
    model::{Decimal, Value},
    record::{Error, compute::Inputs},
    storage::record as tables,
};

/// A product as far as a line needs it.
pub(super) struct Product {
    pub(super) id: i64,
    pub(super) template: i64,
    pub(super) display_name: String,
    pub(super) sale_description: String,
    pub(super) uom: Value,
    pub(super) category: Option<i64>,
    /// What it is sold for, before any pricelist.
    pub(super) price: Decimal,
    /// What it costs.
    pub(super) cost: Value,
    pub(super) lead: Value,
}

impl Product {
    /// Reads a product; `None` where it is gone.
    pub(super) fn read(inputs: &mut Inputs<'_, '_>, product: i64) -> Result<Option<Self>, Error> {
        let fields = ["product_tmpl_id", "display_name", "lst_price", "price_extra", "standard_price"];
        let own = inputs.other("product.product", product, &fields)?;
        let [template, shown, price, extra, cost] = own.as_slice() else { return Ok(None) };
        let Some(template) = id(template) else { return Ok(None) };
        let fields = ["list_price", "uom_id", "description_sale", "sale_delay", "categ_id"];
        let of = inputs.other("product.template", template, &fields)?;
        let [list, uom, description, lead, category] = of.as_slice() else { return Ok(None) };
        let list = match price {
            Value::Decimal(price) => *price,
            _ => {
                let (list, extra) = (number(list), number(extra));
                Decimal { units: list.units.saturating_add(extra.units), scale: list.scale }
            }
        };
        Ok(Some(Self {
            id: product,
            template,
            display_name: text(shown).to_owned(),
            sale_description: text(description).to_owned(),
            uom: uom.clone(),
            category: id(category),
            price: list,
            cost: cost.clone(),
            lead: lead.clone(),
        }))
    }

    /// How a line calls it: its name, and what is said to customers of it.
    pub(super) fn line_name(&self) -> Value {
        let name = match self.sale_description.is_empty() {
            true => self.display_name.clone(),
            false => format!("{}\n{}", self.display_name, self.sale_description),
        };
        if name.is_empty() { Value::Null } else { Value::Text(name) }
    }
}

fn number(value: &Value) -> Decimal {
    if let Value::Decimal(value) = value { *value } else { Decimal { units: 0, scale: 6 } }
}

/// The taxes in a field of a template, as a fiscal position replaces them.
pub(super) fn taxes(
    inputs: &mut Inputs<'_, '_>,
    template: i64,
    field: &str,
    position: Option<i64>,
) -> Result<Value, Error> {
    let taxes = inputs.list_of("product.template", template, field)?;
    let Some(position) = position else { return Ok(Value::Refs(taxes)) };
    let table = &inputs.work.catalogue.need_model("account.fiscal.position.tax")?.table.name;
    let rules = tables::referring(inputs.work.tx, table, "position_id", position)?;
    let mut replaced = Vec::with_capacity(rules.len());
    for rule in rules {
        let found = inputs.other("account.fiscal.position.tax", rule, &["tax_src_id", "tax_dest_id"])?;
        if let [source, target] = found.as_slice() {
            replaced.push((id(source), id(target)));
        }
    }
    let mut mapped = Vec::with_capacity(taxes.len());
    for tax in taxes {
        let rules: Vec<Option<i64>> =
            replaced.iter().filter(|(source, _)| *source == Some(tax)).map(|(_, target)| *target).collect();
        match rules.is_empty() {
            true => mapped.push(tax),
            // Replaced by nothing: the tax falls away.
            false => mapped.extend(rules.into_iter().flatten()),
        }
    }
    mapped.dedup();
    Ok(Value::Refs(mapped))
}
