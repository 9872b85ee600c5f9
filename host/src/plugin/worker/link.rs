//! One end of the socket between host and worker; both ends are the same. Requests go both ways at once.
//!
//! Nobody can block anybody: the reader never waits for the writer, and a sender waits for credit in its own task.
//! What is on the way is bounded by the window, what is put together by the size and number of messages.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use bindery_contract::{Error, ErrorClass};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Semaphore, mpsc, oneshot},
    task::{AbortHandle, JoinHandle},
};

use super::frame::{self, Frame, Kind};
use crate::plugin::{
    abi::Line,
    guard::{Answer, AnswerFuture, Guarded},
    scope::lock,
};

/// What an end does for the other.
pub(super) trait Side: Send + Sync + 'static {
    /// Serves a request.
    fn serve(&self, call: u64, op: &str, payload: Vec<u8>) -> AnswerFuture;
    /// Takes a line of log.
    fn log(&self, line: &Line<'_>);
    /// Where requests are served.
    fn runtime(&self) -> tokio::runtime::Handle;
}

/// One end.
pub(super) struct Link {
    out: mpsc::UnboundedSender<Vec<u8>>,
    pending: Mutex<Pending>,
    serving: Mutex<HashMap<u64, AbortHandle>>,
    next: AtomicU64,
    credit: Semaphore,
    lost_lines: AtomicU64,
}

#[derive(Default)]
struct Pending {
    /// Set under the same lock that guards the map, so that no request slips in after the end.
    closed: bool,
    answers: HashMap<u64, oneshot::Sender<Answer>>,
}

impl Link {
    /// Starts both directions. The task ends with the connection; pending requests fail once `fail_all` is called.
    pub(super) fn start(stream: UnixStream, side: Arc<dyn Side>) -> (Arc<Self>, JoinHandle<io::Result<()>>) {
        let (read, write) = stream.into_split();
        let (out, queue) = mpsc::unbounded_channel();
        let link = Arc::new(Self {
            out,
            pending: Mutex::default(),
            serving: Mutex::default(),
            next: AtomicU64::new(1),
            credit: Semaphore::new(frame::WINDOW),
            lost_lines: AtomicU64::new(0),
        });
        tokio::spawn(write_all(write, queue));
        let reader = link.clone();
        let reading = tokio::spawn(async move {
            let ended = reader.read_all(read, side).await;
            reader.close();
            for (_, task) in lock(&reader.serving).drain() {
                task.abort();
            }
            ended
        });
        (link, reading)
    }

