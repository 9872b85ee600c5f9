//! Search domains: what the ERP's operators find, and that generated domains find what a naive evaluator finds.

use std::collections::{BTreeMap, BTreeSet};

use bindery::{base::Coded, record::Query};
use bindery_tests::records::Records;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// A partner as the naive evaluator sees it.
#[derive(Debug, Clone)]
struct Partner {
    name: &'static str,
    email: Option<&'static str>,
    rank: Option<i64>,
    company: Option<bool>,
    parent: Option<usize>,
    tags: &'static [usize],
}

const TAGS: [&str; 3] = ["gold", "Silver", "bronze_x"];

const fn partner(
    name: &'static str,
    email: Option<&'static str>,
    rank: Option<i64>,
    company: Option<bool>,
    parent: Option<usize>,
    tags: &'static [usize],
) -> Partner {
    Partner { name, email, rank, company, parent, tags }
}

static PARTNERS: [Partner; 9] = [
    partner("Acme", Some("info@acme.test"), Some(3), Some(true), None, &[0]),
    partner("Ada", Some("ada@acme.test"), Some(0), Some(false), Some(0), &[]),
    partner("Bob", None, None, None, Some(0), &[1, 2]),
    partner("Élan", Some(""), Some(-1), Some(true), None, &[1]),
    partner("zoë", Some("ZOE@x.test"), Some(7), Some(false), Some(3), &[0, 1, 2]),
    partner("100% pure", Some("p_q@x.test"), Some(3), None, None, &[]),
    partner("Eve", None, Some(1), Some(false), Some(1), &[2]),
    partner("ada", Some("second@x.test"), Some(2), Some(true), Some(6), &[]),
    partner("Solo", None, None, Some(false), None, &[]),
];

struct Loaded {
    records: Records,
    ids: Vec<i64>,
    tags: Vec<i64>,
}

fn loaded() -> Loaded {
    let records = Records::new();
    let tags: Vec<i64> = TAGS
        .iter()
        .map(|name| records.create("res.partner.category", json!({"name": name})).expect("is created"))
        .collect();
    let mut ids = Vec::<i64>::new();
    for one in &PARTNERS {
        let parent = one.parent.map(|parent| ids[parent]);
        let of: Vec<i64> = one.tags.iter().map(|tag| tags[*tag]).collect();
        let values = json!({
            "name": one.name, "email": one.email, "customer_rank": one.rank, "is_company": one.company,
            "parent_id": parent, "category_id": of,
        });
        ids.push(records.create("res.partner", values).expect("is created"));
    }
    Loaded { records, ids, tags }
}

impl Loaded {
    fn found(&self, domain: &Json) -> BTreeSet<usize> {
        let ids = self.records.search("res.partner", domain.clone()).unwrap_or_else(|e| panic!("{domain}: {e}"));
        ids.iter().map(|id| self.ids.iter().position(|known| known == id).expect("a known one")).collect()
    }

    fn check(&self, domain: Json, expected: &[usize]) {
        assert_eq!(self.found(&domain), expected.iter().copied().collect(), "{domain}");
    }
}

