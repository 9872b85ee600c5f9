//! JSON as text: finding values in it without building a tree, and exact decimals.
//!
//! Values are handed on as they were written, so that a number keeps its digits. It never guesses: text that is not
//! JSON is an error.

mod decimal;
pub(crate) mod pointer;
mod text;

pub use decimal::Decimal;
pub use text::Json;
