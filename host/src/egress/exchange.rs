//! One call from beginning to end: wait for the budget, send, follow redirects, read, judge, repeat.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bindery_contract::{
    Error, ErrorClass,
    http::{Request, Response},
};
use bytes::Bytes;
use reqwest::{Method, StatusCode};

use super::{
    address, answer,
    budget::Meter,
    client::{Inner, Known},
    failure::{Again, Failure, PRIVATE_CURE},
    grant::{self, Grant},
    limit_header, redirect,
    request::{self, Payload, Prepared},
};

/// Longest wait between two attempts that we choose ourselves.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);

/// Everything that the parts of one call share.
struct Call<'a> {
    host: &'a Inner,
    known: &'a Known,
    grant: &'a Grant,
    request: &'a Request,
    /// Time waited so far.
    waited: Duration,
}

pub(super) async fn run(
    host: &Inner,
    known: &Known,
    grant: &Grant,
    request: &Request,
    segments: &[&[u8]],
) -> Result<(Response, Bytes), Error> {
    known.tally.call();
    let mut call = Call { host, known, grant, request, waited: Duration::ZERO };
    let result = match Prepared::new(request, segments) {
        Ok(prepared) => call.repeat(&prepared).await.map_err(|error| call.clean(error, prepared.basic.as_ref())),
        Err(error) => Err(call.clean(error, None)),
    };
    if let Err(error) = &result {
        known.tally.failed(error.class);
        tracing::debug!(backend = grant.name(), class = ?error.class, message = error.message, "call failed");
    }
    result
}

