//! What outgoing calls must never do: reach where nobody granted, follow a redirect there, take in too much, or let a
//! secret out.

use std::io::Write as _;

use bindery::{
    base::Secret,
    egress::{Grant, Options},
};
use bindery_contract::{ErrorClass, http::Request};
use bindery_tests::{
    fake_http::{AUTHORITY, FakeHttp, Reply},
    log::Log,
};

use crate::egress::Bench;

#[tokio::test]
async fn a_host_that_is_not_granted_is_never_called() {
    let bench = Bench::new(|_, _| Reply::json("{}")).await;
    let grant = Grant::new(7, "shop").allow_host("api.example.org").expect("a host");
    let error = bench.egress.send(&grant, &bench.get("/"), &[]).await.expect_err("denied");
    assert_eq!(error.class, ErrorClass::Denied);
    assert!(error.detail.cure.as_deref().unwrap_or_default().contains("https://api.example.org"));
    assert_eq!(bench.server.received().len(), 0);
}

#[tokio::test]
async fn a_name_of_a_manifest_that_leads_to_this_machine_is_refused_when_it_is_resolved() {
    let bench = Bench::new(|_, _| Reply::json("{}")).await;
    let url = format!("http://localhost:{}/", bench.server.port());
    let asked = Grant::new(7, "shop").allow_host(&url).expect("a host");
    let request = Request { url: url.clone(), ..Request::default() };
    let error = bench.egress.send(&asked, &request, &[]).await.expect_err("denied");
    assert_eq!(error.class, ErrorClass::Denied);
    assert!(error.message.contains("not a public address"), "{}", error.message);
    let literal = Grant::new(7, "shop").allow_host(bench.server.url()).expect("a host");
    let error = bench.egress.send(&literal, &bench.get("/"), &[]).await.expect_err("denied");
    assert_eq!(error.class, ErrorClass::Denied);
    assert_eq!(bench.server.received().len(), 0);
    let typed = Grant::new(7, "shop").allow_url(&url).expect("a URL");
    bench.egress.send(&typed, &request, &[]).await.expect("the operator typed it, so it is called");
}

#[tokio::test]
async fn a_redirect_leads_only_where_calls_may_go() {
    let inside = FakeHttp::start(|_, _| Reply::json(r#"{"secret":"metadata"}"#)).await;
    let target = inside.url().to_owned();
    let bench = Bench::new(move |_, request| match request.target.as_str() {
        "/private" => Reply::redirect(302, &format!("{target}/latest")),
        "/metadata" => Reply::redirect(302, "http://169.254.169.254/latest"),
        "/file" => Reply::redirect(302, "file:///etc/passwd"),
        "/loop" => Reply::redirect(302, "/loop"),
        "/moved" => Reply::redirect(301, "/here"),
        _ => Reply::json("{}"),
    })
    .await;
    for path in ["/private", "/metadata", "/file"] {
        let error = bench.send(bench.get(path)).await.expect_err(path);
        assert_eq!(error.class, ErrorClass::Denied, "{path}: {}", error.message);
    }
    assert_eq!(inside.received().len(), 0);
    let error = bench.send(bench.get("/loop")).await.expect_err("a loop");
    assert!(error.message.contains("redirects more than"), "{}", error.message);
    bench.send(bench.get("/moved")).await.expect("followed");
}

#[tokio::test]
async fn a_redirect_never_leads_from_https_to_http() {
    let plain = FakeHttp::start(|_, _| Reply::json("{}")).await;
    let target = plain.url().to_owned();
    let safe = FakeHttp::start_tls(move |_, request| match request.target.as_str() {
        "/down" => Reply::redirect(302, &target),
        _ => Reply::json("{}"),
    })
    .await;
    let trusting = Options { certificates: vec![AUTHORITY.to_vec()], ..Options::default() };
    let bench = Bench::with(trusting, |_, _| Reply::json("{}")).await;
    let grant = Grant::new(7, "shop").allow_url(safe.url()).and_then(|grant| grant.allow_url(plain.url()));
    let grant = grant.expect("both may be called");
    let to = |path: &str| Request { url: format!("{}{path}", safe.url()), ..Request::default() };
    bench.egress.send(&grant, &to("/"), &[]).await.expect("an authority of the operator's is trusted");
    let error = bench.egress.send(&grant, &to("/down"), &[]).await.expect_err("denied");
    assert_eq!(error.class, ErrorClass::Denied);
    assert!(error.message.contains("https to plain http"), "{}", error.message);
    assert_eq!(plain.received().len(), 0);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let safe = FakeHttp::start_tls(|_, _| Reply::json("{}")).await;
    let bench = Bench::new(|_, _| Reply::json("{}")).await;
    let grant = Grant::new(7, "shop").allow_url(safe.url()).expect("a URL");
    let request = Request { url: safe.url().to_owned(), ..Request::default() };
    let error = bench.egress.send(&grant, &request, &[]).await.expect_err("not trusted");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.message.contains("certificate"), "{}", error.message);
    assert!(error.detail.cure.as_deref().unwrap_or_default().contains("BINDERY_CA_FILE"));
    assert_eq!(safe.received().len(), 0);
}

#[tokio::test]
async fn credentials_are_not_carried_to_another_host() {
    let other = FakeHttp::start(|_, _| Reply::json("{}")).await;
    let target = other.url().to_owned();
    let bench = Bench::new(move |_, _| Reply::redirect(302, &target)).await;
    let grant = bench.grant.clone().allow_url(other.url()).expect("a URL");
    let request = Request {
        headers: vec![("X-Shop-Token".to_owned(), "t".to_owned()), ("Cookie".to_owned(), "c".to_owned())],
        basic: Some(("user".to_owned(), Some("password".to_owned()))),
        ..bench.get("/")
    };
    bench.egress.send(&grant, &request, &[]).await.expect("followed");
    let first = &bench.server.received()[0];
    assert!(first.header("authorization").is_some() && first.header("x-shop-token").is_some());
    let second = &other.received()[0];
    for name in ["authorization", "x-shop-token", "cookie"] {
        assert_eq!(second.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_body_over_the_cap_is_a_clear_error_however_it_comes() {
    let long = "x".repeat(5_000_000);
    let chunked =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    let until_closed = format!("HTTP/1.1 200 OK\r\n\r\n{long}");
    let bench = Bench::with(Options { max_body: 4_000_000, ..Options::default() }, move |_, request| {
        match request.target.as_str() {
            "/length" => Reply::new(200, &[], &long),
            "/chunked" => Reply::Bytes(chunked.clone().into_bytes()),
            "/closed" => Reply::Bytes(until_closed.clone().into_bytes()),
            _ => Reply::new(500, &[], &long),
        }
    })
    .await;
    for path in ["/length", "/chunked", "/closed", "/error"] {
        let error = bench.send(bench.get(path)).await.expect_err(path);
        assert_eq!(error.class, ErrorClass::Failed, "{path}");
        assert!(error.message.contains("accepts 4000000 bytes"), "{}", error.message);
        assert!(error.detail.cure.as_deref().unwrap_or_default().contains("max_body_bytes"));
    }
    assert_eq!(bench.server.received().len(), 4, "none is asked for again");
    let roomy = bench.grant.clone().max_body(6_000_000);
    for path in ["/length", "/chunked", "/closed"] {
        let (response, _) = bench.egress.send(&roomy, &bench.get(path), &[]).await.expect(path);
        assert_eq!(response.length, 5_000_000);
    }
}

#[tokio::test]
async fn a_small_answer_that_decompresses_without_end_is_stopped_at_the_cap() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b'0'; 20_000_000]).expect("memory");
    let bomb = encoder.finish().expect("memory");
    assert!(bomb.len() < 100_000);
    let bench = Bench::with(Options { max_body: 1_000_000, ..Options::default() }, move |_, _| {
        Reply::new(200, &[("content-encoding", "gzip")], &bomb)
    })
    .await;
    let error = bench.send(bench.get("/")).await.expect_err("over the cap");
    assert!(error.message.contains("accepts 1000000 bytes"), "{}", error.message);
}

#[tokio::test]
async fn html_where_data_was_expected_is_told_with_its_start() {
    let page = "<!DOCTYPE html><html><head><title>Log in</title></head><body>Who are you?</body></html>";
    let bench = Bench::new(move |_, _| Reply::new(200, &[("content-type", "text/html")], page)).await;
    let error = bench.send(bench.get("/api/products")).await.expect_err("HTML");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.message.contains("HTML") && error.message.contains("Log in"), "{}", error.message);
    assert!(error.detail.place.as_deref().unwrap_or_default().starts_with("<!DOCTYPE html>"));
    let wanted = Request { headers: vec![("Accept".to_owned(), "text/html".to_owned())], ..bench.get("/page") };
    bench.send(wanted).await.expect("a connector that asks for HTML gets it");
}

