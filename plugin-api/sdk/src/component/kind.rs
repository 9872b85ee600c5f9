//! Kinds: what a connector binds, how it is mapped, what happens around it.

pub use bindery_contract::manifest::{Direction, Step};
use bindery_contract::{FieldDecl, FieldType, manifest};

use super::{Part, declare::is_component_name};
use crate::{
    Connector,
    importer::{Exporter, Importer, SyncHooks},
    mapper::{ExportMapper, ExportPlan, ImportMapper, Plan, Rules},
};

/// A kind as its author declares it.
pub(crate) struct KindDraft<C: Connector> {
    pub(crate) declared: manifest::Kind,
    import: Option<Rules<C>>,
    export: Option<ExportPlan<C>>,
    import_hooks: Option<SyncHooks<C>>,
    export_hooks: Option<SyncHooks<C>>,
}

/// A kind, ready to run.
pub(crate) struct KindEntry<C: Connector> {
    pub(crate) declared: manifest::Kind,
    pub(crate) import: Option<Plan<C>>,
    pub(crate) export: Option<ExportPlan<C>>,
    pub(crate) import_hooks: Option<SyncHooks<C>>,
    pub(crate) export_hooks: Option<SyncHooks<C>>,
}

impl<C: Connector> KindDraft<C> {
    pub(crate) fn new(name: &str, model: &str) -> Self {
        let declared = manifest::Kind {
            name: name.to_owned(),
            model: model.to_owned(),
            incremental: true,
            ..manifest::Kind::default()
        };
        Self { declared, import: None, export: None, import_hooks: None, export_hooks: None }
    }

    pub(crate) fn finish(self, extra: &dyn Fn(&str, &str) -> bool, wrong: &mut Vec<String>) -> KindEntry<C> {
        let Self { mut declared, import, export, import_hooks, export_hooks } = self;
        let import = import.map(|rules| Plan::new(rules, &declared.name, extra, wrong));
        let names = |hooks: &Option<SyncHooks<C>>| hooks.as_ref().map(SyncHooks::names).unwrap_or_default();
        declared.import_hooks = names(&import_hooks);
        declared.export_hooks = names(&export_hooks);
        declared.import = import.is_some() || declared.import_hooks.iter().any(|hook| hook == "run" || hook == "batch");
        declared.export = export.is_some() || declared.export_hooks.iter().any(|hook| hook == "run");
        declared.import_rules = import.as_ref().map(Plan::declarations).unwrap_or_default();
        let unwritable = export.iter().flat_map(ExportPlan::wrong);
        wrong.extend(unwritable.map(|what| format!("{}: {what}", declared.name)));
        declared.export_rules = export.as_ref().map(ExportPlan::declarations).unwrap_or_default();
        KindEntry { declared, import, export, import_hooks, export_hooks }
    }
}

impl<C: Connector> KindEntry<C> {
    /// The components that a kind brings: its mappers and its importers, named after it.
    pub(crate) fn components<D: Connector>(&self) -> Vec<Part<D>> {
        let parts = [
            ("import.mapper", self.import.is_some()),
            ("export.mapper", self.export.is_some()),
            ("record.importer", self.import_hooks.is_some()),
            ("record.exporter", self.export_hooks.is_some()),
        ];
        let there = parts.into_iter().filter(|(_, is_there)| *is_there);
        there
            .map(|(usage, _)| {
                let declared = manifest::Component {
                    name: format!("{}.{usage}", self.declared.name),
                    usage: usage.to_owned(),
                    apply_on: vec![self.declared.name.clone()],
                    ..manifest::Component::default()
                };
                Part { declared, adapter: None, binder: None, own: None }
            })
            .collect()
    }
}

