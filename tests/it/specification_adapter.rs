//! The specification's adapter over the real host: what a connector's one-line calls put on the wire.

use bindery_tests::{
    TestHost,
    fake_http::{FakeHttp, Received, Reply},
};
use serde_json::{Value, json};

/// A host with the backend `one` of the specimen, whose connection test shows something.
pub(crate) async fn specimen(server: &FakeHttp, show: &str) -> TestHost {
    let host = TestHost::new().await;
    host.install("specimen").await;
    let settings = json!({ "api_url": format!("{}/v2/", server.url()), "show": show, "page_size": 50 });
    let backend = json!({
        "name": "one", "backend_type": "specimen", "settings": settings, "secrets": { "api_key": "key-of-one" },
    });
    host.call("backend.add", backend).await;
    host
}

async fn tested(server: &FakeHttp, show: &str) -> Value {
    specimen(server, show).await.call("backend.test", json!({ "name": "one" })).await
}

async fn server() -> FakeHttp {
    FakeHttp::start(|_, _| Reply::json(r#"{"id": 7, "price": 12.50}"#)).await
}

fn body(request: &Received) -> String {
    String::from_utf8_lossy(&request.body).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_sends_what_its_line_says() {
    let server = server().await;
    tested(&server, "requests").await;
    let sent = server.received();
    let lines: Vec<_> = sent.iter().map(|request| (request.method.as_str(), request.target.as_str())).collect();
    assert_eq!(
        lines,
        [
            ("GET", "/v2/things?state=a%26b"),
            ("POST", "/v2/things"),
            ("PUT", "/v2/things/7"),
            ("DELETE", "/v2/things/7"),
            ("PATCH", "/v2/things/8"),
            ("POST", "/v2/token"),
            ("POST", "/v2/upload"),
        ]
    );
    assert_eq!(body(&sent[1]), r#"{"id": 7, "price": 12.50}"#, "numbers keep their digits on the way back");
    assert_eq!(sent[1].header("content-type"), Some("application/json"));
    assert_eq!(body(&sent[2]), body(&sent[1]));
    assert_eq!((body(&sent[3]), sent[3].header("x-reason")), (String::new(), Some("sold")));
    assert_eq!(body(&sent[4]), r#"["price"]"#);
    assert_eq!(body(&sent[5]), "grant_type=client+credentials&scope=read");
    assert_eq!(sent[5].header("content-type"), Some("application/x-www-form-urlencoded"));
    let multipart = body(&sent[6]);
    assert!(sent[6].header("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data; boundary=")));
    assert!(multipart.contains("name=\"title\"\r\n\r\nLogo\r\n"), "{multipart}");
    assert!(multipart.contains("filename=\"logo.png\"\r\nContent-Type: image/png"), "{multipart}");
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_are_joined_without_doubling_slashes_and_parameters_are_encoded() {
    let server = server().await;
    let details = tested(&server, "urls").await["details"].clone();
    let url = |rest: &str| format!("{}/v2{rest}", server.url());
    let expected = json!([
        ["slash", url("/things")],
        ["none", url("/things")],
        ["query", url("/things?name=Zo%C3%AB%20%26%20co&page=2")],
        ["both", url("/things?a=1&b=2")],
    ]);
    assert_eq!(details, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_go_along_with_every_request_those_of_the_parent_first() {
    let server = FakeHttp::start(|_, _| Reply::json(r#"{"items": []}"#)).await;
    let host = specimen(&server, "").await;
    host.sync("one", json!({ "only": "customers" })).await;
    host.sync("one", json!({ "only": "products" })).await;
    let sent = server.received();
    assert_eq!(sent[0].header("authorization"), Some("Bearer key-of-one"));
    assert_eq!((sent[0].header("x-api-version"), sent[0].header("x-products")), (Some("2.0"), None));
    // The adapter of products builds on the other one: what it has of it, what it says over it, what is its own.
    assert_eq!(sent[1].header("authorization"), Some("Bearer key-of-one"));
    assert_eq!((sent[1].header("x-api-version"), sent[1].header("x-products")), (Some("3.0"), Some("yes")));
    assert_eq!(sent[1].target, "/v2/products?limit=50");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_and_a_secret_are_sent_as_basic() {
    let server = server().await;
    let host = specimen(&server, "requests").await;
    host.call("backend.set", json!({ "name": "one", "secrets": { "api_secret": "of Zoë" } })).await;
    host.call("backend.test", json!({ "name": "one" })).await;
    // base64("specimen:of Zoë")
    assert_eq!(server.received()[0].header("authorization"), Some("Basic c3BlY2ltZW46b2YgWm/Dqw=="));
    let shown = host.call("backend.show", json!({ "name": "one" })).await;
    assert_eq!(shown["secrets"], json!({ "api_key": "***", "api_secret": "***" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_of_the_operator_reach_the_adapter() {
    let server = FakeHttp::start(|_, _| Reply::json(r#"{"items": []}"#)).await;
    let host = specimen(&server, "").await;
    host.sync("one", json!({ "kind": "specimen.product", "filters": { "state": "open" } })).await;
    assert_eq!(server.received()[0].target, "/v2/products?limit=50&state=open");
}
