//! Every decoder has a fuzz target, and every fuzz target is built.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Functions that read octets or text of others.
const DECODERS: [&str; 6] = [
    "pub fn decode(",
    "pub fn decode_",
    "pub fn parse",
    "pub fn from_octets(",
    "pub fn unprotect",
    "pub fn read_",
];

/// Crates that decode nothing of their own from the wire, and why.
const WITHOUT_TARGET: [(&str, &str); 3] = [
    (
        "roger-fp1024",
        "field elements of fixed length, decoded through roger-ibc",
    ),
    (
        "roger-p256",
        "points and numbers of fixed length, decoded through roger-ibc",
    ),
    (
        "roger-ue",
        "decodes speech frames that roger-audio has parsed",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// Names of the files in `fuzz/fuzz_targets`, without `.rs`.
fn targets() -> BTreeSet<String> {
    let files = fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let sources = paths.filter(|path| path.extension().is_some_and(|kind| kind == "rs"));
    let names = sources.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    names.collect()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

fn decodes(source: &Path) -> bool {
    let mut files = Vec::new();
    rust_files(source, &mut files);
    files.iter().any(|file| {
        let text = fs::read_to_string(file).unwrap();
        DECODERS.iter().any(|decoder| text.contains(decoder))
    })
}

/// Package names of the crates of a ring that decode.
fn decoding_crates(ring: &str) -> Vec<String> {
    let crates = fs::read_dir(root().join(ring)).unwrap();
    let crates = crates.map(|entry| entry.unwrap().path());
    let decoding = crates.filter(|path| path.join("src").is_dir() && decodes(&path.join("src")));
    let name = |path: PathBuf| {
        let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        manifest["package"]["name"].as_str().unwrap().to_owned()
    };
    decoding.map(name).collect()
}

#[test]
fn every_target_is_built_and_every_built_target_exists() {
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let bins = manifest["bin"].as_array().unwrap();
    for bin in bins {
        let name = bin["name"].as_str().unwrap();
        assert_eq!(
            bin["path"].as_str().unwrap(),
            format!("fuzz_targets/{name}.rs")
        );
    }
    let built = bins
        .iter()
        .map(|bin| bin["name"].as_str().unwrap().to_owned());
    assert_eq!(built.collect::<BTreeSet<_>>(), targets());
}

#[test]
fn seeds_are_of_targets() {
    let targets = targets();
    let folders = fs::read_dir(root().join("fuzz/seeds")).unwrap();
    for folder in folders.map(|folder| folder.unwrap().path()) {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(targets.contains(&name), "seeds of nobody: {name}");
        let seeds = fs::read_dir(&folder).unwrap().count();
        assert!(seeds > 0, "{name}");
    }
}

#[test]
fn every_crate_that_decodes_has_a_target() {
    let uses: Vec<String> = targets()
        .iter()
        .map(|name| root().join(format!("fuzz/fuzz_targets/{name}.rs")))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut checked = 0;
    for name in ["core", "client", "adapters", "services"]
        .iter()
        .flat_map(|ring| decoding_crates(ring))
    {
        if WITHOUT_TARGET.iter().any(|(without, _)| *without == name) {
            continue;
        }
        let path = format!("{}::", name.replace('-', "_"));
        let fuzzed = uses.iter().any(|text| text.contains(&path));
        assert!(fuzzed, "{name} decodes and has no fuzz target");
        checked += 1;
    }
    assert!(checked >= 11, "only {checked} crates were looked at");
}
