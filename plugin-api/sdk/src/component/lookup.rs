//! Finding components of the connector's own by usage, by name, or all.

use std::sync::Arc;

use crate::{
    Connector, Context,
    error::{Error, Result},
};

/// A lookup being described.
///
/// The most specific component wins: one for the kind, then for the record model, then for the backend type, then any.
/// None, and several that fit alike, are distinct errors that name the candidates.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// struct Pricing { factor: i64 }
///
/// fn factor<C: Connector>(cx: &Context<C>) -> Result<i64> {
///     Ok(cx.components().for_kind("acme.order").usage("pricing").one::<Pricing>()?.factor)
/// }
/// ```
#[must_use = "nothing is looked up before one(), all() or named()"]
pub struct Lookup<'a, C: Connector> {
    cx: &'a Context<C>,
    usage: String,
    kind: Option<String>,
}

impl<'a, C: Connector> Lookup<'a, C> {
    pub(crate) const fn new(cx: &'a Context<C>) -> Self {
        Self { cx, usage: String::new(), kind: None }
    }

    /// What the component is for.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.components().usage("pricing"); }
    /// ```
    pub fn usage(mut self, usage: impl Into<String>) -> Self {
        self.usage = usage.into();
        self
    }

    /// The kind, or the record model, that it is wanted for.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.components().for_kind("acme.order").usage("pricing"); }
    /// ```
    pub fn for_kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// The one that fits most closely.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Pricing;
    /// # fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.components().usage("pricing").one::<Pricing>()?; Ok(()) }
    /// ```
    pub fn one<T: Send + Sync + 'static>(self) -> Result<Arc<T>> {
        let index = self.cx.registry().one(&self.usage, self.cx.backend_type(), self.kind.as_deref())?;
        self.downcast(index)
    }

    /// All that fit, the closest first; there may be none.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Check;
    /// # fn example<C: Connector>(cx: Context<C>) -> Result<()> { let all = cx.components().usage("check").all::<Check>()?; Ok(()) }
    /// ```
    pub fn all<T: Send + Sync + 'static>(self) -> Result<Vec<Arc<T>>> {
        let found = self.cx.registry().fitting(&self.usage, self.cx.backend_type(), self.kind.as_deref());
        found.into_iter().map(|(index, _)| self.downcast(index)).collect()
    }

    /// The one of a name.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Pricing;
    /// # fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.components().named::<Pricing>("acme.pricing")?; Ok(()) }
    /// ```
    pub fn named<T: Send + Sync + 'static>(self, name: &str) -> Result<Arc<T>> {
        let parts = &self.cx.registry().parts;
        let index = parts.iter().position(|part| part.declared.name == name).ok_or_else(|| {
            let known: Vec<_> = parts.iter().map(|part| part.declared.name.as_str()).collect();
            Error::unsupported(format!("no component is named {name:?}; there are {}", known.join(", ")))
        })?;
        self.downcast(index)
    }

    fn downcast<T: Send + Sync + 'static>(&self, index: usize) -> Result<Arc<T>> {
        let part = &self.cx.registry().parts[index];
        part.own.clone().and_then(|own| own.downcast().ok()).ok_or_else(|| {
            let wanted = std::any::type_name::<T>();
            Error::failed(format!("the component {:?} is not a {wanted}", part.declared.name))
        })
    }
}
