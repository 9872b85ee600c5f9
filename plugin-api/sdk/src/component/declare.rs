//! The table of everything that a connector consists of, as its author fills it.

use std::{future::Future, sync::Arc};

use bindery_contract::{FieldType, manifest};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    KindBuilder, ListenerBuilder, Part, Registry, Scheme, WebhookBuilder,
    kind::{KindDraft, KindEntry},
    listener::{self, LISTENER, Listener},
    registry::{ADAPTER, BINDER},
    webhook::Webhooks,
};
use crate::{
    Connector, Context,
    adapter::Adapter,
    binder::Binder,
    error::{Error, Result},
    extension::Entry,
    host::BoxFuture,
    settings,
};

type Operate<C> = Arc<dyn Fn(Context<C>, Value) -> BoxFuture<Result<Value>> + Send + Sync>;

/// A declared action, or a custom operation of a component.
pub(crate) struct Operation<C: Connector> {
    pub(crate) declared: manifest::Action,
    /// The component it belongs to; none for an action.
    pub(crate) component: Option<String>,
    pub(crate) code: Operate<C>,
}

/// Everything that a connector consists of: filled by [`Connector::components`].
///
/// ```
/// use bindery_plugin::prelude::*;
/// # struct Shop; impl<C: Connector> Adapter<C> for Shop {}
/// # struct Products; impl<C: Connector> ImportMapper<C> for Products { fn rules(r: &mut Rules<C>) { r.direct("/name", "name"); } }
///
/// fn components<C: Connector>(c: &mut Components<C>) {
///     c.adapter("acme.adapter", Shop);
///     c.kind("acme.product", "product.template").matched_by("default_code").import(Products);
///     c.action("action_refresh", "Refresh", async |cx, _: NoSettings| { cx.checkpoint().await?; Ok("done") });
/// }
/// ```
pub struct Components<C: Connector> {
    pub(crate) parts: Vec<Part<C>>,
    pub(crate) kinds: Vec<KindDraft<C>>,
    operations: Vec<Operation<C>>,
    several: Vec<String>,
    pub(crate) webhooks: Option<Webhooks<C>>,
    pub(crate) listeners: Vec<Listener<C>>,
    pub(crate) model_fields: Vec<manifest::ModelField>,
    pub(crate) extensions: Vec<Entry<C>>,
}

impl<C: Connector> Components<C> {
    pub(crate) const fn new() -> Self {
        Self {
            parts: Vec::new(),
            kinds: Vec::new(),
            operations: Vec::new(),
            several: Vec::new(),
            webhooks: None,
            listeners: Vec::new(),
            model_fields: Vec::new(),
            extensions: Vec::new(),
        }
    }

    fn part(&mut self, name: &str, usage: &str) -> &mut Part<C> {
        let declared =
            manifest::Component { name: name.to_owned(), usage: usage.to_owned(), ..manifest::Component::default() };
        self.parts.push(Part { declared, adapter: None, binder: None, own: None });
        self.parts.last_mut().expect("a component was just pushed")
    }

