//! A shop that runs inside a test's process, and what tests ask of it.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    fault::{Armed, Fault},
    gate::{self, Gate, Point},
    habit::{Habit, Held, When},
    journal::{Entry, Journal},
    rate::Rate,
    seed::Options,
    serve,
    state::State,
};

/// What the routes share.
#[derive(Clone)]
pub(crate) struct Shared {
    token: Arc<str>,
    inner: Arc<Mutex<Inner>>,
}

pub(crate) struct Inner {
    pub(crate) state: State,
    pub(crate) armed: Vec<Armed>,
    pub(crate) gates: BTreeMap<u64, Arc<gate::Inner>>,
    pub(crate) rate: Option<Rate>,
    pub(crate) habits: Vec<Held>,
    pub(crate) journal: Journal,
    last: u64,
}

impl Shared {
    fn new(options: &Options) -> Self {
        let inner = Inner {
            state: State::new(options),
            armed: Vec::new(),
            gates: BTreeMap::new(),
            rate: None,
            habits: Vec::new(),
            journal: Journal::default(),
            last: 0,
        };
        Self { token: options.token.as_str().into(), inner: Arc::new(Mutex::new(inner)) }
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn arm(&self, on: &str, skip: u32, times: Option<u32>, fault: Fault) -> u64 {
        let mut inner = self.lock();
        inner.last += 1;
        let id = inner.last;
        inner.armed.push(Armed { on: crate::pattern::Pattern::parse(on), skip, times, fault });
        id
    }

    pub(crate) fn add_gate(&self, on: &str, point: Point, skip: u32) -> (u64, Arc<gate::Inner>) {
        let mut inner = self.lock();
        inner.last += 1;
        let (id, gate) = (inner.last, Arc::new(gate::Inner::new(on, point, skip)));
        inner.gates.insert(id, gate.clone());
        (id, gate)
    }

    /// A new item as a person at the shop could enter it.
    pub(crate) fn sample(&self, resource: &str, at: u64) -> Value {
        let number = self.lock().state.resource(resource).next_id() + at;
        match resource {
            "products" => json!({"title": format!("New product {number}"), "sku": format!("NEW-{number:06}"),
                "price": 10.5, "cost": 6.25, "weight": 0.75, "category_id": 3, "category_name": "Lamps", "tax_ids": [1]}),
            "customers" => {
                json!({"name": format!("New Customer {number}"), "email": format!("new.{number}@example.org")})
            }
            "orders" => json!({"customer_id": 1, "lines": [{"product_id": 1, "quantity": 2}]}),
            "invoices" => json!({"customer_id": 1, "lines": [{"product_id": 1, "quantity": 1}]}),
            "payments" => json!({"customer_id": 1, "amount": 25.0}),
            "stock" => json!({"warehouse_id": 1, "product_id": 1, "quantity": 5}),
            _ => json!({"name": format!("New {number}")}),
        }
    }
}

/// A running shop. Dropping it closes its port and ends what it holds.
pub struct Shop {
    shared: Shared,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Shop {
    /// Opens a shop on the loopback address.
    ///
    /// # Panics
    /// Where the port can't be had.
    pub fn start(options: Options) -> Self {
        let shared = Shared::new(&options);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).expect("the shop's port is free");
        listener.set_nonblocking(true).expect("a listener can be made non-blocking");
        let address = listener.local_addr().expect("a bound listener has an address");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("shop")
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let router = serve::router(shared.clone());
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("inside the runtime");
            // Ends with the runtime.
            let _ = axum::serve(listener, router).await;
        });
        Self { shared, address, runtime: Some(runtime) }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bearer token it wants.
    pub fn token(&self) -> &str {
        self.shared.token()
    }

    /// Changes title and price of `count` items, spread over the resource; their ids.
    pub fn touch(&self, resource: &str, count: usize) -> Vec<u64> {
        self.shared.lock().state.touch(resource, count)
    }

    /// Changes fields of one item.
    ///
    /// # Panics
    /// Where there is no such item, or the shop refuses the change.
    pub fn edit(&self, resource: &str, id: u64, fields: Value) {
        let updated = self.shared.lock().state.update(resource, id, fields);
        assert!(updated.expect("the shop takes the change").is_some(), "{resource} has no item {id}");
    }

    /// Adds one item; its id.
    ///
    /// # Panics
    /// Where the shop refuses it.
    pub fn add(&self, resource: &str, value: Value) -> u64 {
        self.shared.lock().state.create(resource, value).expect("the shop takes the item").0
    }

