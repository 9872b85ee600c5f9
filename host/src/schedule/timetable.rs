//! When a cron expression comes true in a time zone. The one place that knows the library of calendars.
//!
//! Where clocks go forward, a time that is skipped is made up for right after the gap; where they go back, a fixed time comes
//! once and an interval goes on through both hours.

use chrono::DateTime;
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};

use super::Error;
use crate::{base::Timestamp, model::schedule::Times};

/// An expression that was read, in its zone.
#[derive(Debug, Clone)]
pub struct Timetable {
    cron: Cron,
    zone: Tz,
}

impl Timetable {
    /// Reads expression and zone.
    pub fn read(times: &Times) -> Result<Self, Error> {
        let zone = times.zone.parse::<Tz>().map_err(|_| no_zone(&times.zone))?;
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser
            .parse(&times.cron)
            .map_err(|error| Error::Expression { expression: times.cron.clone(), why: error.to_string() })?;
        Ok(Self { cron, zone })
    }

    /// The first time after a moment.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = DateTime::from_timestamp_micros(after.0)?.with_timezone(&self.zone);
        let next = self.cron.find_next_occurrence(&after, false).ok()?;
        Some(Timestamp(next.timestamp_micros()))
    }

    /// The expression in words.
    pub fn describe(&self) -> String {
        format!("{} ({})", self.cron.describe().trim_end_matches('.'), self.zone)
    }
}

fn no_zone(name: &str) -> Error {
    let wanted = name.to_lowercase();
    let distance = |zone: &Tz| strsim::levenshtein(&zone.name().to_lowercase(), &wanted);
    let near = chrono_tz::TZ_VARIANTS.iter().min_by_key(|zone| distance(zone)).filter(|zone| distance(zone) <= 4);
    Error::Zone { name: name.to_owned(), near: near.map(|zone| zone.name()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::schedule::{Missed, Overlap};

    fn table(cron: &str, zone: &str) -> Result<Timetable, Error> {
        let (cron, zone) = (cron.to_owned(), zone.to_owned());
        Timetable::read(&Times { cron, zone, jitter: 0, overlap: Overlap::Skip, missed: Missed::RunOnce })
    }

    fn times(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let table = table(cron, zone).expect("it can be read");
        let mut at = Timestamp::parse_rfc3339(from).expect("a time");
        let mut all = Vec::new();
        for _ in 0..count {
            at = table.next(at).expect("there is a next time");
            all.push(at.to_rfc3339());
        }
        all
    }

    #[test]
    fn a_time_of_day_is_that_of_its_zone() {
        assert_eq!(
            times("30 6 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", 2),
            ["2026-01-01T05:30:00Z", "2026-01-02T05:30:00Z"]
        );
        assert_eq!(times("30 6 * * 1-5", "Asia/Tokyo", "2026-11-27T00:00:00Z", 1), ["2026-11-29T21:30:00Z"]);
    }

    #[test]
    fn a_time_that_clocks_skip_comes_right_after_the_gap_and_once() {
        // On 29 March 2026 clocks in Berlin go from 02:00 to 03:00.
        assert_eq!(
            times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2),
            ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
    }

    #[test]
    fn a_time_that_clocks_repeat_comes_once_and_an_interval_goes_on() {
        // On 25 October 2026 clocks in Berlin go from 03:00 back to 02:00.
        assert_eq!(
            times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
        assert_eq!(
            times("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:15:00Z", 4),
            ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"]
        );
        let from = Timestamp::parse_rfc3339("2026-10-25T00:00:00Z").expect("a time");
        let end = from.plus_seconds(3 * 3600);
        let table = table("*/5 * * * *", "Europe/Berlin").expect("it can be read");
        let count = std::iter::successors(Some(from), |at| table.next(*at)).take_while(|at| *at <= end).count() - 1;
        assert_eq!(count, 36, "three hours by the sun are 36 times five minutes");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_hint() {
        assert!(matches!(table("* * *", "UTC"), Err(Error::Expression { .. })));
        assert!(matches!(table("61 * * * *", "UTC"), Err(Error::Expression { .. })));
        assert!(matches!(table("0 0 * * * *", "UTC"), Err(Error::Expression { .. })), "there are no seconds");
        assert!(matches!(table("0 0 * * *", "Europe/Berlyn"), Err(Error::Zone { near: Some("Europe/Berlin"), .. })));
        assert_eq!(table("0 0 30 2 *", "UTC").expect("it can be read").next(Timestamp(0)), None);
    }
}
