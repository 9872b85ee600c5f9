//! Binders: which record of ours is which record there, in code. Most kinds need none of their own: the host keeps their
//! bindings.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::{
    Connector, Context, Kind,
    error::{Error, Result},
    mapper::Values,
    service::Binding,
};

/// How the records of some kinds are identified, where the host's bindings are not the whole story: records that both
/// sides know by the same code need no binding, and an id that is written in several ways is brought into one.
///
/// Declared with [`crate::Components::binder`], used through [`Context::binder`].
///
/// ```
/// use bindery_plugin::prelude::*;
/// # struct Acme;
/// # impl Connector for Acme { const ID: &'static str = "acme"; type Settings = NoSettings;
/// #   fn components(c: &mut Components<Self>) {
/// #     c.kind("acme.country", "res.country");
/// c.binder("acme.country.binder", ByCode).apply_on(["acme.country"]);
/// #   }
/// #   async fn test_connection(&self, _: Context<Self>) -> Result<Report> { Ok(Report::connected("Acme")) } }
///
/// /// Countries are the same everywhere: their code is the external id.
/// struct ByCode;
///
/// impl Binder<Acme> for ByCode {
///     fn external_field(&self) -> Option<&'static str> {
///         Some("code")
///     }
/// }
/// # bindery_plugin::testing::check_manifest::<Acme>().unwrap();
/// ```
pub trait Binder<C: Connector>: Send + Sync + 'static {
    /// The field of our record that holds the external id; none: the binding holds it.
    fn external_field(&self) -> Option<&'static str> {
        None
    }

    /// Our record of an external id.
    fn to_internal(&self, cx: Context<C>, kind: Kind, id: String) -> impl Future<Output = Result<Option<i64>>> + Send {
        let field = self.external_field();
        async move {
            let Some(field) = field else {
                let found = cx.bindings(kind.as_str()).of_external(id).await?;
                return Ok(found.and_then(|binding| binding.record()));
            };
            let found = cx.records(model(&cx, &kind)?).domain(serde_json::json!([[field, "=", id]])).fields(["id"]);
            let found = found.archived().limit(2).search().await?;
            match found.as_slice() {
                [] => Ok(None),
                [one] => Ok(Some(one.id())),
                _ => Err(Error::invalid(format!("several records of {kind} have {field} = {id:?}")).field(field)),
            }
        }
    }

    /// The external id of a record of ours.
    fn to_external(
        &self,
        cx: Context<C>,
        kind: Kind,
        record: i64,
    ) -> impl Future<Output = Result<Option<String>>> + Send {
        let field = self.external_field();
        async move {
            let Some(field) = field else {
                let found = cx.bindings(kind.as_str()).of_record(record).await?;
                return Ok(found.and_then(|binding| binding.external_id().map(str::to_owned)));
            };
            let rows = cx.records(model(&cx, &kind)?).fields([field]).read([record]).await?;
            Ok(rows
                .first()
                .map(|row| crate::Source::id(row, &format!("/{field}")))
                .transpose()?
                .and_then(crate::Maybe::option))
        }
    }

    /// Links an external id and a record of ours; extra fields of the kind go along.
    fn bind(
        &self,
        cx: Context<C>,
        kind: Kind,
        id: String,
        record: i64,
        extra: Values,
    ) -> impl Future<Output = Result<()>> + Send {
        let field = self.external_field();
        async move {
            match field {
                None => cx.bindings(kind.as_str()).bind(id, record, extra).await.map(|_| ()),
                Some(field) => cx.records(model(&cx, &kind)?).write(record, Values::new().set(field, id)).await,
            }
        }
    }
}

fn model<C: Connector>(cx: &Context<C>, kind: &Kind) -> Result<String> {
    Ok(cx.registry().kind(kind.as_str())?.declared.model.clone())
}

/// The binder of kinds that have none of their own: the host's bindings.
pub(crate) struct HostBinder;

impl<C: Connector> Binder<C> for HostBinder {}

