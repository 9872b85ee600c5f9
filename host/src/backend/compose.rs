//! Which rules of other plugins stand over a connector's mapping, and in which order: decided from the manifests alone.
//!
//! Clear or not at all: half a composition would map records otherwise than the operator has asked for, so whatever is
//! in doubt is an error that names it. It opens nothing.

use std::sync::Arc;

use bindery_contract::{
    Manifest,
    manifest::{Component, Extension, Place, Rule},
};

use crate::plugin::{Error as Refusal, Extender, Generation};

/// A rule of another plugin, in its place.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    /// The generation that runs it.
    pub(super) generation: Arc<Generation>,
    /// What it declares.
    pub(super) declared: Extension,
}

/// The extensions of a connector, in the order in which they run; or everything that is in doubt about them.
pub(super) fn compose(connector: &Manifest, extenders: &[Extender]) -> Result<Vec<Placed>, Vec<Refusal>> {
    let missing = extenders.iter().filter(|extender| extender.generation.is_none()).map(|extender| {
        Refusal::ExtensionMissing { plugin: extender.manifest.id.clone(), connector: connector.id.clone() }
    });
    let missing: Vec<Refusal> = missing.collect();
    let (found, doubts) = ordered(connector, extenders);
    if !(missing.is_empty() && doubts.is_empty()) {
        return Err(missing.into_iter().chain(doubts).collect());
    }
    let placed = found.into_iter().filter_map(|(_, extender, declared)| {
        Some(Placed { generation: extender.generation.clone()?, declared: declared.clone() })
    });
    Ok(placed.collect())
}

/// An extension with its plugin and its place.
type Found<'a> = (Order, &'a Extender, &'a Extension);

fn ordered<'a>(connector: &Manifest, extenders: &'a [Extender]) -> (Vec<Found<'a>>, Vec<Refusal>) {
    let (mut found, mut doubts) = (Vec::new(), Vec::new());
    for extender in extenders {
        for (at, extension) in of_connector(&extender.manifest, &connector.id).enumerate() {
            match place(connector, &extender.manifest.id, extension) {
                Ok((component, rule)) => {
                    let order = (component, rule, extension.place != Place::Instead, extender.manifest.id.clone(), at);
                    found.push((order, extender, extension));
                }
                Err(doubt) => doubts.push(doubt),
            }
        }
    }
    found.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    doubts.extend(ambiguous(&found));
    (found, doubts)
}

/// Component, place of the rule in it (the last for none), whether it follows the rule, plugin, place in the plugin.
type Order = (String, usize, bool, String, usize);

/// What an extension asks for, held against the connector that is there.
pub(super) fn check(connector: &Manifest, plugin: &str, extension: &Extension) -> Option<Refusal> {
    place(connector, plugin, extension).err()
}

/// The extensions of one plugin over a connector.
pub(super) fn of_connector<'m>(manifest: &'m Manifest, connector: &str) -> impl Iterator<Item = &'m Extension> {
    manifest.extensions.iter().filter(move |extension| extension.connector == connector)
}

fn place(connector: &Manifest, plugin: &str, extension: &Extension) -> Result<(String, usize), Refusal> {
    let missing = |parent: String| Refusal::ParentMissing {
        plugin: plugin.to_owned(),
        extension: extension.name.clone(),
        parent: format!("{parent} of {} {}", connector.id, connector.version),
    };
    let fits = semver::VersionReq::parse(&extension.requirement)
        .is_ok_and(|wanted| semver::Version::parse(&connector.version).is_ok_and(|version| wanted.matches(&version)));
    if !fits {
        return Err(Refusal::RequirementUnmet {
            plugin: plugin.to_owned(),
            extension: extension.name.clone(),
            connector: connector.id.clone(),
            requirement: extension.requirement.clone(),
            found: connector.version.clone(),
        });
    }
    if extension.place == Place::Unknown {
        return Err(missing("the place it asks for in a rule".to_owned()));
    }
    let component = connector.components.iter().find(|component| component.name == extension.component);
    let Some(component) = component else { return Err(missing(format!("component {}", extension.component))) };
    let Some(wanted) = &extension.rule else { return Ok((component.name.clone(), usize::MAX)) };
    let rule = rules(connector, component).position(|rule| rule.name == *wanted);
    rule.map(|at| (component.name.clone(), at))
        .ok_or_else(|| missing(format!("rule {wanted} in component {}", extension.component)))
}

/// The rules of a mapper, in the order of the kinds that it maps.
fn rules<'m>(connector: &'m Manifest, component: &'m Component) -> impl Iterator<Item = &'m Rule> {
    let kinds = connector.kinds.iter().filter(|kind| {
        component.apply_on.is_empty() || component.apply_on.iter().any(|on| *on == kind.name || *on == kind.model)
    });
    let exports = component.usage == "export.mapper";
    kinds.flat_map(move |kind| if exports { &kind.export_rules } else { &kind.import_rules })
}

