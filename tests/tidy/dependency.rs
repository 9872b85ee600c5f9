//! Which package may depend on which: the host never on a plugin or its SDK, a plugin never on the host.

use toml::Table;

use crate::{finding::Finding, source::Repository};

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let manifests: Vec<(String, Table)> = repository
        .paths()
        .iter()
        .filter(|path| path.ends_with("Cargo.toml") && *path != "Cargo.toml")
        .map(|path| (path.clone(), repository.text(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))))
        .collect();
    findings(&manifests)
}

fn findings(manifests: &[(String, Table)]) -> Vec<Finding> {
    let is_plugin = |path: &str| path.starts_with("plugins/") || path.starts_with("tests/plugins/");
    let name = |table: &Table| {
        table.get("package").and_then(|package| package.get("name")).and_then(|name| name.as_str().map(str::to_owned))
    };
    let mut plugins: Vec<String> =
        manifests.iter().filter(|(path, _)| is_plugin(path)).filter_map(|(_, table)| name(table)).collect();
    plugins.push("bindery-plugin".to_owned());
    let mut findings = Vec::new();
    for (path, table) in manifests {
        let banned: Vec<String> = match path.as_str() {
            "host/Cargo.toml" | "plugin-api/abi/Cargo.toml" | "plugin-api/contract/Cargo.toml" => plugins.clone(),
            // The raw plugin of the tests stands on the bare boundary on purpose.
            _ if path.starts_with("plugins/") => {
                vec!["bindery".into(), "bindery-abi".into(), "bindery-contract".into(), "bindery-tests".into()]
            }
            _ if is_plugin(path) => vec!["bindery".into(), "bindery-tests".into()],
            _ => continue,
        };
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = table.get(section).and_then(|section| section.as_table()) else { continue };
            for dependency in dependencies.keys().filter(|dependency| banned.contains(dependency)) {
                findings.push(Finding::new(path, 1, format!("may not depend on `{dependency}`")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::findings;

    #[test]
    fn a_linked_plugin_and_a_plugin_that_knows_the_host_are_found() {
        let manifest = |path: &str, text: &str| (path.to_owned(), text.parse().unwrap());
        let acme =
            manifest("plugins/acme/Cargo.toml", "[package]\nname = \"acme\"\n[dependencies]\nbindery-plugin = \"1\"");
        let host = manifest("host/Cargo.toml", "[package]\nname = \"bindery\"\n[dependencies]\nbindery-abi = \"1\"");
        assert!(findings(&[acme.clone(), host]).is_empty());
        let host = manifest("host/Cargo.toml", "[package]\nname = \"bindery\"\n[dependencies]\nacme = \"1\"");
        assert_eq!(findings(&[acme, host]).len(), 1);
        let acme = manifest("plugins/acme/Cargo.toml", "[package]\nname = \"acme\"\n[dependencies]\nbindery = \"1\"");
        assert_eq!(findings(&[acme]).len(), 1);
    }
}