    /// An adapter of usage `backend.adapter`; for every kind, unless it says otherwise.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Shop; impl<C: Connector> Adapter<C> for Shop {}
    /// # struct Legacy; impl<C: Connector> Adapter<C> for Legacy {}
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.adapter("acme.adapter", Shop);
    /// c.adapter("acme.order.adapter", Legacy).inherit("acme.adapter").apply_on(["acme.order"]);
    /// # }
    /// ```
    pub fn adapter(&mut self, name: &str, adapter: impl Adapter<C>) -> AdapterBuilder<'_, C> {
        self.part(name, ADAPTER).adapter = Some(Arc::new(adapter));
        let index = self.parts.len() - 1;
        AdapterBuilder { components: self, index }
    }

    /// A binder (usage `binder`): how records of some kinds are identified, where the host's bindings are not enough.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// struct Upper;
    ///
    /// impl<C: Connector> Binder<C> for Upper {
    ///     async fn to_internal(&self, cx: Context<C>, kind: Kind, id: String) -> Result<Option<i64>> {
    ///         let found = cx.bindings(kind.as_str()).of_external(id.to_uppercase()).await?;
    ///         Ok(found.and_then(|binding| binding.record()))
    ///     }
    /// }
    ///
    /// fn components<C: Connector>(c: &mut Components<C>) { c.binder("acme.binder", Upper); }
    /// ```
    pub fn binder(&mut self, name: &str, binder: impl Binder<C>) -> ComponentBuilder<'_> {
        let part = self.part(name, BINDER);
        part.binder = Some(Arc::new(binder));
        ComponentBuilder { declared: &mut part.declared }
    }

    /// Says that several components of a usage of one's own may fit alike, to be found by `all()`. Of any other usage
    /// there must be one that fits best, and what is unclear is an error when the plugin is loaded.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Csv; struct Json;
    /// fn components<C: Connector>(c: &mut Components<C>) {
    ///     c.several("report.writer");
    ///     c.component("acme.csv", "report.writer", Csv);
    ///     c.component("acme.json", "report.writer", Json);
    /// }
    /// ```
    pub fn several(&mut self, usage: &str) {
        self.several.push(usage.to_owned());
    }

    /// A component of your own, found by its usage through [`Context::components`].
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Pricing;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.component("acme.pricing", "pricing", Pricing).apply_on(["sale.order"]);
    /// # }
    /// ```
    pub fn component<T: Send + Sync + 'static>(&mut self, name: &str, usage: &str, own: T) -> ComponentBuilder<'_> {
        let part = self.part(name, usage);
        part.own = Some(Arc::new(own));
        ComponentBuilder { declared: &mut part.declared }
    }

    /// A kind: a binding model over one of our record models.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.kind("acme.product", "product.template").field("external_price", field::decimal(4)).read_only();
    /// # }
    /// ```
    pub fn kind(&mut self, name: &str, model: &str) -> KindBuilder<'_, C> {
        self.kinds.push(KindDraft::new(name, model));
        KindBuilder::new(self.kinds.last_mut().expect("a kind was just pushed"))
    }

    /// Something that an operator can start: its name, the text of its button, its code. The arguments are a struct of
    /// yours ([`crate::NoSettings`] for none).
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Since { year: i32 }
    ///
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.action("action_refresh_taxes", "Refresh taxes", async |cx, since: Since| {
    ///     cx.get("/taxes").query("year", since.year).await?.json::<serde_json::Value>()
    /// }).description("Reads the tax rates of a year again.");
    /// # }
    /// ```
    pub fn action<A, T, F>(
        &mut self,
        name: &str,
        label: &str,
        code: impl Fn(Context<C>, A) -> F + Send + Sync + 'static,
    ) -> ActionBuilder<'_, C>
    where
        A: DeserializeOwned + JsonSchema,
        T: Serialize,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let operation = operation(name, label, None, code);
        self.operations.push(operation);
        ActionBuilder { operation: self.operations.last_mut().expect("an action was just pushed") }
    }

    /// The webhooks that it understands, by the scheme that signs them.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.webhook(Scheme::hmac_sha256("X-Acme-Signature")).import("order.created", "acme.order", "/order/id");
    /// # }
    /// ```
    pub fn webhook(&mut self, scheme: Scheme) -> WebhookBuilder<'_, C> {
        WebhookBuilder::new(self.webhooks.insert(Webhooks::new(scheme)))
    }

    /// A listener (usage `listener`): hears of what happened to our records of a model, once it was committed. Each event
    /// is a job of its own: at least once, tried again where it fails, in no promised order.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.listener("acme.price.listener", "product.template")
    ///     .changed_by(["list_price"])
    ///     .on_record_write(async |event, cx| cx.with_delay().export("acme.product", event.record()).await.map(|_| ()));
    /// # }
    /// ```
    pub fn listener(&mut self, name: &str, model: &str) -> ListenerBuilder<'_, C> {
        self.part(name, LISTENER).declared.apply_on.push(model.to_owned());
        let part = self.parts.len() - 1;
        ListenerBuilder::new(self, part, name, model)
    }

    /// Adds a field to one of our record models, shared with whoever declares the same.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.model_field("product.template", "customs_code", field::text());
    /// # }
    /// ```
    pub fn model_field(&mut self, model: &str, name: &str, field_type: FieldType) {
        self.model_fields.push(manifest::ModelField::new(model, name, field_type));
    }

    /// Checks names and makes everything ready to run.
    pub(crate) fn finish(mut self) -> Result<Registry<C>> {
        let mut wrong = Vec::new();
        let extras: Vec<(String, Vec<String>)> = self
            .kinds
            .iter()
            .map(|kind| (kind.declared.name.clone(), kind.declared.fields.iter().map(|f| f.name.clone()).collect()))
            .collect();
        let extra = |kind: &str, field: &str| {
            extras.iter().any(|(name, fields)| name == kind && fields.iter().any(|known| known == field))
        };
        let kinds: Vec<KindEntry<C>> =
            std::mem::take(&mut self.kinds).into_iter().map(|kind| kind.finish(&extra, &mut wrong)).collect();
        for kind in &kinds {
            self.parts.extend(kind.components::<C>());
        }
        super::kind::check(&kinds, &mut wrong);
        self.check_parts(&mut wrong);
        listener::check(&self.listeners, &mut wrong);
        // Whoever wants to hear, hears.
        self.several(LISTENER);
        if !wrong.is_empty() {
            return Err(Error::failed(format!("the declarations of {} are wrong: {}", C::ID, wrong.join("; "))));
        }
        let Self { parts, operations, several, webhooks, listeners, model_fields, extensions, .. } = self;
        Ok(Registry { parts, kinds, operations, several, webhooks, listeners, extensions, model_fields })
    }

    fn check_parts(&self, wrong: &mut Vec<String>) {
        for (index, part) in self.parts.iter().enumerate() {
            let declared = &part.declared;
            if !is_component_name(&declared.name) {
                wrong.push(format!("the component {:?} must be named in lower case with dots", declared.name));
            }
            if self.parts[..index].iter().any(|known| known.declared.name == declared.name) {
                wrong.push(format!("two components are named {}", declared.name));
            }
            for parent in &declared.inherit {
                if parent == &declared.name || !self.parts.iter().any(|known| known.declared.name == *parent) {
                    wrong.push(format!("{} inherits {parent}, which there is not", declared.name));
                }
            }
            for backend_type in &declared.backend_types {
                if !C::BACKEND_TYPES.contains(&backend_type.as_str()) {
                    wrong.push(format!("{} is for the backend type {backend_type}, which there is not", declared.name));
                }
            }
        }
    }
}

