//! Cursors, kept values, and consumers of the outbox: what lets a run go on where the last one stopped.

use bindery::{
    base::Coded,
    record::{
        cursor::{self, Move},
        kv, outbox,
    },
};
use bindery_tests::records::{NOW, Records};
use serde_json::json;

fn to<'a>(value: Option<&'a str>, by: &'a str) -> Move<'a> {
    Move { value, state_format: 2, by, now: NOW }
}

#[test]
fn a_cursor_moves_only_from_where_it_was_expected() {
    let records = Records::new();
    let backend = records.backend("shop");
    let (start, first) = records
        .run(move |tx| {
            let start = cursor::get(tx, backend, "acme.product")?;
            Ok((start.clone(), cursor::advance(tx, backend, "acme.product", start.version, &to(Some("a"), "run 1"))?))
        })
        .expect("is moved");
    assert_eq!((start.value, start.version, first), (None, 0, 1));
    // An operator sets it while a run is under way: the run's own move is refused.
    records.run(move |tx| cursor::set(tx, backend, "acme.product", &to(Some("b"), "operator"))).expect("is set");
    let stale = records.run(move |tx| cursor::advance(tx, backend, "acme.product", first, &to(Some("c"), "run 1")));
    assert_eq!(stale.expect_err("is refused").code().name, "record.cursor_changed");
    let (stands, history, others) = records
        .run(move |tx| {
            cursor::set(tx, backend, "acme.product", &to(None, "reset"))?;
            Ok((
                cursor::get(tx, backend, "acme.product")?,
                cursor::history(tx, backend, "acme.product", 10)?,
                cursor::list(tx, backend)?,
            ))
        })
        .expect("is read");
    assert_eq!((stands.value, stands.version, stands.state_format), (None, 3, 2));
    let moves: Vec<_> = history.iter().map(|one| (one.value.as_deref(), one.moved_by.as_str())).collect();
    assert_eq!(moves, [(None, "reset"), (Some("b"), "operator"), (Some("a"), "run 1")]);
    assert_eq!(others.len(), 1);
}

#[test]
fn the_history_of_a_cursor_is_bounded() {
    let records = Records::new();
    let backend = records.backend("shop");
    let history = records
        .run(move |tx| {
            for number in 0..150 {
                cursor::set(tx, backend, "acme.product", &to(Some(&number.to_string()), "run"))?;
            }
            cursor::history(tx, backend, "acme.product", 1000)
        })
        .expect("is read");
    assert_eq!((history.len(), history[0].value.as_deref()), (100, Some("149")));
}

#[test]
fn kept_values_are_one_backends_own() {
    let records = Records::new();
    let (one, other) = (records.backend("one"), records.backend("other"));
    records
        .run(move |tx| {
            kv::set(tx, one, "token", &json!({"n": 0}), 1, NOW)?;
            kv::set(tx, one, "empty", &json!(""), 1, NOW)?;
            assert_eq!(kv::get(tx, one, "token")?, Some((json!({"n": 0}), 1)));
            assert_eq!(kv::get(tx, one, "empty")?, Some((json!(""), 1)));
            assert_eq!(kv::get(tx, other, "token")?, None);
            assert_eq!(kv::keys(tx, one)?, ["empty", "token"]);
            kv::set(tx, one, "token", &json!(null), 1, NOW)?;
            assert_eq!(kv::get(tx, one, "token")?, None);
            Ok(())
        })
        .expect("are kept");
}

#[test]
fn the_outbox_is_pruned_behind_its_slowest_consumer() {
    let records = Records::new();
    for name in ["a", "b", "c", "d"] {
        records.create("product.tag", json!({"name": name})).expect("is created");
    }
    let ids: Vec<i64> = records.events(0).iter().map(|event| event.id).collect();
    let (second, third) = (ids[1], ids[2]);
    let later = NOW.plus_seconds(10);
    let pruned = records
        .run(move |tx| {
            outbox::advance(tx, "export", third, NOW)?;
            outbox::advance(tx, "listener", second, NOW)?;
            outbox::advance(tx, "listener", 0, NOW)?;
            assert_eq!(outbox::position(tx, "listener")?, Some(second));
            assert_eq!(outbox::prune(tx, NOW, 100)?, 0, "nothing is old enough");
            outbox::prune(tx, later, 100)
        })
        .expect("is pruned");
    assert_eq!(pruned, 2);
    let pruned = records
        .run(move |tx| {
            outbox::forget(tx, "listener")?;
            outbox::prune(tx, later, 100)
        })
        .expect("is pruned");
    assert_eq!((pruned, records.events(0).len()), (1, 1));
    // Places in the log are never given twice.
    let last = records.events(0)[0].id;
    records
        .run(move |tx| {
            outbox::forget(tx, "export")?;
            outbox::prune(tx, later, 100)
        })
        .expect("is pruned");
    records.create("product.tag", json!({"name": "e"})).expect("is created");
    assert!(records.events(0)[0].id > last);
}
