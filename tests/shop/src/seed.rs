//! The shop's first contents: the same options give the same bytes on every machine. It never reads a clock or a
//! source of randomness.

use std::fmt::Write as _;

use crate::{
    clock::{OPENING, rfc3339},
    collection::Collection,
    state::State,
};

/// How large a shop is, and what opens it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Products.
    pub products: u64,
    /// Most variants of a product; 0: products without variants.
    pub variants: u64,
    /// Customers, each with a billing and a shipping address.
    pub customers: u64,
    /// Orders; those shipped or done are invoiced.
    pub orders: u64,
    /// The bearer token.
    pub token: String,
    /// Port on the loopback address; 0: any free one.
    pub port: u16,
    /// A file that the shop comes back from after it was killed; absent: it forgets.
    pub keep: Option<std::path::PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            products: 30,
            variants: 2,
            customers: 10,
            orders: 20,
            token: "demo-token".to_owned(),
            port: 0,
            keep: None,
        }
    }
}

impl Options {
    /// A shop of this size with as many customers as a third of its products, and twice as many orders.
    pub fn sized(products: u64) -> Self {
        Self { products, customers: products / 3, orders: products * 2 / 3, ..Self::default() }
    }
}

const ADJECTIVES: [&str; 10] =
    ["Compact", "Garden", "Vintage", "Wireless", "Outdoor", "Ceramic", "Cotton", "Travel", "Steel", "Kitchen"];
const NOUNS: [&str; 8] = ["lamp", "chair", "kettle", "blanket", "backpack", "table", "clock", "vase"];
const COLORS: [&str; 6] = ["red", "blue", "green", "black", "white", "grün"];
const FIRST: [&str; 8] = ["Ada", "Jörg", "Marie", "Liang", "Zoë", "Tomás", "Priya", "Nils"];
const LAST: [&str; 8] = ["Becker", "Müller", "Santos", "O'Neil", "Kowalski", "Dubois", "Rossi", "Berg"];
const CITIES: [(&str, &str, &str); 5] = [
    ("Berlin", "10115", "DE"),
    ("Lyon", "69001", "FR"),
    ("Kraków", "30-001", "PL"),
    ("Portland", "97201", "US"),
    ("Porto", "4000-001", "PT"),
];
const CATEGORIES: [(&str, Option<u64>); 8] = [
    ("Home", None),
    ("Outdoor", None),
    ("Lamps", Some(1)),
    ("Furniture", Some(1)),
    ("Kitchen", Some(1)),
    ("Garden", Some(2)),
    ("Travel", Some(2)),
    ("Standing lamps", Some(3)),
];
const TAXES: [(&str, &str); 3] = [("VAT 19 %", "19.00"), ("VAT 7 %", "7.00"), ("No tax", "0.00")];
const WAREHOUSES: [(&str, &str); 2] = [("MAIN", "Main warehouse"), ("EAST", "Eastern warehouse")];
const STATES: [&str; 5] = ["draft", "confirmed", "shipped", "done", "cancelled"];

