//! Keys on the command line: rotated, wrong and lost ones, with the real program.

use bindery_tests::{Answer, Data, Options, Shop};

const OLD: &str = "0000000000000000000000000000000000000000000000000000000000000001";
const NEW: &str = "0000000000000000000000000000000000000000000000000000000000000002";

/// Runs a command with a file of keys, one a line.
fn run(data: &Data, keys: &str, arguments: &[&str]) -> Answer {
    let file = data.write("keys", keys);
    let mut command = data.command();
    command.env("BINDERY_KEY_FILE", file).args(arguments);
    Answer::of(command)
}

fn add(data: &Data, shop: &Shop, keys: &str, name: &str) {
    let (url, token) =
        (format!("api_url={}", shop.url()), format!("api_token=@{}", data.write("token", shop.token()).display()));
    run(data, keys, &["backend", "add", name, "--type", "demo", "--set", &url, "--secret", &token]).ok();
}

fn troubles(data: &Data, keys: &str) -> Vec<(String, bool)> {
    let listed = run(data, keys, &["backend", "list", "--json"]).ok().json();
    let backends = listed["backends"].as_array().expect("a list").clone();
    backends
        .iter()
        .map(|one| (one["name"].as_str().unwrap_or_default().to_owned(), one["trouble"].is_string()))
        .collect()
}

#[test]
fn a_key_is_rotated_one_backend_after_the_other() {
    let shop = Shop::start(Options::sized(2));
    let data = Data::new();
    data.install("demo");
    add(&data, &shop, OLD, "first");
    add(&data, &shop, OLD, "second");
    // The new key seals, the older one still opens.
    let both = format!("{NEW}  # since today\n{OLD}\n");
    run(&data, &both, &["backend", "test", "first"]).ok();
    let token = format!("api_token=@{}", data.beside("token").display());
    run(&data, &both, &["backend", "set", "first", "--secret", &token]).ok();
    // Without the older one, what was set anew works, and the other is named.
    assert_eq!(troubles(&data, NEW), [("first".to_owned(), false), ("second".to_owned(), true)]);
    run(&data, NEW, &["backend", "test", "first"]).ok();
    let said = run(&data, NEW, &["backend", "test", "second"]).fails(1);
    assert!(said.contains("security.key_lost") && said.contains("second") && said.contains("api_token"), "{said}");
    let status = run(&data, NEW, &["status"]).ok().out;
    assert!(status.contains("second"), "{status}");
    run(&data, NEW, &["backend", "set", "second", "--secret", &token]).ok();
    assert_eq!(troubles(&data, NEW), [("first".to_owned(), false), ("second".to_owned(), false)]);
    run(&data, NEW, &["sync", "second", "--kind", "demo.product", "--wait"]).ok();
}

#[test]
fn a_wrong_key_names_its_backends_and_the_rest_goes_on() {
    let shop = Shop::start(Options::sized(2));
    let data = Data::new();
    data.install("demo");
    add(&data, &shop, OLD, "locked");
    add(&data, &shop, NEW, "open");
    assert_eq!(troubles(&data, NEW), [("locked".to_owned(), true), ("open".to_owned(), false)]);
    run(&data, NEW, &["sync", "open", "--kind", "demo.product", "--wait"]).ok();
    let said = run(&data, NEW, &["sync", "locked", "--kind", "demo.product", "--wait"]).fails(1);
    assert!(said.contains("security.key_lost") && said.contains("locked") && said.contains("api_token"), "{said}");
    run(&data, &format!("{NEW}\n{OLD}"), &["sync", "locked", "--kind", "demo.product", "--wait"]).ok();
}

#[test]
fn a_key_that_is_none_is_refused_without_being_shown() {
    let data = Data::new();
    for (keys, wanted) in [("not-a-key", "security.bad_key"), ("", "empty"), ("abcd", "security.bad_key")] {
        let said = run(&data, keys, &["status"]).fails(1);
        assert!(said.contains(wanted), "{keys:?}: {said}");
        assert!(keys.is_empty() || !said.contains(keys), "{said}");
    }
    let mut command = data.command();
    command.env("BINDERY_KEY_FILE", data.beside("nowhere")).arg("status");
    let said = Answer::of(command).fails(1);
    assert!(said.contains("security.key_file") && said.contains("nowhere"), "{said}");
}
