//! Host and command line: who holds the data directory, and how the other one gets its answer.

use std::os::unix::fs::PermissionsExt;

use bindery_tests::Data;

#[test]
fn a_command_works_alike_with_and_without_a_host() {
    let data = Data::new();
    let alone = data.run(["status", "--json"]).ok().json();
    assert_eq!(alone["serving"], false);
    let host = data.serve();
    let served = data.run(["status", "--json"]).ok().json();
    assert_eq!(served["serving"], true);
    assert_eq!(served["process"], host.id());
    assert!(host.stop(), "it ends by itself with success");
    assert_eq!(data.run(["status", "--json"]).ok().json()["serving"], false);
}

#[test]
fn a_second_host_is_refused_and_the_first_one_goes_on() {
    let data = Data::new();
    let host = data.serve();
    let said = data.run(["serve"]).fails(1);
    assert!(said.contains("app.in_use") && said.contains(&format!("process {}", host.id())), "{said}");
    data.run(["status"]).ok();
}

#[test]
fn a_killed_host_leaves_nothing_in_the_way() {
    let data = Data::new();
    data.serve().kill();
    assert!(data.path().join("bindery.sock").exists(), "kill -9 leaves the socket");
    data.run(["status"]).ok();
    assert!(data.serve().stop());
    assert!(!data.path().join("bindery.sock").exists(), "a graceful stop removes it");
}

#[test]
fn commands_during_a_start_wait_for_the_host() {
    let data = Data::new();
    let mut commands = Vec::new();
    let mut host = data.command();
    let mut host = host.arg("serve").stderr(std::process::Stdio::null()).spawn().expect("it can be started");
    for _ in 0..4 {
        let mut command = data.command();
        commands
            .push(command.args(["status", "--json"]).stdout(std::process::Stdio::piped()).spawn().expect("started"));
    }
    for command in commands {
        let output = command.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    host.kill().expect("it runs");
    host.wait().expect("it ends");
}

#[test]
fn the_socket_and_the_directory_are_the_owners_alone() {
    let data = Data::new();
    let _host = data.serve();
    let mode = |path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(data.path().join("bindery.sock")), 0o600);
    assert_eq!(mode(data.path()), 0o700);
}

#[test]
fn a_deep_data_directory_has_a_socket_too() {
    let data = Data::new();
    let deep = data.beside(&"d".repeat(100)).join("e".repeat(100));
    let command = |arguments: &[&str]| {
        let mut command = std::process::Command::new(bindery_tests::artifact("bindery"));
        command.env("BINDERY_DATA", &deep).env("XDG_CONFIG_HOME", data.beside("config")).args(arguments);
        command.stderr(std::process::Stdio::null());
        command
    };
    let mut host = command(&["serve"]).spawn().expect("it can be started");
    let answer = |_: u32| command(&["status", "--json"]).output().expect("it can be started");
    // The first command may come before the host and take the lock itself; a later one meets the host.
    let served =
        (0..200).map(answer).any(|output| String::from_utf8_lossy(&output.stdout).contains("\"serving\":true"));
    host.kill().expect("it runs");
    host.wait().expect("it ends");
    assert!(served);
}

#[test]
fn another_owners_directory_is_refused() {
    let data = Data::new();
    data.run(["status"]).ok();
    let changed = std::process::Command::new("chown").arg("12345").arg(data.path()).status().expect("chown is there");
    if !changed.success() {
        eprintln!("skipped: only root can give a directory away");
        return;
    }
    let said = data.run(["status"]).fails(1);
    assert!(said.contains("app.foreign_owner") && said.contains("12345"), "{said}");
}

#[test]
fn a_directory_of_a_newer_version_is_refused_and_left_alone() {
    let data = Data::new();
    data.run(["status"]).ok();
    let sql = "insert into migration(version, name, checksum) values (9999, 'from the future', 'x')";
    rusqlite::Connection::open(data.path().join("bindery.db")).expect("a database").execute(sql, []).expect("a row");
    for command in [&["status"][..], &["serve"], &["migrate"]] {
        let said = data.run(command).fails(1);
        assert!(said.contains("storage.newer_version") && said.contains("9999"), "{said}");
    }
}

#[test]
fn an_older_directory_is_changed_only_by_migrate_and_serve() {
    let data = Data::new();
    let newest = older(&data);
    let said = data.run(["status"]).fails(1);
    assert!(said.contains("storage.older_version") && said.contains("bindery migrate"), "{said}");
    let migrated = data.run(["migrate", "--json"]).ok().json();
    assert!(migrated["from"].as_i64() < Some(newest));
    assert_eq!(migrated["to"], newest);
    data.run(["status"]).ok();
    assert_eq!(data.run(["migrate", "--json"]).ok().json()["from"], newest);
}

/// Makes a directory as the version before this one leaves it, from that one's migrations; answers the newest version.
fn older(data: &Data) -> i64 {
    let made = Data::new();
    made.run(["status"]).ok();
    let applied: Vec<(i64, String, String)> = {
        let open = rusqlite::Connection::open(made.path().join("bindery.db")).expect("a database");
        let mut select = open.prepare("select version, name, checksum from migration order by version").expect("read");
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
        rows.collect::<Result<_, _>>().expect("rows")
    };
    let mark: i64 = rusqlite::Connection::open(made.path().join("bindery.db"))
        .and_then(|open| open.query_row("pragma application_id", [], |row| row.get(0)))
        .expect("a mark");
    std::fs::create_dir(data.path()).expect("made");
    let database = rusqlite::Connection::open(data.path().join("bindery.db")).expect("a database");
    let table = "create table migration(version bigint primary key, name text not null, checksum text not null)";
    database.execute_batch(&format!("pragma application_id = {mark}; {table}")).expect("made");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src/storage/migration");
    for (version, name, checksum) in &applied[..applied.len() - 1] {
        let text = std::fs::read_to_string(folder.join(format!("{version:04}_{name}.sql"))).expect("it is there");
        let text = text
            .replace("{identity}", "integer primary key autoincrement")
            .replace("{row_id}", "integer primary key")
            .replace("{blob}", "blob");
        database.execute_batch(&text).expect("it runs");
        let row = "insert into migration(version, name, checksum) values (?1, ?2, ?3)";
        database.execute(row, (version, name, checksum)).expect("noted");
    }
    applied.last().expect("there are some").0
}

#[test]
fn a_file_that_is_no_database_of_ours_is_refused_and_left_alone() {
    let data = Data::new();
    std::fs::create_dir(data.path()).expect("made");
    let text = "This was never a database, and it is longer than a header of a hundred bytes would be. ".repeat(3);
    std::fs::write(data.path().join("bindery.db"), &text).expect("written");
    let said = data.run(["status"]).fails(1);
    assert!(said.contains("code: storage."), "{said}");
    assert_eq!(std::fs::read_to_string(data.path().join("bindery.db")).expect("there"), text);
}

#[test]
fn a_host_that_speaks_another_dialogue_is_told_from_a_broken_one() {
    let data = Data::new();
    let _host = data.serve();
    let socket = data.path().join("bindery.sock");
    let answer =
        speak(&socket, "POST /op/status.show HTTP/1.1\r\nhost: x\r\nbindery-protocol: 99\r\nconnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 426") && answer.contains("api.version"), "{answer}");
    for (path, wanted) in [("/healthz", "ok"), ("/readyz", "ready"), ("/nowhere", "api.path")] {
        let answer = speak(&socket, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
        assert!(answer.contains(wanted), "{path}: {answer}");
    }
}

fn speak(socket: &std::path::Path, request: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::os::unix::net::UnixStream::connect(socket).expect("the host listens");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}
