//! Outgoing HTTP as a connector asks for it and as the host answers.
//!
//! The host owns the connection: pool, rate budget, retries, size caps, allowed hosts, redaction. A body may stay in
//! the host under a handle, where only its parts are wanted. It never holds credentials of its own.

use serde::{Deserialize, Serialize};

/// One request. The body, where there is one, is segment 0 of the frame.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// `GET`, `POST`, or any other method.
    pub method: String,
    /// Absolute URL, without what `query` adds.
    pub url: String,
    /// Parameters to append, in order, encoded by the host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// Headers, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// User and secret, sent as Basic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic: Option<(String, Option<String>)>,
    /// What the body is.
    #[serde(skip_serializing_if = "Body::is_none")]
    pub body: Body,
    /// Milliseconds for the whole exchange; the host's default where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Repeating it does no harm: the host may retry it after a cut connection. GET, HEAD, PUT and DELETE are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// Sent as `Idempotency-Key`, the same on every attempt; makes a POST repeatable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Status codes besides 2xx that are answers, not errors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accept_status: Vec<u16>,
    /// Leave the body in the host and answer with its handle.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
    /// JSON pointer that, where it leads to a value other than null, makes the answer an error (JSON-RPC, GraphQL).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_at: Option<String>,
}

/// What a request's body is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// No body.
    #[default]
    None,
    /// Segment 0, with its content type.
    Raw {
        /// Sent as `Content-Type`.
        content_type: String,
    },
    /// Fields sent as `application/x-www-form-urlencoded`.
    Form {
        /// In order; a name may come again.
        fields: Vec<(String, String)>,
    },
    /// Parts sent as `multipart/form-data`; each takes its bytes from a segment.
    Multipart {
        /// In order.
        parts: Vec<Part>,
    },
    /// A body of a newer contract; refused.
    #[serde(other)]
    Unknown,
}

impl Body {
    fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// One part of a multipart body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Part {
    /// Field name.
    pub name: String,
    /// File name, where the part is a file.
    pub file_name: Option<String>,
    /// Content type of the part.
    pub content_type: Option<String>,
    /// Segment that holds its bytes.
    pub segment: usize,
}

/// The answer. Its body is segment 0, or stays in the host under `handle`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers in lower case.
    pub headers: Vec<(String, String)>,
    /// Where the body stayed, if it was asked to stay. Valid until the call ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<u64>,
    /// Length of the body in bytes.
    pub length: u64,
}
