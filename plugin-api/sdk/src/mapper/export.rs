//! Export mappers: the same verbs the other way, from our fields to the body that the remote wants.

use std::{future::Future, sync::Arc};

use bindery_contract::manifest;
use serde::Serialize;

use super::{Source, Values};
use crate::{Connector, Context, Json, error::Result, host::BoxFuture};

/// Turns a record of ours into the body that the remote wants.
///
/// Order and marks are those of an [`super::ImportMapper`]; on an update, a rule runs only where one of the fields that
/// it reads (or that [`ExportMarks::changed_by`] names) has changed.
///
/// ```
/// use bindery_plugin::prelude::*;
/// struct ProductExport;
///
/// impl<C: Connector> ExportMapper<C> for ProductExport {
///     fn rules(r: &mut ExportRules<C>) {
///         r.direct("name", "/title");
///         r.direct("list_price", "/price/amount").changed_by(["list_price", "currency_id"]);
///         r.set("/source", "bindery").only_create();
///         r.relation("categ_id", "acme.category", "/category_id");
///     }
/// }
/// ```
pub trait ExportMapper<C: Connector>: Send + Sync + 'static {
    /// Declares the rules.
    fn rules(r: &mut ExportRules<C>);
}

type Transform = Arc<dyn Fn(&Source) -> Result<Json> + Send + Sync>;
type Compute = Arc<dyn Fn(&Source) -> Result<Values> + Send + Sync>;
type Fetch<C> = Arc<dyn Fn(Source, Context<C>) -> BoxFuture<Result<Values>> + Send + Sync>;
type Finalize = Arc<dyn Fn(&Source, Json) -> Result<Json> + Send + Sync>;

pub(super) enum Verb<C: Connector> {
    Direct { with: Option<Transform> },
    Set { value: Json },
    Relation { kind: String, numeric: bool },
    Compute(Compute),
    Mapping(Fetch<C>),
    Children { rules: ExportRules<C> },
    Finalize(Finalize),
}

pub(super) struct Rule<C: Connector> {
    pub(super) verb: Verb<C>,
    pub(super) declared: manifest::Rule,
}

/// The table that an export mapper fills.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// fn rules<C: Connector>(r: &mut ExportRules<C>) {
///     r.direct("name", "/title");
/// }
/// ```
pub struct ExportRules<C: Connector> {
    pub(super) rules: Vec<Rule<C>>,
    pub(super) wrong: Vec<String>,
}

impl<C: Connector> ExportRules<C> {
    pub(super) fn of<M: ExportMapper<C>>() -> Self {
        let mut rules = Self { rules: Vec::new(), wrong: Vec::new() };
        M::rules(&mut rules);
        rules
    }

