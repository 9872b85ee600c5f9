//! What every engine of the store must do, as one suite: an engine's tests call [`all`] with a fresh store.
//!
//! It checks behaviour that the rooms above rely on, and nothing about speed.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{Durability::Durable, Durability::Relaxed, Error, Param, Signal, Statement, Store, Tx, outbox};

type Check = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One case of the suite: it is given a fresh store.
pub type Case = fn(Store) -> Check;

/// Name and body of every check.
pub fn all() -> Vec<(&'static str, Case)> {
    vec![
        ("values_survive_the_round_trip", |s| Box::pin(values_survive_the_round_trip(s))),
        ("text_compares_bytewise", |s| Box::pin(text_compares_bytewise(s))),
        ("nul_in_a_text_is_refused", |s| Box::pin(nul_in_a_text_is_refused(s))),
        ("lists_select_their_members", |s| Box::pin(lists_select_their_members(s))),
        ("a_failed_closure_leaves_nothing", |s| Box::pin(a_failed_closure_leaves_nothing(s))),
        ("a_failed_closure_does_not_harm_its_neighbours", |s| {
            Box::pin(a_failed_closure_does_not_harm_its_neighbours(s))
        }),
        ("a_panicking_closure_does_not_harm_its_neighbours", |s| Box::pin(a_panic_does_not_harm_its_neighbours(s))),
        ("a_savepoint_undoes_only_its_part", |s| Box::pin(a_savepoint_undoes_only_its_part(s))),
        ("a_failed_definition_leaves_nothing", |s| Box::pin(a_failed_definition_leaves_nothing(s))),
        ("constraints_are_told_apart", |s| Box::pin(constraints_are_told_apart(s))),
        ("a_read_sees_what_was_answered", |s| Box::pin(a_read_sees_what_was_answered(s))),
        ("a_read_cannot_write", |s| Box::pin(a_read_cannot_write(s))),
        ("signals_come_after_commits_only", |s| Box::pin(signals_come_after_commits_only(s))),
        ("upserts_and_returning", |s| Box::pin(upserts_and_returning(s))),
        ("ids_are_not_used_again", |s| Box::pin(ids_are_not_used_again(s))),
        ("row_ids_rise_and_are_not_used_again", |s| Box::pin(row_ids_rise_and_are_not_used_again(s))),
        ("what_is_logged_stands_in_its_order", |s| Box::pin(what_is_logged_stands_in_its_order(s))),
        ("what_is_undone_is_not_logged", |s| Box::pin(what_is_undone_is_not_logged(s))),
    ]
}

static INSERT: Statement = Statement::new("insert into conformance(name, size, body, parent) values (?1, ?2, ?3, ?4)");
static SELECT: Statement = Statement::new("select name, size, body from conformance order by id");
static COUNT: Statement = Statement::new("select count(*) from conformance");

async fn define(store: &Store) {
    let ddl = "create table conformance(
        id {identity}, name text not null unique, size bigint check (size >= 0 or size is null), body {blob},
        parent bigint references conformance(id))";
    store.write(Durable, move |tx| tx.define(ddl)).await.expect("a table");
}

fn add(tx: &mut dyn Tx, name: &str) -> Result<i64, Error> {
    tx.insert(&INSERT, &[name.into(), Param::Null, Param::Null, Param::Null])
}

async fn count(store: &Store) -> i64 {
    store.read(|tx| tx.first(&COUNT, &[], |row| row.int(0))).await.expect("a count").unwrap_or_default()
}

