//! The components of one connector, ready to be found.

use std::sync::Arc;

use super::{AnyAdapter, Components, Part, declare::Operation, kind::KindEntry, listener::Listener, webhook::Webhooks};
use crate::{
    Connector,
    error::{Error, Result},
};

/// The usage of adapters.
pub(crate) const ADAPTER: &str = "backend.adapter";
/// The usage of binders.
pub(crate) const BINDER: &str = "binder";

/// All that a connector declared.
pub(crate) struct Registry<C: Connector> {
    pub(crate) parts: Vec<Part<C>>,
    pub(crate) kinds: Vec<KindEntry<C>>,
    pub(crate) operations: Vec<Operation<C>>,
    pub(crate) webhooks: Option<Webhooks<C>>,
    pub(crate) listeners: Vec<Listener<C>>,
    pub(crate) extensions: Vec<crate::extension::Entry<C>>,
    /// Usages of which several components may fit alike.
    pub(crate) several: Vec<String>,
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

    /// What fits, without those that another one of these inherits: a child stands for its parents.
    fn nearest(&self, usage: &str, backend_type: &str, kind: Option<&str>) -> Vec<(usize, super::part::Fit)> {
        let found = self.fitting(usage, backend_type, kind);
        let is_parent = |(index, fit): &(usize, super::part::Fit)| {
            found
                .iter()
                .any(|(other, other_fit)| other_fit == fit && other != index && self.inherits(*other, *index, 0))
        };
        found.iter().filter(|part| !is_parent(part)).copied().collect()
    }

    /// Whether a component inherits another one, near or far.
    fn inherits(&self, child: usize, parent: usize, depth: usize) -> bool {
        depth < self.parts.len()
            && self.parts[child].declared.inherit.iter().any(|name| {
                let above = self.parts.iter().position(|part| part.declared.name == *name);
                above.is_some_and(|above| above == parent || self.inherits(above, parent, depth + 1))
            })
    }

    /// The one component that fits most closely. None, and several that fit alike, are distinct errors.
    pub(crate) fn one(&self, usage: &str, backend_type: &str, kind: Option<&str>) -> Result<usize> {
        let about = kind.map_or_else(String::new, |kind| format!(" for {kind}"));
        match self.nearest(usage, backend_type, kind).as_slice() {
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
                    .nearest(usage, backend_type, kind)
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

    /// What is unclear is an error at load, unless the usage may have several (`all`).
    fn check_ambiguity(&self) -> Result<()> {
        let mut usages: Vec<&str> = self.parts.iter().map(|part| part.declared.usage.as_str()).collect();
        usages.sort_unstable();
        usages.dedup();
        for usage in usages.into_iter().filter(|usage| !self.several.iter().any(|several| several == usage)) {
            for backend_type in C::BACKEND_TYPES {
                let kinds = self.kinds.iter().map(|kind| Some(kind.declared.name.as_str()));
                for kind in kinds.chain([None]) {
                    if !self.fitting(usage, backend_type, kind).is_empty() {
                        self.one(usage, backend_type, kind)?;
                    }
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
