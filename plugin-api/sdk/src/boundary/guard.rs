//! Guards: a panic in a poll or in a drop becomes an error with its message and place; nothing unwinds into the host.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Once,
    task::{Context, Poll},
};

use bindery_abi::{AbiResult, abi_stable::std_types::RResult};
use bindery_contract::{self as contract, ErrorClass};

use super::abi::abi_error;

thread_local! {
    /// The host's call that this thread polls; 0 outside any.
    static CALL: Cell<u64> = const { Cell::new(0) };
    /// Where the last panic of this thread happened.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The call that is being polled on this thread.
pub(super) fn current_call() -> u64 {
    CALL.get()
}

/// Remembers and logs where panics happen. Each plugin file has a std of its own, hence a hook of its own.
pub(super) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(target: "panic", place = place.as_str(), "{}", info.payload_as_str().unwrap_or("a panic"));
            PLACE.set(Some(place));
        }));
    });
}

/// The error that a panic becomes.
pub(super) fn panic_error(payload: Box<dyn Any + Send>) -> contract::Error {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = text.or_else(|| payload.downcast_ref::<String>().cloned());
    forget(payload);
    let message = format!("the connector panicked: {}", message.as_deref().unwrap_or("without a message"));
    let mut error = contract::Error::new(ErrorClass::Panic, message);
    error.detail.place = PLACE.take();
    error
}

/// Drops a panic's payload, whose own drop may panic.
pub(super) fn forget(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

/// A future that never unwinds, and during whose polls and drop the thread knows the host's call.
pub(super) struct Guarded<F> {
    call: u64,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future<Output = AbiResult>> Guarded<F> {
    pub(super) fn new(call: u64, future: F) -> Self {
        Self { call, future: Some(Box::pin(future)) }
    }
}

impl<F> Guarded<F> {
    /// Drops the future; a panic in that is an error, where anybody still listens.
    fn end(&mut self) -> Option<contract::Error> {
        let future = self.future.take()?;
        let _call = Entered::new(self.call);
        catch_unwind(AssertUnwindSafe(|| drop(future))).err().map(panic_error)
    }
}

impl<F: Future<Output = AbiResult>> Future for Guarded<F> {
    type Output = AbiResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<AbiResult> {
        let call = self.call;
        let Some(future) = self.future.as_mut() else { return Poll::Pending };
        let polled = {
            let _call = Entered::new(call);
            catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)))
        };
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(answer)) => Poll::Ready(match self.end() {
                None => answer,
                Some(error) => RResult::RErr(abi_error(error)),
            }),
            Err(payload) => {
                let error = panic_error(payload);
                self.end();
                Poll::Ready(RResult::RErr(abi_error(error)))
            }
        }
    }
}

impl<F> Drop for Guarded<F> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Sets the call of this thread, and puts the former one back.
struct Entered(u64);

impl Entered {
    fn new(call: u64) -> Self {
        Self(CALL.replace(call))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CALL.set(self.0);
    }
}
