//! Listening, routing, and the version handshake.

use std::{
    future::IntoFuture,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, DefaultBodyLimit, Path as Segment, Request, State, connect_info::Connected},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
    serve::IncomingStream,
};
use tokio::{net::UnixListener, sync::watch, task::JoinHandle};

use super::Error;
use crate::{
    base::{Fault, socket::Address},
    operation::{
        self, Caller, Host,
        wire::{OPERATION_PATH, PROTOCOL, PROTOCOL_HEADER, Problem, VERSION, VERSION_HEADER},
    },
};

/// Bytes of a request.
const BODY_LIMIT: usize = 16 << 20;

/// Whether the host can do its work; shared with whoever knows.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says so.
    pub fn set(&self, is_ready: bool) {
        self.0.store(is_ready, Ordering::Release);
    }

    /// Asks.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[derive(Clone)]
struct Shared {
    host: Arc<Host>,
    readiness: Readiness,
    owner: u32,
}

/// Who is at the other end of a connection, as the kernel says.
#[derive(Debug, Clone, Copy)]
struct Peer(Option<u32>);

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self(stream.io().peer_cred().ok().map(|credentials| credentials.uid()))
    }
}

/// A listening socket.
pub struct Server {
    path: PathBuf,
    stop: watch::Sender<bool>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Listens. What lies at the path is a leftover: the caller holds the directory's lock.
    pub fn start(path: &Path, owner: u32, host: Arc<Host>, readiness: Readiness) -> std::io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(Address::new(path)?.as_path())?;
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        let (stop, stopped) = watch::channel(false);
        let router = router(Shared { host, readiness, owner });
        let serve = axum::serve(listener, router.into_make_service_with_connect_info::<Peer>())
            .with_graceful_shutdown(told(stopped));
        Ok(Self { path: path.to_owned(), stop, task: tokio::spawn(serve.into_future()) })
    }

    /// Takes no new calls, lets the ones under way end, removes the socket.
    pub async fn stop(self) {
        // Gone first, so that new commands don't meet a closing door.
        let _ = std::fs::remove_file(&self.path);
        self.stop.send_replace(true);
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the socket ended with an error"),
            Err(error) => tracing::warn!(%error, "the socket's task ended with an error"),
        }
    }
}

async fn told(mut stopped: watch::Receiver<bool>) {
    // An error means that the server was dropped: the same.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route(&format!("{OPERATION_PATH}{{name}}"), post(call))
        .fallback(nothing)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(shared.clone(), owner_only))
        .layer(middleware::map_response(signed))
        .with_state(shared)
}

async fn ready(State(shared): State<Shared>) -> Response {
    match shared.readiness.is_ready() {
        true => text(StatusCode::OK, "text/plain", "ready\n".to_owned()),
        false => text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "starting or stopping\n".to_owned()),
    }
}

async fn owner_only(State(shared): State<Shared>, peer: ConnectInfo<Peer>, request: Request, next: Next) -> Response {
    match peer.0.0 {
        // Root reads the files anyway.
        Some(uid) if uid == shared.owner || uid == 0 => next.run(request).await,
        uid => refuse(StatusCode::FORBIDDEN, Error::Stranger(uid.unwrap_or(u32::MAX)).into()),
    }
}

async fn call(
    State(shared): State<Shared>,
    Segment(name): Segment<String>,
    headers: HeaderMap,
    body: Result<String, axum::extract::rejection::StringRejection>,
) -> Response {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if said(PROTOCOL_HEADER) != PROTOCOL.to_string() {
        return refuse(StatusCode::UPGRADE_REQUIRED, Error::Version(said(VERSION_HEADER).to_owned()).into());
    }
    let input = match body {
        Ok(input) => input,
        Err(rejection) => return refuse(rejection.status(), Error::Body(rejection.body_text()).into()),
    };
    // A caller that goes away must not leave a change half told: the operation goes on.
    let task = tokio::spawn(async move { operation::call(&shared.host, &Caller::owner(), &name, input).await });
    match task.await {
        Ok(Ok(answer)) => text(StatusCode::OK, "application/json", answer),
        Ok(Err(fault)) => refuse(status(&fault), fault),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, Error::Panicked(error.to_string()).into()),
    }
}

async fn nothing(uri: Uri) -> Response {
    refuse(StatusCode::NOT_FOUND, Error::Path(uri.path().to_owned()).into())
}

async fn signed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(PROTOCOL_HEADER, PROTOCOL.into());
    headers.insert(VERSION_HEADER, header::HeaderValue::from_static(VERSION));
    response
}

fn status(fault: &Fault) -> StatusCode {
    match fault.code.name {
        "security.denied" => StatusCode::FORBIDDEN,
        "operation.unknown" | "operation.not_found" => StatusCode::NOT_FOUND,
        "operation.answer" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn refuse(status: StatusCode, fault: Fault) -> Response {
    let problem = serde_json::to_string(&Problem::from(fault)).expect("a problem is text and numbers");
    text(status, "application/json", problem)
}

fn text(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}