/// Lower case words joined by dots, as all names of components and kinds are.
pub(crate) fn is_component_name(name: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    name.contains('.') && name.split('.').all(is_word)
}

fn operation<C, A, T, F>(
    name: &str,
    label: &str,
    component: Option<String>,
    code: impl Fn(Context<C>, A) -> F + Send + Sync + 'static,
) -> Operation<C>
where
    C: Connector,
    A: DeserializeOwned + JsonSchema,
    T: Serialize,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let run = move |cx: Context<C>, arguments: Value| -> BoxFuture<Result<Value>> {
        let arguments = if arguments.is_null() { Value::Object(serde_json::Map::new()) } else { arguments };
        match serde_json::from_value::<A>(arguments) {
            Ok(arguments) => {
                let answer = code(cx, arguments);
                Box::pin(async move { Ok(serde_json::to_value(answer.await?)?) })
            }
            Err(error) => {
                let error = Error::invalid(format!("the arguments are wrong: {error}"));
                Box::pin(async move { Err(error) })
            }
        }
    };
    let declared = manifest::Action {
        name: name.to_owned(),
        label: label.to_owned(),
        description: String::new(),
        arguments: settings::schema::<A>(),
    };
    Operation { declared, component, code: Arc::new(run) }
}

/// An action being declared.
pub struct ActionBuilder<'a, C: Connector> {
    operation: &'a mut Operation<C>,
}