    /// Whether the other end is gone.
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.pending).closed
    }

    /// Takes no more requests.
    pub(super) fn close(&self) {
        lock(&self.pending).closed = true;
        self.credit.close();
    }

    /// Fails what still waits, saying why. Only after the reading has ended.
    pub(super) fn fail_all(&self, error: &Error) {
        for (_, answer) in lock(&self.pending).answers.drain() {
            let _ = answer.send(Err(error.clone()));
        }
    }

    /// Asks the other end. Dropping the future cancels the request there.
    pub(super) async fn request(self: Arc<Self>, call: u64, op: &str, payload: &[u8]) -> Answer {
        let message = frame::request(call, op, payload);
        if message.len() > frame::MESSAGE {
            return Err(Error::new(ErrorClass::BadPayload, too_large(message.len())));
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        {
            let mut pending = lock(&self.pending);
            if pending.closed {
                return Err(gone());
            }
            if pending.answers.len() >= frame::REQUESTS {
                return Err(Error::new(ErrorClass::Retryable, "too many requests are on the way"));
            }
            pending.answers.insert(id, sender);
        }
        let mut waiting = Waiting { link: &self, id, done: false };
        self.send(Kind::Request, id, &message).await;
        let answer = answer.await.unwrap_or_else(|_| Err(gone()));
        waiting.done = true;
        answer
    }

    /// Passes a line of log on, unless the other end is too slow to read them; how many were lost is said later.
    pub(super) fn log(&self, line: &Line<'_>) {
        if !self.try_log(line) {
            self.lost_lines.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let lost = self.lost_lines.swap(0, Ordering::Relaxed);
        if lost > 0 {
            self.try_log(&Line { level: 2, message: format!("{lost} lines of log were lost").into(), ..line.clone() });
        }
    }

    fn try_log(&self, line: &Line<'_>) -> bool {
        let Ok(mut body) = serde_json::to_vec(line) else { return true };
        if body.len() > frame::PIECE {
            let message: String = line.message.chars().take(1000).collect();
            let short = Line { message: message.into(), fields: "{}".into(), spans: "[]".into(), ..line.clone() };
            body = serde_json::to_vec(&short).unwrap_or_default();
        }
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let Ok(permit) = self.credit.try_acquire_many(length) else { return false };
        permit.forget();
        self.out.send(frame::single(Kind::Log, true, 0, &body)).is_ok()
    }

    /// Sends a message in pieces, each once there is credit for it.
    async fn send(&self, kind: Kind, id: u64, message: &[u8]) {
        let mut rest = message;
        loop {
            let (piece, tail) = rest.split_at(rest.len().min(frame::PIECE));
            rest = tail;
            let length = u32::try_from(piece.len()).expect("a piece is small");
            // An error means that the connection has ended; the request is failed by then.
            let Ok(permit) = self.credit.acquire_many(length).await else { return };
            permit.forget();
            if self.out.send(frame::single(kind, rest.is_empty(), id, piece)).is_err() || rest.is_empty() {
                return;
            }
        }
    }

    async fn read_all(self: &Arc<Self>, read: OwnedReadHalf, side: Arc<dyn Side>) -> io::Result<()> {
        let mut read = BufReader::with_capacity(2 * frame::PIECE, read);
        let mut parts = Parts::default();
        let mut unpaid = 0_u64;
        while let Some(frame) = frame::read(&mut read).await? {
            if frame.kind.is_counted() {
                unpaid += frame.body.len() as u64;
                if unpaid >= (frame::WINDOW / 4) as u64 {
                    let _ = self.out.send(frame::single(Kind::Credit, true, unpaid, &[]));
                    unpaid = 0;
                }
            }
            self.take(frame, &mut parts, &side)?;
        }
        Ok(())
    }

    fn take(self: &Arc<Self>, frame: Frame, parts: &mut Parts, side: &Arc<dyn Side>) -> io::Result<()> {
        match frame.kind {
            Kind::Credit => {
                let read = usize::try_from(frame.id).unwrap_or(usize::MAX);
                if read > frame::WINDOW.saturating_sub(self.credit.available_permits()) {
                    return Err(frame::wrong("more credit than was used"));
                }
                self.credit.add_permits(read);
            }
            Kind::Log => {
                if let Ok(line) = serde_json::from_slice(&frame.body) {
                    side.log(&line);
                }
            }
            Kind::Cancel => {
                parts.forget(Kind::Request, frame.id);
                if let Some(task) = lock(&self.serving).remove(&frame.id) {
                    task.abort();
                }
            }
            Kind::Request | Kind::Answer | Kind::Failure => {
                let Some(message) = parts.add(frame)? else { return Ok(()) };
                self.complete(message, side)?;
            }
        }
        Ok(())
    }

    fn complete(self: &Arc<Self>, message: Frame, side: &Arc<dyn Side>) -> io::Result<()> {
        let answer = match message.kind {
            Kind::Request => return self.serve(message.id, message.body, side.clone()),
            Kind::Answer => Ok(message.body),
            _ => Err(serde_json::from_slice(&message.body)
                .unwrap_or_else(|_| Error::new(ErrorClass::BadPayload, "an error that can't be read"))),
        };
        // Nobody waits for it any more: it was cancelled.
        if let Some(waiting) = lock(&self.pending).answers.remove(&message.id) {
            let _ = waiting.send(answer);
        }
        Ok(())
    }

    fn serve(self: &Arc<Self>, id: u64, mut message: Vec<u8>, side: Arc<dyn Side>) -> io::Result<()> {
        let (call, op, at) = frame::split_request(&message)?;
        let payload = message.split_off(at);
        let mut serving = lock(&self.serving);
        if serving.len() >= frame::REQUESTS || serving.contains_key(&id) {
            return Err(frame::wrong("too many requests, or one twice"));
        }
        let link = self.clone();
        let runtime = side.runtime();
        let task = runtime.spawn(async move {
            let answer = Guarded::new(|| side.serve(call, &op, payload)).await;
            // Whoever takes the entry decides: a cancelled answer is not sent, an answer being sent is not cut.
            if lock(&link.serving).remove(&id).is_none() {
                return;
            }
            match answer {
                Ok(bytes) if bytes.len() <= frame::MESSAGE => link.send(Kind::Answer, id, &bytes).await,
                Ok(bytes) => link.fail(id, &Error::new(ErrorClass::Failed, too_large(bytes.len()))).await,
                Err(error) => link.fail(id, &error).await,
            }
        });
        serving.insert(id, task.abort_handle());
        Ok(())
    }

    async fn fail(&self, id: u64, error: &Error) {
        self.send(Kind::Failure, id, &serde_json::to_vec(error).unwrap_or_default()).await;
    }
}

/// A request whose answer is awaited. Dropped before that, it is cancelled at the other end.
struct Waiting<'a> {
    link: &'a Link,
    id: u64,
    done: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.done && lock(&self.link.pending).answers.remove(&self.id).is_some() {
            let _ = self.link.out.send(frame::single(Kind::Cancel, true, self.id, &[]));
        }
    }
}

/// Messages of which not all pieces are there yet.
#[derive(Default)]
struct Parts {
    messages: HashMap<(Kind, u64), Vec<u8>>,
    bytes: usize,
}

impl Parts {
    /// Adds a piece; gives the message once its last one is there.
    fn add(&mut self, frame: Frame) -> io::Result<Option<Frame>> {
        let key = (frame.kind, frame.id);
        if frame.last && !self.messages.contains_key(&key) {
            return Ok(Some(frame));
        }
        self.bytes += frame.body.len();
        let whole = self.messages.entry(key).or_default();
        whole.extend(&frame.body);
        if whole.len() > frame::MESSAGE || self.bytes > 4 * frame::MESSAGE {
            return Err(frame::wrong("a message that is too large, or too many of them at once"));
        }
        if !frame.last {
            return Ok(None);
        }
        let body = self.forget(frame.kind, frame.id);
        Ok(Some(Frame { body, ..frame }))
    }

    fn forget(&mut self, kind: Kind, id: u64) -> Vec<u8> {
        let body = self.messages.remove(&(kind, id)).unwrap_or_default();
        self.bytes -= body.len();
        body
    }
}

async fn write_all(mut write: OwnedWriteHalf, mut queue: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(mut batch) = queue.recv().await {
        while batch.len() < 4 * frame::PIECE {
            match queue.try_recv() {
                Ok(more) => batch.extend(more),
                Err(_) => break,
            }
        }
        if write.write_all(&batch).await.is_err() {
            return;
        }
    }
}

fn too_large(length: usize) -> String {
    format!("a message of {length} bytes is over the limit of {}", frame::MESSAGE)
}

fn gone() -> Error {
    Error::new(ErrorClass::Retryable, "the worker process died")
}
