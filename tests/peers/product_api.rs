//! A product API whose answers are rendered before the first request, so that it is never what is measured.
//!
//! `product-api [--port 0] [--records 50000] [--page 100] [--max-seconds 1800]` prints `{"base":"http://127.0.0.1:PORT"}`
//! and serves `GET /products?page=N[&updated_since=RFC3339]` (oldest change first), `/touch?n=K` (the first K ids look
//! changed just now), `/reset` and `/stats`. The same arguments give the same bytes on every machine. It never leaves
//! loopback and stops by itself.
#![expect(clippy::print_stdout, reason = "a program whose first line tells its address")]

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// 2024-01-01T00:00:00Z, when every product was created.
const CREATED: i64 = 1_704_067_200;
const WORDS: [&str; 12] = [
    "steel", "cotton", "garden", "lamp", "travel", "wireless", "kitchen", "compact", "vintage", "outdoor", "storage",
    "ceramic",
];
static PAGES: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

struct Catalogue {
    port: u16,
    page: usize,
    /// Time of change and JSON, in order of change.
    products: Vec<(i64, String)>,
    /// Whole answers of the unfiltered list.
    answers: Vec<Vec<u8>>,
}

impl Catalogue {
    fn build(port: u16, records: usize, page: usize, touched: usize) -> Self {
        let after = CREATED + records as i64 + 3600;
        let untouched = (touched + 1..=records).map(|id| (id, CREATED + id as i64, 0));
        let changed = (1..=touched).map(|id| (id, after + id as i64, 1));
        let products =
            untouched.chain(changed).map(|(id, updated, revision)| (updated, product(id, updated, revision))).collect();
        let mut catalogue = Self { port, page, products, answers: Vec::new() };
        catalogue.answers = (1..=records.div_ceil(page)).map(|number| catalogue.answer(0, number, "")).collect();
        catalogue
    }

    /// Page `number` of the products from `start` on.
    fn answer(&self, start: usize, number: usize, filter: &str) -> Vec<u8> {
        let total = self.products.len() - start;
        let first = (start + (number.max(1) - 1) * self.page).min(self.products.len());
        let last = (first + self.page).min(self.products.len());
        let mut body = String::with_capacity(self.page * 1200);
        body.push_str("{\"data\":[");
        for (at, (_, json)) in self.products[first..last].iter().enumerate() {
            body.push_str(if at > 0 { "," } else { "" });
            body.push_str(json);
        }
        let next = if last < self.products.len() {
            format!("\"http://127.0.0.1:{}/products?page={}{filter}\"", self.port, number + 1)
        } else {
            "null".to_owned()
        };
        let _ = write!(
            body,
            "],\"page\":{number},\"pages\":{},\"total\":{total},\"next\":{next}}}",
            total.div_ceil(self.page)
        );
        ok(&body)
    }

    fn list(&self, query: &HashMap<&str, &str>) -> Vec<u8> {
        let number = query.get("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        match query.get("updated_since").filter(|since| !since.is_empty()) {
            None => self.answers.get(number - 1).cloned().unwrap_or_else(|| self.answer(0, number, "")),
            Some(since) => {
                let since = since.replace("%3A", ":");
                let start = self.products.partition_point(|(updated, _)| time(*updated) < since);
                self.answer(start, number, &format!("&updated_since={since}"))
            }
        }
    }
}

