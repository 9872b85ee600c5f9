//! The command line itself: what makes no sense, what fails, and how it is told.

use bindery_tests::Data;

#[test]
fn what_makes_no_sense_ends_with_2_and_touches_nothing() {
    let data = Data::new();
    let wrong: &[&[&str]] = &[
        &[],
        &["nonsense"],
        &["backend", "add", "shop"],
        &["backend", "add", "shop", "--type", "demo", "--set", "no-equals-sign"],
        &["sync"],
        &["sync", "shop", "--only", "everything"],
        &["sync", "shop", "--id", "7"],
        &["sync", "shop", "--only", "products", "--kind", "demo.product"],
        &["sync", "shop", "--priority", "-1"],
        &["job", "list", "--state", "sleeping"],
        &["job", "show", "seven"],
        &["job", "retry"],
        &["binding", "unbind"],
        &["review", "resolve", "1"],
        &["review", "resolve", "1", "--create", "--skip"],
    ];
    for arguments in wrong {
        let answer = data.run(*arguments);
        assert_eq!(answer.code, Some(2), "{arguments:?}\n{}{}", answer.out, answer.err);
        assert!(answer.err.contains("Usage") || answer.err.contains("--help"), "{arguments:?}: {}", answer.err);
    }
    assert!(!data.path().exists(), "a usage error opens nothing");
}

#[test]
fn a_secret_on_the_command_line_is_refused_before_anything_is_done() {
    let data = Data::new();
    let answer = data.run(["backend", "add", "shop", "--type", "demo", "--secret", "api_token=hunter2"]);
    let said = answer.fails(2);
    assert!(said.contains("@FILE"), "{said}");
    assert!(!data.path().exists());
}

#[test]
fn an_error_says_message_cause_cure_and_code() {
    let data = Data::new();
    let said = data.run(["job", "show", "7"]).fails(1);
    for part in ["error: there is no job 7", "cause: ", "cure: ", "code: queue.no_such_job"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn with_json_a_failure_is_one_document_on_standard_output() {
    let data = Data::new();
    let answer = data.run(["--json", "job", "show", "7"]);
    assert_eq!(answer.code, Some(1));
    assert_eq!(answer.err, "");
    let error = &answer.json()["error"];
    assert_eq!(error["code"], "queue.no_such_job");
    for part in ["message", "cause", "cure", "retry"] {
        assert!(error[part].is_string(), "{part}: {error}");
    }
}

#[test]
fn every_reading_command_answers_json_on_an_empty_directory() {
    let data = Data::new();
    let reads: &[(&[&str], &str)] = &[
        (&["plugin", "list"], "/plugins"),
        (&["backend", "list"], "/backends"),
        (&["record", "models"], "/models"),
        (&["record", "search", "product.template"], "/rows"),
        (&["binding", "list"], "/bindings"),
        (&["review", "list"], "/items"),
        (&["job", "list"], "/jobs"),
        (&["audit"], "/entries"),
        (&["status"], "/version"),
    ];
    for (arguments, pointer) in reads {
        let answer = data.run(arguments.iter().chain(&["--json"])).ok();
        assert!(answer.json().pointer(pointer).is_some(), "{arguments:?}: {}", answer.out);
        // And words for people, on the same directory.
        assert!(!data.run(*arguments).ok().out.trim().is_empty(), "{arguments:?}");
    }
    assert!(data.run(["explain", "--json"]).ok().json().as_array().is_some_and(|codes| codes.len() > 20));
}

#[test]
fn a_code_is_explained_without_a_data_directory() {
    let data = Data::new();
    let said = data.run(["explain", "storage.disk_full"]).ok().out;
    assert!(said.contains("no room left") && said.contains("Free space"), "{said}");
    let said = data.run(["explain", "storage.disk_ful"]).fails(1);
    assert!(said.contains("cli.unknown_code"), "{said}");
    assert!(!data.path().exists());
}

#[test]
fn every_setting_of_the_host_stands_in_the_help_and_on_the_page_of_operators() {
    let settings = serde_json::to_value(bindery::backend::Business::default()).expect("JSON");
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operate.md")).expect("it is there");
    let help = Data::new().run(["backend", "set", "--help"]).ok().out;
    for name in settings.as_object().expect("an object").keys() {
        assert!(help.contains(name.as_str()), "the help does not name {name}");
        assert!(page.contains(&format!("`{name}`")), "docs/operate.md does not name {name}");
    }
}

#[test]
fn a_plugin_that_asks_for_models_says_so_before_it_is_granted_any() {
    let data = Data::new();
    data.install("fault");
    let said = data.run(["plugin", "show", "fault"]).ok().out;
    assert!(said.contains("asks for models") && said.contains("product.template"), "{said}");
}

#[test]
fn completions_know_the_commands() {
    let data = Data::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = data.run(["completions", shell]).ok().out;
        assert!(script.contains("backend") && script.contains("resync"), "{shell}");
        assert!(!script.contains("unimplemented"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let data = Data::new();
    let mut command = data.command();
    let mut child = command
        .args(["explain"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("a child can be waited for");
    assert!(output.status.success());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