#[test]
fn leaves_find_what_the_erp_finds() {
    let loaded = loaded();
    let all = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    loaded.check(json!([]), &all);
    loaded.check(json!([["name", "=", "Ada"]]), &[1]);
    loaded.check(json!([["name", "!=", "Ada"]]), &[0, 2, 3, 4, 5, 6, 7, 8]);
    // Emptiness.
    loaded.check(json!([["email", "=", false]]), &[2, 6, 8]);
    loaded.check(json!([["email", "=", null]]), &[2, 6, 8]);
    loaded.check(json!([["email", "!=", false]]), &[0, 1, 3, 4, 5, 7]);
    loaded.check(json!([["email", "=", ""]]), &[3]);
    loaded.check(json!([["email", "!=", "ada@acme.test"]]), &[0, 2, 3, 4, 5, 6, 7, 8]);
    loaded.check(json!([["is_company", "=", false]]), &[1, 2, 4, 5, 6, 8]);
    loaded.check(json!([["is_company", "!=", false]]), &[0, 3, 7]);
    loaded.check(json!([["is_company", "=", true]]), &[0, 3, 7]);
    // Order.
    loaded.check(json!([["customer_rank", ">", 2]]), &[0, 4, 5]);
    loaded.check(json!([["customer_rank", ">=", 3]]), &[0, 4, 5]);
    loaded.check(json!([["customer_rank", "<", 0]]), &[3]);
    loaded.check(json!([["customer_rank", "<=", 0]]), &[1, 3]);
    // Lists.
    loaded.check(json!([["customer_rank", "in", [0, 7]]]), &[1, 4]);
    loaded.check(json!([["customer_rank", "in", []]]), &[]);
    loaded.check(json!([["customer_rank", "in", [0, false]]]), &[1, 2, 8]);
    loaded.check(json!([["customer_rank", "not in", [0, 1, 2, 3]]]), &[2, 3, 4, 8]);
    loaded.check(json!([["customer_rank", "not in", []]]), &all);
    loaded.check(json!([["name", "in", ["Ada", "Eve"]]]), &[1, 6]);
    // Texts.
    loaded.check(json!([["name", "like", "da"]]), &[1, 7]);
    loaded.check(json!([["name", "like", "Ad"]]), &[1]);
    loaded.check(json!([["name", "ilike", "AD"]]), &[1, 7]);
    loaded.check(json!([["name", "ilike", "é"]]), &[3]);
    loaded.check(json!([["name", "ilike", "ZOË"]]), &[4]);
    loaded.check(json!([["name", "not ilike", "a"]]), &[2, 4, 5, 6, 8]);
    loaded.check(json!([["email", "not like", "acme"]]), &[2, 3, 4, 5, 6, 7, 8]);
    loaded.check(json!([["name", "=like", "A%"]]), &[0, 1]);
    loaded.check(json!([["name", "=ilike", "a__"]]), &[1, 7]);
    loaded.check(json!([["name", "like", "100\\%"]]), &[5]);
    loaded.check(json!([["email", "=?", false]]), &all);
    loaded.check(json!([["name", "=?", "Eve"]]), &[6]);
}

#[test]
fn leaves_follow_relations_as_the_erp_does() {
    let loaded = loaded();
    let id = |at: usize| loaded.ids[at];
    let tag = |at: usize| loaded.tags[at];
    let all = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    loaded.check(json!([["parent_id", "=", id(0)]]), &[1, 2]);
    loaded.check(json!([["parent_id", "!=", id(0)]]), &[0, 3, 4, 5, 6, 7, 8]);
    loaded.check(json!([["parent_id", "=", false]]), &[0, 3, 5, 8]);
    loaded.check(json!([["parent_id", "ilike", "acme"]]), &[1, 2, 6]);
    loaded.check(json!([["parent_id", "=", "Acme"]]), &[1, 2]);
    loaded.check(json!([["parent_id.name", "=", "Acme"]]), &[1, 2]);
    loaded.check(json!([["parent_id.parent_id.name", "=", "Acme"]]), &[6]);
    loaded.check(json!([["parent_id.email", "=", false]]), &[7]);
    loaded.check(json!([["child_ids", "=", false]]), &[2, 4, 5, 7, 8]);
    loaded.check(json!([["child_ids", "!=", false]]), &[0, 1, 3, 6]);
    loaded.check(json!([["child_ids.customer_rank", ">", 1]]), &[3, 6]);
    loaded.check(json!([["child_ids", "in", [id(1), id(4)]]]), &[0, 3]);
    loaded.check(json!([["category_id", "=", tag(0)]]), &[0, 4]);
    loaded.check(json!([["category_id", "in", [tag(0), tag(2)]]]), &[0, 2, 4, 6]);
    loaded.check(json!([["category_id", "not in", [tag(1)]]]), &[0, 1, 5, 6, 7, 8]);
    loaded.check(json!([["category_id", "ilike", "silver"]]), &[2, 3, 4]);
    loaded.check(json!([["category_id.name", "like", "z"]]), &[2, 4, 6]);
    loaded.check(json!([["parent_id.category_id.name", "=", "gold"]]), &[1, 2]);
    // Trees.
    loaded.check(json!([["id", "child_of", id(0)]]), &[0, 1, 2, 6, 7]);
    loaded.check(json!([["parent_id", "child_of", [id(1)]]]), &[6, 7]);
    loaded.check(json!([["id", "parent_of", id(6)]]), &[0, 1, 6]);
    loaded.check(json!([["parent_id", "child_of", "Acme"]]), &[1, 2, 6, 7]);
    // Several.
    loaded.check(json!(["|", ["name", "=", "Eve"], ["name", "=", "Bob"]]), &[2, 6]);
    loaded.check(json!(["!", ["name", "=", "Eve"]]), &[0, 1, 2, 3, 4, 5, 7, 8]);
    loaded.check(json!(["&", ["is_company", "=", true], "|", ["customer_rank", "=", 2], ["email", "=", ""]]), &[3, 7]);
    loaded.check(json!([["id", "in", [id(3), id(5), 999]]]), &[3, 5]);
    loaded.check(json!([[1, "=", 1]]), &all);
    loaded.check(json!([[0, "=", 1]]), &[]);
}

