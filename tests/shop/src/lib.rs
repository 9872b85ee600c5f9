//! A web shop to test connectors against: products, customers, orders, stock and invoices over JSON and HTTP, with
//! state, paging, rate limits, and faults on demand.
//!
//! In a test it runs inside the process on a free port ([`Shop::start`]); `demo-shop` is the same as a program, steered
//! over `/_control`. It is deterministic: the same options give the same bytes, and its clock moves only when something
//! changes. It knows nothing of connectors or hosts.

mod batch;
mod clock;
mod collection;
mod control;
mod fault;
mod gate;
mod habit;
mod journal;
mod keep;
mod list;
mod pattern;
mod rate;
mod rule;
mod seed;
mod serve;
mod shop;
mod state;
mod upload;

pub use fault::Fault;
pub use gate::{Gate, Point};
pub use habit::{Habit, When};
pub use journal::Entry;
pub use seed::Options;
pub use shop::Shop;
