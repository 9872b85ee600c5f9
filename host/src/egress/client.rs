//! The door: a client for the whole host, its options, and what is kept about each backend.

use std::{
    collections::{BTreeMap, HashMap},
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use bindery_contract::{
    Error, ErrorClass,
    http::{Request, Response},
};
use bytes::Bytes;

use super::{
    address::Resolver,
    budget::{Budget, Meter},
    counter::{Counters, Tally},
    exchange,
    grant::{Grant, Reach},
};
use crate::base::Clock;

/// Waits. The system's timer, or a test that notes how long and moves its clock.
pub type Pause = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// How the host calls out.
#[derive(Clone)]
pub struct Options {
    /// Longest time for one request and its whole answer, where the request says nothing.
    pub timeout: Duration,
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Largest body, decompressed, where the grant says nothing.
    pub max_body: u64,
    /// Most attempts for one call.
    pub attempts: u32,
    /// Longest time that one call waits, for its budget and between attempts, in all.
    pub patience: Duration,
    /// First wait between two attempts; each further one is twice as long, with jitter.
    pub back_off: Duration,
    /// Certificates in PEM that are trusted besides the system's: a company's own authority.
    pub certificates: Vec<Vec<u8>>,
    /// How it waits.
    pub pause: Pause,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            max_body: 16 * 1024 * 1024,
            attempts: 4,
            patience: Duration::from_secs(60),
            back_off: Duration::from_millis(500),
            certificates: Vec::new(),
            pause: Arc::new(|time| Box::pin(tokio::time::sleep(time))),
        }
    }
}

/// The host's way out. Cheap to clone.
#[derive(Clone)]
pub struct Egress(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) options: Options,
    pub(super) clock: Clock,
    certificates: Vec<reqwest::Certificate>,
    /// Made when they are first needed: reading the system's certificates takes longer than the rest of a start.
    public: OnceLock<Result<reqwest::Client, String>>,
    named: OnceLock<Result<reqwest::Client, String>>,
    backends: Mutex<HashMap<i64, Arc<Known>>>,
}

/// What is kept about one backend.
#[derive(Default)]
pub(super) struct Known {
    pub(super) tally: Tally,
    meters: Mutex<BTreeMap<String, Arc<Meter>>>,
}

impl Known {
    pub(super) fn meter(&self, origin: &str) -> Arc<Meter> {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(meter) = meters.get(origin) {
            return meter.clone();
        }
        meters.entry(origin.to_owned()).or_default().clone()
    }
}

/// A certificate of the options can't be read.
#[derive(Debug, thiserror::Error)]
#[error("a certificate that is to be trusted can't be read: {0}")]
pub struct NotStarted(String);

impl Egress {
    /// Makes ready to call out. Installs the process's cryptography where nobody did.
    pub fn new(clock: Clock, options: Options) -> Result<Self, NotStarted> {
        // An error means that a provider is installed already, which is what was wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut certificates = Vec::new();
        for pem in &options.certificates {
            let bundle = reqwest::Certificate::from_pem_bundle(pem);
            certificates.extend(bundle.map_err(|error| NotStarted(exchange::chain(&error)))?);
        }
        let (public, named) = (OnceLock::new(), OnceLock::new());
        Ok(Self(Arc::new(Inner { options, clock, certificates, public, named, backends: Mutex::default() })))
    }

    /// Sends a request on behalf of a backend and reads its whole answer.
    ///
    /// Waits for the backend's rate budget, repeats what may be repeated, follows redirects that are granted. To stop
    /// it, drop the future. The error has no secret in it.
    pub async fn send(&self, grant: &Grant, request: &Request, segments: &[&[u8]]) -> Result<(Response, Bytes), Error> {
        let known = self.known(grant.backend());
        exchange::run(&self.0, &known, grant, request, segments).await
    }

    /// What a backend's calls came to since the host started.
    pub fn counters(&self, backend: i64) -> Counters {
        self.known(backend).tally.read()
    }

    /// What is known of a backend's rate budgets, host by host.
    pub fn budgets(&self, backend: i64) -> Vec<Budget> {
        let now = self.0.clock.now();
        let known = self.known(backend);
        let meters = known.meters.lock().unwrap_or_else(PoisonError::into_inner);
        meters.iter().map(|(origin, meter)| meter.read(origin, now)).collect()
    }

    fn known(&self, backend: i64) -> Arc<Known> {
        self.0.backends.lock().unwrap_or_else(PoisonError::into_inner).entry(backend).or_default().clone()
    }
}

impl Inner {
    pub(super) fn client(&self, reach: Reach) -> Result<&reqwest::Client, Error> {
        let cell = match reach {
            Reach::Public => &self.public,
            Reach::Named => &self.named,
        };
        let made = cell.get_or_init(|| self.make(reach).map_err(|error| exchange::chain(&error)));
        made.as_ref().map_err(|why| Error::new(ErrorClass::Failed, format!("outgoing HTTP can't start: {why}")))
    }

    fn make(&self, reach: Reach) -> reqwest::Result<reqwest::Client> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("bindery/", env!("CARGO_PKG_VERSION")))
            // The environment's proxy would connect in our place, to addresses that nobody checks.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.options.connect_timeout)
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(16)
            .dns_resolver(Arc::new(Resolver(reach)));
        for certificate in &self.certificates {
            builder = builder.add_root_certificate(certificate.clone());
        }
        builder.build()
    }
}
