//! Backends on the command line, over the real demo connector and the demo shop: bad input, and secrets that stay so.

use bindery_tests::{Answer, Data, Fault, Options, Shop};

const SECRET: &str = "demo-token";

/// A data directory with the demo connector, and a running shop.
fn prepared() -> (Data, Shop) {
    let (data, shop) = (Data::new(), Shop::start(Options { token: SECRET.to_owned(), ..Options::default() }));
    data.install("demo");
    data.write("token", &format!("{SECRET}\n"));
    (data, shop)
}

fn add(data: &Data, url: &str) -> Answer {
    let (url, token) = (format!("api_url={url}"), format!("api_token=@{}", data.beside("token").display()));
    data.run(["backend", "add", "shop", "--type", "demo", "--set", &url, "--secret", &token])
}

#[test]
fn a_backend_is_added_tested_and_listed() {
    let (data, shop) = prepared();
    add(&data, &shop.url()).ok();
    let tested = data.run(["backend", "test", "shop", "--json"]).ok().json();
    assert!(tested["message"].as_str().is_some_and(|message| message.contains("Demo Shop")), "{tested}");
    let listed = data.run(["backend", "list", "--json"]).ok().json();
    assert_eq!(listed["backends"][0]["connection"]["status"], "ok");
    assert_eq!(listed["backends"][0]["secrets"]["api_token"], "***");
    // A default of the connector's schema is shown like a value.
    assert_eq!(listed["backends"][0]["settings"]["page_size"], 100);
}

#[test]
fn an_unknown_type_names_the_cure() {
    let (data, _shop) = prepared();
    let said = data.run(["backend", "add", "shop", "--type", "demmo"]).fails(1);
    assert!(said.contains("backend.unknown_type") && said.contains("plugin list"), "{said}");
}

#[test]
fn wrong_settings_are_told_one_line_each_and_nothing_is_stored() {
    let (data, _shop) = prepared();
    let said = data
        .run(["backend", "add", "shop", "--type", "demo", "--set", "api_url=nonsense", "--set", "page_size=abc"])
        .fails(1);
    for name in ["api_url", "page_size", "api_token"] {
        let line = said.lines().find(|line| line.trim_start().starts_with(name));
        assert!(line.is_some_and(|line| line.starts_with("  ")), "{name} has no line of its own:\n{said}");
    }
    assert!(said.contains("code: backend.settings"), "{said}");
    let listed = data.run(["backend", "list", "--json"]).ok().json();
    assert_eq!(listed["backends"].as_array().map(Vec::len), Some(0));
    let json = data.run(["--json", "backend", "add", "shop", "--type", "demo"]);
    assert!(json.json()["error"]["fields"].as_array().is_some_and(|fields| fields.len() == 2), "{}", json.out);
}

#[test]
fn a_secret_given_as_a_setting_is_refused_and_not_repeated() {
    let (data, _shop) = prepared();
    let said = data.run(["backend", "add", "shop", "--type", "demo", "--set", "api_token=hunter2"]).fails(1);
    assert!(said.contains("--secret api_token=@FILE") && !said.contains("hunter2"), "{said}");
    assert!(!data.run(["audit", "--json"]).ok().out.contains("hunter2"));
}

#[test]
fn wrong_credentials_an_absent_server_and_a_web_page_are_told_apart() {
    let (data, shop) = prepared();
    add(&data, &shop.url()).ok();
    data.run_with_input(["backend", "set", "shop", "--secret", "api_token=-"], "not-the-token").ok();
    let said = data.run(["backend", "test", "shop"]).fails(1);
    assert!(said.contains("backend.connection_auth") && said.contains("401"), "{said}");
    assert!(!said.contains("not-the-token"), "{said}");

    data.run_with_input(["backend", "set", "shop", "--secret", "api_token=-"], SECRET).ok();
    shop.fault("GET /shop", 1, Fault::Html);
    let said = data.run(["backend", "test", "shop"]).fails(1);
    assert!(said.contains("HTML"), "{said}");

    data.run(["backend", "set", "shop", "--set", "api_url=http://127.0.0.1:1"]).ok();
    let said = data.run(["backend", "test", "shop"]).fails(1);
    assert!(said.contains("backend.connection_unavailable") && said.contains("refused"), "{said}");
    assert_eq!(data.run(["backend", "list", "--json"]).ok().json()["backends"][0]["connection"]["status"], "failed");
}

#[test]
fn a_secret_is_in_no_output_log_or_file() {
    let (data, shop) = prepared();
    let mut outputs = vec![add(&data, &shop.url())];
    let host = data.serve();
    for command in [
        &["backend", "test", "shop"][..],
        &["backend", "show", "shop"],
        &["backend", "list"],
        &["backend", "disable", "shop"],
        &["backend", "enable", "shop"],
        &["plugin", "show", "demo"],
        &["audit"],
        &["status"],
        &["job", "list"],
    ] {
        outputs.push(data.run(command));
        outputs.push(data.run(command.iter().chain(&["--json"])));
    }
    for answer in &outputs {
        assert!(!format!("{}{}", answer.out, answer.err).contains(SECRET), "{}{}", answer.out, answer.err);
    }
    assert!(!host.output().contains(SECRET), "{}", host.output());
    assert!(host.stop());
    for entry in std::fs::read_dir(data.path()).expect("it is there").flatten() {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        let is_there = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!is_there, "{}", entry.path().display());
    }
}

#[test]
fn a_lost_key_names_the_backend_and_leaves_the_rest_running() {
    let (data, shop) = prepared();
    add(&data, &shop.url()).ok();
    std::fs::remove_dir_all(data.beside("config")).expect("the key that was made up");
    let listed = data.run(["backend", "list", "--json"]).ok().json();
    assert!(listed["backends"][0]["trouble"].is_string(), "{listed}");
    let said = data.run(["backend", "test", "shop"]).fails(1);
    assert!(said.contains("shop") && said.contains("key"), "{said}");
    data.run(["record", "create", "product.template", "name=Lamp"]).ok();
    assert!(data.run(["status"]).ok().out.contains("shop"));
    data.run_with_input(["backend", "set", "shop", "--secret", "api_token=-"], SECRET).ok();
    data.run(["backend", "test", "shop"]).ok();
}

#[test]
fn settings_that_name_records_name_those_that_are_there() {
    let (data, shop) = prepared();
    add(&data, &shop.url()).ok();
    for (setting, model, values) in [
        ("warehouse", "stock.warehouse", &["name=Main", "code=WH"][..]),
        ("pricelist", "product.pricelist", &["name=Public"]),
        ("company", "res.company", &["name=Ours"]),
        ("team", "crm.team", &["name=Web"]),
    ] {
        let missing = data.run(["backend", "set", "shop", "--set", &format!("{setting}=1")]).fails(1);
        assert!(missing.contains("backend.settings") && missing.contains(model), "{setting}: {missing}");
        let made = data.run([&["record", "create", model, "--json"], values].concat()).ok().json();
        let id = made["ids"][0].to_string();
        data.run(["backend", "set", "shop", "--set", &format!("{setting}={id}")]).ok();
        let shown = data.run(["backend", "show", "shop", "--json"]).ok().json();
        assert_eq!(shown["business"][setting].to_string(), id, "{shown}");
        let text = data.run(["backend", "set", "shop", "--set", &format!("{setting}=Main")]).fails(1);
        assert!(text.contains(setting), "{text}");
        data.run(["backend", "set", "shop", "--unset", setting]).ok();
        assert!(data.run(["backend", "show", "shop", "--json"]).ok().json()["business"][setting].is_null());
    }
}
