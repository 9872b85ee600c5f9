//! The rules of an import mapper, as its author declares them: a table of named rules, data before code.

use std::{future::Future, sync::Arc};

use bindery_contract::manifest;
use serde::Serialize;

use super::{Source, Values};
use crate::{Connector, Context, error::Result, host::BoxFuture};

/// Turns a record of the remote into values of ours.
///
/// Rules run in this order: `direct`, `set`, `lookup`, `relation` as declared; then `compute` and `mapping` as
/// declared; then `children`; then `finalize`. Where several set a field, the later one wins. What is absent in the
/// source leaves the field alone, null clears it, and `0`, `""` and `false` are values.
///
/// ```
/// use bindery_plugin::prelude::*;
/// # struct Acme;
/// # impl Connector for Acme { const ID: &'static str = "acme"; type Settings = NoSettings;
/// #   fn components(_: &mut Components<Self>) {}
/// #   async fn test_connection(&self, _: Context<Self>) -> Result<Report> { Ok(Report::connected("Acme")) } }
/// # struct VariantImport;
/// # impl ImportMapper<Acme> for VariantImport { fn rules(r: &mut Rules<Acme>) { r.direct("/sku", "default_code"); } }
///
/// struct ProductImport;
///
/// impl ImportMapper<Acme> for ProductImport {
///     fn rules(r: &mut Rules<Acme>) {
///         r.direct("/title", "name");
///         r.direct("/price", "list_price");
///         r.set("type", "product").only_create();
///         r.lookup("/category_name", "product.category", "name").set("categ_id");
///         r.relation("/vendor_id", "acme.vendor").set("partner_id");
///         r.compute("weight", ["/grams"], ["weight"], |src| {
///             set("weight", src.decimal("/grams")?.map(|grams| grams.shift(-3)))
///         });
///         r.children("/variants", "/id", "product_variant_ids", "acme.variant", VariantImport);
///     }
/// }
/// ```
pub trait ImportMapper<C: Connector>: Send + Sync + 'static {
    /// Declares the rules.
    fn rules(r: &mut Rules<C>);
}

type Transform = Arc<dyn Fn(&Source) -> Result<Vec<u8>> + Send + Sync>;
type Compute = Arc<dyn Fn(&Source) -> Result<Values> + Send + Sync>;
type Fetch<C> = Arc<dyn Fn(Source, Context<C>) -> BoxFuture<Result<Values>> + Send + Sync>;
type Finalize = Arc<dyn Fn(&Source, Values) -> Result<Values> + Send + Sync>;

/// What a rule does.
pub(crate) enum Verb<C: Connector> {
    Direct { with: Option<Transform> },
    Set { json: Vec<u8> },
    Lookup { model: String, field: String, create: bool },
    Relation { kind: String },
    Compute(Compute),
    Mapping(Fetch<C>),
    Children { id: String, kind: String, rules: Rules<C> },
    Finalize(Finalize),
}

impl<C: Connector> Verb<C> {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Direct { .. } => "direct",
            Self::Set { .. } => "set",
            Self::Lookup { .. } => "lookup",
            Self::Relation { .. } => "relation",
            Self::Compute(_) => "compute",
            Self::Mapping(_) => "mapping",
            Self::Children { .. } => "children",
            Self::Finalize(_) => "finalize",
        }
    }

    /// The place in the order of a mapping.
    pub(crate) const fn stage(&self) -> u8 {
        match self {
            Self::Direct { .. } | Self::Set { .. } | Self::Lookup { .. } | Self::Relation { .. } => 0,
            Self::Compute(_) | Self::Mapping(_) => 1,
            Self::Children { .. } => 2,
            Self::Finalize(_) => 3,
        }
    }
}

/// One rule.
pub(crate) struct Rule<C: Connector> {
    pub(crate) name: String,
    pub(crate) verb: Verb<C>,
    pub(crate) reads: Vec<String>,
    pub(crate) sets: Vec<String>,
    pub(crate) only_create: bool,
    pub(crate) changed_by: Vec<String>,
}

impl<C: Connector> Rule<C> {
    pub(crate) fn declaration(&self) -> manifest::Rule {
        let kind = match &self.verb {
            Verb::Children { kind, .. } | Verb::Relation { kind } => Some(kind.clone()),
            _ => None,
        };
        manifest::Rule {
            name: self.name.clone(),
            verb: self.verb.name().to_owned(),
            reads: self.reads.clone(),
            sets: self.sets.clone(),
            only_create: self.only_create,
            changed_by: self.changed_by.clone(),
            kind,
        }
    }
}

/// The table that a mapper fills.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// fn rules<C: Connector>(r: &mut Rules<C>) {
///     r.direct("/name", "name").with(|value| Ok(value.text("")?.or_default().trim().to_owned()));
///     r.set("sale_ok", true);
/// }
/// ```
pub struct Rules<C: Connector> {
    pub(crate) rules: Vec<Rule<C>>,
    replacing: Option<String>,
    pub(crate) wrong: Vec<String>,
}

