//! Tests of the whole, one module a topic. Each test has its own temporary database.

mod backend;
mod egress;
mod egress_guard;
mod plugin_call;
mod plugin_load;
mod record;
mod reference;
mod secret;
