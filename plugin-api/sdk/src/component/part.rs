//! A component as the registry holds it: where it applies, and what it is behind a dyn.

use std::{any::Any, future::Future, pin::Pin, sync::Arc};

use bindery_contract::manifest;

use crate::{
    Connector, Context, Json, Kind,
    adapter::{Adapter, ChangedRecord, External, ListQuery, NewRecord, Page},
    binder::AnyBinder,
    error::Result,
    http::{Basic, Headers},
};

/// A future that borrows the adapter.
type Borrowed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// [`Adapter`] behind a dyn.
pub(crate) trait AnyAdapter<C: Connector>: Send + Sync {
    fn base_url(&self, cx: &Context<C>) -> String;
    fn api_headers(&self, cx: &Context<C>, parent: Headers) -> Headers;
    fn api_auth(&self, cx: &Context<C>) -> Option<Basic>;
    fn list(&self, cx: Context<C>, kind: Kind, query: ListQuery) -> Borrowed<'_, Page>;
    fn read(&self, cx: Context<C>, kind: Kind, id: String) -> Borrowed<'_, External>;
    fn create(&self, cx: Context<C>, kind: Kind, values: Json) -> Borrowed<'_, External>;
    fn update(&self, cx: Context<C>, kind: Kind, id: String, values: Json) -> Borrowed<'_, External>;
    fn create_many(&self, cx: Context<C>, kind: Kind, records: Vec<NewRecord>) -> Borrowed<'_, Vec<Result<External>>>;
    fn update_many(
        &self,
        cx: Context<C>,
        kind: Kind,
        records: Vec<ChangedRecord>,
    ) -> Borrowed<'_, Vec<Result<External>>>;
    fn read_many(&self, cx: Context<C>, kind: Kind, ids: Vec<String>) -> Borrowed<'_, Page>;
    fn delete(&self, cx: Context<C>, kind: Kind, id: String) -> Borrowed<'_, ()>;
    fn archive(&self, cx: Context<C>, kind: Kind, id: String) -> Borrowed<'_, ()>;
    fn find(&self, cx: Context<C>, kind: Kind, key: String, values: Json) -> Borrowed<'_, Vec<String>>;
}

impl<C: Connector, A: Adapter<C>> AnyAdapter<C> for A {
    fn base_url(&self, cx: &Context<C>) -> String {
        Adapter::base_url(self, cx)
    }

    fn api_headers(&self, cx: &Context<C>, parent: Headers) -> Headers {
        Adapter::api_headers(self, cx, parent)
    }

    fn api_auth(&self, cx: &Context<C>) -> Option<Basic> {
        Adapter::api_auth(self, cx)
    }

    fn list(&self, cx: Context<C>, kind: Kind, query: ListQuery) -> Borrowed<'_, Page> {
        Box::pin(Adapter::list(self, cx, kind, query))
    }

    fn read(&self, cx: Context<C>, kind: Kind, id: String) -> Borrowed<'_, External> {
        Box::pin(Adapter::read(self, cx, kind, id))
    }

    fn create(&self, cx: Context<C>, kind: Kind, values: Json) -> Borrowed<'_, External> {
        Box::pin(Adapter::create(self, cx, kind, values))
    }

    fn update(&self, cx: Context<C>, kind: Kind, id: String, values: Json) -> Borrowed<'_, External> {
        Box::pin(Adapter::update(self, cx, kind, id, values))
    }

    fn create_many(&self, cx: Context<C>, kind: Kind, records: Vec<NewRecord>) -> Borrowed<'_, Vec<Result<External>>> {
        Box::pin(Adapter::create_many(self, cx, kind, records))
    }

    fn update_many(
        &self,
        cx: Context<C>,
        kind: Kind,
        records: Vec<ChangedRecord>,
    ) -> Borrowed<'_, Vec<Result<External>>> {
        Box::pin(Adapter::update_many(self, cx, kind, records))
    }

    fn read_many(&self, cx: Context<C>, kind: Kind, ids: Vec<String>) -> Borrowed<'_, Page> {
        Box::pin(Adapter::read_many(self, cx, kind, ids))
    }

    fn delete(&self, cx: Context<C>, kind: Kind, id: String) -> Borrowed<'_, ()> {
        Box::pin(Adapter::delete(self, cx, kind, id))
    }

    fn archive(&self, cx: Context<C>, kind: Kind, id: String) -> Borrowed<'_, ()> {
        Box::pin(Adapter::archive(self, cx, kind, id))
    }

    fn find(&self, cx: Context<C>, kind: Kind, key: String, values: Json) -> Borrowed<'_, Vec<String>> {
        Box::pin(Adapter::find(self, cx, kind, key, values))
    }
}

/// One component.
pub(crate) struct Part<C: Connector> {
    pub(crate) declared: manifest::Component,
    pub(crate) adapter: Option<Arc<dyn AnyAdapter<C>>>,
    /// A component of the connector's own.
    pub(crate) binder: Option<Arc<dyn AnyBinder<C>>>,
    pub(crate) own: Option<Arc<dyn Any + Send + Sync>>,
}

/// How closely a component fits: kind over model over any, then backend type over any.
pub(crate) type Fit = (u8, u8);

impl<C: Connector> Part<C> {
    /// How closely it fits, or none where it doesn't.
    pub(crate) fn fit(&self, usage: &str, backend_type: &str, target: Option<(&str, &str)>) -> Option<Fit> {
        if self.declared.usage != usage {
            return None;
        }
        let types = &self.declared.backend_types;
        let by_type = match types.is_empty() {
            true => 0,
            false if types.iter().any(|known| known == backend_type) => 1,
            false => return None,
        };
        let names = |wanted: &str| self.declared.apply_on.iter().any(|known| known == wanted);
        let by_model = match target {
            _ if self.declared.apply_on.is_empty() => 0,
            Some((kind, _)) if names(kind) => 2,
            Some((_, model)) if names(model) => 1,
            _ => return None,
        };
        Some((by_model, by_type))
    }
}