    fn push(&mut self, name: &str, verb: Verb<C>, reads: Vec<String>, sets: Vec<String>) -> ExportMarks<'_, C> {
        let word = match &verb {
            Verb::Direct { .. } => "direct",
            Verb::Set { .. } => "set",
            Verb::Relation { .. } => "relation",
            Verb::Compute(_) => "compute",
            Verb::Mapping(_) => "mapping",
            Verb::Children { .. } => "children",
            Verb::Finalize(_) => "finalize",
        };
        let declared =
            manifest::Rule { name: name.to_owned(), verb: word.to_owned(), reads, sets, ..manifest::Rule::default() };
        self.rules.push(Rule { verb, declared });
        ExportMarks { rule: self.rules.last_mut().expect("a rule was just pushed") }
    }

    /// Copies a field to a place in the body.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut ExportRules<C>) { r.direct("default_code", "/sku"); }
    /// ```
    pub fn direct(&mut self, field: &str, pointer: &str) -> ExportMarks<'_, C> {
        self.push(pointer, Verb::Direct { with: None }, vec![field.to_owned()], vec![pointer.to_owned()])
    }

    /// Sets a place in the body to a constant.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut ExportRules<C>) { r.set("/status", "draft").only_create(); }
    /// ```
    pub fn set(&mut self, pointer: &str, value: impl Serialize) -> ExportMarks<'_, C> {
        let value = Json::of(&value).unwrap_or_else(|error| {
            self.wrong.push(format!("the value of {pointer} can't be written as JSON: {error}"));
            Json::null()
        });
        self.push(pointer, Verb::Set { value }, Vec::new(), vec![pointer.to_owned()])
    }

    /// Writes the external id of a related record. One that is not exported yet is exported first.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut ExportRules<C>) { r.relation("categ_id", "acme.category", "/category_id"); }
    /// ```
    pub fn relation(&mut self, field: &str, kind: &str, pointer: &str) -> ExportMarks<'_, C> {
        let mut marks = self.push(
            pointer,
            Verb::Relation { kind: kind.to_owned(), numeric: false },
            vec![field.to_owned()],
            vec![pointer.to_owned()],
        );
        marks.declared().kind = Some(kind.to_owned());
        marks
    }

    /// Computes places in the body: the values are keyed by pointers.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut ExportRules<C>) {
    /// r.compute("grams", ["weight"], ["/grams"], |rec| set("/grams", rec.decimal("weight")?.map(|kg| kg.shift(3))));
    /// # }
    /// ```
    pub fn compute<'a>(
        &mut self,
        name: &str,
        reads: impl IntoIterator<Item = &'a str>,
        sets: impl IntoIterator<Item = &'a str>,
        code: impl Fn(&Source) -> Result<Values> + Send + Sync + 'static,
    ) -> ExportMarks<'_, C> {
        self.push(name, Verb::Compute(Arc::new(code)), owned(reads), owned(sets))
    }

    /// Computes places in the body with the help of the host.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut ExportRules<C>) {
    /// r.mapping("season", ["name"], ["/season"], async |_, cx| set("/season", cx.kv("season").get::<String>().await?));
    /// # }
    /// ```
    pub fn mapping<'a, F>(
        &mut self,
        name: &str,
        reads: impl IntoIterator<Item = &'a str>,
        sets: impl IntoIterator<Item = &'a str>,
        code: impl Fn(Source, Context<C>) -> F + Send + Sync + 'static,
    ) -> ExportMarks<'_, C>
    where
        F: Future<Output = Result<Values>> + Send + 'static,
    {
        let code = Arc::new(move |source, cx| -> BoxFuture<_> { Box::pin(code(source, cx)) });
        self.push(name, Verb::Mapping(code), owned(reads), owned(sets))
    }

    /// Maps the lines under a field to a list in the body.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct LineExport;
    /// # impl<C: Connector> ExportMapper<C> for LineExport { fn rules(r: &mut ExportRules<C>) { r.direct("name", "/title"); } }
    /// # fn rules<C: Connector>(r: &mut ExportRules<C>) { r.children("order_line", "/lines", "acme.order_line", LineExport); }
    /// ```
    pub fn children<M: ExportMapper<C>>(
        &mut self,
        field: &str,
        pointer: &str,
        kind: &str,
        _mapper: M,
    ) -> ExportMarks<'_, C> {
        let verb = Verb::Children { rules: Self::of::<M>() };
        let mut marks = self.push(pointer, verb, vec![field.to_owned()], vec![pointer.to_owned()]);
        marks.declared().kind = Some(kind.to_owned());
        marks
    }

    /// Runs last, sees the whole body, and answers with what it shall be.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut ExportRules<C>) { r.finalize(|_, body| Ok(body.wrapped("product"))); }
    /// ```
    pub fn finalize(&mut self, code: impl Fn(&Source, Json) -> Result<Json> + Send + Sync + 'static) {
        self.push("finalize", Verb::Finalize(Arc::new(code)), Vec::new(), Vec::new());
    }
}

fn owned<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// Marks on the export rule that was just declared.
pub struct ExportMarks<'a, C: Connector> {
    rule: &'a mut Rule<C>,
}

impl<C: Connector> ExportMarks<'_, C> {
    fn declared(&mut self) -> &mut manifest::Rule {
        &mut self.rule.declared
    }

    /// Changes the value of a `direct`. The code sees the field's value; absent and null don't come to it.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut ExportRules<C>) {
    /// r.direct("list_price", "/price_cents").with(|price| Ok(price.decimal("")?.or_default().shift(2).round(0)));
    /// # }
    /// ```
    pub fn with<T: Serialize>(self, change: impl Fn(&Source) -> Result<T> + Send + Sync + 'static) -> Self {
        if let Verb::Direct { with } = &mut self.rule.verb {
            *with = Some(Arc::new(move |source| Json::of(&change(source)?)));
        }
        self
    }

    /// Writes the ids of a `relation` as numbers: external ids are texts, and a remote with numbers may want them back so.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut ExportRules<C>) { r.relation("categ_id", "acme.category", "/category_id").numeric(); }
    /// ```
    pub fn numeric(self) -> Self {
        if let Verb::Relation { numeric, .. } = &mut self.rule.verb {
            *numeric = true;
        }
        self
    }

    /// Runs only when the record is created there.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut ExportRules<C>) { r.set("/status", "draft").only_create(); }
    /// ```
    pub fn only_create(mut self) -> Self {
        self.declared().only_create = true;
        self
    }

    /// Runs when one of these fields changed, in place of those that it reads.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut ExportRules<C>) { r.direct("list_price", "/price").changed_by(["list_price", "uom_id"]); }
    /// ```
    pub fn changed_by<'a>(mut self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        let fields = owned(fields);
        self.declared().changed_by.extend(fields);
        self
    }

    /// Another name than the pointer: extensions know the rule by it.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut ExportRules<C>) { r.direct("default_code", "/sku").named("sku"); }
    /// ```
    pub fn named(mut self, name: &str) -> Self {
        self.declared().name = name.to_owned();
        self
    }
}
