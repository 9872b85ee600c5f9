//! A connector opened for one backend, and calls into it: identity, deadline, the ask to stop, counters, guards.
//!
//! Where the code runs is behind [`Carrier`]. It never retries: what an error means is decided by whoever called.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bindery_contract::{Error, ErrorClass, Frame, op};

use super::{
    abi::Opened,
    error::Error as Refusal,
    generation::{Generation, Isolation},
    guard::{Answer, AnswerFuture, Guarded},
    scope::Scope,
    services::{Counter, Services},
    worker,
};

/// How long a call may go on after it was asked to stop.
const GRACE: Duration = Duration::from_secs(2);
/// How long opening may take.
const OPENING: Duration = Duration::from_secs(10);
/// A poll that holds a thread for longer is reported.
const SLOW_POLL: Duration = Duration::from_millis(100);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// The way to the code: in this process, or in another.
pub(super) trait Carrier: Send + Sync {
    /// Starts an op.
    fn invoke(&self, call: u64, op: &str, payload: Vec<u8>) -> AnswerFuture;
    /// The call is given up: nobody waits for its answer any more, and it went over its time.
    fn give_up(&self, call: u64);
}

/// An open connector.
pub struct Instance {
    generation: Arc<Generation>,
    carrier: Box<dyn Carrier>,
    id: u64,
}

impl Instance {
    /// Opens a connector for a backend. `request` holds secrets in clear and is never logged.
    pub async fn open(
        generation: Arc<Generation>,
        request: op::Open,
        services: Arc<Services>,
    ) -> Result<Arc<Self>, Refusal> {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let payload = Frame::encode(&request, &[]).map_err(|error| Refusal::OpenFailed(error.message))?;
        let counter = Arc::new(Counter::new(&generation, id, services));
        let carrier: Box<dyn Carrier> = match (generation.isolation, generation.module) {
            (Isolation::InProcess, Some(module)) => {
                let opening = tokio::task::spawn_blocking(move || module.open(counter, &payload));
                match tokio::time::timeout(OPENING, opening).await {
                    Ok(Ok(Ok(opened))) => Box::new(InProcess(opened)),
                    Ok(Ok(Err(error))) => return Err(Refusal::OpenFailed(error.to_string())),
                    Ok(Err(_)) => return Err(Refusal::OpenFailed("the connector panicked".to_owned())),
                    Err(_) => return Err(Refusal::OpenFailed(format!("it took longer than {OPENING:?}"))),
                }
            }
            _ => Box::new(worker::Process::start(&generation, counter, payload).await?),
        };
        Ok(Arc::new(Self { generation, carrier, id }))
    }

    /// The generation whose code this is.
    pub fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }

    /// Runs one op. The answer, like the payload, is in the form of `bindery_contract::Frame`.
    pub async fn call(&self, scope: Arc<Scope>, op: &str, payload: Vec<u8>) -> Answer {
        let mut running = self.generation.calls.begin(self.id, scope.clone());
        let context = scope.context();
        let counters = self.generation.counters.clone();
        let call = Timed {
            inner: Guarded::new(|| self.carrier.invoke(running.id, op, payload)),
            slow: |held| {
                counters.slow_poll();
                tracing::warn!(plugin = self.generation.plugin(), op, ?held, "a poll held its thread for too long");
            },
        };
        let stopped = async {
            context.cancel.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let answer = tokio::select! {
            biased;
            answer = tokio::time::timeout(context.deadline, call) => answer.unwrap_or_else(|_| {
                self.generation.counters.deadline();
                self.carrier.give_up(running.id);
                Err(Error::new(
                    ErrorClass::Retryable,
                    format!("{op} took longer than its {} s and was stopped", context.deadline.as_secs_f32()),
                ))
            }),
            () = stopped => {
                self.carrier.give_up(running.id);
                Err(Error::new(ErrorClass::Cancelled, format!("{op} was stopped")))
            }
        };
        self.generation.counters.call(answer.as_ref().err());
        if answer.is_ok() {
            running.answered();
        }
        answer
    }
}

struct InProcess(Opened);

impl Carrier for InProcess {
    fn invoke(&self, call: u64, op: &str, payload: Vec<u8>) -> AnswerFuture {
        Box::pin(self.0.invoke(call, op, &payload))
    }

    fn give_up(&self, _call: u64) {}
}

/// Measures how long each poll holds its thread.
struct Timed<F> {
    inner: Guarded,
    slow: F,
}

impl<F: Fn(Duration) + Unpin> Future for Timed<F> {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let begun = Instant::now();
        let polled = Pin::new(&mut self.inner).poll(cx);
        let held = begun.elapsed();
        if held > SLOW_POLL {
            (self.slow)(held);
        }
        polled
    }
}
