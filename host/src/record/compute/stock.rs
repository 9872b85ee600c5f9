//! What of a quantity is free.

use super::Compute;
use crate::model::{Decimal, Value};

/// Quantity less what is reserved.
pub(super) static QUANT: Compute = Compute {
    model: "stock.quant",
    sets: &["available_quantity"],
    reads: &["quantity", "reserved_quantity"],
    early: true,
    causes: &[],
    run: |inputs| {
        let (quantity, reserved) = (inputs.decimal("quantity"), inputs.decimal("reserved_quantity"));
        let units = quantity.units.checked_sub(reserved.units);
        let units = units.ok_or_else(|| inputs.wrong("reserved_quantity", "the quantity is too large"))?;
        Ok(vec![("available_quantity", Value::Decimal(Decimal { units, scale: quantity.scale }))])
    },
};
