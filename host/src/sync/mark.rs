//! Moments as outside systems write them, and where the next run starts: their own clock and values, never ours.
//!
//! A mark is RFC 3339, seconds since 1970 with a fraction, a date and time without a zone, or something that only the
//! outside system understands. It reads no clock.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp, civil};

/// Seconds taken off the next cursor when neither connector nor operator says otherwise.
pub const OVERLAP_SECONDS: u32 = 30;

/// A moment in the words of an outside system.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// RFC 3339, or seconds since 1970 with a fraction.
    Instant(Timestamp),
    /// A date and time without a zone, with the sign between its parts.
    Civil(civil::DateTime, char),
    /// A number (a sequence, seconds since some moment).
    Number(i128),
    /// Anything else.
    Text(String),
}

impl Mark {
    /// Reads a mark.
    pub fn read(text: &str) -> Self {
        if let Ok(instant) = text.parse() {
            return Self::Instant(instant);
        }
        if let Ok(number) = text.parse() {
            return Self::Number(number);
        }
        if let Some(instant) = seconds(text) {
            return Self::Instant(instant);
        }
        match text.parse() {
            Ok(civil) => Self::Civil(civil, if text.contains(' ') { ' ' } else { 'T' }),
            Err(_) => Self::Text(text.to_owned()),
        }
    }

    /// The mark as it is handed back.
    pub fn write(&self) -> String {
        match self {
            Self::Instant(instant) => instant.to_string(),
            Self::Civil(moment, sign) => moment.to_string().replace('T', &sign.to_string()),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// Earlier by some seconds. Marks that are no times stay as they are: re-reading what is equal is their overlap.
    pub fn earlier(&self, seconds: u32) -> Self {
        let span = SignedDuration::from_secs(seconds.into());
        match self {
            Self::Instant(instant) => Self::Instant(instant.saturating_sub(span).unwrap_or(*instant)),
            Self::Civil(moment, sign) => Self::Civil(moment.saturating_sub(span), *sign),
            other => other.clone(),
        }
    }

    /// The order of two marks of one form; marks of different forms can't be compared.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Instant(a), Self::Instant(b)) => Some(a.cmp(b)),
            (Self::Civil(a, _), Self::Civil(b, _)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// `1795514400.5`. Without a fraction it may as well be a sequence.
fn seconds(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.')?;
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|digit| digit.is_ascii_digit());
    let microseconds: i64 = format!("{fraction:0<6.6}").parse().ok().filter(|_| is_fraction)?;
    let seconds: i64 = seconds.parse().ok().filter(|seconds| *seconds >= 0)?;
    Timestamp::from_microsecond(seconds.checked_mul(1_000_000)?.checked_add(microseconds)?).ok()
}

/// What a run has seen of the outside system's time.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Seen {
    /// Its clock when it answered the first page.
    pub as_of: Option<String>,
    /// The latest date of change of any item.
    pub latest: Option<String>,
}

impl Seen {
    /// Notes a page's clock. Only that of the first page counts: what changes while the run goes on is read again.
    pub fn clock(&mut self, as_of: Option<&str>) {
        if self.as_of.is_none() {
            self.as_of = as_of.map(str::to_owned);
        }
    }

    /// Notes the dates of change of items.
    pub fn items<'a>(&mut self, dates: impl Iterator<Item = &'a str>) {
        let latest = self.latest.take();
        let mut found = latest.as_deref().map(|text| (text, Mark::read(text)));
        for text in dates {
            let Some((latest, mark)) = &found else {
                found = Some((text, Mark::read(text)));
                continue;
            };
            // Equal texts are the common case of a page written at once.
            if *latest == text {
                continue;
            }
            let new = Mark::read(text);
            if new.compare(mark) == Some(Ordering::Greater) {
                found = Some((text, new));
            }
        }
        self.latest = found.map(|(text, _)| text.to_owned());
    }

    /// Where the next run starts: the earlier of both, minus the overlap, and never before where this one started.
    /// `None`: nothing was seen that could tell.
    pub fn next(&self, since: Option<&str>, overlap_seconds: u32) -> Option<String> {
        let as_of = self.as_of.as_deref().map(Mark::read);
        let latest = self.latest.as_deref().map(Mark::read);
        let seen = match (as_of, latest) {
            // A date of change after the clock of the first page was made while the run went on.
            (Some(clock), Some(latest)) => match clock.compare(&latest) {
                Some(Ordering::Less) => clock,
                _ => latest,
            },
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return since.map(str::to_owned),
        };
        let next = seen.earlier(overlap_seconds);
        match since.map(Mark::read) {
            Some(since) if next.compare(&since) == Some(Ordering::Less) => Some(since.write()),
            _ => Some(next.write()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(as_of: Option<&str>, items: &[&str]) -> Seen {
        let mut seen = Seen::default();
        seen.clock(as_of);
        seen.clock(Some("2099-01-01T00:00:00Z"));
        // As on two pages.
        let (first, second) = items.split_at(items.len() / 2);
        seen.items(first.iter().copied());
        seen.items(second.iter().copied());
        if as_of.is_none() {
            seen.as_of = None;
        }
        seen
    }

    #[test]
    fn the_next_run_starts_at_the_earlier_of_clock_and_values_minus_the_overlap() {
        let check = |as_of, items: &[&str], since, expected| {
            assert_eq!(seen(as_of, items).next(since, 30).as_deref(), expected, "{as_of:?} {items:?} {since:?}");
        };
        let clock = Some("2026-01-01T12:00:00Z");
        check(clock, &["2026-01-01T10:00:00Z", "2026-01-01T11:00:00+02:00"], None, Some("2026-01-01T09:59:30Z"));
        check(clock, &["2026-01-01T12:00:05Z"], None, Some("2026-01-01T11:59:30Z"));
        check(clock, &[], None, Some("2026-01-01T11:59:30Z"));
        check(None, &["1969-12-31T23:59:59Z"], None, Some("1969-12-31T23:59:29Z"));
        check(None, &["2026-01-01 10:00:00", "2026-01-01 09:00:00"], None, Some("2026-01-01 09:59:30"));
        check(None, &["99", "100"], None, Some("100"));
        check(None, &["rev-a", "rev-b"], None, Some("rev-b"));
        check(None, &[], Some("2026-01-01T00:00:00Z"), Some("2026-01-01T00:00:00Z"));
        check(None, &[], None, None);
    }

    #[test]
    fn seconds_with_a_fraction_are_a_moment() {
        assert_eq!(Mark::read("1795514400.5").write(), "2026-11-24T10:00:00.5Z");
        assert_eq!(Mark::read("1795514400"), Mark::Number(1_795_514_400));
        assert_eq!(Mark::read("1.2.3"), Mark::Text("1.2.3".to_owned()));
    }

    #[test]
    fn the_cursor_never_goes_back_by_itself() {
        let since = "2026-01-01T09:59:45Z";
        let seen = seen(None, &["2026-01-01T10:00:00Z"]);
        assert_eq!(seen.next(Some(since), 30).as_deref(), Some(since));
        assert_eq!(seen.next(Some(since), 0).as_deref(), Some("2026-01-01T10:00:00Z"));
    }
}
