//! Stands between host and Tryton and counts requests, so that a test can act in the middle of a sync at a moment that it
//! chose: when a certain request has come in, and before it is answered.

use std::{
    io::{Write as _, copy},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, Instant},
};

/// How long a request may take to come before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to tell, and after how many more requests.
type Watch = Arc<Mutex<Option<(u32, Sender<Held>)>>>;

/// A request that waits; dropped, it goes on (where the host still wants it).
pub struct Held {
    _release: Sender<()>,
}

/// A port that leads to another.
pub struct Gateway {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub base: String,
    watch: Watch,
}

impl Gateway {
    /// Opens one before a server.
    pub fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("it is bound"));
        let target = server.strip_prefix("http://").expect("an address").to_owned();
        let watch = Watch::default();
        let watched = watch.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (target, watched) = (target.clone(), watched.clone());
                // Tryton closes after each answer: a connection is a request.
                std::thread::spawn(move || pass(client, &target, &watched));
            }
        });
        Self { base, watch }
    }

    /// Tells when so many more requests have come; the last of them is held.
    pub fn after(&self, requests: u32) -> Arrival {
        let (sender, arrival) = mpsc::channel();
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some((requests, sender));
        Arrival(arrival)
    }
}

/// A request that is expected.
pub struct Arrival(Receiver<Held>);

impl Arrival {
    /// Waits for it. Every second that it doesn't come, `meanwhile` may see to it that it will.
    #[track_caller]
    pub fn wait(self, meanwhile: impl Fn()) -> Held {
        let started = Instant::now();
        loop {
            if let Ok(held) = self.0.recv_timeout(Duration::from_secs(1)) {
                return held;
            }
            assert!(started.elapsed() < PATIENCE, "so many requests come");
            meanwhile();
        }
    }
}

fn pass(client: TcpStream, target: &str, watch: &Watch) {
    if let Some(sender) = counted(watch) {
        let (release, released) = mpsc::channel();
        // Both fail only where the test has ended, or lets go.
        let _ = sender.send(Held { _release: release });
        let _ = released.recv();
    }
    let Ok(server) = TcpStream::connect(target) else { return };
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else { return };
    std::thread::spawn(move || {
        let _ = copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut server, mut client) = (server, client);
    let _ = copy(&mut server, &mut client);
    let _ = client.flush();
    let _ = client.shutdown(Shutdown::Both);
}

fn counted(watch: &Watch) -> Option<Sender<Held>> {
    let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
    let (left, _) = watch.as_mut()?;
    *left = left.saturating_sub(1);
    if *left > 0 {
        return None;
    }
    watch.take().map(|(_, sender)| sender)
}
