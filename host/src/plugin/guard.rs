//! A future whose panics, in poll and in drop, become an error value instead of crossing the boundary.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use bindery_contract::{Error, ErrorClass};

/// What every call and every service comes to.
pub type Answer = Result<Vec<u8>, Error>;

/// A call or a service on its way.
pub type AnswerFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Guards a future.
pub(super) struct Guarded(Option<AnswerFuture>);

impl Guarded {
    /// Guards a future whose making may panic too.
    pub(super) fn new(make: impl FnOnce() -> AnswerFuture) -> Self {
        match catch_unwind(AssertUnwindSafe(make)) {
            Ok(future) => Self(Some(future)),
            Err(payload) => {
                let error = panicked(payload);
                Self(Some(Box::pin(std::future::ready(Err(error)))))
            }
        }
    }

    fn end(&mut self) {
        if let Some(future) = self.0.take()
            && let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(future)))
        {
            // Dropping the payload of a panic may panic again.
            std::mem::forget(payload);
        }
    }
}

impl Future for Guarded {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let Some(future) = self.0.as_mut() else { return Poll::Pending };
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(answer)) => {
                self.end();
                Poll::Ready(answer)
            }
            Err(payload) => {
                self.end();
                Poll::Ready(Err(panicked(payload)))
            }
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.end();
    }
}

fn panicked(payload: Box<dyn Any + Send>) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
    Error::new(ErrorClass::Panic, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(guarded: Guarded) -> Answer {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
        runtime.block_on(guarded)
    }

    #[test]
    fn a_panic_while_making_and_while_polling_is_an_error_value() {
        let made = run(Guarded::new(|| panic!("while making")));
        assert_eq!(made.expect_err("panic").class, ErrorClass::Panic);
        let polled = run(Guarded::new(|| Box::pin(async { panic!("while polling {}", 1) })));
        assert_eq!(polled.expect_err("panic").message, "while polling 1");
    }

    #[test]
    fn a_panic_while_dropping_ends_nothing() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("while dropping");
            }
        }
        let guarded = Guarded::new(|| {
            Box::pin(async {
                let _bomb = Bomb;
                std::future::pending().await
            })
        });
        drop(guarded);
    }
}