/// Checks what only all kinds together tell, and shows the rules of lines under their own kinds.
pub(crate) fn check<C: Connector>(kinds: &[KindEntry<C>], wrong: &mut Vec<String>) {
    let known = |name: &str| kinds.iter().any(|kind| kind.declared.name == name);
    for (index, kind) in kinds.iter().enumerate() {
        let declared = &kind.declared;
        let own = declared.name.split('.').next().unwrap_or_default();
        if !is_component_name(&declared.name) || own != C::ID {
            wrong.push(format!("the kind {:?} must be named {}.<word> in lower case", declared.name, C::ID));
        }
        if kinds[..index].iter().any(|other| other.declared.name == declared.name) {
            wrong.push(format!("two kinds are named {}", declared.name));
        }
        for target in declared.depends_on.iter().filter(|target| !known(&target.kind)) {
            wrong.push(format!("{} depends on {}, which there is not", declared.name, target.kind));
        }
        for constraint in &declared.constraints {
            let is_column = |name: &String| {
                name == "backend" || name == "external_id" || declared.fields.iter().any(|field| field.name == *name)
            };
            for column in constraint.unique.iter().filter(|column| !is_column(column)) {
                wrong.push(format!(
                    "{}: the constraint {} names {column}, which is no field of it",
                    declared.name, constraint.name
                ));
            }
        }
        let mut lines = Vec::new();
        if let Some(plan) = &kind.import {
            plan.kinds_of_lines(&mut lines);
        }
        for (line, _) in lines.iter().filter(|(line, _)| !known(line)) {
            wrong.push(format!("{}: its lines are of the kind {line}, which there is not", declared.name));
        }
    }
}

/// A kind being declared.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # struct Products; impl<C: Connector> ImportMapper<C> for Products { fn rules(r: &mut Rules<C>) { r.direct("/name", "name"); } }
/// # fn components<C: Connector>(c: &mut Components<C>) {
/// c.kind("acme.product", "product.template")
///     .field("external_sku", field::text()).read_only()
///     .unique("acme_sku", ["backend", "external_sku"], "Two products of one shop can't share a SKU")
///     .matched_by("default_code")
///     .import(Products);
/// # }
/// ```
pub struct KindBuilder<'a, C: Connector> {
    draft: &'a mut KindDraft<C>,
}

impl<'k, C: Connector> KindBuilder<'k, C> {
    pub(crate) const fn new(draft: &'k mut KindDraft<C>) -> Self {
        Self { draft }
    }

    const fn declared(&mut self) -> &mut manifest::Kind {
        &mut self.draft.declared
    }

    /// One line for people.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").description("Tax rates"); }
    /// ```
    pub fn description(mut self, text: &str) -> Self {
        self.declared().description = text.to_owned();
        self
    }

    /// An extra typed field of the binding. Mapper rules set it by its name.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").field("country", field::text()); }
    /// ```
    pub fn field(mut self, name: &str, field_type: FieldType) -> Self {
        self.declared().fields.push(FieldDecl::new(name, field_type));
        self
    }

    fn last_field(mut self, change: impl FnOnce(&mut FieldDecl)) -> Self {
        if let Some(field) = self.declared().fields.last_mut() {
            change(field);
        }
        self
    }

    /// Only the connector writes the field that was just declared.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.kind("acme.tax", "account.tax").field("country", field::text()).read_only();
    /// # }
    /// ```
    pub fn read_only(self) -> Self {
        self.last_field(|field| field.read_only = true)
    }

    /// A label for the field that was just declared.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.kind("acme.tax", "account.tax").field("country", field::text()).label("Country code");
    /// # }
    /// ```
    pub fn label(self, text: &str) -> Self {
        self.last_field(|field| field.label = text.to_owned())
    }

