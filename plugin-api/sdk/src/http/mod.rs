//! Outgoing HTTP: requests that the host sends, and what becomes of their answers.
//!
//! Connections, retries, rate limits, allowed hosts and size caps are the host's. It never opens a socket.

mod headers;
mod kept;
mod outcome;
mod request;
mod response;
pub(crate) mod url;

pub use headers::{Basic, Headers};
pub use kept::{KeptPage, KeptRecord};
pub use outcome::Outcomes;
pub use request::{QueryValue, Request};
pub use response::Response;
pub use url::encode_segment;