/// A number that looks random and is not.
fn mix(id: u64, salt: u64) -> u64 {
    let mut number = id.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(salt.wrapping_mul(0xD1B5_4A32_D192_ED03));
    number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

fn pick<T: Copy>(choices: &[T], id: u64, salt: u64) -> T {
    choices[(mix(id, salt) % choices.len() as u64) as usize]
}

fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn moment(id: u64) -> i64 {
    OPENING + id as i64
}

/// Puts the whole seed into an empty state.
pub(crate) fn fill(state: &mut State, options: &Options) {
    for (at, (name, parent)) in CATEGORIES.iter().enumerate() {
        let id = at as u64 + 1;
        let parent = parent.map_or_else(|| "null".to_owned(), |parent| parent.to_string());
        put(state.resource("categories"), id, &format!(r#""name":"{name}","parent_id":{parent}"#));
    }
    for (at, (name, rate)) in TAXES.iter().enumerate() {
        put(state.resource("taxes"), at as u64 + 1, &format!(r#""name":"{name}","rate":{rate},"included":false"#));
    }
    for (at, (code, name)) in WAREHOUSES.iter().enumerate() {
        put(state.resource("warehouses"), at as u64 + 1, &format!(r#""code":"{code}","name":"{name}""#));
    }
    for id in 1..=options.products {
        put(state.resource("products"), id, &product(id, options.variants));
        stock(state.resource("stock"), id, options.variants);
    }
    for id in 1..=options.customers {
        put(state.resource("customers"), id, &customer(id));
    }
    if options.products > 0 && options.customers > 0 {
        for id in 1..=options.orders {
            order(state, id, options);
        }
    }
}

fn put(collection: &mut Collection, id: u64, fields: &str) {
    let updated = moment(id);
    collection.put(id, updated, format!(r#"{{"id":{id},{fields},"updated_at":"{}"}}"#, rfc3339(updated)));
}

/// Variants of a product: none, or between one and `most`.
fn variants(id: u64, most: u64) -> u64 {
    if most == 0 { 0 } else { 1 + id % most }
}

fn sku(product: u64, variant: Option<u64>) -> String {
    variant.map_or_else(|| format!("SKU-{product:06}"), |variant| format!("SKU-{product:06}-{variant}"))
}

fn price(id: u64) -> u64 {
    100 + mix(id, 3) % 50_000
}

fn title(id: u64) -> String {
    format!("{} {} {id}", pick(&ADJECTIVES, id, 1), pick(&NOUNS, id, 2))
}

fn quantity(warehouse: u64, product: u64, variant: u64) -> u64 {
    mix(product * 10 + variant, 20 + warehouse) % 50
}

/// What is in stock of a variant (0: of the product itself) in all warehouses.
fn in_stock(product: u64, variant: u64) -> u64 {
    (1..=WAREHOUSES.len() as u64).map(|warehouse| quantity(warehouse, product, variant)).sum()
}

/// A thirteen-digit code with a true check digit.
fn barcode(number: u64) -> String {
    let digits = format!("4{number:011}");
    let sum: u64 =
        digits.bytes().enumerate().map(|(at, digit)| u64::from(digit - b'0') * (1 + 2 * (at as u64 % 2))).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

fn product(id: u64, most_variants: u64) -> String {
    let count = variants(id, most_variants);
    let category = 3 + mix(id, 4) % 6;
    let cents = price(id);
    let mut list = String::new();
    let mut colors = String::new();
    for variant in 1..=count {
        let color = COLORS[(variant - 1) as usize % COLORS.len()];
        let comma = if variant > 1 { "," } else { "" };
        write_text(&mut colors, format_args!(r#"{comma}"{color}""#));
        write_text(
            &mut list,
            format_args!(
                r#"{comma}{{"id":{},"sku":"{}","barcode":"{}","title":"{color}","price":{},"stock":{},"options":{{"Color":"{color}"}}}}"#,
                id * 10 + variant,
                sku(id, Some(variant)),
                barcode(id * 10 + variant),
                money(cents + (variant - 1) * 150),
                in_stock(id, variant),
            ),
        );
    }
    let options = if count == 0 { String::new() } else { format!(r#"{{"name":"Color","values":[{colors}]}}"#) };
    let stock: u64 = if count == 0 { in_stock(id, 0) } else { (1..=count).map(|variant| in_stock(id, variant)).sum() };
    format!(
        concat!(
            r#""title":"{title}","sku":"{sku}","barcode":"{barcode}","description":"{description}","#,
            r#""category_id":{category},"category_name":"{category_name}","price":{price},"cost":{cost},"#,
            r#""currency":"EUR","weight":{kg}.{g:03},"volume":0.{volume:03},"unit":"Units","active":{active},"#,
            r#""tax_ids":[{tax}],"image":null,"options":[{options}],"variants":[{list}],"stock":{stock},"#,
            r#""created_at":"{created}""#
        ),
        title = title(id),
        sku = sku(id, None),
        barcode = barcode(id * 10),
        description = description(id),
        category = category,
        category_name = CATEGORIES[category as usize - 1].0,
        price = money(cents),
        cost = money(cents * 6 / 10),
        kg = mix(id, 5) % 20,
        g = mix(id, 6) % 1000,
        volume = 1 + mix(id, 7) % 900,
        active = !mix(id, 8).is_multiple_of(25),
        tax = 1 + u64::from(mix(id, 9).is_multiple_of(4)),
        options = options,
        list = list,
        stock = stock,
        created = rfc3339(moment(id)),
    )
}

/// Several sentences, so that a product without variants is about 1.1 KB.
fn description(id: u64) -> String {
    let mut text = String::with_capacity(900);
    for sentence in 0..11 {
        let (adjective, noun) = (pick(&ADJECTIVES, id, 30 + sentence), pick(&NOUNS, id, 40 + sentence));
        write_text(
            &mut text,
            format_args!(
                "A {adjective} {noun} of batch {}, made to last and easy to clean. ",
                mix(id, sentence) % 9_999_999
            ),
        );
    }
    text.trim_end().to_owned()
}

fn stock(collection: &mut Collection, product: u64, most_variants: u64) {
    let count = variants(product, most_variants);
    for variant in if count == 0 { 0..=0 } else { 1..=count } {
        let (variant_id, variant_sku) = match variant {
            0 => ("null".to_owned(), sku(product, None)),
            _ => ((product * 10 + variant).to_string(), sku(product, Some(variant))),
        };
        for warehouse in 1..=WAREHOUSES.len() as u64 {
            let id = collection.next_id();
            let fields = format!(
                r#""warehouse_id":{warehouse},"product_id":{product},"variant_id":{variant_id},"sku":"{variant_sku}","quantity":{},"reserved":0"#,
                quantity(warehouse, product, variant),
            );
            put(collection, id, &fields);
        }
    }
}

fn customer(id: u64) -> String {
    let (first, last) = (pick(&FIRST, id, 11), pick(&LAST, id, 12));
    let (city, zip, country) = pick(&CITIES, id, 13);
    let company = if id.is_multiple_of(4) { format!(r#""{last} & Co {id}""#) } else { "null".to_owned() };
    let vat = if id.is_multiple_of(4) {
        format!(r#""{country}{:09}""#, mix(id, 14) % 1_000_000_000)
    } else {
        "null".to_owned()
    };
    let name = format!("{first} {last}");
    let address = |slot: u64, kind: &str, number: u64| {
        format!(
            r#"{{"id":{},"type":"{kind}","name":"{name}","street":"Main street {number}","street2":null,"city":"{city}","zip":"{zip}","state":null,"country":"{country}"}}"#,
            id * 10 + slot,
        )
    };
    format!(
        r#""name":"{name}","email":"customer.{id}@example.org","phone":"+49 30 {:07}","company":{company},"vat":{vat},"language":"{}","active":true,"addresses":[{},{}],"note":null,"created_at":"{}""#,
        mix(id, 15) % 10_000_000,
        if country == "DE" { "de" } else { "en" },
        address(1, "billing", 1 + mix(id, 16) % 200),
        address(2, "shipping", 1 + mix(id, 17) % 200),
        rfc3339(moment(id)),
    )
}

fn order(state: &mut State, id: u64, options: &Options) {
    let customer = 1 + mix(id, 21) % options.customers;
    let order_state = pick(&STATES, id, 22);
    let mut lines = String::new();
    let (mut untaxed, mut tax) = (0, 0);
    for line in 1..=1 + mix(id, 23) % 3 {
        let product = 1 + mix(id * 10 + line, 24) % options.products;
        let count = variants(product, options.variants);
        let variant = if count == 0 { 0 } else { 1 + mix(id, 25) % count };
        let amount = 1 + mix(id * 10 + line, 26) % 5;
        let cents = price(product) + variant.saturating_sub(1) * 150;
        let reduced = mix(product, 9).is_multiple_of(4);
        untaxed += cents * amount;
        tax += (cents * amount * if reduced { 7 } else { 19 } + 50) / 100;
        let (variant_id, line_sku) = match variant {
            0 => ("null".to_owned(), sku(product, None)),
            _ => ((product * 10 + variant).to_string(), sku(product, Some(variant))),
        };
        write_text(
            &mut lines,
            format_args!(
                r#"{}{{"id":{},"product_id":{product},"variant_id":{variant_id},"sku":"{line_sku}","title":"{}","quantity":{amount},"price":{},"discount":0.00,"tax_ids":[{}],"subtotal":{}}}"#,
                if line > 1 { "," } else { "" },
                id * 10 + line,
                title(product),
                money(cents),
                1 + u64::from(reduced),
                money(cents * amount),
            ),
        );
    }
    let totals = format!(
        r#""lines":[{lines}],"total_untaxed":{},"total_tax":{},"total":{}"#,
        money(untaxed),
        money(tax),
        money(untaxed + tax)
    );
    let created = rfc3339(moment(id));
    let fields = format!(
        r#""number":"S{id:05}","state":"{order_state}","customer_id":{customer},"currency":"EUR","placed_at":"{created}","note":null,"billing_address_id":{},"shipping_address_id":{},{totals},"created_at":"{created}""#,
        customer * 10 + 1,
        customer * 10 + 2,
    );
    put(state.resource("orders"), id, &fields);
    if matches!(order_state, "shipped" | "done") {
        invoice(state, id, customer, order_state == "done", &totals, untaxed + tax);
    }
}

fn invoice(state: &mut State, order: u64, customer: u64, paid: bool, totals: &str, total: u64) {
    let invoices = state.resource("invoices");
    let id = invoices.next_id();
    let day = rfc3339(OPENING + 86_400 * (order % 28) as i64);
    let due = rfc3339(OPENING + 86_400 * (order % 28 + 14) as i64);
    let invoice_state = if paid { "paid" } else { "posted" };
    let fields = format!(
        r#""number":"INV/2026/{id:05}","type":"invoice","state":"{invoice_state}","order_id":{order},"customer_id":{customer},"currency":"EUR","date":"{}","due_date":"{}",{totals}"#,
        &day[..10],
        &due[..10],
    );
    put(invoices, id, &fields);
    if paid {
        let payments = state.resource("payments");
        let payment = payments.next_id();
        let fields = format!(
            r#""invoice_id":{id},"customer_id":{customer},"amount":{},"currency":"EUR","date":"{}","method":"{}","state":"posted""#,
            money(total),
            &day[..10],
            if payment.is_multiple_of(2) { "card" } else { "transfer" },
        );
        put(payments, payment, &fields);
    }
}

fn write_text(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing into a String can't fail");
}