impl Call<'_> {
    async fn repeat(&mut self, prepared: &Prepared) -> Result<(Response, Bytes), Error> {
        let mut attempt = 1;
        loop {
            let failure = match self.attempt(prepared, attempt).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let may = match failure.again {
                Again::Never => false,
                Again::Repeatable => prepared.repeatable,
                Again::Always => true,
            };
            if !may || attempt >= self.host.options.attempts {
                return Err(failure.error);
            }
            let wait = failure.after.unwrap_or_else(|| self.back_off(attempt));
            self.wait(wait, failure.error).await?;
            attempt += 1;
        }
    }

    /// One attempt, redirects included.
    async fn attempt(&mut self, prepared: &Prepared, attempt: u32) -> Result<(Response, Bytes), Failure> {
        let mut step = prepared.clone();
        for _ in 0..=redirect::MOST {
            let what = self.name(&step);
            let reach = self.grant.check(&step.url).map_err(Failure::last)?;
            if let Some(address) = grant::literal(&step.url).filter(|a| !address::permitted(reach, None, *a)) {
                let mut error = Error::new(ErrorClass::Denied, format!("{what}: {address} is not a public address"));
                error.detail.cure = Some(PRIVATE_CURE.to_owned());
                return Err(Failure::last(error));
            }
            let reserved = self.reserve(&step, &what).await.map_err(Failure::last)?;
            let limit = self.request.timeout_ms.map_or(self.host.options.timeout, Duration::from_millis);
            let client = self.host.client(reach).map_err(Failure::last)?;
            let sent = self.send(client, &step, &what, attempt, &reserved.0);
            let (status, headers, body) =
                tokio::time::timeout(limit, sent).await.unwrap_or_else(|_| Err(Failure::timeout(&what, limit)))?;
            drop(reserved);
            let accepted = status.is_success() || self.request.accept_status.contains(&status.as_u16());
            let next =
                if accepted { None } else { redirect::follow(&step, status, &headers).map_err(Failure::last)? };
            match next {
                Some(next) => step = next,
                None => return self.judge(&step, &what, status, &headers, body, accepted),
            }
        }
        Err(Failure::last(Error::new(
            ErrorClass::Failed,
            format!("{} redirects more than {} times", self.name(prepared), redirect::MOST),
        )))
    }

    async fn send(
        &self,
        client: &reqwest::Client,
        step: &Prepared,
        what: &str,
        attempt: u32,
        meter: &Meter,
    ) -> Result<(StatusCode, reqwest::header::HeaderMap, Bytes), Failure> {
        let begun = Instant::now();
        self.known.tally.request(step.payload.len());
        let mut builder = client.request(step.method.clone(), step.url.clone()).headers(step.headers.clone());
        builder = match &step.payload {
            // Some servers refuse a POST that does not say how long its body is.
            Payload::None if step.method == Method::POST || step.method == Method::PUT => builder.body(""),
            Payload::None => builder,
            Payload::Bytes(bytes) => builder.body(bytes.clone()),
            Payload::Multipart(parts) => builder.multipart(request::form(parts).map_err(Failure::last)?),
        };
        let response = builder.send().await.map_err(|error| Failure::network(&error, what))?;
        let (status, headers) = (response.status(), response.headers().clone());
        meter.learn(&limit_header::read(&headers, self.host.clock.now()), self.host.clock.now());
        let cap = self.grant.body_cap().unwrap_or(self.host.options.max_body);
        let body = answer::body(response, cap, what).await?;
        self.known.tally.received(body.len() as u64);
        tracing::debug!(
            backend = self.grant.name(),
            request = %self.grant.redact(what),
            status = status.as_u16(),
            bytes = body.len(),
            attempt,
            milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            "request"
        );
        Ok((status, headers, body))
    }

    fn judge(
        &self,
        step: &Prepared,
        what: &str,
        status: StatusCode,
        headers: &reqwest::header::HeaderMap,
        body: Bytes,
        accepted: bool,
    ) -> Result<(Response, Bytes), Failure> {
        if !accepted {
            let after = limit_header::read(headers, self.host.clock.now()).retry_after;
            let failure = Failure::status(status, what, &body, after);
            if let (429 | 503, Some(after)) = (status.as_u16(), failure.after) {
                self.known.meter(&origin(step)).block(self.host.clock.now(), after);
            }
            return Err(failure);
        }
        if !step.wants_html() {
            answer::refuse_html(headers, &body, what, status.as_u16())?;
        }
        answer::refuse_error(self.request, &body, what, status.as_u16())?;
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Ok((Response { status: status.as_u16(), headers, handle: None, length: body.len() as u64 }, body))
    }

    /// Takes one request off the budget, waiting for it where it must.
    async fn reserve(&mut self, step: &Prepared, what: &str) -> Result<Reserved, Error> {
        let meter = self.known.meter(&origin(step));
        loop {
            match meter.reserve(self.host.clock.now()) {
                Ok(()) => return Ok(Reserved(meter)),
                Err(time) => {
                    let mut error = Error::new(
                        ErrorClass::RateLimited,
                        format!("{what}: the rate budget is used up for another {:.1} s", time.as_secs_f32()),
                    );
                    error.detail.after_ms = Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1));
                    self.wait(time.max(Duration::from_millis(1)), error).await?;
                }
            }
        }
    }

    /// Waits, unless that would be too long in all: then the job waits instead, and its worker goes on.
    async fn wait(&mut self, time: Duration, mut instead: Error) -> Result<(), Error> {
        if self.waited + time > self.host.options.patience {
            if instead.class.is_retryable() {
                instead.detail.after_ms = Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
            }
            return Err(instead);
        }
        self.waited += time;
        self.known.tally.throttled(time);
        (self.host.options.pause)(time).await;
        Ok(())
    }

    /// Twice as long after each attempt, between half and the whole of it.
    fn back_off(&self, attempt: u32) -> Duration {
        let whole = self.host.options.back_off.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        let whole = whole.min(LONGEST_BACK_OFF);
        let mut random = [0_u8; 2];
        // Without randomness there is no jitter, and waiting still works.
        let _ = getrandom::fill(&mut random);
        whole.mul_f64(0.5 + f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX) / 2.0)
    }

    /// Method and address without the parameters, which often hold keys.
    fn name(&self, step: &Prepared) -> String {
        format!("{} {}{}", step.method, origin(step), step.url.path())
    }

    /// Takes the secrets out of everything that people will read.
    fn clean(&self, mut error: Error, basic: Option<&crate::base::Secret>) -> Error {
        let clean = |text: &str| {
            let text = self.grant.redact(text).into_owned();
            basic.map_or_else(|| text.clone(), |pair| text.replace(pair.expose(), crate::base::redact::MASK))
        };
        error.message = clean(&error.message);
        for text in [&mut error.detail.place, &mut error.detail.cure, &mut error.detail.path].into_iter().flatten() {
            *text = clean(text);
        }
        error
    }
}

/// A request taken off the budget; given back when it ends, however it ends.
struct Reserved(Arc<Meter>);

impl Drop for Reserved {
    fn drop(&mut self) {
        self.0.release();
    }
}

fn origin(step: &Prepared) -> String {
    step.url.origin().ascii_serialization()
}

/// An error with its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