    /// Adds an item the shop makes up; its id.
    pub fn add_sample(&self, resource: &str) -> u64 {
        let value = self.shared.sample(resource, 0);
        self.add(resource, value)
    }

    /// Removes one item; whether there was one.
    pub fn delete(&self, resource: &str, id: u64) -> bool {
        self.shared.lock().state.remove(resource, id)
    }

    /// Removes all items of a resource.
    pub fn delete_all(&self, resource: &str) {
        let mut inner = self.shared.lock();
        let collection = inner.state.resource(resource);
        for id in collection.ids() {
            collection.remove(id);
        }
    }

    /// Stores any text as an item.
    pub fn put_raw(&self, resource: &str, id: u64, text: &str) {
        self.shared.lock().state.put_raw(resource, id, text);
    }

    /// Lets the next `times` requests that match `on` (`GET /products`) go wrong.
    pub fn fault(&self, on: &str, times: u32, fault: Fault) {
        self.shared.arm(on, 0, Some(times), fault);
    }

    /// The same after `skip` requests that go well.
    pub fn fault_after(&self, on: &str, skip: u32, times: u32, fault: Fault) {
        self.shared.arm(on, skip, Some(times), fault);
    }

    /// Lets all requests that match go wrong, until [`Shop::clear_faults`].
    pub fn fault_always(&self, on: &str, fault: Fault) {
        self.shared.arm(on, 0, None, fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.shared.lock().armed.clear();
    }

    /// Holds the next request that matches before anything is done with it.
    pub fn gate(&self, on: &str) -> Gate {
        self.gate_at(on, Point::Before)
    }

    /// Holds the next request that matches, at a point.
    pub fn gate_at(&self, on: &str, point: Point) -> Gate {
        self.gate_after(on, 0, point)
    }

    /// The same after `skip` requests that pass.
    pub fn gate_after(&self, on: &str, skip: u32, point: Point) -> Gate {
        let runtime = self.runtime.as_ref().expect("taken only when dropped").handle().clone();
        Gate { inner: self.shared.add_gate(on, point, skip).1, runtime }
    }

    /// What the shop makes of a field whenever it is sent to it.
    pub fn habit(&self, resource: &str, field: &str, habit: Habit, when: When) {
        let held = Held { resource: resource.to_owned(), field: field.to_owned(), habit, when };
        self.shared.lock().habits.push(held);
    }

    /// It leaves values as they are from now on.
    pub fn clear_habits(&self) {
        self.shared.lock().habits.clear();
    }

    /// Requests so far that wrote something.
    pub fn writes(&self) -> usize {
        self.requests().iter().filter(|request| request.method != "GET").count()
    }

    /// A standing limit of requests.
    pub fn limit(&self, per_second: f64, burst: f64) {
        self.shared.lock().rate = Some(Rate::new(per_second, burst));
    }

    /// One item; null where there is none.
    pub fn item(&self, resource: &str, id: u64) -> Value {
        self.shared.lock().state.resource(resource).value(id).unwrap_or_default()
    }

    /// All items by id.
    pub fn items(&self, resource: &str) -> Vec<Value> {
        let mut inner = self.shared.lock();
        let collection = inner.state.resource(resource);
        collection.ids().into_iter().filter_map(|id| collection.value(id)).collect()
    }

    /// How many items a resource has.
    pub fn len(&self, resource: &str) -> usize {
        self.shared.lock().state.resource(resource).len()
    }

    /// Requests so far, the last 10,000.
    pub fn requests(&self) -> Vec<Entry> {
        self.shared.lock().journal.entries()
    }

    /// How often `GET /products` was asked.
    pub fn count(&self, request: &str) -> u64 {
        self.shared.lock().journal.counts().get(request).copied().unwrap_or(0)
    }

    /// The bodies of a write (`PUT /products/1`), oldest first; null where one was no JSON.
    pub fn bodies(&self, request: &str) -> Vec<Value> {
        let bodies = self.shared.lock().journal.bodies(request);
        bodies.iter().map(|body| serde_json::from_slice(body).unwrap_or_default()).collect()
    }

    /// Forgets requests and counts.
    pub fn clear_requests(&self) {
        self.shared.lock().journal.clear();
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for gate in self.shared.lock().gates.values() {
            gate.release();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
