//! Stands between host and Tryton and knows every request, so that a test can act in the middle of a sync at a moment that it
//! chose (when a certain request has come in, or is answered and the answer still held), and can count what was written.

use std::{
    io::{Read as _, Write as _, copy},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, Instant},
};

/// How long a request may take to come before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// When a request is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// It has come, and Tryton knows nothing of it.
    Asked,
    /// Tryton has done what it asks, and nobody knows.
    Answered,
}

/// A request that waits; dropped, it goes on (where the host still wants it).
pub struct Held {
    release: Sender<()>,
}

impl Held {
    /// The connection breaks: what has not arrived never does.
    pub fn cut(self) {
        self.release.send(()).expect("it waits");
    }
}

struct Watch {
    point: Point,
    is_wanted: Box<dyn FnMut(&str) -> bool + Send>,
    arrival: Sender<Held>,
}

#[derive(Default)]
struct State {
    watch: Option<Watch>,
    written: Vec<String>,
    /// Requests that have no answer yet.
    open: usize,
}

type Shared = Arc<(Mutex<State>, Condvar)>;

fn lock(state: &Shared) -> std::sync::MutexGuard<'_, State> {
    state.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request on its way; once it is dropped, Tryton has nothing to do with it any more.
struct Open(Shared);

impl Open {
    fn new(state: &Shared) -> Self {
        lock(state).open += 1;
        Self(state.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        lock(&self.0).open -= 1;
        self.0.1.notify_all();
    }
}

/// A port that leads to another.
pub struct Gateway {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub base: String,
    state: Shared,
}

impl Gateway {
    /// Opens one before a server.
    pub fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("it is bound"));
        let target = server.strip_prefix("http://").expect("an address").to_owned();
        let state = Shared::default();
        let known = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (target, known) = (target.clone(), known.clone());
                // Tryton closes after each answer: a connection is a request.
                std::thread::spawn(move || pass(client, &target, &known));
            }
        });
        Self { base, state }
    }

    /// Tells when so many more requests have come; the last of them is held.
    pub fn after(&self, requests: u32) -> Arrival {
        let mut left = requests;
        self.hold(Point::Asked, move |_| {
            left = left.saturating_sub(1);
            left == 0
        })
    }

    /// Holds the first request that is wanted: `POST party.party`, `PUT sale.sale/7/quote`.
    pub fn hold(&self, point: Point, is_wanted: impl FnMut(&str) -> bool + Send + 'static) -> Arrival {
        let (arrival, arrived) = mpsc::channel();
        lock(&self.state).watch = Some(Watch { point, is_wanted: Box::new(is_wanted), arrival });
        Arrival(arrived)
    }

    /// Waits until Tryton has answered all that came, also what nobody waits for any more.
    pub fn idle(&self) {
        let open = |state: &mut State| state.open > 0;
        let waited = self.state.1.wait_timeout_while(lock(&self.state), PATIENCE, open);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert_eq!(state.open, 0, "requests without an answer");
    }

    /// The requests that write something, since this was asked last.
    pub fn written(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.state).written)
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
            assert!(started.elapsed() < PATIENCE, "it comes");
            meanwhile();
        }
    }
}

fn pass(mut client: TcpStream, target: &str, state: &Shared) {
    let Some(head) = head(&mut client) else { return };
    let _open = Open::new(state);
    let request = request(&head);
    let watched = noted(state, &request);
    let hold = |arrival: Sender<Held>| {
        let (release, released) = mpsc::channel();
        // Both fail only where the test has ended, or lets go.
        let _ = arrival.send(Held { release });
        released.recv().is_ok()
    };
    let answered = match watched {
        Some((Point::Asked, arrival)) => {
            let is_cut = hold(arrival);
            if is_cut {
                return;
            }
            None
        }
        Some((Point::Answered, arrival)) => Some(arrival),
        None => None,
    };
    let Ok(mut server) = TcpStream::connect(target) else { return };
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else { return };
    std::thread::spawn(move || {
        let _ = to_server.write_all(&head).and_then(|()| copy(&mut from_client, &mut to_server).map(drop));
        let _ = to_server.shutdown(Shutdown::Write);
    });
    match answered {
        Some(arrival) => {
            let mut answer = Vec::new();
            let _ = server.read_to_end(&mut answer);
            if !hold(arrival) {
                let _ = client.write_all(&answer);
            }
        }
        None => drop(copy(&mut server, &mut client)),
    }
    let _ = client.flush();
    let _ = client.shutdown(Shutdown::Both);
}

/// What is sent before the body, and whatever of the body came along.
fn head(client: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut head, mut part) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = client.read(&mut part).ok().filter(|read| *read > 0)?;
        head.extend_from_slice(&part[..read]);
    }
    Some(head)
}

/// `POST party.party` of a request's first line.
fn request(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    let mut words = text.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    format!("{method} {}", path.split_once("/rest/model/").map_or(path, |(_, model)| model))
}

fn noted(state: &Shared, request: &str) -> Option<(Point, Sender<Held>)> {
    let mut state = lock(state);
    if !request.starts_with("GET ") {
        state.written.push(request.to_owned());
    }
    if !(state.watch.as_mut()?.is_wanted)(request) {
        return None;
    }
    state.watch.take().map(|watch| (watch.point, watch.arrival))
}
