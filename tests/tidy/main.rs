//! Rules of the house that no compiler checks: layers, files, words, links, and the specification's table.
//!
//! Every rule is a function from sources to findings, and has a fixture that breaks it. Nothing here runs the product.

mod dependency;
mod file;
mod finding;
mod function;
mod glossary;
mod layer;
mod link;
mod place;
mod source;
mod specification;
mod text;

use finding::expect_none;
use source::{Repository, Source};

#[test]
fn rooms_import_only_what_the_layer_table_allows() {
    let repository = Repository::here();
    let table = layer::Table::parse(&repository.text("docs/architecture.md")).expect("the layer table can be read");
    expect_none(layer::check(&table, &repository.rust("host/src/")));
}

#[test]
fn files_say_what_they_are_for_and_stay_small() {
    expect_none(file::check(&Repository::here().rust("")));
}

#[test]
fn functions_stay_small() {
    expect_none(function::check(&Repository::here().rust("")));
}

#[test]
fn files_are_small_as_a_whole() {
    expect_none(file::measures(&Repository::here().rust("")));
}

#[test]
fn sql_stands_only_in_the_storage_room() {
    expect_none(place::sql(&Repository::here().rust("host/src/")));
}

#[test]
fn unsafe_stands_only_at_the_boundary_and_says_why_it_holds() {
    expect_none(place::unsafe_code(&Repository::here().rust("")));
}

#[test]
fn outside_libraries_are_known_to_one_room_each() {
    expect_none(place::libraries(&Repository::here().rust("host/src/")));
}

#[test]
fn nothing_panics_outside_tests_by_unwrap_and_no_lint_is_silenced_without_a_reason() {
    expect_none(place::shortcuts(&Repository::here().rust("")));
}

#[test]
fn items_of_the_plugin_api_are_documented() {
    expect_none(place::documented(&Repository::here().rust("plugin-api/")));
}

#[test]
fn tests_neither_sleep_nor_hide() {
    expect_none(place::test_manners(&Repository::here().rust("tests/it/")));
}

#[test]
fn plugins_are_never_linked_by_the_host() {
    expect_none(dependency::check(&Repository::here()));
}

#[test]
fn nothing_names_a_place_outside_the_repository() {
    expect_none(text::places(&Repository::here().texts()));
}

#[test]
fn links_of_documents_lead_somewhere() {
    expect_none(link::check(&Repository::here()));
}

#[test]
fn rows_of_the_specification_name_tests_that_exist() {
    let repository = Repository::here();
    let tests = specification::tests(&repository.rust(""));
    expect_none(specification::check(&repository.text("docs/specification.md"), &tests));
}

#[test]
fn invariants_of_the_architecture_name_tests_that_exist() {
    let repository = Repository::here();
    let tests = specification::tests(&repository.rust(""));
    expect_none(specification::invariants(&repository.text("docs/architecture.md"), &tests));
}

#[test]
fn words_of_the_glossary_stand_there_once_and_in_order() {
    expect_none(glossary::check(&Repository::here().text("docs/architecture.md")));
}

/// A source that stands nowhere, for the rules' own tests.
#[cfg(test)]
fn fixture(path: &str, text: &str) -> Source {
    Source::new(path, text)
}
