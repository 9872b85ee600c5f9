//! Our store beside plain SQLite with the same rows, in the same file format and at the same durability: what the rules of
//! queue, records and bindings cost above the writing itself.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bindery::{
    base::{Clock, Timestamp},
    model::job::NewJob,
    queue::{self, Handler, Handlers, OpenGate, Outcome, Runner, Running},
    storage::{self, Durability::Durable, Store, Tx},
};
use rusqlite::{Connection, types::Value};
use serde_json::json;

use super::tell;

/// Jobs of one measurement.
const JOBS: usize = 20_000;
/// Records of one measurement, and of a page.
const RECORDS: usize = 20_000;
const PAGE: usize = 100;
const NOW: Timestamp = Timestamp(1_764_000_000_000_000);

pub(super) async fn run(folder: &Path) {
    enqueue(folder).await;
    work(folder).await;
    pages(folder).await;
}

fn open(folder: &Path, name: &str) -> Store {
    let store = Store::open(&storage::Options::new(folder.join(name))).expect("a new store");
    store.warm_up();
    store
}

fn job() -> NewJob {
    NewJob::new("nothing", json!({ "record": 17 }))
}

fn per_second(name: &str, count: usize, took: Duration) {
    tell(name, "per s", count as f64 / took.as_secs_f64());
}

async fn enqueue(folder: &Path) {
    let store = open(folder, "enqueue.db");
    for (callers, each) in [(1, 1_000), (16, 1_000), (64, 500)] {
        let begun = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    for _ in 0..each {
                        store.write(Durable, |tx| queue::enqueue(tx, NOW, &job())).await.expect("it is enqueued");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no caller panics");
        }
        per_second(&format!("enqueue, {callers} callers: ours"), callers * each, begun.elapsed());
    }
    let begun = Instant::now();
    for _ in 0..JOBS / 1_000 {
        let all = |tx: &mut dyn Tx| {
            for _ in 0..1_000 {
                queue::enqueue(tx, NOW, &job())?;
            }
            Ok::<_, queue::Error>(())
        };
        store.write_weighted(Durable, 1_000, all).await.expect("they are enqueued");
    }
    per_second("enqueue, 1000 at once: ours", JOBS, begun.elapsed());
    store.close().await;
    for (rows, commits) in [(1, 1_000), (16, 1_000), (64, 500), (1_000, JOBS / 1_000)] {
        let raw = Raw::beside(folder, "enqueue.db", "enqueue-raw.db", &["job"], rows * commits);
        per_second(&format!("enqueue, {rows} rows a commit: plain SQLite"), rows * commits, raw.insert(rows));
    }
}

struct Nothing;

impl Handler for Nothing {
    fn run(&self, _: Running) -> futures_util::future::BoxFuture<'static, Outcome> {
        Box::pin(async { Outcome::Done(json!(null)) })
    }
}

/// Claiming and finishing jobs that do nothing.
async fn work(folder: &Path) {
    let store = open(folder, "work.db");
    let mut last = 0;
    for _ in 0..JOBS / 1_000 {
        let all = |tx: &mut dyn Tx| {
            let mut last = 0;
            for _ in 0..1_000 {
                last = queue::enqueue(tx, NOW, &job())?.id;
            }
            Ok::<_, queue::Error>(last)
        };
        last = store.write_weighted(Durable, 1_000, all).await.expect("they are enqueued");
    }
    let waiting = folder.join("work-raw.db");
    store.close().await;
    // A copy of a closed database is whole.
    std::fs::copy(folder.join("work.db"), &waiting).expect("it can be copied");
    let store = open(folder, "work.db");
    let handlers = Handlers::new().with("nothing", Arc::new(Nothing));
    let options = queue::Options { concurrency: 256, ..queue::Options::default() };
    let begun = Instant::now();
    let runner =
        Runner::start(store.clone(), Clock::system(), Arc::new(OpenGate), handlers, options).await.expect("it starts");
    runner.wait(last).await.expect("it is done");
    per_second("claim and finish jobs: ours", JOBS, begun.elapsed());
    runner.stop().await;
    store.close().await;
    for batch in [100, 1_000] {
        std::fs::copy(folder.join("work-raw.db"), folder.join("work-plain.db")).expect("it can be copied");
        let took = claim_and_finish(&connect(&folder.join("work-plain.db")), batch);
        per_second(&format!("claim {batch} and finish {batch}: plain SQLite"), JOBS, took);
    }
}

