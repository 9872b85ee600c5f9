//! The shop's own time: it stands still until something changes. It never looks at the machine's clock.

/// 2026-01-01T00:00:00Z, when the first seeded item was made.
pub(crate) const OPENING: i64 = 1_767_225_600;
/// How far a change moves the clock: beyond any overlap that a client subtracts from its cursor.
const STEP: i64 = 60;

/// Seconds since 1970, moved by changes.
pub(crate) struct Clock(i64);

impl Clock {
    /// A clock after everything seeded.
    pub(crate) fn new() -> Self {
        Self(OPENING + 30 * 86_400)
    }

    pub(crate) fn now(&self) -> i64 {
        self.0
    }

    /// Not before this moment.
    pub(crate) fn advance_to(&mut self, seconds: i64) {
        self.0 = self.0.max(seconds);
    }

    /// The moment of the next change.
    pub(crate) fn tick(&mut self) -> i64 {
        self.0 += STEP;
        self.0
    }
}

/// RFC 3339 in UTC.
pub(crate) fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::from("9999-12-31T23:59:59Z"), |time| time.to_string())
}

/// Seconds of an RFC 3339 text; fractions are cut off.
pub(crate) fn parse(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}
