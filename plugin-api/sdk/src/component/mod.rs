//! Components: the parts that a connector consists of, declared in one place, found by usage, kind and backend type.
//!
//! It holds declarations and lookups; what a component does is its own.

mod declare;
pub mod field;
mod kind;
mod listener;
mod lookup;
mod part;
mod registry;
mod webhook;

pub use declare::{ActionBuilder, AdapterBuilder, ComponentBuilder, Components};
pub use kind::KindBuilder;
pub(crate) use listener::missing as missing_listener;
pub use listener::{ListenerBuilder, RecordEvent};
pub use lookup::Lookup;
pub(crate) use part::{AnyAdapter, Part};
pub(crate) use registry::{ADAPTER, BINDER, Registry};
pub use webhook::{Event, Reaction, Scheme, WebhookBuilder};
