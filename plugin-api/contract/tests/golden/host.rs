//! Examples of what comes before and around ops: the manifest, opening an instance, errors.

use bindery_contract::{
    Error, ErrorClass, FieldDecl, FieldType, Manifest,
    error::Detail,
    manifest::{
        Action, Component, Constraint, Dependency, Direction, Extension, Kind, Listener, ModelField, Place, RecordOp,
        Rule, Step, Topic, Webhooks,
    },
    op::Open,
};
use serde_json::json;

use super::{Example, example, example_of};

pub fn examples() -> Vec<Example> {
    vec![
        example("manifest.answer", manifest()),
        example("manifest.answer.least", Manifest::default()),
        example("manifest.answer.listener", Manifest { listeners: vec![listener()], ..Manifest::default() }),
        example(
            "open.request",
            Open {
                backend: "shop".into(),
                backend_id: 3,
                backend_type: "acme".into(),
                settings: json!({"api_token": "t", "api_url": "https://shop.example.org"}),
                contract: 1,
            },
        ),
        example_of("error.answer", error(), r#"{"class":"failed","message":"no"}"#),
    ]
}

pub fn error() -> Error {
    Error {
        class: ErrorClass::RateLimited,
        message: "slow down".into(),
        detail: Box::new(Detail {
            after_ms: Some(2_000),
            status: Some(429),
            path: Some("/price".into()),
            field: Some("list_price".into()),
            cure: Some("wait".into()),
            place: Some("src/lib.rs:7".into()),
            code: Some("plugin.unknown".into()),
        }),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn manifest() -> Manifest {
    Manifest {
        contract: 1,
        sdk: "0.1.0".into(),
        unwind: true,
        id: "acme".into(),
        version: "1.2.3".into(),
        description: "The shop of Acme".into(),
        backend_types: words(&["acme"]),
        state_format: 2,
        ops: words(&["test_connection", "list", "prepare"]),
        settings_schema: json!({"properties": {"api_url": {"host": true, "type": "string"}}, "type": "object"}),
        kinds: vec![kind()],
        components: vec![Component {
            name: "acme.adapter".into(),
            inherit: words(&["base.adapter"]),
            apply_on: words(&["acme.product"]),
            usage: "backend.adapter".into(),
            backend_types: words(&["acme"]),
            operations: vec![("acme.adapter.ping".into(), "Answers.".into())],
        }],
        actions: vec![Action {
            name: "action_refresh".into(),
            label: "Refresh".into(),
            description: "Reads taxes again.".into(),
            arguments: json!({"type": "object"}),
        }],
        webhooks: Some(Webhooks {
            scheme: json!({"header": "X-Acme-Signature", "name": "hmac"}),
            topics: vec![Topic {
                name: "order.created".into(),
                kind: Some("acme.order".into()),
                id: Some("/order/id".into()),
            }],
        }),
        // Younger than the file: it is left out where it is empty.
        listeners: Vec::new(),
        hosts: words(&["*.acme.example"]),
        models: words(&["stock.quant"]),
        fields: vec![ModelField::new("product.template", "x_brand", FieldType::Text)],
        extensions: vec![Extension {
            connector: "demo".into(),
            requirement: "^1.0".into(),
            component: "demo.product.import.mapper".into(),
            rule: Some("name".into()),
            place: Place::Instead,
            name: "brand".into(),
            reads: words(&["/brand"]),
            sets: words(&["name"]),
        }],
    }
}

fn listener() -> Listener {
    Listener {
        name: "acme.price.listener".into(),
        model: "product.template".into(),
        ops: vec![RecordOp::Create, RecordOp::Write, RecordOp::Unlink],
        changed_by: words(&["list_price"]),
        among: r#"[["sale_ok","=",true]]"#.into(),
        own_changes: true,
    }
}

fn kind() -> Kind {
    Kind {
        name: "acme.product".into(),
        model: "product.template".into(),
        description: "Products".into(),
        fields: fields(),
        constraints: vec![Constraint {
            name: "acme_sku".into(),
            unique: words(&["backend", "external_sku"]),
            message: "Two products can't share a SKU".into(),
        }],
        matched_by: words(&["default_code"]),
        // Younger than the file: it is left out where it is empty.
        matched_among: String::new(),
        depends_on: vec![Dependency { field: "categ_id".into(), kind: "acme.category".into() }],
        import: true,
        export: true,
        // Younger than the file, too.
        idempotent_create: false,
        batch: 0,
        step: Some(Step::Products),
        direction: Some(Direction::Both),
        ignored_paths: words(&["/views"]),
        incremental: true,
        scan_finds_deleted: true,
        import_rules: vec![Rule {
            name: "name".into(),
            verb: "direct".into(),
            reads: words(&["/title"]),
            sets: words(&["name"]),
            only_create: true,
            changed_by: words(&["/title"]),
            kind: Some("acme.variant".into()),
        }],
        export_rules: vec![Rule::default()],
        overlap_seconds: Some(30),
        import_hooks: words(&["must_skip", "after"]),
        export_hooks: words(&["validate"]),
    }
}

/// One field of each type.
fn fields() -> Vec<FieldDecl> {
    let model = || "res.partner".to_owned();
    let types = [
        FieldType::Text,
        FieldType::Integer,
        FieldType::Decimal { scale: 4 },
        FieldType::Money { currency: "currency_id".into() },
        FieldType::Boolean,
        FieldType::Date,
        FieldType::Datetime,
        FieldType::Selection { options: words(&["draft", "done"]) },
        FieldType::Binary,
        FieldType::Many2one { model: model() },
        FieldType::One2many { model: model(), inverse: "parent_id".into() },
        FieldType::Many2many { model: model() },
    ];
    let mut fields: Vec<FieldDecl> =
        types.into_iter().enumerate().map(|(n, field_type)| FieldDecl::new(format!("field_{n}"), field_type)).collect();
    fields[0].label = "First".into();
    fields[0].help = "What it is for".into();
    fields[0].required = true;
    fields[0].read_only = true;
    fields
}
