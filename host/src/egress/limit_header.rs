//! Reads what servers say of their limits: `Retry-After` and the rate headers in their several spellings.
//!
//! It interprets texts only; what to do about them is the budget's business.

use std::time::Duration;

use reqwest::header::HeaderMap;

use crate::base::Timestamp;

/// What one response said of its limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Requests allowed in a window.
    pub(super) limit: Option<u64>,
    /// Requests left in this one.
    pub(super) remaining: Option<u64>,
    /// Time until the next one starts.
    pub(super) reset: Option<Duration>,
    /// Wait at least this long before anything else.
    pub(super) retry_after: Option<Duration>,
}

/// Reads all of it. `now` is ours; moments are read on the server's own clock where it sent its `Date`.
pub(super) fn read(headers: &HeaderMap, now: Timestamp) -> Said {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let now = text("date").and_then(http_date).unwrap_or(now);
    let mut said = Said { retry_after: text("retry-after").and_then(|t| moment(t, now)), ..Said::default() };
    for (limit, remaining, reset) in [
        ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
        ("x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset"),
        ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
    ] {
        said.limit = said.limit.or_else(|| text(limit).and_then(leading_number));
        said.remaining = said.remaining.or_else(|| text(remaining).and_then(leading_number));
        said.reset = said.reset.or_else(|| text(reset).and_then(|t| moment(t, now)));
    }
    if let Some(combined) = text("ratelimit") {
        read_combined(combined, &mut said);
    }
    // A bucket that leaks: "32/40" used.
    let leaky = text("x-shopify-shop-api-call-limit").and_then(|t| t.split_once('/'));
    if let Some((Some(used), Some(limit))) = leaky.map(|(used, limit)| (leading_number(used), leading_number(limit))) {
        said.limit = Some(limit);
        said.remaining = Some(limit.saturating_sub(used));
        said.reset = said.reset.or(Some(Duration::from_millis(500)));
    }
    said
}

/// `limit=100, remaining=50, reset=50` of earlier drafts, `"default";r=50;t=30` of later ones.
fn read_combined(text: &str, said: &mut Said) {
    for part in text.split([',', ';']) {
        let Some((name, value)) = part.trim().split_once('=') else { continue };
        let number = leading_number(value);
        match name.trim() {
            "limit" | "q" => said.limit = said.limit.or(number),
            "remaining" | "r" => said.remaining = said.remaining.or(number),
            "reset" | "t" => said.reset = said.reset.or(number.map(Duration::from_secs)),
            _ => {}
        }
    }
}

fn leading_number(text: &str) -> Option<u64> {
    let text = text.trim().trim_start_matches('"');
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// Seconds from now, seconds or milliseconds since 1970, an HTTP date, or RFC 3339: as a time from now.
fn moment(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(number) = text.parse::<f64>() {
        if !number.is_finite() || number < 0.0 {
            return None;
        }
        let now = now.0 as f64 / 1e6;
        let seconds = match number {
            n if n > 1e11 => n / 1e3 - now,
            n if n > 1e9 => n - now,
            n => n,
        };
        return Some(Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0 * 31.0)));
    }
    let at = http_date(text).or_else(|| Timestamp::parse_rfc3339(text))?;
    Some(Duration::from_micros(u64::try_from(at.0 - now.0).unwrap_or(0)))
}

/// `Tue, 24 Nov 2026 04:00:00 GMT`.
fn http_date(text: &str) -> Option<Timestamp> {
    let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp(time.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn said(headers: &[(&'static str, &'static str)]) -> Said {
        let map = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        read(&map, Timestamp::parse_rfc3339("2026-11-24T04:00:00Z").expect("time"))
    }

    fn seconds(n: u64) -> Option<Duration> {
        Some(Duration::from_secs(n))
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(said(&[("retry-after", "7")]).retry_after, seconds(7));
        assert_eq!(said(&[("retry-after", "0")]).retry_after, seconds(0));
        assert_eq!(said(&[("retry-after", "1.5")]).retry_after, Some(Duration::from_millis(1500)));
        assert_eq!(said(&[("retry-after", "Tue, 24 Nov 2026 04:01:00 GMT")]).retry_after, seconds(60));
        assert_eq!(said(&[("retry-after", "Tue, 24 Nov 2026 03:00:00 GMT")]).retry_after, seconds(0));
        assert_eq!(said(&[("retry-after", "soon")]).retry_after, None);
    }

    #[test]
    fn a_moment_is_read_on_the_servers_clock() {
        let headers = [("date", "Tue, 24 Nov 2026 05:00:00 GMT"), ("retry-after", "Tue, 24 Nov 2026 05:00:09 GMT")];
        assert_eq!(said(&headers).retry_after, seconds(9));
    }

    #[test]
    fn the_spellings_of_limits_are_understood() {
        let expected = Said { limit: Some(100), remaining: Some(3), reset: seconds(30), retry_after: None };
        for headers in [
            &[("x-ratelimit-limit", "100"), ("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", "30")][..],
            &[("x-ratelimit-limit", "100"), ("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", "1795492830")],
            &[("x-ratelimit-limit", "100"), ("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", "1795492830000")],
            &[("ratelimit-limit", "100, 100;w=60"), ("ratelimit-remaining", "3"), ("ratelimit-reset", "30")],
            &[("ratelimit", "limit=100, remaining=3, reset=30")],
            &[("ratelimit", "\"default\";q=100;r=3;t=30")],
        ] {
            assert_eq!(said(headers), expected, "{headers:?}");
        }
        let leaky = said(&[("x-shopify-shop-api-call-limit", "39/40")]);
        assert_eq!((leaky.limit, leaky.remaining), (Some(40), Some(1)));
    }
}
