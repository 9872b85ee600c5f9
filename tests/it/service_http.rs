//! Requests of a connector through the host: headers, time, forms, parts, and caps, against a server that looks.

use std::time::Duration;

use bindery::plugin::Isolation;
use bindery_contract::{Error, ErrorClass};
use bindery_tests::{
    fake_http::{FakeHttp, Received, Reply},
    script::Scripted,
};
use serde_json::{Value, json};

async fn ask(isolation: Isolation, server: &FakeHttp, step: Value) -> Result<Value, Error> {
    let connector = Scripted::new(isolation, json!({"api_url": server.url()})).await;
    let scope = connector.scope().await;
    connector.call(&scope, json!([step])).await.map(|mut answers| answers.remove(0))
}

fn header<'r>(request: &'r Received, name: &str) -> &'r str {
    request.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

async fn both(step: Value) -> Vec<Received> {
    let server = FakeHttp::start(|_, _| Reply::json("{\"ok\":true}")).await;
    for isolation in [Isolation::InProcess, Isolation::Worker] {
        let mut step = step.clone();
        step["do"] = json!("http");
        let answer = ask(isolation, &server, step).await.expect("it is answered");
        assert_eq!((&answer["status"], &answer["bytes"]), (&json!(200), &json!(11)));
    }
    let received = server.received();
    assert_eq!(received.len(), 2);
    received
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_the_headers_of_its_call() {
    for request in both(json!({"method": "PATCH", "path": "/a//b", "headers": {"X-Trace": "7"}})).await {
        assert_eq!((request.method.as_str(), request.target.as_str()), ("PATCH", "/a//b"));
        assert_eq!(header(&request, "x-trace"), "7");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_encoded() {
    for request in both(json!({"method": "POST", "path": "/form", "form": {"a b": "1&2", "c": "é"}})).await {
        assert_eq!(header(&request, "content-type"), "application/x-www-form-urlencoded");
        assert_eq!(String::from_utf8_lossy(&request.body), "a+b=1%262&c=%C3%A9");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_and_files_are_sent_as_multipart() {
    let step =
        json!({"method": "POST", "path": "/files", "parts": {"title": "A note"}, "files": {"note": "text \r\n of it"}});
    for request in both(step).await {
        assert!(header(&request, "content-type").starts_with("multipart/form-data; boundary="));
        let body = String::from_utf8_lossy(&request.body);
        assert!(body.contains("name=\"title\"") && body.contains("\r\n\r\nA note\r\n"), "{body}");
        assert!(body.contains("filename=\"note.txt\"") && body.contains("text \r\n of it"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_says_how_long_it_waits_waits_no_longer() {
    let server = FakeHttp::start(|_, _| Reply::Hang(Vec::new())).await;
    let step = json!({"do": "http", "method": "POST", "path": "/slow", "timeout_ms": 200});
    let begun = std::time::Instant::now();
    let error = ask(Isolation::InProcess, &server, step).await.expect_err("too slow");
    assert_eq!(error.class, ErrorClass::Retryable);
    assert!(begun.elapsed() < Duration::from_secs(60), "the host's own limit is far longer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_cap_is_cut_off_and_named_whatever_it_says_of_its_length() {
    let server = FakeHttp::start(|_, _| {
        let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n".to_vec();
        bytes.resize(bytes.len() + (5 << 20), b'x');
        Reply::Bytes(bytes)
    })
    .await;
    let connector =
        Scripted::new(Isolation::Worker, json!({"api_url": server.url(), "max_body_bytes": 1_048_576})).await;
    let scope = connector.scope().await;
    let step = json!([{"do": "http", "method": "GET", "path": "/big"}]);
    let error = connector.call(&scope, step).await.expect_err("too large");
    assert!(error.message.contains("1048576") || error.message.contains("1 MB"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_inside_a_good_answer_is_one() {
    let server = FakeHttp::start(|_, _| Reply::json(r#"{"error":{"message":"no such method"}}"#)).await;
    let step = json!({"do": "http", "method": "POST", "path": "/rpc", "error_at": "/error"});
    let error = ask(Isolation::InProcess, &server, step).await.expect_err("an error");
    assert!(error.message.contains("no such method"), "{error}");
}
