//! A host whose store is in a PostgreSQL database: the demo connector's records arrive once, whatever is killed, and its
//! password is nowhere to be read.

use bindery_cluster::Cluster;
use bindery_tests::{Data, HostProcess, Options, Shop};

fn command(data: &Data, store: &str) -> std::process::Command {
    let mut command = data.command();
    command.env("BINDERY_STORE", store);
    command
}

fn run(data: &Data, store: &str, arguments: &[&str]) -> (bool, String) {
    let output = command(data, store).args(arguments).output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_killed_host_goes_on_where_it_was_and_each_record_is_there_once() {
    let cluster = Cluster::start();
    let store = cluster.database();
    let (data, shop) = (Data::new(), Shop::start(Options { products: 40, ..Options::default() }));
    let host = HostProcess::start(command(&data, &store));
    assert!(!data.path().join("bindery.db").exists(), "nothing of the store is in the directory");
    data.connect(&shop);
    let (started, said) = run(&data, &store, &["sync", "shop"]);
    assert!(started, "{said}");
    host.kill();
    let host = HostProcess::start(command(&data, &store));
    let (done, said) = run(&data, &store, &["sync", "shop", "--wait"]);
    assert!(done, "{said}");
    assert!(host.stop());
    let bound = "select count(*), count(distinct external_id) from binding b join record_kind k on k.id = b.kind \
                 where k.name = 'demo.product' and record is not null";
    assert_eq!(cluster.ask("test0", bound), "40|40");
}

#[test]
fn a_second_host_is_refused_whatever_its_directory() {
    let cluster = Cluster::start();
    let store = cluster.database();
    let (one, two) = (Data::new(), Data::new());
    let _host = HostProcess::start(command(&one, &store));
    let (done, said) = run(&two, &store, &["status"]);
    assert!(!done && said.contains("storage.locked"), "{said}");
}

#[test]
fn a_password_is_in_no_output() {
    let data = Data::new();
    for store in ["postgres://ada:geheim@127.0.0.1:1/x", "mysql://ada:geheim@x", "postgres://ada:geheim@h:port/x"] {
        let (done, said) = run(&data, store, &["status"]);
        assert!(!done && said.contains("storage."), "{said}");
        assert!(!said.contains("geheim"), "{said}");
    }
    let (done, said) = run(&data, "postgres://ada:geheim@h/x", &["--help"]);
    assert!(done && said.contains("BINDERY_STORE") && !said.contains("geheim"), "{said}");
}
