//! What is to be reached, as ratios to a peer within a round. Each is judged by the median of the rounds' ratios.

use serde::Serialize;

use super::sample::{Sample, Spread};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// Records in a second.
    Wall,
    /// Records in a second of CPU time.
    Cpu,
}

impl Measure {
    /// What one run came to.
    pub(crate) fn of(self, sample: &Sample) -> f64 {
        let seconds = match self {
            Self::Wall => sample.wall_s,
            Self::Cpu => sample.cpu_s,
        };
        // A clock that ticks more rarely than the run lasts would say that it took no time.
        sample.records as f64 / seconds.max(0.001)
    }

    /// As people read it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wall => "rec/s",
            Self::Cpu => "rec/CPU s",
        }
    }
}

/// A ratio to be reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) op: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) measure: Measure,
    pub(crate) at_least: f64,
    pub(crate) aim: Option<f64>,
}

/// What became of a target for one of our programs.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) program: String,
    pub(crate) op: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) measure: Measure,
    /// Ours to the peer's, of each round.
    pub(crate) ratio: Option<Spread>,
    pub(crate) at_least: f64,
    pub(crate) aim: Option<f64>,
    pub(crate) reached: bool,
}

/// Judges a target by the rounds, each with all samples of it.
pub(crate) fn judge(target: &Target, program: &str, rounds: &[Vec<Sample>]) -> Verdict {
    let Target { op, peer, measure, at_least, aim } = *target;
    let ratios = rounds.iter().filter_map(|round| {
        let of = |name: &str| round.iter().find(|sample| sample.name == name && sample.op == op);
        Some(measure.of(of(program)?) / measure.of(of(peer)?))
    });
    let ratio = Spread::of(ratios);
    let reached = ratio.is_some_and(|ratio| ratio.median >= at_least);
    Verdict { program: program.to_owned(), op, peer, measure, ratio, at_least, aim, reached }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str, cpu_s: f64) -> Sample {
        Sample { name: name.into(), op: "full".into(), records: 100, wall_s: 1.0, cpu_s, rss_mib: 1 }
    }

    #[test]
    fn the_median_of_the_rounds_decides_and_what_was_not_measured_is_not_reached() {
        let round = |ours: f64, theirs: f64| vec![sample("ours", ours), sample("theirs", theirs)];
        let rounds = [round(1.0, 3.0), round(1.0, 1.0), round(1.0, 2.0)];
        let target = |peer, at_least| Target { op: "full", peer, measure: Measure::Cpu, at_least, aim: None };
        assert!(judge(&target("theirs", 2.0), "ours", &rounds).reached);
        assert!(!judge(&target("theirs", 2.1), "ours", &rounds).reached);
        assert!(!judge(&target("nobody", 0.1), "ours", &rounds).reached);
    }
}
