//! Every crate of the product has a licence that deny.toml allows.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use std::collections::{BTreeMap, BTreeSet};

fn texts(list: &toml::Value) -> BTreeSet<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|entry| entry.as_str().unwrap().to_owned())
        .collect()
}

/// What deny.toml allows: every crate, and single crates by name.
struct Policy {
    everywhere: BTreeSet<String>,
    exceptions: BTreeMap<String, BTreeSet<String>>,
}

impl Policy {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deny.toml");
        let document: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        let licences = &document["licenses"];
        let exceptions = licences["exceptions"].as_array().unwrap().iter();
        let exceptions = exceptions.map(|entry| {
            let name = entry["crate"].as_str().unwrap().to_owned();
            (name, texts(&entry["allow"]))
        });
        Self {
            everywhere: texts(&licences["allow"]),
            exceptions: exceptions.collect(),
        }
    }

    fn allows(&self, name: &str, expression: &str) -> bool {
        let own = self.exceptions.get(name).into_iter().flatten();
        let allowed = self.everywhere.iter().chain(own).cloned().collect();
        satisfiable(expression, &allowed)
    }
}

/// Whether an SPDX expression of `OR`, `AND`, `WITH` and brackets can be met with the allowed licences.
fn satisfiable(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut position = 0;
    let result = any_of(&words, &mut position, allowed);
    assert_eq!(
        position,
        words.len(),
        "cannot read the licence expression {expression}"
    );
    result
}

fn any_of(words: &[&str], position: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut result = all_of(words, position, allowed);
    while words.get(*position) == Some(&"OR") {
        *position += 1;
        result |= all_of(words, position, allowed);
    }
    result
}

fn all_of(words: &[&str], position: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut result = one(words, position, allowed);
    while words.get(*position) == Some(&"AND") {
        *position += 1;
        result &= one(words, position, allowed);
    }
    result
}

fn one(words: &[&str], position: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let word = words[*position];
    *position += 1;
    if word == "(" {
        let result = any_of(words, position, allowed);
        assert_eq!(words[*position], ")");
        *position += 1;
        return result;
    }
    if words.get(*position) == Some(&"WITH") {
        // An exception only adds permissions.
        *position += 2;
    }
    allowed.contains(word)
}

/// Every package that the product is built from: normal and build dependencies of the workspace.
fn product(metadata: &Metadata) -> BTreeSet<PackageId> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let nodes: BTreeMap<_, _> = resolve
        .nodes
        .iter()
        .map(|node| (node.id.clone(), node))
        .collect();
    let mut reached = BTreeSet::new();
    let mut todo: Vec<PackageId> = metadata.workspace_members.clone();
    while let Some(id) = todo.pop() {
        if !reached.insert(id.clone()) {
            continue;
        }
        for dependency in &nodes[&id].deps {
            let used = dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind != DependencyKind::Development);
            if used {
                todo.push(dependency.pkg.clone());
            }
        }
    }
    reached
}

#[test]
fn every_licence_of_the_product_is_allowed() {
    let policy = Policy::read();
    let metadata = MetadataCommand::new()
        .other_options(vec!["--locked".to_owned()])
        .exec()
        .unwrap();
    let product = product(&metadata);
    assert!(product.len() > 50);
    let refused: Vec<String> = metadata
        .packages
        .iter()
        .filter(|package| product.contains(&package.id))
        .filter(|package| {
            let licence = package.license.as_ref();
            !licence.is_some_and(|licence| policy.allows(&package.name, licence))
        })
        .map(|package| {
            format!(
                "{} {}: {:?}",
                package.name, package.version, package.license
            )
        })
        .collect();
    assert!(refused.is_empty(), "not allowed by deny.toml: {refused:#?}");
}

#[test]
fn an_exception_is_for_one_crate_that_is_there() {
    let policy = Policy::read();
    assert!(!policy.allows("another", "MPL-2.0"));
    let metadata = MetadataCommand::new().exec().unwrap();
    for (name, licences) in &policy.exceptions {
        let mut packages = metadata.packages.iter();
        let package = packages.find(|package| package.name.as_str() == name);
        let licence = package.unwrap().license.clone().unwrap();
        assert!(licences.contains(&licence), "{name} is {licence}");
        assert!(policy.allows(name, &licence));
    }
}

#[test]
fn every_crate_comes_from_the_registry_or_this_workspace() {
    let metadata = MetadataCommand::new().exec().unwrap();
    for package in &metadata.packages {
        let ours = package.source.is_none();
        let registry = package
            .source
            .as_ref()
            .is_some_and(|source| source.repr.starts_with("registry+"));
        assert!(
            ours || registry,
            "{} comes from {:?}",
            package.name,
            package.source
        );
    }
}

#[test]
fn the_reader_of_licence_expressions_can_refuse() {
    let allowed: BTreeSet<String> = ["MIT".to_owned(), "ISC".to_owned()].into();
    assert!(satisfiable("MIT OR GPL-3.0", &allowed));
    assert!(satisfiable("(GPL-3.0 OR ISC) AND MIT", &allowed));
    assert!(!satisfiable("GPL-3.0", &allowed));
    assert!(!satisfiable("MIT AND GPL-3.0", &allowed));
    assert!(!satisfiable("(GPL-3.0 OR AGPL-3.0) AND MIT", &allowed));
}
