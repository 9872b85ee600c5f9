//! Outgoing calls against servers that are slow, full, cut off or wrong: what is repeated, what is waited for, what the
//! connector is told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bindery::{
    base::{Clock, Timestamp},
    egress::{Egress, Grant, Options},
};
use bindery_contract::{
    Error, ErrorClass,
    http::{Body, Part, Request, Response},
};
use bindery_tests::fake_http::{FakeHttp, Received, Reply};
use bytes::Bytes;

/// An egress whose waits take no time: they are noted, and the clock is moved on.
pub(crate) struct Bench {
    pub(crate) egress: Egress,
    pub(crate) server: FakeHttp,
    pub(crate) grant: Grant,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Bench {
    pub(crate) async fn new(answer: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(Options::default(), answer).await
    }

    pub(crate) async fn with(
        options: Options,
        answer: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let server = FakeHttp::start(answer).await;
        let clock = Clock::manual(Timestamp::parse_rfc3339("2026-11-24T04:00:00Z").expect("a time"));
        let waits: Arc<Mutex<Vec<Duration>>> = Arc::default();
        let (noted, moved) = (waits.clone(), clock.clone());
        let pause = move |time: Duration| -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
            noted.lock().expect("no other panicked").push(time);
            moved.advance_seconds(i64::try_from(time.as_millis().div_ceil(1000)).expect("short"));
            Box::pin(std::future::ready(()))
        };
        let egress = Egress::new(clock, Options { pause: Arc::new(pause), ..options }).expect("it starts");
        let grant = Grant::new(7, "shop").allow_url(server.url()).expect("a URL");
        Self { egress, server, grant, waits }
    }

    pub(crate) async fn send(&self, request: Request) -> Result<(Response, Bytes), Error> {
        self.egress.send(&self.grant, &request, &[]).await
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        Request { url: format!("{}{path}", self.server.url()), ..Request::default() }
    }

    fn post(&self, path: &str) -> Request {
        Request { method: "POST".to_owned(), ..self.get(path) }
    }

    fn waits(&self) -> Vec<Duration> {
        self.waits.lock().expect("no other panicked").clone()
    }
}