impl<C: Connector> Rules<C> {
    pub(crate) const fn new() -> Self {
        Self { rules: Vec::new(), replacing: None, wrong: Vec::new() }
    }

    pub(crate) fn of<M: ImportMapper<C>>() -> Self {
        let mut rules = Self::new();
        M::rules(&mut rules);
        rules
    }

    /// Copies a value as it is: exact, and absent stays absent.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) {
    /// r.direct("/address/city", "city");
    /// # }
    /// ```
    pub fn direct(&mut self, pointer: &str, field: &str) -> Marks<'_, C> {
        self.push(field, Verb::Direct { with: None }, vec![pointer.to_owned()], vec![field.to_owned()])
    }

    /// Sets a field to a constant.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) {
    /// r.set("type", "product").only_create();
    /// # }
    /// ```
    pub fn set(&mut self, field: &str, value: impl Serialize) -> Marks<'_, C> {
        let json = serde_json::to_vec(&value).unwrap_or_else(|error| {
            self.wrong.push(format!("the value of {field} can't be written as JSON: {error}"));
            Vec::new()
        });
        self.push(field, Verb::Set { json }, Vec::new(), vec![field.to_owned()])
    }

    /// Finds one of our records by the value of a field. The host resolves it, once a page. Name the relation that it
    /// is for with [`Marks::set`]. A list of values becomes a list of records.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) {
    /// r.lookup("/category_name", "product.category", "name").set("categ_id");
    /// r.lookup("/brand", "product.attribute.value", "name").set("brand_id").or_create();
    /// # }
    /// ```
    pub fn lookup(&mut self, pointer: &str, model: &str, field: &str) -> Marks<'_, C> {
        let verb = Verb::Lookup { model: model.to_owned(), field: field.to_owned(), create: false };
        self.push("", verb, vec![pointer.to_owned()], Vec::new())
    }

    /// Finds the record that is bound to an external id. Name the relation that it is for with [`Marks::set`]. A list
    /// of ids becomes a list of records.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) {
    /// r.relation("/customer_id", "acme.customer").set("partner_id");
    /// # }
    /// ```
    pub fn relation(&mut self, pointer: &str, kind: &str) -> Marks<'_, C> {
        self.push("", Verb::Relation { kind: kind.to_owned() }, vec![pointer.to_owned()], Vec::new())
    }

    /// Computes fields. `reads` are the pointers that the code reads, `sets` the fields that it may set.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) {
    /// r.compute("name", ["/first", "/last"], ["name"], |src| {
    ///     set("name", format!("{} {}", src.text("/first")?.or_default(), src.text("/last")?.or_default()))
    /// });
    /// # }
    /// ```
    pub fn compute<'a>(
        &mut self,
        name: &str,
        reads: impl IntoIterator<Item = &'a str>,
        sets: impl IntoIterator<Item = &'a str>,
        code: impl Fn(&Source) -> Result<Values> + Send + Sync + 'static,
    ) -> Marks<'_, C> {
        self.push(name, Verb::Compute(Arc::new(code)), owned(reads), owned(sets))
    }

    /// Computes fields with the help of the host. The slow path: prefer `lookup` and `relation`.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) {
    /// r.mapping("image", ["/image_url"], ["image"], async |src, cx| {
    ///     let Some(url) = src.text("/image_url")?.option() else { return Ok(Values::new()) };
    ///     set("image", encode_base64(cx.get(url).await?.bytes()))
    /// });
    /// # }
    /// ```
    pub fn mapping<'a, F>(
        &mut self,
        name: &str,
        reads: impl IntoIterator<Item = &'a str>,
        sets: impl IntoIterator<Item = &'a str>,
        code: impl Fn(Source, Context<C>) -> F + Send + Sync + 'static,
    ) -> Marks<'_, C>
    where
        F: Future<Output = Result<Values>> + Send + 'static,
    {
        let code = Arc::new(move |source, cx| -> BoxFuture<_> { Box::pin(code(source, cx)) });
        self.push(name, Verb::Mapping(code), owned(reads), owned(sets))
    }

    /// Maps a list within the record: each item becomes a line under a kind of its own, known by its external id.
    ///
    /// The list is complete: lines of ours that it doesn't hold are gone. `id` points to the id within an item.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct LineImport;
    /// # impl<C: Connector> ImportMapper<C> for LineImport { fn rules(r: &mut Rules<C>) { r.direct("/qty", "product_uom_qty"); } }
    /// # fn rules<C: Connector>(r: &mut Rules<C>) {
    /// r.children("/lines", "/id", "order_line", "acme.order_line", LineImport);
    /// # }
    /// ```
    pub fn children<M: ImportMapper<C>>(
        &mut self,
        pointer: &str,
        id: &str,
        field: &str,
        kind: &str,
        _mapper: M,
    ) -> Marks<'_, C> {
        let verb = Verb::Children { id: id.to_owned(), kind: kind.to_owned(), rules: Self::of::<M>() };
        self.push(field, verb, vec![pointer.to_owned()], vec![field.to_owned()])
    }

    /// Runs last, sees all values, and answers with what they shall be.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) {
    /// r.finalize(["name"], |_, values| Ok(if values.get("name") == Some("\"\"") { values.without("name") } else { values }));
    /// # }
    /// ```
    pub fn finalize<'a>(
        &mut self,
        sets: impl IntoIterator<Item = &'a str>,
        code: impl Fn(&Source, Values) -> Result<Values> + Send + Sync + 'static,
    ) -> Marks<'_, C> {
        self.push("finalize", Verb::Finalize(Arc::new(code)), Vec::new(), owned(sets))
    }

    /// The next rule stands in place of the one of this name, and keeps its `only_create` and `changed_by`.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) {
    /// r.set("type", "product").only_create();
    /// r.replace("type").set("type", "service");          // still on creation only
    /// # }
    /// ```
    pub fn replace(&mut self, name: &str) -> &mut Self {
        self.replacing = Some(name.to_owned());
        self
    }

    fn push(&mut self, name: &str, verb: Verb<C>, reads: Vec<String>, sets: Vec<String>) -> Marks<'_, C> {
        let rule = Rule { name: name.to_owned(), verb, reads, sets, only_create: false, changed_by: Vec::new() };
        let index = match self.replacing.take() {
            None => {
                self.rules.push(rule);
                self.rules.len() - 1
            }
            Some(old) => match self.rules.iter().position(|known| known.name == old) {
                Some(at) => {
                    let known = &mut self.rules[at];
                    let (only_create, changed_by) = (known.only_create, std::mem::take(&mut known.changed_by));
                    *known = Rule { name: old, only_create, changed_by, ..rule };
                    at
                }
                None => {
                    self.wrong.push(format!("there is no rule {old:?} to replace"));
                    self.rules.push(rule);
                    self.rules.len() - 1
                }
            },
        };
        Marks { rules: self, index }
    }

    /// Gives every rule a name of its own and reports what is missing. Called once all are declared.
    pub(crate) fn finish(&mut self) {
        for index in 0..self.rules.len() {
            if self.rules[index].sets.is_empty() && self.rules[index].verb.stage() == 0 {
                let rule = &self.rules[index];
                self.wrong.push(format!("the {} of {} lacks its .set(field)", rule.verb.name(), rule.reads.join(", ")));
            }
            let wanted = self.rules[index].name.clone();
            let mut name = wanted.clone();
            let mut number = 2;
            while self.rules[..index].iter().any(|known| known.name == name) {
                name = format!("{wanted}/{number}");
                number += 1;
            }
            self.rules[index].name = name;
        }
    }
}

