//! The order of writing within a page: a record comes after those of its page that it refers to.

use std::collections::HashMap;

use super::{
    plan::{Action, Plan, What},
    problem::Problem,
};
use crate::record::Symbolic;

/// Puts actions in order. Records that need each other can't be: they are kept, with the reason.
pub fn sort(plan: &mut Plan) {
    let needs = needs(&plan.actions, plan.target.name());
    if needs.iter().all(Vec::is_empty) {
        return;
    }
    let order = walk(&needs);
    let mut actions: Vec<Option<Action>> = plan.actions.drain(..).map(Some).collect();
    for at in &order {
        plan.actions.extend(actions[*at].take());
    }
    // What is left stands on a circle, or behind one.
    let left: Vec<Action> = actions.into_iter().flatten().collect();
    let names: Vec<String> = left.iter().map(|action| format!("{} {}", plan.target.name(), action.id)).collect();
    for action in left {
        let message = format!("records need each other before they can be imported: {}", names.join(" → "));
        let what = What::Quarantine(Problem::new("sync.cyclic_dependency", message));
        plan.actions.push(Action { what, ..action });
    }
}

/// For each action, the actions of the same page that must come before.
fn needs(actions: &[Action], kind: &str) -> Vec<Vec<usize>> {
    let refers = |action: &Action| matches!(&action.what, What::Write(write) if !write.open.is_empty());
    if !actions.iter().any(refers) {
        return Vec::new();
    }
    let made: HashMap<&str, usize> = (actions.iter().enumerate())
        .filter(|(_, action)| matches!(&action.what, What::Write(write) if write.record.is_none()))
        .map(|(at, action)| (action.id.as_str(), at))
        .collect();
    let of = |action: &Action| -> Vec<usize> {
        let What::Write(write) = &action.what else { return Vec::new() };
        let refs = write.open.iter().filter_map(|symbolic| match symbolic {
            Symbolic::Ref(target) if target.kind == kind => made.get(target.id.as_str()).copied(),
            _ => None,
        });
        refs.collect()
    };
    actions.iter().map(of).collect()
}

/// Positions, each after those it needs; what can't be placed is left out.
fn walk(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut needed_by: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, needs) in needs.iter().enumerate() {
        for need in needs {
            needed_by.entry(*need).or_default().push(at);
        }
    }
    let mut order: Vec<usize> = (0..needs.len()).filter(|at| waiting[*at] == 0).collect();
    let mut next = 0;
    while let Some(at) = order.get(next).copied() {
        next += 1;
        for after in needed_by.get(&at).into_iter().flatten() {
            waiting[*after] -= 1;
            if waiting[*after] == 0 {
                order.push(*after);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_comes_first_and_circles_are_left_out() {
        assert_eq!(walk(&[vec![1], vec![2], vec![]]), [2, 1, 0]);
        assert_eq!(walk(&[vec![], vec![], vec![]]), [0, 1, 2]);
        assert_eq!(walk(&[vec![1], vec![0], vec![], vec![0]]), [2]);
        assert!(walk(&[vec![0]]).is_empty());
    }
}
