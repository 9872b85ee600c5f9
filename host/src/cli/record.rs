//! `bindery record`: search, read and change our own records.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Done,
    error::Error,
    input::{self, Pair},
    output::{pairs, table, value},
    session::Session,
};
use crate::operation::record::{Models, Rows, Written};

/// What can be done with records.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The models and kinds there are; with a name, its fields.
    Models {
        /// A model or kind.
        model: Option<String>,
    },
    /// Search a model, or a kind under its own name.
    Search(Search),
    /// Records with all their fields.
    Show {
        /// Model or kind.
        model: String,
        /// Their ids.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
        /// Only these fields.
        #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
        fields: Vec<String>,
    },
    /// Create a record. What follows from a choice (a customer's addresses, a product's price) is filled in where it
    /// is not given.
    #[command(after_help = "Examples:\n  \
                            bindery record create res.partner name=Ada email=ada@example.org\n  \
                            bindery record create sale.order partner_id=3 'order_line=[{\"product_id\": 5, \"product_uom_qty\": 2}]'\n  \
                            bindery record create product.template --values @lamp.json list_price=12.50")]
    Create {
        /// Model or kind.
        model: String,
        #[command(flatten)]
        values: Values,
    },
    /// Change a record. What is not named stays; `null` clears.
    Write {
        /// Model or kind.
        model: String,
        /// The record.
        id: i64,
        #[command(flatten)]
        values: Values,
    },
    /// Remove records.
    Unlink {
        /// Model or kind.
        model: String,
        /// Their ids.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
    },
}

/// A search.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                        bindery record search product.template '[[\"list_price\",\">\",10]]' --fields name,list_price --order 'list_price desc'\n  \
                        bindery record search sale.order \"['|', ('state', '=', 'sale'), ('partner_id.name', 'ilike', 'ada')]\"\n  \
                        bindery record search demo.product '[[\"sync_status\",\"=\",\"failed\"]]' --fields external_id,name,last_error")]
pub(super) struct Search {
    /// Model or kind.
    model: String,
    /// Domain: `[["list_price", ">", 10], ["name", "ilike", "lamp"]]`, with the prefix operators & | !. Single quotes,
    /// round brackets and True, False, None are understood too.
    #[arg(allow_hyphen_values = true)]
    domain: Option<String>,
    /// Fields to show.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    fields: Vec<String>,
    /// At most so many.
    #[arg(long, default_value_t = 80)]
    limit: u64,
    /// Leave out so many first.
    #[arg(long, default_value_t = 0)]
    offset: u64,
    /// Order, as in `name desc, id`; else the model's own.
    #[arg(long)]
    order: Option<String>,
    /// Archived records too.
    #[arg(long)]
    archived: bool,
}

/// Values of a record.
#[derive(Debug, Args)]
pub(super) struct Values {
    /// Fields; a value that reads as JSON (`true`, `null`, `[1, 2]`) is taken so, else as text.
    #[arg(value_name = "FIELD=VALUE", value_parser = input::pair)]
    pairs: Vec<Pair>,
    /// All of it as a JSON object; FIELD=VALUE goes on top.
    #[arg(long, value_name = "JSON|@FILE|-")]
    values: Option<String>,
}

impl Values {
    fn read(self) -> Result<Value, Error> {
        input::values(self.values, self.pairs)
    }
}

impl Command {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        match self {
            Self::Models { model: None } => session.show("record.models", &json!({}), models).await,
            Self::Models { model } => session.show("record.models", &json!({ "model": model }), fields).await,
            Self::Search(search) => {
                let domain = search.domain.as_deref().map(super::domain::read).transpose()?;
                let request = json!({
                    "model": search.model, "domain": domain, "fields": search.fields, "limit": search.limit,
                    "offset": search.offset, "order": search.order.unwrap_or_default(), "archived": search.archived,
                });
                session.show("record.search", &request, found).await
            }
            Self::Show { model, ids, fields } => {
                let request = json!({ "model": model, "ids": ids, "fields": fields });
                session.show("record.read", &request, shown).await
            }
            Self::Create { model, values } => {
                let request = json!({ "model": model, "values": values.read()? });
                session.show("record.create", &request, |done| written(done, "created")).await
            }
            Self::Write { model, id, values } => {
                let request = json!({ "model": model, "id": id, "values": values.read()? });
                session.show("record.write", &request, changed).await
            }
            Self::Unlink { model, ids } => {
                let request = json!({ "model": model, "ids": ids });
                session.show("record.unlink", &request, |done| written(done, "removed")).await
            }
        }
    }
}

fn found(rows: Rows) -> String {
    let header: Vec<&str> = rows.fields.iter().map(String::as_str).collect();
    let shown = rows.rows.len();
    let lines = rows.rows.iter().map(|row| header.iter().map(|field| value(&row[*field])).collect()).collect();
    let mut text = table(&header, lines, "No record is like that.");
    if let Some(total) = rows.total.filter(|total| *total > shown as u64) {
        text.push_str(&format!("\n\n{shown} of {total}; `--limit` and `--offset` show more."));
    }
    text
}

fn shown(rows: Rows) -> String {
    let one = |row: &Value| {
        let parts: Vec<(&str, String)> =
            rows.fields.iter().map(|field| (field.as_str(), value(&row[field.as_str()]))).collect();
        pairs(&parts)
    };
    rows.rows.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn written(written: Written, what: &str) -> String {
    let fields = match written.changed.is_empty() {
        true => String::new(),
        false => format!(" ({})", written.changed.join(", ")),
    };
    written.ids.iter().map(|id| format!("{} {id} is {what}{fields}.", written.model)).collect::<Vec<_>>().join("\n")
}

fn changed(write: Written) -> String {
    match write.changed.is_empty() {
        true => format!("{} {} has these values already.", write.model, write.ids.first().unwrap_or(&0)),
        false => written(write, "written"),
    }
}

fn models(models: Models) -> String {
    let rows = models
        .models
        .into_iter()
        .map(|model| vec![model.name, model.kind_of.unwrap_or_default(), model.fields.len().to_string()])
        .collect();
    table(&["name", "kind of", "fields"], rows, "There are no models.")
}

fn fields(models: Models) -> String {
    let rows = models
        .models
        .into_iter()
        .flat_map(|model| model.fields)
        .map(|field| {
            let mut marks = Vec::new();
            marks.extend(field.required.then_some("required"));
            marks.extend(field.read_only.then_some("read-only"));
            vec![field.name, field.field_type, field.target.unwrap_or_default(), marks.join(" "), field.help]
        })
        .collect();
    table(&["field", "type", "of", "", "meaning"], rows, "It has no fields.")
}
