//! The mappers, one file for each thing that comes in. They read what the adapter asked for and set our fields.

pub mod invoice;
mod line;
pub mod party;
pub mod product;
pub mod reference;
mod rule;
pub mod sale;
pub mod stock;