#[test]
fn archived_records_are_hidden_unless_asked_for() {
    let loaded = loaded();
    loaded.records.write("res.partner", loaded.ids[1], json!({"active": false})).expect("is archived");
    loaded.check(json!([["name", "ilike", "ada"]]), &[7]);
    loaded.check(json!([["name", "ilike", "ada"], ["active", "in", [true, false]]]), &[1, 7]);
    loaded.check(json!([["active", "=", false]]), &[1]);
    let query = Query { domain: json!([["name", "=", "Ada"]]), archived: true, ..Query::default() };
    assert_eq!(loaded.records.query("res.partner", query).expect("is found"), [loaded.ids[1]]);
}

#[test]
fn order_limit_and_offset_cut_the_same_list() {
    let loaded = loaded();
    let query = |order: &str, limit: Option<u64>, offset: u64| {
        let query = Query { order: order.to_owned(), limit, offset, ..Query::default() };
        let ids = loaded.records.query("res.partner", query).expect("is found");
        ids.iter().map(|id| loaded.ids.iter().position(|known| known == id).expect("known")).collect::<Vec<_>>()
    };
    assert_eq!(query("customer_rank", None, 0), [2, 8, 3, 1, 6, 7, 0, 5, 4]);
    assert_eq!(query("customer_rank desc, id desc", None, 0), [4, 5, 0, 7, 6, 1, 3, 8, 2]);
    assert_eq!(query("customer_rank", Some(3), 2), [3, 1, 6]);
    assert_eq!(query("customer_rank", None, 7), [5, 4]);
    assert_eq!(query("parent_id, id", Some(6), 4), [1, 2, 6, 7, 4]);
    assert_eq!(query("", Some(1), 0), [5]);
}

#[test]
fn what_a_domain_gets_wrong_is_said() {
    let loaded = loaded();
    for (domain, part) in [
        (json!([["nam", "=", 1]]), "res.partner has no field \"nam\""),
        (json!([["name", "=", 5]]), "name: a text is wanted, not 5"),
        (json!([["customer_rank", ">", "x"]]), "customer_rank: an integer is wanted"),
        (json!([["name.x", "=", 5]]), "name is no relation"),
        (json!([["parent_id.nam", "=", 5]]), "res.partner has no field \"nam\""),
        (json!([["name", "child_of", 5]]), "is no tree"),
        (json!([["customer_rank", "~", 5]]), "no operator"),
        (json!(["|", ["name", "=", "x"]]), "too few parts"),
        (json!([["child_ids", ">", 5]]), "lines can't be ordered"),
    ] {
        let error = loaded.records.search("res.partner", domain.clone()).expect_err("is refused");
        assert_eq!(error.code().name, "record.invalid_domain", "{domain}");
        assert!(error.to_string().contains(part), "{domain}: {error}");
    }
    let query = Query { order: "name sideways".to_owned(), ..Query::default() };
    assert!(loaded.records.query("res.partner", query).expect_err("is refused").to_string().contains("sideways"));
}

/// What a domain means, spelled out record by record.
fn holds(domain: &Domain, at: usize) -> bool {
    match domain {
        Domain::And(a, b) => holds(a, at) && holds(b, at),
        Domain::Or(a, b) => holds(a, at) || holds(b, at),
        Domain::Not(a) => !holds(a, at),
        Domain::Leaf(path, operator, value) => leaf(path, operator, value, at),
    }
}

fn leaf(path: &[&str], operator: &str, value: &Json, at: usize) -> bool {
    let one = &PARTNERS[at];
    match path {
        ["parent_id", rest @ ..] if !rest.is_empty() => one.parent.is_some_and(|up| leaf(rest, operator, value, up)),
        ["child_ids", rest @ ..] => {
            (0..PARTNERS.len()).any(|down| PARTNERS[down].parent == Some(at) && leaf(rest, operator, value, down))
        }
        ["category_id", "name"] => one.tags.iter().any(|tag| compare(&json!(TAGS[*tag]), operator, value)),
        ["name"] => compare(&json!(one.name), operator, value),
        ["email"] => compare(&json!(one.email), operator, value),
        ["customer_rank"] => compare(&json!(one.rank), operator, value),
        ["is_company"] => compare(&json!(one.company.unwrap_or(false)), operator, value),
        other => panic!("{other:?} is not generated"),
    }
}

