//! Lines under kinds of their own: which of ours is which of theirs, and whose change of one stands. It writes nothing.

use xxhash_rust::xxh3::xxh3_128;

use super::{conflict, digest::Hash, merge, plan::Line, target::Target};
use crate::record::{Binding, Kind, Row, encode};

/// What a line of theirs comes to here: the same again means that it has not changed there.
pub fn digest(kind: &Kind, inverse: usize, line: &Line) -> Hash {
    let mut values = merge::agreed(&kind.model, &line.values);
    values.remove(&kind.model.fields[inverse].name);
    xxh3_128(serde_json::Value::Object(values).to_string().as_bytes()).to_be_bytes()
}

/// Whether a line of ours stays as it is: it changed here and not there. What both sides changed goes with the record.
pub fn stays(target: &Target, theirs: Hash, bound: &Binding) -> bool {
    let is_ours_changed = bound.record.is_some() && bound.record_version != bound.current_version;
    is_ours_changed && bound.payload_hash == Some(theirs) && conflict::keeps_agreed(target)
}

/// Pairs lines of theirs with ours that are not bound yet: by their content, where it is told apart. Answers, for each of
/// theirs, the place of ours.
pub fn pair(kind: &Kind, theirs: &[&Line], ours: &[Row]) -> Vec<Option<usize>> {
    let mut free: Vec<bool> = vec![true; ours.len()];
    let mut paired = Vec::new();
    for line in theirs {
        let best = (0..ours.len())
            .filter(|at| free[*at])
            .map(|at| (alike(kind, line, &ours[at]), at))
            .filter(|(alike, _)| alike.0 * 2 > alike.1)
            .max_by(|((one, of), at), ((other, of_other), at_other)| {
                (one * of_other).cmp(&(other * of)).then(at_other.cmp(at))
            })
            .map(|(_, at)| at);
        if let Some(at) = best {
            free[at] = false;
        }
        paired.push(best);
    }
    paired
}

/// How many of the values that a line has are those of ours, and how many it has.
fn alike(kind: &Kind, line: &Line, ours: &Row) -> (usize, usize) {
    let theirs = merge::agreed(&kind.model, &line.values);
    let told = theirs.iter().filter(|(_, value)| !value.is_null() && !value.is_boolean());
    let mine = |name: &str| {
        let index = kind.model.field(name)?.index;
        ours.values.iter().find(|(at, _)| *at == index).map(|(_, value)| encode::value(value))
    };
    told.fold((0, 0), |(same, all), (name, value)| (same + usize::from(mine(name).as_ref() == Some(value)), all + 1))
}