async fn values_survive_the_round_trip(store: Store) {
    define(&store).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let kept = bytes.clone();
    store
        .write(Durable, move |tx| {
            tx.insert(&INSERT, &["é𝄞'\"".into(), i64::MAX.into(), Param::Blob(&kept), Param::Null])?;
            tx.insert(&INSERT, &["".into(), 0.into(), Param::Blob(b""), Param::Null])?;
            tx.insert(&INSERT, &["none".into(), Param::Null, Param::Null, Param::Null])
        })
        .await
        .expect("three rows");
    let rows = store
        .read(|tx| {
            tx.query(&SELECT, &[], |row| Ok((row.string(0)?, row.opt_int(1)?, row.opt_blob(2)?.map(<[u8]>::to_vec))))
        })
        .await
        .expect("rows");
    let expected = vec![
        ("é𝄞'\"".to_owned(), Some(i64::MAX), Some(bytes)),
        (String::new(), Some(0), Some(Vec::new())),
        ("none".to_owned(), None, None),
    ];
    assert_eq!(rows, expected);
}

async fn text_compares_bytewise(store: Store) {
    define(&store).await;
    static SORTED: Statement = Statement::new("select name from conformance where name >= ?1 order by name");
    store
        .write(Durable, |tx| ["b", "a", "B", "é", "z", "_"].iter().try_for_each(|name| add(tx, name).map(drop)))
        .await
        .expect("rows");
    let names = store.read(|tx| tx.query(&SORTED, &["B".into()], |row| row.string(0))).await.expect("names");
    assert_eq!(names, ["B", "_", "a", "b", "z", "é"]);
}

async fn nul_in_a_text_is_refused(store: Store) {
    define(&store).await;
    let refused = store.write(Durable, |tx| add(tx, "a\0b")).await;
    assert!(matches!(refused, Err(Error::Nul)), "{refused:?}");
    assert_eq!(count(&store).await, 0);
}

async fn lists_select_their_members(store: Store) {
    define(&store).await;
    static BY_NAMES: Statement = Statement::new("select id from conformance where name {texts:1} order by id");
    static BY_IDS: Statement = Statement::new("select name from conformance where id {ints:1} order by id");
    let ids = store
        .write(Durable, |tx| ["a\"b", "c\\", "é"].iter().map(|name| add(tx, name)).collect::<Result<Vec<_>, Error>>())
        .await
        .expect("rows");
    let (first, last) = (ids[0], ids[2]);
    let found = store
        .read(move |tx| {
            let names = tx.query(&BY_IDS, &[Param::Ints(&[first, last, -1])], |row| row.string(0))?;
            let ids = tx.query(&BY_NAMES, &[Param::Texts(&["c\\", "a\"b", "no"])], |row| row.int(0))?;
            let none = tx.query(&BY_NAMES, &[Param::Texts(&[])], |row| row.int(0))?;
            Ok::<_, Error>((names, ids, none))
        })
        .await
        .expect("rows");
    assert_eq!(found, (vec!["a\"b".to_owned(), "é".to_owned()], ids[..2].to_vec(), Vec::new()));
}

async fn a_failed_closure_leaves_nothing(store: Store) {
    define(&store).await;
    let failed = store
        .write(Durable, |tx| {
            add(tx, "half")?;
            Err::<(), _>(Error::Shape("as the test wants".to_owned()))
        })
        .await;
    assert!(matches!(failed, Err(Error::Shape(_))));
    assert_eq!(count(&store).await, 0);
}