/// About 1.1 KB of JSON.
fn product(id: usize, updated: i64, revision: u32) -> String {
    let step = |state: u64| state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let word = |at: usize| WORDS[at % WORDS.len()];
    let mut state = step(id as u64);
    let mut description = String::new();
    while description.len() < 560 {
        state = step(state);
        let _ = write!(description, "{} ", word((state >> 33) as usize));
    }
    let (price, weight) = (100 + (state >> 20) % 90_000, 50 + (state >> 40) % 9_000);
    format!(
        "{{\"id\":{id},\"sku\":\"SKU-{id:07}\",\"title\":\"{} {} {id}\",\"description\":\"{}\",\"vendor\":\"Vendor {}\",\
         \"product_type\":\"{}\",\"status\":\"active\",\"price\":\"{}.{:02}\",\"compare_at_price\":\"{}.{:02}\",\"currency\":\"EUR\",\
         \"inventory_quantity\":{},\"weight_grams\":{weight},\"barcode\":\"40{id:011}\",\"taxable\":{},\"tags\":\"{}, {}\",\
         \"handle\":\"product-{id}\",\"dimensions\":{{\"length_mm\":{},\"width_mm\":{},\"height_mm\":{}}},\
         \"image_url\":\"https://images.example.org/p/{id}/main-{id}-large.jpg\",\"revision\":{revision},\
         \"created_at\":\"{}\",\"updated_at\":\"{}\"}}",
        word(id),
        word(id / 12),
        description.trim_end(),
        id % 97,
        word(id / 7),
        price / 100 + u64::from(revision),
        price % 100,
        price / 90,
        price % 90,
        (state >> 30) % 500,
        !id.is_multiple_of(5),
        word(id / 3),
        word(id / 5),
        100 + id % 400,
        50 + id % 300,
        20 + id % 200,
        time(CREATED),
        time(updated),
    )
}

/// RFC 3339 of a moment in the years that occur here, by the civil-from-days algorithm.
fn time(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let part = (5 * day_of_year + 2) / 153;
    let (day, month) = (day_of_year - (153 * part + 2) / 5 + 1, if part < 10 { part + 3 } else { part - 9 });
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

fn respond(target: &str, catalogue: &RwLock<Catalogue>, records: usize, page: usize) -> Vec<u8> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query: HashMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let rebuild = |touched: usize| {
        let port = catalogue.read().expect("no thread panics while it holds the lock").port;
        let rebuilt = Catalogue::build(port, records, page, touched);
        *catalogue.write().expect("no thread panics while it holds the lock") = rebuilt;
        ok(&format!("{{\"touched\":{touched}}}"))
    };
    match path {
        "/products" => {
            let answer = catalogue.read().expect("no thread panics while it holds the lock").list(&query);
            PAGES.fetch_add(1, Relaxed);
            BYTES.fetch_add(answer.len() as u64, Relaxed);
            answer
        }
        "/touch" => rebuild(query.get("n").and_then(|n| n.parse().ok()).unwrap_or(0).min(records)),
        "/reset" => rebuild(0),
        "/stats" => ok(&format!("{{\"pages\":{},\"bytes\":{}}}", PAGES.load(Relaxed), BYTES.load(Relaxed))),
        _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
    }
}

fn serve(mut stream: TcpStream, catalogue: &RwLock<Catalogue>, records: usize, page: usize) {
    let _ = stream.set_nodelay(true);
    let (mut waiting, mut chunk) = (Vec::new(), [0; 8192]);
    loop {
        while !waiting.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => return,
                Ok(length) => waiting.extend(&chunk[..length]),
            }
        }
        let head = String::from_utf8_lossy(&waiting).into_owned();
        waiting.clear();
        let target = head.split(' ').nth(1).unwrap_or("/");
        if stream.write_all(&respond(target, catalogue, records, page)).is_err() {
            return;
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str, default: usize| match arguments.iter().position(|argument| argument == name) {
        None => default,
        Some(at) => arguments.get(at + 1).and_then(|text| text.parse().ok()).expect("an option has a number"),
    };
    let (records, page) = (option("--records", 50_000).max(1), option("--page", 100).max(1));
    let listener = TcpListener::bind(("127.0.0.1", option("--port", 0) as u16)).expect("the port is free");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    let catalogue = Arc::new(RwLock::new(Catalogue::build(port, records, page, 0)));
    println!("{{\"base\":\"http://127.0.0.1:{port}\"}}");
    let limit = Duration::from_secs(option("--max-seconds", 1800) as u64);
    std::thread::spawn(move || {
        std::thread::sleep(limit);
        #[expect(clippy::disallowed_methods, reason = "there is nothing to close, and nobody to answer to")]
        std::process::exit(0);
    });
    for stream in listener.incoming().flatten() {
        let catalogue = catalogue.clone();
        std::thread::spawn(move || serve(stream, &catalogue, records, page));
    }
}