fn owned<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// Marks on the rule that was just declared.
pub struct Marks<'a, C: Connector> {
    rules: &'a mut Rules<C>,
    index: usize,
}

impl<C: Connector> Marks<'_, C> {
    fn rule(&mut self) -> &mut Rule<C> {
        &mut self.rules.rules[self.index]
    }

    /// The field that a `lookup` or a `relation` is for.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) { r.relation("/customer_id", "acme.customer").set("partner_id"); }
    /// ```
    pub fn set(mut self, field: &str) -> Self {
        let rule = self.rule();
        rule.sets = vec![field.to_owned()];
        if rule.name.is_empty() {
            rule.name = field.to_owned();
        }
        self
    }

    /// Where a `lookup` finds nothing, a record with just that value is made.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) { r.lookup("/c", "product.category", "name").set("categ_id").or_create(); }
    /// ```
    pub fn or_create(mut self) -> Self {
        if let Verb::Lookup { create, .. } = &mut self.rule().verb {
            *create = true;
        } else {
            self.rules.wrong.push("or_create() is for a lookup".to_owned());
        }
        self
    }

    /// Changes the value of a `direct`. The code sees the value at the pointer; absent and null don't come to it.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) {
    /// r.direct("/price_cents", "list_price").with(|cents| Ok(cents.decimal("")?.or_default().shift(-2)));
    /// # }
    /// ```
    pub fn with<T: Serialize>(mut self, change: impl Fn(&Source) -> Result<T> + Send + Sync + 'static) -> Self {
        if let Verb::Direct { with } = &mut self.rule().verb {
            *with = Some(Arc::new(move |source| Ok(serde_json::to_vec(&change(source)?)?)));
        } else {
            self.rules.wrong.push("with() is for a direct".to_owned());
        }
        self
    }

    /// Runs only when the record is created.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) { r.set("type", "product").only_create(); }
    /// ```
    pub fn only_create(mut self) -> Self {
        self.rule().only_create = true;
        self
    }

    /// Runs only when one of these source values changed since the last sync (and when the record is created).
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) { r.direct("/price", "list_price").changed_by(["/price", "/currency"]); }
    /// ```
    pub fn changed_by<'a>(mut self, pointers: impl IntoIterator<Item = &'a str>) -> Self {
        let pointers = owned(pointers);
        self.rule().changed_by.extend(pointers);
        self
    }

    /// Another name than that of the field: extensions know the rule by it.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(r: &mut Rules<C>) { r.direct("/sku", "default_code").named("sku"); }
    /// ```
    pub fn named(mut self, name: &str) -> Self {
        self.rule().name = name.to_owned();
        self
    }
}
