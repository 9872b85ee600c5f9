//! One attempt: runs the handler under its deadline, asks it to stop, and drops it where it does not listen.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;

use super::{Cancel, CancelReason, Handler, Outcome, Running, error};

/// Runs a handler to its end, however that comes about.
pub(super) async fn run(
    handler: Arc<dyn Handler>,
    job: Running,
    timeout: Option<Duration>,
    grace: Duration,
) -> Outcome {
    let cancel = job.cancel.clone();
    let work = AssertUnwindSafe(async move { handler.run(job).await }).catch_unwind();
    let outcome = tokio::select! {
        biased;
        result = work => result.unwrap_or_else(|panic| Outcome::Failed(error::fault(&error::PANICKED, panic_text(panic.as_ref())))),
        () = overdue(&cancel, timeout, grace) => Outcome::HandBack,
    };
    settle(outcome, cancel.reason(), timeout)
}

/// Ends when the handler has been asked to stop and has not done so within the grace time.
async fn overdue(cancel: &Cancel, timeout: Option<Duration>, grace: Duration) {
    let deadline = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = deadline => cancel.cancel(CancelReason::Deadline),
        _ = cancel.cancelled() => {}
    }
    tokio::time::sleep(grace).await;
}

/// What an outcome means in the light of why the handler was asked to stop. A success stays a success.
fn settle(outcome: Outcome, reason: Option<CancelReason>, timeout: Option<Duration>) -> Outcome {
    match (reason, outcome) {
        (Some(CancelReason::Requested), Outcome::Retry { .. } | Outcome::HandBack) => Outcome::Cancelled,
        (Some(CancelReason::Deadline), Outcome::Cancelled | Outcome::HandBack) => {
            let seconds = timeout.unwrap_or_default().as_secs();
            let fault = error::fault(&error::TIMEOUT, format!("the attempt took longer than {seconds} s"));
            Outcome::Retry { fault, after: None }
        }
        (Some(CancelReason::Stopping), Outcome::Cancelled) => Outcome::HandBack,
        (_, outcome) => outcome,
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the handler panicked: {}", text.unwrap_or_else(|| "no message".to_owned()))
}
