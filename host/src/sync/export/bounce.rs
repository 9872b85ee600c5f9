//! Stops a record that bounces: two outside systems each make something else of a value, later and by themselves, and each
//! hears of the other's change. Chains don't tell, since every round begins anew with an import. What tells is what comes
//! back: a body that was sent, came back changed, and is to be sent again though nobody has changed the record here.

use serde::{Deserialize, Serialize};

use super::{ours::Ours, record::Exported};
use crate::{
    base::Timestamp,
    storage::{Durability, Tx, bounce, review},
    sync::{Error, digest::Hash, engine::Engine, problem::Problem, review::BOUNCE, target::Target},
};

/// A body that came back changed so often is not sent again.
const SAME: u32 = 3;
/// So many changed answers within [`WINDOW`] are a storm, whatever the bodies were: values may grow with every round.
const ANY: u32 = 20;
/// In microseconds: ten minutes.
const WINDOW: i64 = 600 * 1_000_000;
/// How long a body is remembered, in microseconds: a day.
const MEMORY: i64 = 86_400 * 1_000_000;
/// Bodies that are remembered.
const BODIES: usize = 8;

/// What was sent of a record and came back changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trail {
    bodies: Vec<Returned>,
    /// Changed answers since `since`.
    rounds: u32,
    since: i64,
}

/// A body that came back changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Returned {
    body: Hash,
    times: u32,
    at: i64,
}

impl Trail {
    fn note(&mut self, body: &Hash, now: Timestamp) {
        self.bodies.retain(|one| now.0 - one.at < MEMORY);
        let times = match self.bodies.iter().position(|one| one.body == *body) {
            Some(at) => self.bodies.remove(at).times + 1,
            None => 1,
        };
        self.bodies.push(Returned { body: *body, times, at: now.0 });
        if self.bodies.len() > BODIES {
            self.bodies.remove(0);
        }
        if now.0 - self.since > WINDOW {
            (self.rounds, self.since) = (0, now.0);
        }
        self.rounds += 1;
    }

    /// How often what is to be sent came back changed, where that was too often.
    fn too_often(&self, body: &Hash, now: Timestamp) -> Option<u32> {
        let same = self.bodies.iter().find(|one| one.body == *body).map_or(0, |one| one.times);
        let is_storm = self.rounds >= ANY && now.0 - self.since <= WINDOW;
        if same >= SAME { Some(same) } else { is_storm.then_some(self.rounds) }
    }
}

/// Notes that what was sent of a record came back changed.
pub fn came_back(tx: &mut dyn Tx, binding: i64, body: &Hash, now: Timestamp) -> Result<(), crate::storage::Error> {
    let mut trail = trail(tx, binding)?.unwrap_or_default();
    trail.note(body, now);
    bounce::put(tx, binding, &serde_json::json!(trail).to_string(), now.0)
}

/// What came back of a record so far.
pub fn trail(tx: &mut dyn Tx, binding: i64) -> Result<Option<Trail>, crate::storage::Error> {
    // A trail that can't be read is begun anew: that costs a few rounds.
    Ok(bounce::trail(tx, binding)?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Somebody has changed these records here: they go on.
pub fn go_on(tx: &mut dyn Tx, bindings: &[i64], now: Timestamp) -> Result<(), crate::storage::Error> {
    if bindings.is_empty() {
        return Ok(());
    }
    bounce::forget(tx, bindings)?;
    review::close_bound(tx, bindings, BOUNCE, now.0)
}

/// Somebody has decided about a record: it goes on, wherever it is bound.
pub fn go_on_everywhere(tx: &mut dyn Tx, model: i64, record: i64) -> Result<(), crate::storage::Error> {
    bounce::forget_record(tx, model, record)
}

impl Engine {
    /// Whether what is to be sent of a record bounces: then it waits for a person, and nothing else does.
    pub(super) async fn stop_bounce(
        &self,
        target: &Target,
        ours: &Ours,
        (body, hash): (&[u8], &Hash),
    ) -> Result<Option<Exported>, Error> {
        let now = self.clock.now();
        let (Some(trail), Some(binding), false) = (&ours.trail, &ours.binding, ours.due.forced) else {
            return Ok(None);
        };
        let Some(times) = trail.too_often(hash, now) else { return Ok(None) };
        let names = ours.due.changed.as_deref().unwrap_or("its fields").replace(',', ", ");
        let reason = format!(
            "it was sent there {times} times and each time came back changed ({names}), while another system made it again \
             what it was: both make something else of the same value"
        );
        let (target, binding, record) = (target.clone(), binding.clone(), ours.due.record);
        let (payload, why) = (String::from_utf8_lossy(body).into_owned(), reason.clone());
        self.store
            .write(Durability::Durable, move |tx| {
                review::hold(
                    tx,
                    &review::Hold {
                        backend: binding.backend,
                        kind: target.name(),
                        cause: BOUNCE,
                        ours: Some(record),
                        external_id: binding.external_id.as_deref().unwrap_or_default(),
                        binding: Some(binding.id),
                        reason: &why,
                        candidates: "[]",
                        payload: &payload,
                        external_updated_at: binding.external_updated_at.as_deref(),
                        now: now.0,
                    },
                )
            })
            .await?;
        Ok(Some(Exported::failed(Problem { retry: false, ..Problem::new("sync.bounce", reason) })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * 1_000_000;

    #[test]
    fn the_same_body_is_sent_three_times_and_another_one_goes_on() {
        let (mut trail, (upper, lower)) = (Trail::default(), ([1; 16], [2; 16]));
        for round in 0..3 {
            let now = Timestamp(round * 60 * MINUTE);
            assert_eq!(trail.too_often(&upper, now), None);
            trail.note(&upper, now);
        }
        let now = Timestamp(180 * MINUTE);
        assert_eq!((trail.too_often(&upper, now), trail.too_often(&lower, now)), (Some(3), None));
    }

    #[test]
    fn what_came_back_days_apart_is_forgotten() {
        let (mut trail, body) = (Trail::default(), [1; 16]);
        for day in 0..10 {
            let now = Timestamp(day * 1_441 * MINUTE);
            assert_eq!(trail.too_often(&body, now), None);
            trail.note(&body, now);
        }
    }

    #[test]
    fn values_that_grow_with_every_round_are_stopped_too() {
        let mut trail = Trail::default();
        for round in 0..20_u8 {
            let now = Timestamp(i64::from(round) * 1_000_000);
            assert_eq!(trail.too_often(&[round; 16], now), None);
            trail.note(&[round; 16], now);
        }
        assert_eq!(trail.too_often(&[99; 16], Timestamp(30_000_000)), Some(20));
        // An hour later it may be somebody's work.
        assert_eq!(trail.too_often(&[99; 16], Timestamp(61 * MINUTE)), None);
    }
}