#[tokio::test]
async fn a_secret_is_in_no_error_and_no_log_line() {
    let (log, _capturing) = Log::start();
    let secret = "s3cr3t-t0ken/with+signs";
    let encoded = "s3cr3t-t0ken%2Fwith%2Bsigns";
    let bench = Bench::new(move |_, request| match request.target.split('?').next() {
        Some("/echo") => {
            Reply::new(400, &[("content-type", "application/json")], format!(r#"{{"message":"bad key {secret}"}}"#))
        }
        Some("/html") => Reply::new(200, &[("content-type", "text/html")], format!("<html>{secret} {encoded}</html>")),
        Some("/rpc") => Reply::json(&format!(r#"{{"error":{{"message":"token {secret} expired"}}}}"#)),
        Some("/redirect") => Reply::redirect(302, &format!("http://elsewhere.example/{encoded}")),
        Some("/basic") => Reply::new(401, &[], "dXNlcjpzM2NyM3QtdDBrZW4vd2l0aCtzaWducw=="),
        _ => Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".to_vec()),
    })
    .await;
    let grant = bench.grant.clone().hide(&Secret::new(secret));
    for path in ["/echo", "/html", "/rpc", "/redirect", "/basic", "/cut", &format!("/bot{encoded}/send")] {
        let request = Request {
            query: vec![("api_key".to_owned(), secret.to_owned())],
            headers: vec![("X-Api-Key".to_owned(), secret.to_owned())],
            basic: Some(("user".to_owned(), Some(secret.to_owned()))),
            error_at: Some("/error".to_owned()),
            ..bench.get(path)
        };
        let error = bench.egress.send(&grant, &request, &[]).await.expect_err(path);
        let told = format!("{error:?}");
        for spelling in [secret, encoded, "s3cr3t", "dXNlcjpzM2NyM3Q"] {
            assert!(!told.contains(spelling), "{path}: {told}");
        }
    }
    let text = log.text();
    assert!(text.contains("request") && text.contains("/echo"), "calls are logged:\n{text}");
    for spelling in [secret, encoded, "s3cr3t", "dXNlcjpzM2NyM3Q"] {
        assert!(!text.contains(spelling), "{spelling} in\n{text}");
    }
}