/// Rules of different plugins in the very same place: nobody has said which comes first, and it would matter.
fn ambiguous(found: &[Found<'_>]) -> Vec<Refusal> {
    let mut doubts = Vec::new();
    for (at, (order, extender, one)) in found.iter().enumerate() {
        for (other_order, other_extender, other) in &found[at + 1..] {
            let same_place = (&order.0, order.1, order.2) == (&other_order.0, other_order.1, other_order.2);
            if !same_place || extender.manifest.id == other_extender.manifest.id {
                continue;
            }
            let field = one.sets.iter().find(|field| other.sets.contains(field));
            let rule = one.rule.as_deref().unwrap_or("after all rules");
            let what = match (one.place, field) {
                (Place::Instead, _) => format!("rule {rule} of {}", one.component),
                (_, Some(field)) => format!("field {field} ({rule}) of {}", one.component),
                _ => continue,
            };
            let name = |extender: &Extender, one: &Extension| format!("{} ({})", extender.manifest.id, one.name);
            doubts
                .push(Refusal::Ambiguous { what, candidates: vec![name(extender, one), name(other_extender, other)] });
        }
    }
    doubts
}

#[cfg(test)]
mod tests {
    use bindery_contract::manifest::Kind;

    use super::*;

    const MAPPER: &str = "acme.product.import.mapper";

    fn connector(version: &str) -> Manifest {
        let rule = |name: &str| Rule { name: name.to_owned(), ..Rule::default() };
        Manifest {
            id: "acme".to_owned(),
            version: version.to_owned(),
            kinds: vec![Kind {
                name: "acme.product".to_owned(),
                import_rules: vec![rule("name"), rule("weight")],
                ..Kind::default()
            }],
            components: vec![Component {
                name: MAPPER.to_owned(),
                usage: "import.mapper".to_owned(),
                apply_on: vec!["acme.product".to_owned()],
                ..Component::default()
            }],
            ..Manifest::default()
        }
    }

    fn extension(rule: Option<&str>, place: Place, sets: &str) -> Extension {
        Extension {
            connector: "acme".to_owned(),
            requirement: "^1.2".to_owned(),
            component: MAPPER.to_owned(),
            rule: rule.map(str::to_owned),
            place,
            name: format!("own_{sets}"),
            sets: vec![sets.to_owned()],
            ..Extension::default()
        }
    }

    fn plugin(id: &str, extensions: Vec<Extension>) -> Extender {
        let manifest = Manifest { id: id.to_owned(), extensions, ..Manifest::default() };
        Extender { manifest: Arc::new(manifest), generation: None }
    }

    /// What is in doubt where all plugins serve.
    fn doubts(version: &str, extenders: &[Extender]) -> Vec<String> {
        let (_, doubts) = ordered(&connector(version), extenders);
        doubts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_fits_is_in_no_doubt() {
        let one = plugin("one", vec![extension(Some("name"), Place::Instead, "name")]);
        let two =
            plugin("two", vec![extension(Some("name"), Place::After, "name"), extension(None, Place::After, "name")]);
        assert_eq!(doubts("1.3.0", &[one, two]), [""; 0]);
        assert_eq!(doubts("1.3.0", &[]), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_named_with_the_connectors_version() {
        let newer = plugin("one", vec![extension(None, Place::After, "name")]);
        assert_eq!(doubts("2.0.0", &[newer]), ["extension own_name of one needs acme ^1.2, installed is 2.0.0"]);
        let rule = plugin("one", vec![extension(Some("size"), Place::After, "size")]);
        let text = doubts("1.2.0", &[rule]).concat();
        assert!(text.contains("rule size in component acme.product.import.mapper of acme 1.2.0"), "{text}");
        let mut other = extension(None, Place::After, "name");
        other.component = "acme.order.import.mapper".to_owned();
        let text = doubts("1.2.0", &[plugin("one", vec![other])]).concat();
        assert!(text.contains("component acme.order.import.mapper of acme 1.2.0"), "{text}");
    }

    #[test]
    fn two_plugins_in_one_place_are_named_both() {
        let two = |rule, place, first: &str, second: &str| {
            let one = plugin("one", vec![extension(rule, place, first)]);
            doubts("1.2.0", &[one, plugin("two", vec![extension(rule, place, second)])])
        };
        let claimed = "rule name of acme.product.import.mapper is claimed by one (own_name) and two (own_x)";
        assert_eq!(two(Some("name"), Place::Instead, "name", "x"), [claimed]);
        assert_eq!(two(Some("name"), Place::After, "name", "name").len(), 1);
        assert_eq!(two(None, Place::After, "name", "name").len(), 1);
        assert_eq!(two(None, Place::After, "name", "x"), [""; 0], "fields of their own come in any order");
    }

    #[test]
    fn a_plugin_that_is_installed_and_does_not_serve_is_not_left_out_silently() {
        let doubts = compose(&connector("1.2.0"), &[plugin("one", vec![extension(None, Place::After, "name")])]);
        assert!(
            matches!(doubts.expect_err("in doubt").as_slice(), [Refusal::ExtensionMissing { plugin, .. }] if plugin == "one")
        );
    }
}
