//! Mappers: between the shapes of the remote and ours.
//!
//! A mapper is a table of named rules. It never writes: what it makes are values for the host.

mod body;
mod digest;
mod export;
mod plan;
mod rule;
mod run;
mod source;
mod value;

pub(crate) use body::{ExportItem, ExportPlan};
pub use export::{ExportMapper, ExportMarks, ExportRules};
pub(crate) use plan::Plan;
pub use rule::{ImportMapper, Marks, Rules};
pub(crate) use run::{Fetched, Hooks, Run, fetch};
pub use source::{Maybe, Source};
pub use value::{Values, set};
