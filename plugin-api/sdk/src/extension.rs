//! Extensions: rules over the mapping of another plugin's component, from a plugin of their own.

use std::{future::Future, sync::Arc};

use bindery_contract::manifest;
pub use bindery_contract::manifest::Place;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{
    Components, Connector, Context, Report,
    error::{Error, Result},
    host::BoxFuture,
    mapper::{Source, Values},
};

/// A plugin that only extends others. Export it as a connector: `export_connector!(MyExtension)`.
///
/// It runs in the extended connector's backends, under grants of its own; no plugin links another.
///
/// ```
/// use bindery_plugin::prelude::*;
///
/// struct AcmeCustoms;
///
/// impl Extension for AcmeCustoms {
///     const ID: &'static str = "acme_customs";
///     type Settings = NoSettings;
///
///     fn rules(e: &mut Extending<Self>) {
///         e.component("acme", "^1.0", "acme.product.import.mapper")
///             .after("name", "customs_name", ["/customs"], ["name"], async |item, values, _cx| {
///                 let name = values.text("/name")?.or_default();
///                 set("name", format!("{name} ({})", item.text("/customs")?.or_default()))
///             });
///     }
/// }
/// ```
pub trait Extension: Send + Sync + Sized + 'static {
    /// Identifier of the plugin.
    const ID: &'static str;
    /// What an operator sets for it.
    type Settings: DeserializeOwned + JsonSchema + Send + Sync;

    /// Declares its rules.
    fn rules(e: &mut Extending<Self>);
}

impl<E: Extension> Connector for E {
    const ID: &'static str = <E as Extension>::ID;
    const BACKEND_TYPES: &'static [&'static str] = &[];
    type Settings = <E as Extension>::Settings;

    fn components(c: &mut Components<Self>) {
        let mut rules = Extending { entries: Vec::new() };
        E::rules(&mut rules);
        c.extensions.append(&mut rules.entries);
    }

    async fn test_connection(&self, _: Context<Self>) -> Result<Report> {
        Err(Error::unsupported(format!("{} extends other connectors and has no connection", <E as Extension>::ID)))
    }
}

type Code<C> = Arc<dyn Fn(Source, Source, Context<C>) -> BoxFuture<Result<Values>> + Send + Sync>;

/// One rule over another plugin's mapping.
pub(crate) struct Entry<C: Connector> {
    pub(crate) declared: manifest::Extension,
    pub(crate) code: Code<C>,
}

/// The table that an extension fills.
pub struct Extending<C: Connector> {
    entries: Vec<Entry<C>>,
}

impl<C: Connector> Extending<C> {
    /// Names what is extended: the plugin, the versions of it this was written for (a semver requirement), the
    /// component.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(e: &mut Extending<C>) { e.component("acme", ">=1.2, <3", "acme.product.import.mapper"); }
    /// ```
    pub fn component(&mut self, connector: &str, requirement: &str, component: &str) -> Extended<'_, C> {
        let target = manifest::Extension {
            connector: connector.to_owned(),
            requirement: requirement.to_owned(),
            component: component.to_owned(),
            ..manifest::Extension::default()
        };
        Extended { extending: self, target }
    }
}

/// A component of another plugin that is being extended.
pub struct Extended<'a, C: Connector> {
    extending: &'a mut Extending<C>,
    target: manifest::Extension,
}

impl<C: Connector> Extended<'_, C> {
    /// Follows one of its rules: sees the item and the values so far, answers with values to merge.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(e: &mut Extending<C>) {
    /// e.component("acme", "^1", "acme.product.import.mapper")
    ///     .after("name", "upper", [], ["name"], async |_, values, _| {
    ///         set("name", values.text("/name")?.map(|name| name.to_uppercase()))
    ///     });
    /// # }
    /// ```
    pub fn after<'a, F>(
        self,
        rule: &str,
        name: &str,
        reads: impl IntoIterator<Item = &'a str>,
        sets: impl IntoIterator<Item = &'a str>,
        code: impl Fn(Source, Source, Context<C>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Values>> + Send + 'static,
    {
        self.push(Some(rule), Place::After, name, reads, sets, code)
    }

    /// Stands in place of one of its rules, which keeps its `only_create` and `changed_by`.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(e: &mut Extending<C>) {
    /// e.component("acme", "^1", "acme.product.import.mapper")
    ///     .instead("weight", "pounds", ["/lb"], ["weight"], async |item, _, _| set("weight", item.decimal("/lb")?));
    /// # }
    /// ```
    pub fn instead<'a, F>(
        self,
        rule: &str,
        name: &str,
        reads: impl IntoIterator<Item = &'a str>,
        sets: impl IntoIterator<Item = &'a str>,
        code: impl Fn(Source, Source, Context<C>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Values>> + Send + 'static,
    {
        self.push(Some(rule), Place::Instead, name, reads, sets, code)
    }

    /// Runs after all of its rules.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn rules<C: Connector>(e: &mut Extending<C>) {
    /// e.component("acme", "^1", "acme.product.import.mapper")
    ///     .last("brand", ["/brand"], ["description"], async |item, _, _| set("description", item.text("/brand")?));
    /// # }
    /// ```
    pub fn last<'a, F>(
        self,
        name: &str,
        reads: impl IntoIterator<Item = &'a str>,
        sets: impl IntoIterator<Item = &'a str>,
        code: impl Fn(Source, Source, Context<C>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Values>> + Send + 'static,
    {
        self.push(None, Place::After, name, reads, sets, code)
    }

    fn push<'a, F>(
        self,
        rule: Option<&str>,
        place: Place,
        name: &str,
        reads: impl IntoIterator<Item = &'a str>,
        sets: impl IntoIterator<Item = &'a str>,
        code: impl Fn(Source, Source, Context<C>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Values>> + Send + 'static,
    {
        let declared = manifest::Extension {
            rule: rule.map(str::to_owned),
            place,
            name: name.to_owned(),
            reads: reads.into_iter().map(str::to_owned).collect(),
            sets: sets.into_iter().map(str::to_owned).collect(),
            ..self.target.clone()
        };
        let code: Code<C> = Arc::new(move |item, values, cx| Box::pin(code(item, values, cx)));
        self.extending.entries.push(Entry { declared, code });
        self
    }
}
