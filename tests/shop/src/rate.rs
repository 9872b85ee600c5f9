//! A standing rate limit: a bucket that fills steadily. One for the whole shop.

use std::time::Instant;

/// Requests a second, with a burst.
pub(crate) struct Rate {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

/// What a request is told.
pub(crate) struct Verdict {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Whole seconds until the next token, where there is none now.
    pub(crate) retry_after: Option<u64>,
}

impl Rate {
    pub(crate) fn new(per_second: f64, burst: f64) -> Self {
        Self {
            per_second: per_second.max(0.001),
            burst: burst.max(1.0),
            tokens: burst.max(1.0),
            filled: Instant::now(),
        }
    }

    pub(crate) fn take(&mut self) -> Verdict {
        let now = Instant::now();
        let gained = now.duration_since(self.filled).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.filled = now;
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        let wait = ((1.0 - self.tokens) / self.per_second).ceil().max(1.0);
        Verdict {
            limit: self.burst as u64,
            remaining: self.tokens as u64,
            retry_after: (!allowed).then_some(wait as u64),
        }
    }
}