/// Many callers at once, some of whom fail after their first write: all others are kept.
async fn a_failed_closure_does_not_harm_its_neighbours(store: Store) {
    define(&store).await;
    let calls = (0..64).map(|at| {
        let store = store.clone();
        tokio::spawn(async move {
            let durability = if at % 3 == 0 { Relaxed } else { Durable };
            let result = store
                .write(durability, move |tx| {
                    add(tx, &format!("row {at}"))?;
                    if at % 8 == 0 { Err(Error::Shape(String::new())) } else { Ok(()) }
                })
                .await;
            assert_eq!(result.is_ok(), at % 8 != 0, "row {at}: {result:?}");
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("a caller");
    }
    assert_eq!(count(&store).await, 56);
}

async fn a_panic_does_not_harm_its_neighbours(store: Store) {
    define(&store).await;
    let (one, two) = (store.clone(), store.clone());
    let bad = tokio::spawn(async move {
        one.write(Durable, |tx| {
            add(tx, "bad")?;
            std::panic::resume_unwind(Box::new("as the test wants"));
            #[expect(unreachable_code, reason = "gives the closure its type")]
            Ok::<(), Error>(())
        })
        .await
    });
    let good = tokio::spawn(async move { two.write(Durable, |tx| add(tx, "good")).await });
    assert!(matches!(bad.await.expect("a caller"), Err(Error::Panicked)));
    good.await.expect("a caller").expect("a row");
    assert_eq!(count(&store).await, 1);
}

async fn a_savepoint_undoes_only_its_part(store: Store) {
    define(&store).await;
    store
        .write(Durable, |tx| {
            add(tx, "before")?;
            let inner = tx.savepoint(|tx| {
                add(tx, "inner")?;
                let innermost = tx.savepoint(|tx| add(tx, "innermost"))?;
                innermost?;
                Err::<(), _>(Error::Shape(String::new()))
            })?;
            assert!(inner.is_err());
            tx.savepoint(|tx| add(tx, "after"))??;
            Ok::<_, Error>(())
        })
        .await
        .expect("two rows");
    let names = store.read(|tx| tx.query(&SELECT, &[], |row| row.string(0))).await.expect("names");
    assert_eq!(names, ["before", "after"]);
}

async fn a_failed_definition_leaves_nothing(store: Store) {
    let failed = store
        .write(Durable, |tx| {
            tx.define("create table conformance(id {identity}, name text)")?;
            Err::<(), _>(Error::Shape(String::new()))
        })
        .await;
    assert!(failed.is_err());
    define(&store).await;
}

async fn constraints_are_told_apart(store: Store) {
    define(&store).await;
    store.write(Durable, |tx| add(tx, "here")).await.expect("a row");
    let unique = store.write(Durable, |tx| add(tx, "here")).await;
    assert!(matches!(unique, Err(Error::Unique(_))), "{unique:?}");
    let reference =
        store.write(Durable, |tx| tx.insert(&INSERT, &["x".into(), Param::Null, Param::Null, 4711.into()])).await;
    assert!(matches!(reference, Err(Error::ForeignKey(_))), "{reference:?}");
    let check =
        store.write(Durable, |tx| tx.insert(&INSERT, &["y".into(), (-1).into(), Param::Null, Param::Null])).await;
    assert!(matches!(check, Err(Error::Check(_))), "{check:?}");
    assert_eq!(count(&store).await, 1);
}

async fn a_read_sees_what_was_answered(store: Store) {
    define(&store).await;
    for at in 1..=50 {
        let durability = if at % 2 == 0 { Durable } else { Relaxed };
        store.write(durability, move |tx| add(tx, &at.to_string())).await.expect("a row");
        assert_eq!(count(&store).await, at);
    }
}

async fn a_read_cannot_write(store: Store) {
    define(&store).await;
    assert!(store.read(|tx| add(tx, "no")).await.is_err());
    assert_eq!(count(&store).await, 0);
}

async fn signals_come_after_commits_only(store: Store) {
    define(&store).await;
    let mut outbox = store.listen(Signal::Outbox);
    let failed = store
        .write(Durable, |tx| {
            tx.signal(Signal::Outbox);
            Err::<(), _>(Error::Shape(String::new()))
        })
        .await;
    assert!(failed.is_err());
    assert!(!outbox.has_changed().expect("the store is open"));
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    store
        .write(Durable, move |tx| {
            counted.fetch_add(1, Ordering::Relaxed);
            add(tx, "row")?;
            tx.signal(Signal::Outbox);
            Ok::<_, Error>(())
        })
        .await
        .expect("a row");
    outbox.changed().await.expect("the store is open");
    assert_eq!((count(&store).await, runs.load(Ordering::Relaxed)), (1, 1));
}

async fn upserts_and_returning(store: Store) {
    define(&store).await;
    static UPSERT: Statement = Statement::new(
        "insert into conformance(name, size) values (?1, ?2) on conflict(name) do update set size = excluded.size
         where conformance.size is distinct from excluded.size returning id",
    );
    static NOTHING: Statement =
        Statement::new("insert into conformance(name, size) values (?1, ?2) on conflict(name) do nothing returning id");
    let upsert = |size: i64| move |tx: &mut dyn Tx| tx.first(&UPSERT, &["a".into(), size.into()], |row| row.int(0));
    let first = store.write(Durable, upsert(1)).await.expect("inserted");
    let second = store.write(Durable, upsert(2)).await.expect("updated");
    assert!(first.is_some() && first == second);
    assert_eq!(store.write(Durable, upsert(2)).await.expect("the same"), None);
    let kept = store.write(Durable, |tx| tx.first(&NOTHING, &["a".into(), 3.into()], |row| row.int(0))).await;
    assert_eq!(kept.expect("nothing"), None);
}

async fn ids_are_not_used_again(store: Store) {
    define(&store).await;
    static DELETE: Statement = Statement::new("delete from conformance where id = ?1");
    let first = store.write(Durable, |tx| add(tx, "a")).await.expect("a row");
    store.write(Durable, move |tx| tx.execute(&DELETE, &[first.into()])).await.expect("deleted");
    let second = store.write(Durable, |tx| add(tx, "b")).await.expect("a row");
    assert!(second > first);
}

async fn row_ids_rise_and_are_not_used_again(store: Store) {
    static DELETE: Statement = Statement::new("delete from counted where id >= ?1");
    let ddl = "create table counted(id {row_id}, name text not null unique)";
    store.write(Durable, move |tx| tx.define(ddl)).await.expect("a table");
    let mut given = Vec::new();
    for round in 0..60 {
        let name = format!("{round}");
        let (first, second) = (name.clone(), format!("{round} too"));
        let id = store.write(Durable, move |tx| count_in(tx, &first)).await.expect("a row");
        given.push(id);
        // Neither a closure that fails nor a part that is undone leaves a row that has one of the ids that follow.
        let again = name.clone();
        let failed = store.write(Durable, move |tx| {
            count_in(tx, &second)?;
            count_in(tx, &again)
        });
        assert!(matches!(failed.await, Err(Error::Unique(_))));
        let last = store
            .write(Durable, move |tx| {
                let undone = tx.savepoint(|tx| count_in(tx, &name))?;
                assert!(matches!(undone, Err(Error::Unique(_))));
                count_in(tx, &format!("{name} at last"))
            })
            .await;
        given.push(last.expect("a row"));
        if round % 7 == 0 {
            store.write(Durable, move |tx| tx.execute(&DELETE, &[id.into()])).await.expect("the newest are removed");
        }
    }
    assert!(given.is_sorted_by(|a, b| a < b), "{given:?}");
    assert_eq!(given.last(), Some(&120), "what is undone leaves no gap");
}

fn log(tx: &mut dyn Tx, records: std::ops::Range<i64>, changed: Option<&str>) -> Result<(), Error> {
    for record in records {
        let like =
            outbox::NewRow { model: 1, record, op: 1, backend: Some(7), chain: None, actor: None, changed, at: 5 };
        tx.log(&like)?;
    }
    Ok(())
}

/// Records in the order of the outbox; their ids rise.
fn logged(tx: &mut dyn Tx) -> Result<Vec<(i64, Option<String>)>, Error> {
    let rows = outbox::after(tx, 0, 10_000)?;
    assert!(rows.is_sorted_by(|one, next| one.id < next.id));
    assert!(rows.iter().all(|row| (row.model, row.op, row.backend, row.at) == (1, 1, Some(7), 5)));
    Ok(rows.into_iter().map(|row| (row.record, row.changed)).collect())
}

async fn what_is_logged_stands_in_its_order(store: Store) {
    let wanted: Vec<(i64, Option<String>)> = (0..1200)
        .map(|record| (record, None))
        .chain([(1200, Some("name".to_owned()))])
        .chain((1201..1203).map(|record| (record, Some("size".to_owned()))))
        .collect();
    let within = store
        .write(Durable, |tx| {
            log(tx, 0..1200, None)?;
            log(tx, 1200..1201, Some("name"))?;
            log(tx, 1201..1203, Some("size"))?;
            logged(tx)
        })
        .await
        .expect("logged");
    assert_eq!(within, wanted, "the transaction itself sees it");
    store.write(Durable, |tx| log(tx, 1203..1205, None)).await.expect("logged");
    let rows = store.read(|tx| logged(tx)).await.expect("read");
    assert_eq!((&rows[..1203], rows.len()), (&wanted[..], 1205));
    let refused = store.write(Durable, |tx| log(tx, 0..2, Some("a\0b"))).await;
    assert!(matches!(refused, Err(Error::Nul)), "{refused:?}");
    assert!(store.read(|tx| log(tx, 0..1, None)).await.is_err(), "a read logs nothing");
}

async fn what_is_undone_is_not_logged(store: Store) {
    store
        .write(Durable, |tx| {
            log(tx, 0..2, None)?;
            let undone = tx.savepoint(|tx| log(tx, 2..4, None).and(Err::<(), _>(Error::Nul)))?;
            assert!(undone.is_err());
            tx.savepoint(|tx| log(tx, 4..6, None))?
        })
        .await
        .expect("logged");
    let failed: Result<(), Error> = store.write(Durable, |tx| log(tx, 6..8, None).and(Err(Error::Nul))).await;
    assert!(failed.is_err());
    store.write(Durable, |tx| log(tx, 8..10, None)).await.expect("logged");
    let rows = store.read(|tx| logged(tx)).await.expect("read");
    assert_eq!(rows.iter().map(|(record, _)| *record).collect::<Vec<_>>(), [0, 1, 4, 5, 8, 9]);
}

fn count_in(tx: &mut dyn Tx, name: &str) -> Result<i64, Error> {
    static COUNTED: Statement = Statement::new("insert into counted(id, name) values ({next_id:counted}, ?1)");
    tx.insert(&COUNTED, &[name.into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Options, Place, postgres::Address};

    #[tokio::test]
    async fn row_ids_go_on_where_a_closed_store_has_left_them() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let options = Options::new(place.path().join("test.db"));
        let store = Store::open(&options).expect("a store");
        let ddl = "create table counted(id {row_id}, name text not null unique)";
        store.write(Durable, move |tx| tx.define(ddl)).await.expect("a table");
        for (name, id) in [("a", 1), ("b", 2)] {
            assert_eq!(store.write(Durable, move |tx| count_in(tx, name)).await.expect("a row"), id);
        }
        static DELETE: Statement = Statement::new("delete from counted where id = 2");
        store.write(Durable, |tx| tx.execute(&DELETE, &[])).await.expect("removed");
        store.close().await;
        let store = Store::open(&options).expect("a store");
        assert_eq!(store.write(Durable, |tx| count_in(tx, "c")).await.expect("a row"), 3);
        store.close().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn sqlite_conforms() {
        for (name, check) in all() {
            let place = tempfile::tempdir().expect("a temporary directory");
            let store = Store::open(&Options::new(place.path().join("test.db"))).expect("a store");
            let checked = tokio::spawn(check(store.clone())).await;
            assert!(checked.is_ok(), "{name}");
            store.close().await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn postgres_conforms() {
        let cluster = bindery_cluster::Cluster::start();
        for (name, check) in all() {
            let address = Address::parse(&cluster.database()).expect("an address");
            let store = Store::open(&Options::of(Place::Server(address))).expect("a store");
            let checked = tokio::spawn(check(store.clone())).await;
            assert!(checked.is_ok(), "{name}");
            store.close().await;
        }
    }
}
