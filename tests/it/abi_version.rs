//! The version matrix of the interface: each pair of an older and a newer side, with real files built for it, and the
//! refusals of what does not fit, each in one line with its cause and its cure.

use std::process::Command;

use bindery::{
    base::{Coded, Fault},
    plugin::{Context, Error, Isolation, Scope},
};
use bindery_contract::Frame;
use bindery_tests::{Loaded, artifact};
use serde_json::{Value, json};

async fn install(loaded: &Loaded, fixture: &str, isolation: Isolation) -> Result<String, Error> {
    let file = artifact(&format!("fixture:{fixture}"));
    loaded.registry.install(&file, Some(isolation)).await.map(|listed| listed.id)
}

async fn ask(loaded: &Loaded, op: &str, header: &Value) -> Value {
    let instance = loaded.open("raw", json!({})).await.expect("it opens");
    let payload = Frame::encode(header, &[]).expect("small");
    let answer = instance.call(Scope::new(Context::new(1, "shop")), op, payload).await.expect("it answers");
    Frame::decode(&answer).expect("a frame").header().expect("JSON")
}

/// What a fixture is refused with; the same in process and in a worker.
async fn refusal(fixture: &str) -> Fault {
    let loaded = Loaded::nothing().await;
    let error = install(&loaded, fixture, Isolation::InProcess).await.expect_err("it does not fit");
    let in_worker = install(&loaded, fixture, Isolation::Worker).await.expect_err("it does not fit there either");
    assert_eq!(error.code().name, in_worker.code().name);
    assert_eq!(error.to_string(), in_worker.to_string());
    assert!(loaded.registry.list().is_empty(), "nothing of it is installed");
    let fault = Fault::from(error);
    assert_eq!(fault.message.lines().count(), 1, "one line: {}", fault.message);
    assert!(fault.message.len() < 600, "a line that can be read: {}", fault.message);
    fault
}

/// What a host of another version says about a plugin.
fn host_of(version: &str, plugin: &str) -> Value {
    let output =
        Command::new(artifact(&format!("fixture:host_{version}"))).arg(artifact(plugin)).output().expect("run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test]
async fn a_plugin_of_a_newer_minor_is_served_and_reads_what_this_host_lacks_as_absent() {
    for isolation in [Isolation::InProcess, Isolation::Worker] {
        let loaded = Loaded::nothing().await;
        assert_eq!(install(&loaded, "newer_minor", isolation).await.expect("minors fit both ways"), "raw");
        assert_eq!(ask(&loaded, "echo", &json!({"n": 1})).await, json!({"n": 1}), "{isolation:?}");
        assert_eq!(ask(&loaded, "now_ms", &json!({})).await, Value::Null, "this host has no now_ms");
        assert!(ask(&loaded, "serve:now", &json!({})).await["now"].is_string(), "what both have works");
    }
}

#[test]
fn a_host_of_a_newer_minor_serves_today_s_plugin_and_reads_what_it_lacks_as_absent() {
    let told = host_of("newer_minor", "plugin:raw");
    assert_eq!(told, json!({"manifest": true, "answer": "7 ask told", "health": null}));
    let told = host_of("newer_minor", "fixture:newer_minor");
    assert_eq!(told, json!({"manifest": true, "answer": "7 ask told", "health": 7}), "its own minor has it");
}

#[tokio::test]
async fn the_next_major_is_refused_and_says_which_side_to_update() {
    let fault = refusal("newer_major").await;
    assert_eq!(fault.code.name, "plugin.newer_major");
    assert_eq!(fault.message, "the plugin speaks interface 2.0.0, this host speaks 1.0.0");
    assert!(fault.code.cause.contains("newer major version"), "{}", fault.code.cause);
    assert!(fault.code.cure.contains("Update the host"), "{}", fault.code.cure);
}

#[tokio::test]
async fn the_major_before_is_refused_and_says_to_build_it_anew() {
    let fault = refusal("older_major").await;
    assert_eq!(fault.code.name, "plugin.older_major");
    assert_eq!(fault.message, "the plugin speaks interface 0.9.0, this host speaks 1.0.0");
    assert!(fault.code.cause.contains("older major version"), "{}", fault.code.cause);
    assert!(fault.code.cure.contains("Build the plugin anew"), "{}", fault.code.cure);
}

#[test]
fn a_host_of_the_next_major_refuses_today_s_plugin() {
    for (plugin, version) in [("plugin:raw", "1.0.0"), ("fixture:newer_minor", "1.1.0")] {
        let refused = format!("the library speaks interface {version}, this side 2.0.0");
        assert_eq!(host_of("newer_major", plugin), json!({ "refused": refused }));
    }
    assert_eq!(host_of("newer_major", "fixture:newer_major")["health"], 7, "it serves its own");
}

#[tokio::test]
async fn a_changed_type_is_refused_whatever_the_minor_says() {
    for fixture in ["wrong_layout", "wrong_newer"] {
        let fault = refusal(fixture).await;
        assert_eq!(fault.code.name, "plugin.wrong_layout", "{fixture}");
        assert!(
            fault.message.contains("u64") && fault.message.contains("u32"),
            "it names the types: {}",
            fault.message
        );
        assert!(fault.code.cause.contains("changed"), "{}", fault.code.cause);
        assert!(fault.code.cure.contains("published SDK"), "{}", fault.code.cure);
    }
    assert!(host_of("newer_minor", "fixture:wrong_newer")["refused"].is_string());
    assert!(host_of("newer_minor", "fixture:wrong_layout")["refused"].is_string());
}