#[tokio::test]
async fn an_answer_comes_with_its_headers_and_body() {
    let bench = Bench::new(|_, _| Reply::new(200, &[("X-Total", "3")], r#"{"a":1}"#)).await;
    let (response, body) = bench.send(bench.get("/things?limit=3")).await.expect("answered");
    assert_eq!((response.status, &body[..], response.length), (200, br#"{"a":1}"#.as_slice(), 7));
    assert!(response.headers.contains(&("x-total".to_owned(), "3".to_owned())));
    let received = bench.server.received();
    assert_eq!(received[0].target, "/things?limit=3");
    assert!(received[0].header("user-agent").expect("sent").starts_with("bindery/"));
    let counters = bench.egress.counters(7);
    assert_eq!((counters.calls, counters.requests, counters.bytes_in), (1, 1, 7));
}

#[tokio::test]
async fn too_many_requests_waits_as_long_as_the_server_says_and_then_succeeds() {
    let bench = Bench::new(|n, _| match n {
        0 => Reply::new(429, &[("retry-after", "7")], "slow down"),
        1 => Reply::new(429, &[("retry-after", "Tue, 24 Nov 2026 04:00:18 GMT")], ""),
        _ => Reply::json("[]"),
    })
    .await;
    bench.send(bench.post("/orders")).await.expect("answered in the end, a POST too");
    assert_eq!(bench.waits(), [Duration::from_secs(7), Duration::from_secs(11)]);
    let counters = bench.egress.counters(7);
    assert_eq!((counters.calls, counters.requests, counters.throttled, counters.throttled_ms), (1, 3, 2, 18_000));
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_the_jobs_and_not_the_workers() {
    let bench = Bench::new(|_, _| Reply::new(429, &[("retry-after", "3600")], r#"{"message":"quota used"}"#)).await;
    let error = bench.send(bench.get("/")).await.expect_err("too long");
    assert_eq!((error.class, error.detail.after_ms), (ErrorClass::RateLimited, Some(3_600_000)));
    assert!(error.message.contains("quota used"), "{}", error.message);
    assert_eq!(bench.waits(), []);
    // The next call does not even ask.
    let error = bench.send(bench.get("/other")).await.expect_err("blocked");
    assert_eq!(error.class, ErrorClass::RateLimited);
    assert_eq!(bench.server.received().len(), 1);
    assert_eq!(bench.egress.counters(7).failures["rate_limited"], 2);
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_waited_for_before_the_server_must_refuse() {
    let bench = Bench::new(|n, _| {
        let left = if n == 0 { "1" } else { "0" };
        let headers = [("x-ratelimit-limit", "2"), ("x-ratelimit-remaining", left), ("x-ratelimit-reset", "30")];
        Reply::new(200, &headers, "[]")
    })
    .await;
    for _ in 0..3 {
        bench.send(bench.get("/")).await.expect("answered");
    }
    assert_eq!(bench.waits(), [Duration::from_secs(30)]);
    let budget = &bench.egress.budgets(7)[0];
    assert_eq!((budget.limit, budget.remaining), (Some(2), Some(0)));
    let other = Grant::new(8, "other").allow_url(bench.server.url()).expect("a URL");
    bench.egress.send(&other, &bench.get("/"), &[]).await.expect("each backend has a budget of its own");
    assert_eq!(bench.waits().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_down_for_a_moment_is_asked_again_with_growing_waits() {
    let bench = Bench::new(|n, _| match n {
        0 => Reply::new(502, &[], ""),
        1 => Reply::new(503, &[], ""),
        2 => Reply::new(504, &[], ""),
        _ => Reply::json("[]"),
    })
    .await;
    bench.send(bench.get("/")).await.expect("answered in the end");
    let waits = bench.waits();
    assert_eq!(waits.len(), 3);
    for (wait, whole) in waits.iter().zip([500, 1000, 2000]) {
        let wait = wait.as_millis();
        assert!((whole / 2..=whole).contains(&wait), "{wait} ms is not between half and the whole of {whole}");
    }
}

#[tokio::test]
async fn what_may_not_be_done_twice_is_not_repeated() {
    let bench = Bench::new(|_, _| Reply::new(503, &[], r#"{"error":{"message":"busy"}}"#)).await;
    let error = bench.send(bench.post("/orders")).await.expect_err("not repeated");
    assert_eq!((error.class, error.detail.status), (ErrorClass::Retryable, Some(503)));
    assert!(error.message.contains("busy"), "{}", error.message);
    assert_eq!(bench.server.received().len(), 1);
    let keyed = Request { idempotency_key: Some("k1".to_owned()), ..bench.post("/orders") };
    bench.send(keyed).await.expect_err("repeated in vain");
    let received = bench.server.received();
    assert_eq!(received.len(), 5);
    assert!(received[1..].iter().all(|request| request.header("idempotency-key") == Some("k1")));
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_the_body_is_repeated_and_then_told() {
    let cut = || Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":".to_vec());
    let bench = Bench::new(move |n, _| if n == 0 { cut() } else { Reply::json("{}") }).await;
    bench.send(bench.get("/")).await.expect("answered the second time");
    let bench = Bench::new(move |_, _| cut()).await;
    let error = bench.send(bench.post("/orders")).await.expect_err("not repeated");
    assert_eq!(error.class, ErrorClass::Retryable);
    assert!(error.message.contains("cut"), "{}", error.message);
    assert_eq!(bench.server.received().len(), 1);
}

#[tokio::test]
async fn a_body_that_never_ends_in_time_is_given_up() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec();
    let bench = Bench::new(move |_, _| Reply::Hang(head.clone())).await;
    let request = Request { timeout_ms: Some(50), ..bench.post("/slow") };
    let error = bench.send(request).await.expect_err("too slow");
    assert_eq!(error.class, ErrorClass::Retryable);
    assert!(error.message.contains("within 0.05 s"), "{}", error.message);
}

#[tokio::test]
async fn nobody_listening_is_a_clear_error_that_may_pass() {
    let bench = Bench::new(|_, _| Reply::json("{}")).await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("its address");
    let grant = Grant::new(7, "shop").allow_url(&format!("http://{free}")).expect("a URL");
    let request = Request { url: format!("http://{free}/x"), method: "POST".to_owned(), ..Request::default() };
    let error = bench.egress.send(&grant, &request, &[]).await.expect_err("refused");
    assert_eq!(error.class, ErrorClass::Retryable);
    assert!(error.message.contains("no connection") && error.message.contains("refused"), "{}", error.message);
    assert!(error.detail.cure.is_some());
    assert_eq!(bench.waits().len(), 3, "nothing was sent, so even a POST is tried again");
}

#[tokio::test]
async fn statuses_become_classes_with_the_remotes_own_words() {
    let bench = Bench::new(|_, request| {
        let status = request.target[1..].parse().expect("a status");
        Reply::new(status, &[("content-type", "application/json")], r#"{"message":"because"}"#)
    })
    .await;
    for (status, class) in [
        (400, ErrorClass::Invalid),
        (401, ErrorClass::Auth),
        (403, ErrorClass::Auth),
        (404, ErrorClass::Gone),
        (409, ErrorClass::Invalid),
        (410, ErrorClass::Gone),
        (422, ErrorClass::Invalid),
        (500, ErrorClass::Retryable),
    ] {
        let error = bench.send(bench.get(&format!("/{status}"))).await.expect_err("an error");
        assert_eq!((error.class, error.detail.status), (class, Some(status)));
        assert!(error.message.contains("because"), "{}", error.message);
    }
    let accepting = Request { accept_status: vec![404], ..bench.get("/404") };
    let (response, _) = bench.send(accepting).await.expect("the connector reads it itself");
    assert_eq!(response.status, 404);
}

#[tokio::test]
async fn forms_and_multipart_arrive_as_they_should() {
    let bench = Bench::new(|_, _| Reply::json("{}")).await;
    let fields = vec![("user".to_owned(), "a b".to_owned()), ("pass".to_owned(), "ö&".to_owned())];
    bench.send(Request { body: Body::Form { fields }, ..bench.post("/token") }).await.expect("answered");
    let part = Part {
        name: "file".to_owned(),
        file_name: Some("a.png".to_owned()),
        content_type: Some("image/png".to_owned()),
        segment: 1,
    };
    let upload = Request { body: Body::Multipart { parts: vec![part] }, ..bench.post("/upload") };
    bench.egress.send(&bench.grant, &upload, &[b"unused", b"\x89PNG\0"]).await.expect("answered");
    let raw = Request { body: Body::Raw { content_type: "application/json".to_owned() }, ..bench.post("/raw") };
    bench.egress.send(&bench.grant, &raw, &[b"{}"]).await.expect("answered");
    let received = bench.server.received();
    assert_eq!(received[0].body, b"user=a+b&pass=%C3%B6%26");
    assert_eq!(received[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    let text = String::from_utf8_lossy(&received[1].body);
    assert!(text.contains("name=\"file\"; filename=\"a.png\"") && text.contains("image/png"), "{text}");
    assert!(received[1].body.windows(5).any(|window| window == b"\x89PNG\0"));
    assert_eq!(
        (received[2].header("content-type"), received[2].body.as_slice()),
        (Some("application/json"), &b"{}"[..])
    );
}

#[tokio::test]
async fn an_error_inside_a_success_is_an_error() {
    let bench = Bench::new(|n, _| match n {
        0 => Reply::json(r#"{"jsonrpc":"2.0","result":[1]}"#),
        _ => Reply::json(r#"{"jsonrpc":"2.0","error":{"code":200,"message":"x","data":{"message":"no such field"}}}"#),
    })
    .await;
    let request = || Request { error_at: Some("/error".to_owned()), ..bench.post("/jsonrpc") };
    bench.send(request()).await.expect("no error in it");
    let error = bench.send(request()).await.expect_err("an error in it");
    assert!(error.message.contains("no such field"), "{}", error.message);
}