/// Two commits for each batch: claimed, and done.
fn claim_and_finish(connection: &Connection, batch: usize) -> Duration {
    let begun = Instant::now();
    loop {
        connection.execute_batch("begin immediate").expect("nobody else writes");
        let mut claim = connection
            .prepare_cached(
                "update job set state = 2, attempt = attempt + 1, started = 1 where id in
                   (select id from job where state = 1 and channel = 1 order by priority, eta, id limit ?1)
                 returning id, kind, payload",
            )
            .expect("the table is as it is");
        let rows = claim.query_map([batch as i64], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(2)?)));
        let jobs: Vec<i64> = rows.expect("a query").map(|row| row.expect("a job").0).collect();
        connection.execute_batch("commit").expect("the disk has room");
        if jobs.is_empty() {
            return begun.elapsed();
        }
        connection.execute_batch("begin immediate").expect("nobody else writes");
        let mut done = connection
            .prepare_cached("update job set state = 3, ended = 2, result = 'null' where id = ?1 and state = 2")
            .expect("the table is as it is");
        for job in jobs {
            done.execute([job]).expect("the disk has room");
        }
        connection.execute_batch("commit").expect("the disk has room");
    }
}

/// Pages of new records with their bindings and outbox rows.
async fn pages(folder: &Path) {
    let store = open(folder, "pages.db");
    let (backend, catalogue) = super::grow::ground(&store).await;
    let begun = Instant::now();
    for page in 0..RECORDS / PAGE {
        super::grow::page(
            &store,
            &catalogue,
            backend,
            (page * PAGE..(page + 1) * PAGE).map(|id| id.to_string()).collect(),
        )
        .await;
    }
    per_second("page of 100 records, bindings, outbox rows: ours", RECORDS, begun.elapsed());
    store.close().await;
    let tables = ["r_product_template", "binding", "outbox"];
    let raw = Raw::beside(folder, "pages.db", "pages-raw.db", &tables, RECORDS);
    per_second("page of 100 records, bindings, outbox rows: plain SQLite", RECORDS, raw.insert(PAGE));
}

fn connect(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("it can be opened");
    connection
        .execute_batch(
            "pragma journal_mode=wal; pragma synchronous=full; pragma foreign_keys=on; pragma cache_size=-32768",
        )
        .expect("pragmas of every SQLite");
    connection
}

/// The rows of one of our databases, to be written into another with the same tables by prepared statements alone.
struct Raw {
    connection: Connection,
    tables: Vec<(String, Vec<Vec<Value>>)>,
}

impl Raw {
    /// Reads `count` rows of each table, and makes an empty twin of the database.
    fn beside(folder: &Path, ours: &str, twin: &str, tables: &[&str], count: usize) -> Self {
        let source = connect(&folder.join(ours));
        let tables = tables.iter().map(|table| rows(&source, table, count)).collect::<Vec<_>>();
        drop(source);
        let twin = folder.join(twin);
        std::fs::copy(folder.join(ours), &twin).expect("it can be copied");
        let connection = connect(&twin);
        connection.execute_batch("pragma foreign_keys=off").expect("a pragma");
        for (insert, _) in &tables {
            let table = insert.split(['(', ' ']).nth(2).expect("its name");
            connection.execute_batch(&format!("delete from {table}")).expect("nothing refers to it any more");
        }
        connection.execute_batch("pragma foreign_keys=on; pragma wal_checkpoint(truncate); vacuum").expect("alone");
        Self { connection, tables }
    }

    /// Writes them, so many rows of each table a commit.
    fn insert(&self, batch: usize) -> Duration {
        let count = self.tables[0].1.len();
        let begun = Instant::now();
        for from in (0..count).step_by(batch) {
            self.connection.execute_batch("begin immediate").expect("nobody else writes");
            for at in from..(from + batch).min(count) {
                for (insert, rows) in &self.tables {
                    let mut insert = self.connection.prepare_cached(insert).expect("the table is as it is");
                    insert.execute(rusqlite::params_from_iter(&rows[at])).expect("the disk has room");
                }
            }
            self.connection.execute_batch("commit").expect("the disk has room");
        }
        begun.elapsed()
    }
}

fn rows(source: &Connection, table: &str, count: usize) -> (String, Vec<Vec<Value>>) {
    let mut select = source.prepare(&format!("select * from {table} limit {count}")).expect("a table of ours");
    let columns = select.column_count();
    let marks: Vec<String> = (1..=columns).map(|number| format!("?{number}")).collect();
    let names = select.column_names().collect::<Vec<_>>().join(", ");
    let insert = format!("insert into {table}({names}) values ({})", marks.join(", "));
    let read = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>();
    let rows = select.query_map([], read).expect("a query").map(|row| row.expect("a row")).collect();
    (insert, rows)
}