type Borrowed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A binder behind a dyn.
pub(crate) trait AnyBinder<C: Connector>: Send + Sync {
    fn to_internal(&self, cx: Context<C>, kind: Kind, id: String) -> Borrowed<'_, Option<i64>>;
    fn to_external(&self, cx: Context<C>, kind: Kind, record: i64) -> Borrowed<'_, Option<String>>;
    fn bind(&self, cx: Context<C>, kind: Kind, id: String, record: i64, extra: Values) -> Borrowed<'_, ()>;
}

impl<C: Connector, B: Binder<C>> AnyBinder<C> for B {
    fn to_internal(&self, cx: Context<C>, kind: Kind, id: String) -> Borrowed<'_, Option<i64>> {
        Box::pin(Binder::to_internal(self, cx, kind, id))
    }

    fn to_external(&self, cx: Context<C>, kind: Kind, record: i64) -> Borrowed<'_, Option<String>> {
        Box::pin(Binder::to_external(self, cx, kind, record))
    }

    fn bind(&self, cx: Context<C>, kind: Kind, id: String, record: i64, extra: Values) -> Borrowed<'_, ()> {
        Box::pin(Binder::bind(self, cx, kind, id, record, extra))
    }
}

/// The binder of one kind, ready to be asked: the kind's own, else the host's bindings.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
/// let country = cx.binder("acme.country")?.to_internal("BE").await?;
/// # Ok(()) }
/// ```
pub struct BoundBinder<C: Connector> {
    cx: Context<C>,
    kind: Kind,
    binder: Arc<dyn AnyBinder<C>>,
}

impl<C: Connector> BoundBinder<C> {
    pub(crate) fn new(cx: Context<C>, kind: String) -> Result<Self> {
        cx.registry().kind(&kind)?;
        let fitting = cx.registry().fitting(crate::component::BINDER, cx.backend_type(), Some(&kind));
        let own = match fitting.is_empty() {
            true => None,
            false => {
                let index = cx.registry().one(crate::component::BINDER, cx.backend_type(), Some(&kind))?;
                cx.registry().parts[index].binder.clone()
            }
        };
        let binder = own.unwrap_or_else(|| Arc::new(HostBinder));
        Ok(Self { cx, kind: Kind::new(kind), binder })
    }

    /// Our record of an external id.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<Option<i64>> { cx.binder("acme.order")?.to_internal("7").await }
    /// ```
    pub async fn to_internal(&self, id: impl Into<String>) -> Result<Option<i64>> {
        self.binder.to_internal(self.cx.clone(), self.kind.clone(), id.into()).await
    }

    /// The external id of a record of ours.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<Option<String>> { cx.binder("acme.order")?.to_external(12).await }
    /// ```
    pub async fn to_external(&self, record: i64) -> Result<Option<String>> {
        self.binder.to_external(self.cx.clone(), self.kind.clone(), record).await
    }

    /// Links an external id and a record of ours.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.binder("acme.order")?.bind("7", 12).await }
    /// ```
    pub async fn bind(&self, id: impl Into<String>, record: i64) -> Result<()> {
        self.bind_with(id, record, Values::new()).await
    }

    /// Links an external id and a record of ours, with extra fields of the kind.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
    /// cx.binder("acme.product")?.bind_with("7", 12, Values::new().set("external_sku", "A-1")).await
    /// # }
    /// ```
    pub async fn bind_with(&self, id: impl Into<String>, record: i64, extra: Values) -> Result<()> {
        self.binder.bind(self.cx.clone(), self.kind.clone(), id.into(), record, extra).await
    }

    /// The record that a binding binds; an error where it has none yet.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>, binding: Binding<C>) -> Result<i64> { cx.binder("acme.order")?.unwrap(&binding) }
    /// ```
    pub fn unwrap(&self, binding: &Binding<C>) -> Result<i64> {
        let id = binding.external_id().unwrap_or_default();
        binding.record().ok_or_else(|| Error::invalid(format!("{} {id} has no record yet", self.kind)))
    }
}
