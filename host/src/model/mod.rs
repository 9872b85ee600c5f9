//! Plain types that the rooms above share: values, jobs, bindings, origins. No I/O, no decisions.

pub mod binding;
pub mod decimal;
pub mod job;
pub mod origin;
pub mod schedule;
pub mod temporary;
pub mod value;

pub use binding::Binding;
pub use decimal::Decimal;
pub use origin::Origin;
pub use value::Value;
