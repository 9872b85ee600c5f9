//! When a failed attempt is followed by another one.

use std::time::Duration;

use crate::model::job::RetryPattern;

/// How long to wait after a failed attempt, within the bounds of its step of the pattern. `chance` is in 0..=u64::MAX.
pub(super) fn delay(pattern: &RetryPattern, attempt: i64, chance: u64) -> Duration {
    let step = pattern.0.iter().filter(|step| step.attempt <= attempt).max_by_key(|step| step.attempt);
    // Below the first step of a pattern the first step holds: a gap is no reason for another wait than the author's.
    let step = step.or_else(|| pattern.0.iter().min_by_key(|step| step.attempt));
    let Some(step) = step else { return Duration::ZERO };
    let least = u64::try_from(step.least.max(0)).unwrap_or(0) * 1_000;
    let most = u64::try_from(step.most.max(step.least).max(0)).unwrap_or(0) * 1_000;
    let spread = most - least;
    let within = ((u128::from(chance) * (u128::from(spread) + 1)) >> 64) as u64;
    Duration::from_millis(least + within)
}

/// A number that differs from job to job and attempt to attempt, the same whenever it is asked for: a closure that
/// runs twice must come to the same end twice.
pub(super) fn chance(job: i64, attempt: i64) -> u64 {
    let mut bytes = [0_u8; 16];
    bytes[..8].copy_from_slice(&job.to_le_bytes());
    bytes[8..].copy_from_slice(&attempt.to_le_bytes());
    xxhash_rust::xxh3::xxh3_64(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::job::RetryStep;

    fn pattern(steps: &[(i64, i64, i64)]) -> RetryPattern {
        RetryPattern(steps.iter().map(|&(attempt, least, most)| RetryStep { attempt, least, most }).collect())
    }

    #[test]
    fn the_highest_step_that_is_reached_counts() {
        let pattern = pattern(&[(1, 10, 10), (5, 20, 20)]);
        for (attempt, seconds) in [(1, 10), (4, 10), (5, 20), (99, 20)] {
            assert_eq!(delay(&pattern, attempt, u64::MAX / 3), Duration::from_secs(seconds), "attempt {attempt}");
        }
    }

    #[test]
    fn a_delay_of_nothing_is_nothing() {
        assert_eq!(delay(&pattern(&[(1, 0, 0)]), 1, u64::MAX), Duration::ZERO);
        assert_eq!(delay(&pattern(&[]), 3, 7), Duration::ZERO);
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_uses_them() {
        let pattern = pattern(&[(1, 10, 20)]);
        assert_eq!(delay(&pattern, 1, 0), Duration::from_secs(10));
        assert_eq!(delay(&pattern, 1, u64::MAX), Duration::from_secs(20));
        let middle = (1..=1000).filter(|job| delay(&pattern, 1, chance(*job, 1)) < Duration::from_secs(15)).count();
        assert!((400..600).contains(&middle), "{middle} of 1000 in the lower half");
    }

    #[test]
    fn an_attempt_below_the_first_step_waits_as_the_first_step_says() {
        assert_eq!(delay(&pattern(&[(3, 7, 7)]), 1, 0), Duration::from_secs(7));
    }
}
