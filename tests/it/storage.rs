//! The store's promises where things break: killed processes, full disks, files of other programs and versions.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use bindery::{
    base::Clock,
    model::job::{Filter, NewJob},
    queue::{self, control},
    storage::{Durability::Durable, Error, Options, Store},
};
use serde_json::json;

const PLACE: &str = "BINDERY_TEST_CRASH_PLACE";

/// No test of its own: the process that `acknowledged_writes_survive_kill_9` starts and kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of the crash test"]
async fn crash_child() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    let store = Store::open(&Options::new(place)).unwrap();
    for _ in 0..16 {
        tokio::spawn(write_and_tell(store.clone()));
    }
    // Only a kill ends it.
    std::future::pending::<()>().await;
}

async fn write_and_tell(store: Store) {
    loop {
        let now = Clock::system().now();
        let pair = store.write(Durable, move |tx| {
            let one = queue::enqueue(tx, now, &NewJob::new("test", json!({})))?.id;
            let two = queue::enqueue(tx, now, &NewJob::new("test", json!({ "twin": one })))?.id;
            Ok::<_, queue::Error>((one, two))
        });
        let (one, two) = pair.await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "ack {one} {two}").and_then(|()| out.flush()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("test.db");
    let mut acknowledged = Vec::new();
    for round in 0..20_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "storage::crash_child", "--ignored", "--nocapture"])
            .env(PLACE, &place)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acks = 0;
        // Dies after another number of acknowledgements each time, in the midst of what comes next.
        while acks < 1 + round * round * 7 % 311 {
            let line = lines.next().unwrap().unwrap();
            acks += read_ack(&line, &mut acknowledged);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died counts, too.
        for line in lines.map_while(Result::ok) {
            read_ack(&line, &mut acknowledged);
        }
    }
    let store = Store::open(&Options::new(&place)).unwrap();
    assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
    let all = Filter { limit: Some(i64::MAX), ..Filter::default() };
    let jobs = store.read(move |tx| control::list(tx, &all)).await.unwrap();
    let ids: std::collections::HashSet<i64> = jobs.iter().map(|job| job.id).collect();
    let lost: Vec<i64> = acknowledged.iter().copied().filter(|id| !ids.contains(id)).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged jobs lost: {lost:?}", lost.len(), acknowledged.len());
    let twins = jobs.iter().filter_map(|job| job.payload["twin"].as_i64()).collect::<Vec<_>>();
    assert_eq!(twins.len() * 2, jobs.len(), "a pair is torn");
    assert!(twins.iter().all(|twin| ids.contains(twin)), "a pair is torn");
}

fn read_ack(line: &str, acknowledged: &mut Vec<i64>) -> usize {
    // The harness prints the name of the test before the first line, without an end.
    let Some((_, ids)) = line.split_once("ack ") else { return 0 };
    let ids: Vec<i64> = ids.split(' ').filter_map(|id| id.parse().ok()).collect();
    // A line that the kill cut off says nothing reliable.
    if ids.len() != 2 {
        return 0;
    }
    acknowledged.extend(ids);
    1
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let bounded = Options { max_bytes: Some(1 << 20), ..Options::new(directory.path().join("test.db")) };
    let large = json!("x".repeat(10_000));
    let Ok(store) = Store::open(&bounded) else { panic!("the schema fits") };
    let mut kept = 0;
    let refused = loop {
        let (job, now) = (NewJob::new("test", large.clone()), Clock::system().now());
        match store.write(Durable, move |tx| queue::enqueue(tx, now, &job)).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, queue::Error::Storage(Error::DiskFull(_))), "{refused:?}");
    let counts = store.read(|tx| control::counts(tx)).await.unwrap();
    assert!(kept > 0 && counts.pending == kept, "{kept} acknowledged, {counts:?}");
    assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_newer_version_and_another_program_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("test.db");
    Store::open(&Options::new(&place)).unwrap().close().await;
    let other = rusqlite::Connection::open(&place).unwrap();
    other.execute("insert into migration(version, name, checksum) values (9999, 'future', '')", []).unwrap();
    drop(other);
    assert!(matches!(Store::open(&Options::new(&place)), Err(Error::Newer { found: 9999, .. })));
    let foreign = directory.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("create table mine(a)").unwrap();
    assert!(matches!(Store::open(&Options::new(&foreign)), Err(Error::Foreign(_))));
}
