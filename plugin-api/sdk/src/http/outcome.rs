//! The answer to a request that sent many records: what became of each of them.

use std::future::IntoFuture;

use super::Request;
use crate::{
    Connector,
    adapter::External,
    error::{Error, ErrorClass, Result},
    host::BoxFuture,
    mapper::Source,
};

/// What became of records that were sent together. Awaiting it sends the request.
///
/// An outcome with an error message, or with a status outside 2xx, is an error of that record: `gone` for 404 and 410,
/// `rate_limited` for 429, `retryable` from 500 on, else `invalid`.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # async fn example<C: Connector>(cx: Context<C>, bodies: Vec<Json>) -> Result<Vec<Result<External>>> {
/// cx.post("/products/batch", &bodies).outcomes("/results", "/id")
///     .within("/product").updated("/updated_at").status("/status").failed("/error/message").await
/// # }
/// ```
#[must_use = "a request is sent when it is awaited"]
pub struct Outcomes<C: Connector> {
    request: Request<C>,
    at: Places,
}

/// Where things lie: the list within the body, the rest within an outcome, id and date within its record.
struct Places {
    list: String,
    id: String,
    within: String,
    updated: Option<String>,
    status: Option<String>,
    failed: Option<String>,
}

impl<C: Connector> Outcomes<C> {
    pub(super) const fn new(request: Request<C>, list: String, id: String) -> Self {
        Self { request, at: Places { list, id, within: String::new(), updated: None, status: None, failed: None } }
    }

    /// Pointer to the record within an outcome; without it the outcome is the record. Id and date lie within it.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.post("/p", &[1]).outcomes("", "/id").within("/product"); }
    /// ```
    pub fn within(mut self, pointer: impl Into<String>) -> Self {
        self.at.within = pointer.into();
        self
    }

    /// Pointer to the date of the last change within the record.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.post("/p", &[1]).outcomes("", "/id").updated("/updated"); }
    /// ```
    pub fn updated(mut self, pointer: impl Into<String>) -> Self {
        self.at.updated = Some(pointer.into());
        self
    }

    /// Pointer to the HTTP status of an outcome.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.post("/p", &[1]).outcomes("", "/id").status("/status"); }
    /// ```
    pub fn status(mut self, pointer: impl Into<String>) -> Self {
        self.at.status = Some(pointer.into());
        self
    }

    /// Pointer to what is said of an outcome that failed: absent or null, it did not.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.post("/p", &[1]).outcomes("", "/id").failed("/error"); }
    /// ```
    pub fn failed(mut self, pointer: impl Into<String>) -> Self {
        self.at.failed = Some(pointer.into());
        self
    }
}

impl Places {
    fn outcome(&self, outcome: &Source) -> Result<External> {
        let status = self.status.as_ref().map(|at| outcome.integer(at)).transpose()?.and_then(|found| found.option());
        let said = self.failed.as_ref().map(|at| outcome.at(at)).transpose()?.and_then(|found| found.option());
        if said.is_some() || status.is_some_and(|status| !(200..300).contains(&status)) {
            let said = match said {
                Some(said) => said.id("").ok().and_then(|text| text.option()).unwrap_or_else(|| format!("{said:?}")),
                None => format!("the remote answered {}", status.unwrap_or_default()),
            };
            return Err(refused(status, said));
        }
        let record = outcome.at(&self.within)?.option();
        let record = record.ok_or_else(|| Error::unreadable("an outcome holds no record"))?;
        let id = record.id(&self.id)?.option();
        let id = id.ok_or_else(|| Error::unreadable("the record of an outcome holds no id"))?;
        let updated = self.updated.as_ref().map(|at| record.id(at)).transpose()?.and_then(|found| found.option());
        Ok(External::dated(id, updated, record.bytes().to_vec()))
    }
}

/// The error of a record that was not taken.
fn refused(status: Option<i64>, said: String) -> Error {
    match status {
        Some(404 | 410) => Error::gone(said),
        Some(401 | 403) => Error::auth(said),
        Some(429) => Error::new(ErrorClass::RateLimited, said),
        Some(408 | 425 | 500..) => Error::retryable(said),
        _ => Error::invalid(said),
    }
}

impl<C: Connector> IntoFuture for Outcomes<C> {
    type Output = Result<Vec<Result<External>>>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { request, at } = self;
            let body = request.send().await?.source()?;
            Ok(body.items(&at.list)?.iter().map(|outcome| at.outcome(outcome)).collect())
        })
    }
}
