//! How the command line behaves at a terminal and away from one, and when it is interrupted or in the way of others.

use std::{
    io::Read,
    process::{Command, Stdio},
};

use bindery_tests::{Data, Options, Shop, artifact};

fn connected() -> (Data, Shop) {
    let shop = Shop::start(Options { products: 40, customers: 2, orders: 2, ..Options::default() });
    let data = Data::new();
    data.connect(&shop);
    (data, shop)
}

/// Runs a command at a terminal of its own, as `script` makes one; answers what was on the screen. `seen` is told once a
/// text has appeared.
fn at_a_terminal(data: &Data, arguments: &str, text: &str, seen: impl FnOnce()) -> String {
    let binary = artifact("bindery");
    let line = format!("stty cols 120 rows 40; exec {} --data {} {arguments}", binary.display(), data.path().display());
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]);
    command.env("XDG_CONFIG_HOME", data.beside("config")).env("TERM", "xterm");
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("script is there");
    let mut out = child.stdout.take().expect("piped above");
    let (mut screen, mut seen, mut chunk) = (Vec::new(), Some(seen), [0; 4096]);
    loop {
        let count = out.read(&mut chunk).expect("readable");
        if count == 0 {
            break;
        }
        screen.extend_from_slice(&chunk[..count]);
        if String::from_utf8_lossy(&screen).contains(text)
            && let Some(seen) = seen.take()
        {
            seen();
        }
    }
    let screen = String::from_utf8_lossy(&screen).into_owned();
    assert!(child.wait().expect("it ends").success(), "{screen}");
    screen
}

#[test]
fn progress_is_a_bar_at_a_terminal_and_lines_elsewhere() {
    let (data, shop) = connected();
    let gate = shop.gate("GET /products");
    // The shop holds its answer until the bar is there.
    let screen = at_a_terminal(&data, "sync shop --kind demo.product --wait", "Import demo.product", || gate.release());
    // A bar is drawn over itself: the cursor is moved, the line is cleared.
    assert!(screen.contains("\u{1b}["), "{screen:?}");
    assert!(screen.contains("OFFERED") && screen.contains("40"), "{screen:?}");

    let piped = data.run(["sync", "shop", "--kind", "demo.product", "--wait", "--force"]).ok();
    assert!(!format!("{}{}", piped.out, piped.err).contains('\u{1b}'), "{piped:?}");
    assert!(
        piped.err.lines().any(|line| line.starts_with("job ") && line.ends_with("done 40/40") || line.contains("done")),
        "{}",
        piped.err
    );
    assert!(piped.out.contains("OFFERED"), "{}", piped.out);
    let json = data.run(["sync", "shop", "--kind", "demo.product", "--wait", "--json"]).ok();
    assert_eq!(json.err, "", "with --json nothing is beside the document");
}

/// Starts a command whose output is kept, to be interrupted.
fn started(data: &Data, arguments: &[&str]) -> std::process::Child {
    let mut command = data.command();
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it can be started")
}

fn interrupted(child: std::process::Child) -> (Option<i32>, String) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(sent.success());
    let output = child.wait_with_output().expect("it ends");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn interrupting_a_wait_leaves_the_job_to_the_host_and_says_how_to_look() {
    let (data, shop) = connected();
    let host = data.serve();
    let gate = shop.gate("GET /products");
    let waiting = started(&data, &["sync", "shop", "--kind", "demo.product", "--wait"]);
    gate.wait_arrived();
    let (code, said) = interrupted(waiting);
    assert_eq!(code, Some(1), "{said}");
    let id = said
        .split("bindery job wait ")
        .nth(1)
        .and_then(|rest| rest.split('`').next())
        .expect("the way to look")
        .to_owned();
    assert!(said.contains("goes on") && said.contains("code: cli.interrupted"), "{said}");
    gate.release();
    data.run(["job", "wait", &id]).ok();
    assert_eq!(data.count("product.template", "[]"), 40);
    assert!(host.stop());
}

#[test]
fn interrupting_a_command_without_a_host_puts_its_job_back() {
    let (data, shop) = connected();
    let gate = shop.gate("GET /products");
    let waiting = started(&data, &["sync", "shop", "--kind", "demo.product"]);
    gate.wait_arrived();
    let (code, said) = interrupted(waiting);
    gate.release();
    assert_eq!(code, Some(1), "{said}");
    let id =
        said.split("bindery job wait ").nth(1).and_then(|rest| rest.split('`').next()).expect("the way on").to_owned();
    let job = data.run(["job", "show", &id, "--json"]).ok().json();
    assert_eq!((&job["state"], &job["charged"]), (&"pending".into(), &0.into()), "{job}");
    data.run(["job", "wait", &id]).ok();
    assert_eq!(data.count("product.template", "[]"), 40);
}

#[test]
fn the_data_directory_is_an_option_or_the_environments_and_the_option_wins() {
    let data = Data::new();
    let (one, two) = (data.beside("one"), data.beside("two"));
    let run = |arguments: &[&std::ffi::OsStr], environment: Option<&std::path::Path>| {
        let mut command = Command::new(artifact("bindery"));
        command.args(arguments).env_remove("BINDERY_DATA").env("XDG_CONFIG_HOME", data.beside("config"));
        command.current_dir(data.as_ref());
        if let Some(place) = environment {
            command.env("BINDERY_DATA", place);
        }
        assert!(command.output().expect("it runs").status.success());
    };
    let status = std::ffi::OsStr::new("status");
    run(&[status], Some(&one));
    assert!(one.join("bindery.db").exists());
    run(&["--data".as_ref(), two.as_os_str(), status], Some(&data.beside("three")));
    assert!(two.join("bindery.db").exists() && !data.beside("three").exists());
    run(&[status, "--data".as_ref(), data.beside("four").as_os_str()], None);
    assert!(data.beside("four").join("bindery.db").exists(), "the option may stand behind the command");
    run(&[status], None);
    assert!(data.beside("bindery-data").join("bindery.db").exists(), "the default");
}

#[test]
fn a_database_that_another_program_holds_is_told_with_its_cure() {
    let data = Data::new();
    data.run(["status"]).ok();
    let other = rusqlite::Connection::open(data.path().join("bindery.db")).expect("a database");
    other.execute_batch("begin exclusive").expect("it is ours now");
    let said = data.run(["record", "create", "product.tag", "name=x"]).fails(1);
    assert!(said.contains("code: storage.") && said.contains("cure: "), "{said}");
    other.execute_batch("rollback").expect("it is free again");
    data.run(["record", "create", "product.tag", "name=x"]).ok();
}

#[test]
fn two_commands_on_one_directory_wait_for_each_other() {
    let (data, shop) = connected();
    let gate = shop.gate("GET /products");
    let first = started(&data, &["sync", "shop", "--kind", "demo.product"]);
    gate.wait_arrived();
    // The first one keeps the directory for longer than anybody waits.
    let said = data.run(["status"]).fails(1);
    assert!(said.contains("app.in_use") && said.contains(&format!("process {}", first.id())), "{said}");
    gate.release();
    assert!(first.wait_with_output().expect("it ends").status.success());
    data.run(["status"]).ok();
}