fn compare(own: &Json, operator: &str, value: &Json) -> bool {
    let same = |value: &Json| match value {
        Json::Null => own.is_null(),
        Json::Bool(false) => own.is_null() || *own == json!(false),
        value => own == value,
    };
    let text = |json: &Json| json.as_str().map(str::to_owned);
    match operator {
        "=" => same(value),
        "!=" => !same(value),
        "in" => value.as_array().expect("a list").iter().any(same),
        "not in" => !compare(own, "in", value),
        "like" => text(own).is_some_and(|own| own.contains(&text(value).expect("a text"))),
        "ilike" => {
            text(own).is_some_and(|own| own.to_lowercase().contains(&text(value).expect("a text").to_lowercase()))
        }
        "not like" => !compare(own, "like", value),
        "not ilike" => !compare(own, "ilike", value),
        order => {
            let (Some(own), Some(value)) = (own.as_i64(), value.as_i64()) else { return false };
            match order {
                "<" => own < value,
                "<=" => own <= value,
                ">" => own > value,
                _ => own >= value,
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Domain {
    And(Box<Domain>, Box<Domain>),
    Or(Box<Domain>, Box<Domain>),
    Not(Box<Domain>),
    Leaf(Vec<&'static str>, &'static str, Json),
}

impl Domain {
    /// Prefix notation.
    fn write(&self, out: &mut Vec<Json>) {
        match self {
            Self::And(a, b) => {
                out.push(json!("&"));
                a.write(out);
                b.write(out);
            }
            Self::Or(a, b) => {
                out.push(json!("|"));
                a.write(out);
                b.write(out);
            }
            Self::Not(a) => {
                out.push(json!("!"));
                a.write(out);
            }
            Self::Leaf(path, operator, value) => out.push(json!([path.join("."), operator, value])),
        }
    }
}

fn any_leaf() -> impl Strategy<Value = Domain> {
    let through = prop_oneof![
        4 => Just(vec![]),
        1 => Just(vec!["parent_id"]),
        1 => Just(vec!["child_ids"]),
        1 => Just(vec!["parent_id", "parent_id"]),
        1 => Just(vec!["child_ids", "parent_id"]),
    ];
    let text = prop::sample::select(vec!["", "a", "Ada", "acme", "É", "x.test", "ZO", "old", "Silver"]);
    let texts = (
        prop::sample::select(vec![vec!["name"], vec!["email"], vec!["category_id", "name"]]),
        prop::sample::select(vec!["=", "!=", "like", "ilike", "not like", "not ilike"]),
        text.clone().prop_map(|text| json!(text)),
    );
    let lists = (
        prop::sample::select(vec![vec!["name"], vec!["email"]]),
        prop::sample::select(vec!["in", "not in"]),
        prop::collection::vec(prop_oneof![4 => text.prop_map(|text| json!(text)), 1 => Just(json!(null))], 0..4)
            .prop_map(Json::Array),
    );
    let number = prop_oneof![6 => (-2_i64..9).prop_map(|number| json!(number)), 1 => Just(json!(null))];
    let numbers = (Just(vec!["customer_rank"]), prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]), number)
        .prop_filter("order needs a number", |(_, operator, value)| {
            !value.is_null() || matches!(*operator, "=" | "!=")
        });
    let booleans =
        (Just(vec!["is_company"]), prop::sample::select(vec!["=", "!="]), any::<bool>().prop_map(|value| json!(value)));
    (through, prop_oneof![texts, lists, numbers, booleans]).prop_map(|(mut path, (field, operator, value))| {
        path.extend(field);
        Domain::Leaf(path, operator, value)
    })
}

fn any_domain() -> impl Strategy<Value = Domain> {
    any_leaf().prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Domain::And(a.into(), b.into())),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Domain::Or(a.into(), b.into())),
            inner.prop_map(|a| Domain::Not(a.into())),
        ]
    })
}

#[test]
fn generated_domains_find_what_a_naive_evaluator_finds() {
    let loaded = loaded();
    let seen = std::cell::RefCell::new(BTreeMap::<usize, u32>::new());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(400));
    runner
        .run(&any_domain(), |domain| {
            let mut json = Vec::new();
            domain.write(&mut json);
            let expected: BTreeSet<usize> = (0..PARTNERS.len()).filter(|at| holds(&domain, *at)).collect();
            *seen.borrow_mut().entry(expected.len()).or_default() += 1;
            prop_assert_eq!(loaded.found(&Json::Array(json.clone())), expected, "{}", Json::Array(json));
            Ok(())
        })
        .expect("they agree");
    // Domains that all find nothing, or everything, would prove nothing.
    assert!(seen.borrow().len() > 5, "{seen:?}");
}
