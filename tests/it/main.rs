//! Tests of the whole, one module a topic. Each test has its own temporary database.

mod plugin_call;
mod plugin_load;
