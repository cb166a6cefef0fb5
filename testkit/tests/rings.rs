//! A crate depends only on its own ring or the rings below it (ARCHITECTURE.md).
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Rings from the middle outwards.
const RINGS: [&str; 5] = ["core", "services", "adapters", "client", "bin"];

/// What a core or a service must never reach: the machine itself.
const MACHINE: [&str; 9] = [
    "tokio",
    "socket2",
    "sqlx",
    "hyper",
    "axum",
    "reqwest",
    "rustls",
    "tokio-rustls",
    "mio",
];

fn metadata() -> Metadata {
    MetadataCommand::new().exec().unwrap()
}

fn folder(metadata: &Metadata, package: &Package) -> String {
    let path = package
        .manifest_path
        .strip_prefix(&metadata.workspace_root)
        .unwrap();
    path.components().next().unwrap().to_string()
}

fn ring(folder: &str) -> Option<usize> {
    RINGS.iter().position(|name| *name == folder)
}

#[test]
fn no_crate_depends_on_an_outer_ring() {
    let metadata = metadata();
    let packages = metadata.workspace_packages();
    let mut checked = 0;
    for package in &packages {
        let Some(own) = ring(&folder(&metadata, package)) else {
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|d| d.kind != DependencyKind::Development)
        {
            let Some(target) = packages.iter().find(|p| p.name.as_str() == dependency.name) else {
                continue;
            };
            let Some(other) = ring(&folder(&metadata, target)) else {
                panic!(
                    "{} depends on {}, which is for tests only",
                    package.name, target.name
                )
            };
            assert!(
                other <= own,
                "{} ({}) depends on {} ({})",
                package.name,
                RINGS[own],
                target.name,
                RINGS[other]
            );
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} dependencies were looked at");
}

#[test]
fn cores_and_services_do_not_reach_the_machine() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        if !matches!(folder(&metadata, package).as_str(), "core" | "services") {
            continue;
        }
        for dependency in package
            .dependencies
            .iter()
            .filter(|d| d.kind != DependencyKind::Development)
        {
            assert!(
                !MACHINE.contains(&dependency.name.as_str()),
                "{} depends on {}",
                package.name,
                dependency.name
            );
        }
    }
}

#[test]
fn every_core_crate_uses_the_workspace_lints() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        let shared = manifest.contains("[lints]\nworkspace = true");
        // Codec bindings and field assembly need `unsafe` and so carry their own copy of the lints.
        let own = ["roger-audio", "roger-fp1024", "roger-p256"];
        assert!(
            shared || own.contains(&package.name.as_str()),
            "{} has lints of its own",
            package.name
        );
    }
}
