//! Tests of the whole: the real host, real plugin files, real databases, real outside systems. One module a topic, and
//! each test has its own temporary database.
#![allow(clippy::unwrap_used, reason = "a panic is how a test reports; clippy knows only functions marked as tests")]
#![allow(clippy::print_stderr, reason = "a test that cannot run here says why")]

mod abi_version;
mod app;
mod backend;
mod binding;
mod catalogue;
mod cli_backend;
mod cli_host;
mod cli_usage;
mod cursor;
mod delegation;
mod domain;
mod egress;
mod egress_guard;
mod import;
mod import_bad_answer;
mod import_bad_ground;
mod import_bad_record;
mod import_change;
mod import_cursor;
mod import_kill;
mod import_match;
mod import_path;
mod import_race;
mod onchange;
mod outside;
mod plugin_call;
mod plugin_fault;
mod plugin_load;
mod plugin_page;
mod plugin_refusal;
mod plugin_reload;
mod queue;
mod queue_control;
mod queue_state;
mod record;
mod reference;
mod secret;
mod service_http;
mod service_job;
mod service_record;
mod shop;
mod specification_adapter;
mod specification_backend;
mod specification_binding;
mod specification_component;
mod specification_import;
mod storage;
mod storage_portability;
mod sync_sweep;
mod tryton;
mod tryton_readme;
mod worker;
