//! Records: what models and kinds there are, and how their records are searched, read, created, written and removed;
//! their bindings to the outside, the log of their changes, and the cursors of syncs.
//!
//! Everything is a function over a transaction and a [`Catalogue`] snapshot, to be called inside a closure of the
//! store. It knows nothing of plugins, jobs or HTTP, writes no SQL of its own, and checks no access.

pub mod binding;
mod built_in;
pub mod catalogue;
pub mod change;
mod check;
mod compute;
pub mod cursor;
pub mod declaration;
pub mod decode;
mod delegate;
pub mod domain;
pub mod encode;
pub mod error;
pub mod field;
pub mod install;
mod kind;
pub mod kv;
mod line;
pub mod named;
mod onchange;
pub mod outbox;
pub mod page;
pub mod reference;
pub mod register;
mod removal;
pub mod row;
pub mod seed;
pub mod store;
pub mod values;
mod work;

pub use binding::Binding;
pub use catalogue::{Catalogue, Current};
pub use change::Change;
pub use domain::{Query, count, search};
pub use error::{CODES, Error};
pub use field::{Field, Kind, Model, OnDelete};
pub use row::{Row, read};
pub use store::{create, unlink, write};
pub use values::{Command, Input, Symbolic, Target, Values};
