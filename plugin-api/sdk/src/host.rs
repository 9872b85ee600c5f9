//! The host as the rest of the SDK sees it: something that answers service calls.
//!
//! The real one lies behind the ABI, the test kit has its own. It never knows what a call means.

use std::{future::Future, pin::Pin};

use bindery_abi::abi_stable::std_types::RVec;
use bindery_contract as contract;

/// A boxed future, as everything that crosses is.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The bytes of an answer, still in the memory of whoever made them.
pub(crate) type Answer = RVec<u8>;

/// Answers service calls of one instance.
pub(crate) trait Host: Send + Sync + 'static {
    /// Asks for a service on behalf of the host's call.
    fn invoke(&self, call: u64, op: &str, payload: &[u8]) -> BoxFuture<Result<Answer, contract::Error>>;
}
