//! Secrets at rest: nowhere in clear, readable only with the key that sealed them, and a missing key costs only the
//! backends whose secrets it sealed.

use bindery::{
    backend::{Error, New},
    base::{Clock, Coded, config::DataDir},
    queue::Verdict,
    security::{Key, Keyring, Origin, Source},
    storage::{self, Store},
};
use bindery_tests::{
    backend::{Ground, change, shop},
    log::Log,
};

const SECRET: &str = "the-key-of-the-shop";

#[tokio::test]
async fn the_database_never_holds_a_secret_in_clear() {
    let (log, _capturing) = Log::start();
    let ground = Ground::new().await;
    let backends = ground.backends().await;
    let id = backends.add(shop("http://127.0.0.1:9")).await.expect("it is complete").id;
    backends.opened(id).await.expect("the connector gets it");
    backends.set("shop", change(&[], &[("api_key", "the-second-key")])).await.expect("fine");
    let mut looked_at = 0;
    for file in ground.database_files() {
        let bytes = std::fs::read(&file).expect("readable");
        looked_at += bytes.len();
        for secret in [SECRET, "the-second-key"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {}", file.display());
        }
    }
    assert!(looked_at > 10_000, "the files hold what was written");
    assert!(!log.text().contains("the-key") && !log.text().contains("second-key"));
    assert!(!format!("{:?}", backends.get(id).expect("it is there")).contains("second-key"));
}

#[tokio::test]
async fn a_lost_key_parks_its_backends_and_leaves_the_rest_running() {
    let (log, _capturing) = Log::start();
    let ground = Ground::new().await;
    let lost = ground.backends().await.add(shop("http://127.0.0.1:9")).await.expect("it is complete").id;
    let new_key = Key::generate();
    let backends = ground.backends_with(Keyring::of(new_key.clone(), Vec::new())).await;
    assert!(log.text().contains("shop") && log.text().contains("secrets can't be read"), "{}", log.text());
    match backends.may_run(lost) {
        Verdict::Park { reason } => assert!(reason.contains("shop") && reason.contains("api_key"), "{reason}"),
        Verdict::Run => panic!("it is not parked"),
    }
    let error = backends.opened(lost).await.expect_err("it can't be opened");
    assert_eq!(error.code().name, "security.key_lost");
    let other = New { name: "other".to_owned(), ..shop("http://127.0.0.1:9") };
    let other = backends.add(other).await.expect("sealed with the new key").id;
    assert_eq!(backends.may_run(other), Verdict::Run);
    backends.opened(other).await.expect("the rest runs");
    // Settings can still be changed, and the secret set anew.
    backends.set("shop", change(&[("page_size", "5")], &[])).await.expect("fine");
    backends.set("shop", change(&[], &[("api_key", "again")])).await.expect("fine");
    assert_eq!(backends.may_run(lost), Verdict::Run);
    backends.opened(lost).await.expect("it opens");
}

#[tokio::test]
async fn an_older_key_still_opens_while_a_new_one_seals() {
    let ground = Ground::new().await;
    let id = ground.backends().await.add(shop("http://127.0.0.1:9")).await.expect("it is complete").id;
    let new_key = Key::generate();
    let backends = ground.backends_with(Keyring::of(new_key.clone(), vec![ground.key.clone()])).await;
    backends.opened(id).await.expect("the older key opens it");
    backends.set("shop", change(&[], &[("api_key", "rotated")])).await.expect("fine");
    let backends = ground.backends_with(Keyring::of(new_key, Vec::new())).await;
    backends.opened(id).await.expect("the new key is enough now");
}

#[tokio::test]
async fn a_wrong_key_of_the_same_name_does_not_open() {
    let ground = Ground::new().await;
    let backends = ground.backends().await;
    backends.add(shop("http://127.0.0.1:9")).await.expect("it is complete");
    let second = New { name: "second".to_owned(), ..shop("http://127.0.0.1:9") };
    let second = backends.add(second).await.expect("it is complete").id;
    // Somebody with access to the file moves the sealed bytes of one backend to another.
    let moved = move |tx: &mut dyn storage::Tx| {
        let row = storage::secret::all(tx)?.remove(0);
        storage::secret::put(tx, &storage::secret::Row { backend: second, ..row })
    };
    ground.store.write(storage::Durability::Durable, moved).await.expect("written");
    let error = ground.backends().await.opened(second).await.expect_err("it does not open");
    assert!(matches!(error, Error::Secret { .. }), "{error}");
    assert_eq!(error.code().name, "security.secret_tampered");
}

#[tokio::test]
async fn a_key_is_generated_once_outside_the_data_and_found_after_a_restart() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let data = DataDir::new(home.path().join("data"));
    std::fs::create_dir(data.path()).expect("made");
    let source = Source { config_home: Some(home.path().join("config")), ..Source::default() };
    let open = async || {
        let store = Store::open(&storage::Options::new(data.database())).expect("a store");
        Keyring::open(&store, &Clock::system(), &data, &source).await.expect("a key")
    };
    let first = open().await;
    let Origin::New(path) = first.origin().clone() else { panic!("it was generated") };
    assert!(!path.starts_with(data.path()));
    let second = open().await;
    assert_eq!((second.key_id(), second.origin()), (first.key_id(), &Origin::Generated(path.clone())));
    std::fs::remove_file(&path).expect("lost");
    assert_ne!(open().await.key_id(), first.key_id());
    std::fs::write(&path, "damaged").expect("written");
    let store = Store::open(&storage::Options::new(data.database())).expect("a store");
    let error = Keyring::open(&store, &Clock::system(), &data, &source).await.expect_err("no key");
    assert_eq!(error.code().name, "security.bad_key");
    assert!(!error.to_string().contains("damaged"));
}
