//! The answer to a request, with its body.

use std::ops::Range;

use bindery_contract::{Frame, http};
use serde::de::DeserializeOwned;

use crate::{
    error::{Error, Result},
    host::Answer,
    mapper::Source,
};

/// The answer to a request.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
/// let answer = cx.get("/shop").await?;
/// assert_eq!(answer.status(), 200);
/// let name = answer.source()?.text("/name")?.or_default();
/// # Ok(()) }
/// ```
pub struct Response {
    head: http::Response,
    answer: Answer,
    body: Range<usize>,
}

impl Response {
    pub(crate) fn read(answer: Answer) -> Result<Self> {
        let frame = Frame::decode(&answer)?;
        let head: http::Response = frame.header()?;
        let start = answer.as_slice().as_ptr().addr();
        let body = frame.segments.first().map_or(0..0, |body| {
            let from = body.as_ptr().addr() - start;
            from..from + body.len()
        });
        Ok(Self { head, answer, body })
    }

    /// HTTP status.
    ///
    /// ```
    /// # fn example(answer: bindery_plugin::Response) { assert_eq!(answer.status(), 200); }
    /// ```
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// A header; the name in any case.
    ///
    /// ```
    /// # fn example(answer: bindery_plugin::Response) { let total = answer.header("X-Total-Count"); }
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Where the header `Link` says that the next page is.
    ///
    /// ```
    /// # fn example(answer: bindery_plugin::Response) { let next = answer.next_link(); }
    /// ```
    pub fn next_link(&self) -> Option<String> {
        next_link(self.header("link")?)
    }

    /// The body.
    ///
    /// ```
    /// # fn example(answer: bindery_plugin::Response) { let size = answer.bytes().len(); }
    /// ```
    pub fn bytes(&self) -> &[u8] {
        &self.answer[self.body.clone()]
    }

    /// The body as text.
    ///
    /// ```
    /// # fn example(answer: bindery_plugin::Response) -> bindery_plugin::Result<()> { let text = answer.text()?; Ok(()) }
    /// ```
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(self.bytes()).map_err(|_| Error::invalid("the answer is not UTF-8 text"))
    }

    /// The body as a type of yours.
    ///
    /// ```
    /// # fn example(answer: bindery_plugin::Response) -> bindery_plugin::Result<()> {
    /// let body: serde_json::Value = answer.json()?;
    /// # Ok(()) }
    /// ```
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(self.bytes())
            .map_err(|error| Error::invalid(format!("the answer is not what was expected: {error}")))
    }

    /// The body to be read by pointers, numbers as written.
    ///
    /// ```
    /// # fn example(answer: bindery_plugin::Response) -> bindery_plugin::Result<()> {
    /// let total = answer.source()?.integer("/total")?;
    /// # Ok(()) }
    /// ```
    pub fn source(&self) -> Result<Source> {
        Source::parse(self.bytes())
    }

    pub(crate) fn handle(&self) -> Result<u64> {
        self.head.handle.ok_or_else(|| Error::unreadable("the host did not keep the body it was asked to keep"))
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response").field("status", &self.head.status).field("bytes", &self.body.len()).finish()
    }
}

/// The target of `rel="next"` in a `Link` header.
fn next_link(header: &str) -> Option<String> {
    header.split(",").find_map(|part| {
        let (target, parameters) = part.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let (name, value) = parameter.trim().split_once('=').unwrap_or_default();
            name.eq_ignore_ascii_case("rel") && value.trim_matches('"').split(' ').any(|rel| rel == "next")
        });
        is_next.then(|| target.to_owned())
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_next_link_is_found_among_others() {
        let header = r#"<https://a.example/?page=1>; rel="prev", <https://a.example/?page=3>; title=x; rel="next""#;
        assert_eq!(super::next_link(header).as_deref(), Some("https://a.example/?page=3"));
        assert_eq!(super::next_link(r#"<https://a.example/>; rel="last""#), None);
    }
}