impl<C: Connector> ActionBuilder<'_, C> {
    /// One line for people.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.action("action_ping", "Ping", async |_, _: NoSettings| Ok("pong")).description("Says pong.");
    /// # }
    /// ```
    pub fn description(self, text: &str) -> Self {
        self.operation.declared.description = text.to_owned();
        self
    }
}

/// A component being declared: where it applies.
pub struct ComponentBuilder<'a> {
    pub(super) declared: &'a mut manifest::Component,
}

impl ComponentBuilder<'_> {
    /// Kinds or record models it is for; without it, all.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.component("acme.tax", "tax", ()).apply_on(["acme.order"]); }
    /// ```
    pub fn apply_on<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.declared.apply_on.extend(names.into_iter().map(str::to_owned));
        self
    }

    /// Backend types it is for; without it, all of the plugin.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.component("acme.tax", "tax", ()).backend_types([C::ID]); }
    /// ```
    pub fn backend_types<'a>(self, types: impl IntoIterator<Item = &'a str>) -> Self {
        self.declared.backend_types.extend(types.into_iter().map(str::to_owned));
        self
    }

    /// The component that it builds on.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.component("acme.tax", "tax", ());
    /// c.component("acme.order.tax", "tax", ()).inherit("acme.tax").apply_on(["acme.order"]);
    /// # }
    /// ```
    pub fn inherit(self, parent: &str) -> Self {
        self.declared.inherit.push(parent.to_owned());
        self
    }
}

/// An adapter being declared.
pub struct AdapterBuilder<'a, C: Connector> {
    components: &'a mut Components<C>,
    index: usize,
}

impl<C: Connector> AdapterBuilder<'_, C> {
    fn declared(&mut self) -> ComponentBuilder<'_> {
        ComponentBuilder { declared: &mut self.components.parts[self.index].declared }
    }

    /// Kinds or record models it is for; without it, all.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Shop; impl<C: Connector> Adapter<C> for Shop {}
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.adapter("acme.adapter", Shop).apply_on(["acme.order"]); }
    /// ```
    pub fn apply_on<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.declared().apply_on(names);
        self
    }

    /// Backend types it is for; without it, all of the plugin.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Shop; impl<C: Connector> Adapter<C> for Shop {}
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.adapter("acme.adapter", Shop).backend_types([C::ID]); }
    /// ```
    pub fn backend_types<'a>(mut self, types: impl IntoIterator<Item = &'a str>) -> Self {
        self.declared().backend_types(types);
        self
    }

    /// The adapter that it builds on: its headers come first, its credentials and its operations serve where this one
    /// has none.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Shop; impl<C: Connector> Adapter<C> for Shop {}
    /// # struct Legacy; impl<C: Connector> Adapter<C> for Legacy {}
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.adapter("acme.adapter", Shop);
    /// c.adapter("acme.order.adapter", Legacy).inherit("acme.adapter").apply_on(["acme.order"]);
    /// # }
    /// ```
    pub fn inherit(mut self, parent: &str) -> Self {
        self.declared().inherit(parent);
        self
    }

    /// A custom operation: its name, one line that says what it does, its code. Operators and jobs start it as an
    /// action named `<component>.<operation>`.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Shop; impl<C: Connector> Adapter<C> for Shop {}
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Order { id: String }
    ///
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.adapter("acme.adapter", Shop).operation("refund", "Refunds an order in full.", async |cx, order: Order| {
    ///     cx.make_request("POST", format!("/orders/{}/refund", encode_segment(&order.id))).await?;
    ///     Ok(true)
    /// });
    /// # }
    /// ```
    pub fn operation<A, T, F>(
        self,
        name: &str,
        description: &str,
        code: impl Fn(Context<C>, A) -> F + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        T: Serialize,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let declared = &mut self.components.parts[self.index].declared;
        declared.operations.push((name.to_owned(), description.to_owned()));
        let component = declared.name.clone();
        let mut operation = operation(&format!("{component}.{name}"), name, Some(component), code);
        operation.declared.description = description.to_owned();
        self.components.operations.push(operation);
        self
    }
}