    /// A rule over all bindings of the kind: these columns (`backend`, `external_id`, extra fields) are unique together.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.kind("acme.tax", "account.tax").field("code", field::text())
    ///     .unique("acme_tax_code", ["backend", "code"], "A tax code is used once in a shop");
    /// # }
    /// ```
    pub fn unique<'a>(mut self, name: &str, columns: impl IntoIterator<Item = &'a str>, message: &str) -> Self {
        self.declared().constraints.push(manifest::Constraint {
            name: name.to_owned(),
            unique: columns.into_iter().map(str::to_owned).collect(),
            message: message.to_owned(),
        });
        self
    }

    /// A record field by which the first sync finds records that were here before: one match binds, several are held
    /// for review. Several calls are tried in order.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.customer", "res.partner").matched_by("email"); }
    /// ```
    pub fn matched_by(mut self, field: &str) -> Self {
        self.declared().matched_by.push(field.to_owned());
        self
    }

    /// Which of our records may be matched: a domain as JSON. Where lines of records (the addresses of a customer) are of
    /// the same model as the records themselves, it keeps a customer from being taken for somebody's address,
    /// and an address from being exported as a customer.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.kind("acme.customer", "res.partner").matched_by("email").matched_among(r#"[["parent_id", "=", false]]"#);
    /// # }
    /// ```
    pub fn matched_among(mut self, domain: &str) -> Self {
        self.declared().matched_among = domain.to_owned();
        self
    }

    /// A relation whose target must be there first.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.kind("acme.customer", "res.partner");
    /// c.kind("acme.order", "sale.order").depends_on("partner_id", "acme.customer");
    /// # }
    /// ```
    pub fn depends_on(mut self, field: &str, kind: &str) -> Self {
        self.declared().depends_on.push(manifest::Dependency { field: field.to_owned(), kind: kind.to_owned() });
        self
    }

    /// How records of the remote become ours.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Taxes; impl<C: Connector> ImportMapper<C> for Taxes { fn rules(r: &mut Rules<C>) { r.direct("/name", "name"); } }
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").import(Taxes); }
    /// ```
    pub fn import<M: ImportMapper<C>>(self, _mapper: M) -> Self {
        self.draft.import = Some(Rules::of::<M>());
        self
    }

    /// How our records become those of the remote.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Taxes; impl<C: Connector> ExportMapper<C> for Taxes { fn rules(r: &mut ExportRules<C>) { r.direct("name", "/name"); } }
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").export(Taxes); }
    /// ```
    pub fn export<M: ExportMapper<C>>(self, _mapper: M) -> Self {
        self.draft.export = Some(ExportPlan::of::<M>());
        self
    }

    /// What happens around an import.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Taxes; impl<C: Connector> Importer<C> for Taxes { fn hooks(_: &mut ImportHooks<C>) {} }
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").importer(Taxes); }
    /// ```
    pub fn importer<I: Importer<C>>(self, _importer: I) -> Self {
        I::hooks(self.draft.import_hooks.insert(SyncHooks::default()));
        self
    }

    /// What happens around an export.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Taxes; impl<C: Connector> Exporter<C> for Taxes { fn hooks(_: &mut ExportHooks<C>) {} }
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").exporter(Taxes); }
    /// ```
    pub fn exporter<E: Exporter<C>>(self, _exporter: E) -> Self {
        E::hooks(self.draft.export_hooks.insert(SyncHooks::default()));
        self
    }

    /// A create that is sent again with its idempotency key makes no second record: the adapter's `create` sends the key
    /// along ([`crate::Request::idempotent`]), and the remote honours it. Without this, a create whose answer was lost is
    /// searched for ([`crate::Adapter::find`]), or a person decides.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").idempotent_create(); }
    /// ```
    pub fn idempotent_create(mut self) -> Self {
        self.declared().idempotent_create = true;
        self
    }

    /// The adapter sends up to so many records in one request ([`crate::Adapter::create_many`] and
    /// [`crate::Adapter::update_many`]). Without this, each record is sent on its own. The operator may set a smaller number.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").batch(100); }
    /// ```
    pub fn batch(mut self, records: u32) -> Self {
        self.declared().batch = records;
        self
    }

    /// The step of a whole sync that it belongs to, where its record model doesn't tell.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").step(Step::Products); }
    /// ```
    pub fn step(mut self, step: Step) -> Self {
        self.declared().step = Some(step);
        self
    }

    /// The ways that a sync of its step goes, where they differ from those of the step.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").direction(Direction::Import); }
    /// ```
    pub fn direction(mut self, direction: Direction) -> Self {
        self.declared().direction = Some(direction);
        self
    }

    /// Source values that do not count as a change.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").ignored_paths(["/views"]); }
    /// ```
    pub fn ignored_paths<'a>(mut self, pointers: impl IntoIterator<Item = &'a str>) -> Self {
        self.declared().ignored_paths.extend(pointers.into_iter().map(str::to_owned));
        self
    }

    /// The remote can't list what changed since a moment: each sync is a full scan, and what is not listed is gone.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").full_scan(); }
    /// ```
    pub fn full_scan(mut self) -> Self {
        self.declared().incremental = false;
        self.declared().scan_finds_deleted = true;
        self
    }

    /// A scan of everything (the first sync, `--force`) lists every record: what it does not list is gone. Between scans,
    /// syncs go by what changed.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").scan_finds_deleted(); }
    /// ```
    pub fn scan_finds_deleted(mut self) -> Self {
        self.declared().scan_finds_deleted = true;
        self
    }

    /// Seconds by which the next sync looks back, so that late commits there are seen.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) { c.kind("acme.tax", "account.tax").overlap_secs(120); }
    /// ```
    pub fn overlap_secs(mut self, seconds: u32) -> Self {
        self.declared().overlap_seconds = Some(seconds);
        self
    }
}
