//! The mappers, one file for each thing that comes in, and one for what goes out. They read what the adapter asked for and
//! set our fields; the other way, they read our fields and make the bodies that the adapter writes.

pub mod export;
pub mod invoice;
mod line;
pub mod party;
pub mod product;
pub mod reference;
mod rule;
pub mod sale;
pub mod stock;
