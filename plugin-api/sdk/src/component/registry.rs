//! The components of one connector, ready to be found.

use std::sync::Arc;

use super::{AnyAdapter, Components, Part, declare::Operation, kind::KindEntry, webhook::Webhooks};
use crate::{
    Connector,
    error::{Error, Result},
};

/// The usage of adapters.
pub(crate) const ADAPTER: &str = "backend.adapter";

/// All that a connector declared.
pub(crate) struct Registry<C: Connector> {
    pub(crate) parts: Vec<Part<C>>,
    pub(crate) kinds: Vec<KindEntry<C>>,
    pub(crate) operations: Vec<Operation<C>>,
    pub(crate) webhooks: Option<Webhooks<C>>,
    pub(crate) extensions: Vec<crate::extension::Entry<C>>,
    pub(crate) model_fields: Vec<bindery_contract::manifest::ModelField>,
}

impl<C: Connector> Registry<C> {
    /// What the connector declares, or all that is wrong with it.
    pub(crate) fn of() -> Result<Self> {
        let mut components = Components::new();
        C::components(&mut components);
        let registry = components.finish()?;
        registry.check_ambiguity()?;
        Ok(registry)
    }

    pub(crate) fn kind(&self, name: &str) -> Result<&KindEntry<C>> {
        self.kinds.iter().find(|kind| kind.declared.name == name).ok_or_else(|| {
            let known: Vec<_> = self.kinds.iter().map(|kind| kind.declared.name.as_str()).collect();
            Error::unsupported(format!("{} has no kind {name:?}; it has {}", C::ID, known.join(", ")))
        })
    }

    /// Kind and record model, as lookups compare them. A name that is no kind may be a model.
    fn target<'a>(&'a self, kind: Option<&'a str>) -> Option<(&'a str, &'a str)> {
        kind.map(|kind| (kind, self.kind(kind).map_or(kind, |entry| entry.declared.model.as_str())))
    }

    /// All components that fit, the closest first.
    pub(crate) fn fitting(
        &self,
        usage: &str,
        backend_type: &str,
        kind: Option<&str>,
    ) -> Vec<(usize, super::part::Fit)> {
        let target = self.target(kind);
        let mut found: Vec<_> = self
            .parts
            .iter()
            .enumerate()
            .filter_map(|(index, part)| Some((index, part.fit(usage, backend_type, target)?)))
            .collect();
        found.sort_by_key(|(_, fit)| std::cmp::Reverse(*fit));
        found
    }

    /// The one component that fits most closely. None, and several that fit alike, are distinct errors.
    pub(crate) fn one(&self, usage: &str, backend_type: &str, kind: Option<&str>) -> Result<usize> {
        let about = kind.map_or_else(String::new, |kind| format!(" for {kind}"));
        match self.fitting(usage, backend_type, kind).as_slice() {
            [] => {
                let known: Vec<_> =
                    self.parts.iter().map(|part| format!("{} ({})", part.declared.name, part.declared.usage)).collect();
                Err(Error::unsupported(format!(
                    "no component of usage {usage:?}{about}; there are {}",
                    if known.is_empty() { "none at all".to_owned() } else { known.join(", ") }
                )))
            }
            [(first, fit), (_, second), ..] if fit == second => {
                let names: Vec<_> = self
                    .fitting(usage, backend_type, kind)
                    .iter()
                    .filter(|(_, other)| other == fit)
                    .map(|(index, _)| self.parts[*index].declared.name.clone())
                    .collect();
                let _ = first;
                Err(Error::failed(format!(
                    "several components of usage {usage:?} fit{about} alike: {}",
                    names.join(", ")
                )))
            }
            [(first, _), ..] => Ok(*first),
        }
    }

    /// Ambiguity among adapters is an error at load. Other usages may have several (`all`).
    fn check_ambiguity(&self) -> Result<()> {
        for backend_type in C::BACKEND_TYPES {
            for kind in &self.kinds {
                if !self.fitting(ADAPTER, backend_type, Some(&kind.declared.name)).is_empty() {
                    self.one(ADAPTER, backend_type, Some(&kind.declared.name))?;
                }
            }
        }
        Ok(())
    }

    /// The adapter that serves what is not about a kind.
    pub(crate) fn default_adapter(&self, backend_type: &str) -> Option<usize> {
        self.one(ADAPTER, backend_type, None).ok()
    }

    /// An adapter with its parents, the outermost first.
    pub(crate) fn chain(&self, adapter: Option<usize>) -> std::vec::IntoIter<Arc<dyn AnyAdapter<C>>> {
        let mut chain = Vec::new();
        if let Some(index) = adapter {
            self.collect(index, &mut chain, 0);
        }
        chain.into_iter()
    }

    fn collect(&self, index: usize, chain: &mut Vec<Arc<dyn AnyAdapter<C>>>, depth: usize) {
        for parent in &self.parts[index].declared.inherit {
            let parent = self.parts.iter().position(|part| part.declared.name == *parent);
            if let Some(parent) = parent.filter(|_| depth < self.parts.len()) {
                self.collect(parent, chain, depth + 1);
            }
        }
        chain.extend(self.parts[index].adapter.clone());
    }
}
