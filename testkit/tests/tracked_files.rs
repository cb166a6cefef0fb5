//! What no tracked file may hold: unfinished code, switched-off tests, names of somebody's machine, vectors of others.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, missing_docs)]

use roger_testkit::third_party_vectors;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Put together here, so that this file does not hold them itself.
const UNFINISHED: [&str; 3] = [
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("#[", "ignore"),
];

/// Paths and hosts that exist on one machine only.
const MACHINE: [&str; 6] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/tmp/", "helpers"),
    concat!("crates.io", "-index"),
    concat!("index.", "crates.io"),
];

/// Lock files name the registry of every package.
const LOCK_FILE: &str = "Cargo.lock";

/// Shortest value of others that is looked for: shorter ones could be met by chance or be in vectors that may be copied.
const DISTINCTIVE: usize = 80;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// Tracked text files with their content; `None` where the project is not a git checkout.
fn tracked() -> Option<Vec<(String, String)>> {
    let listing = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output();
    let listing = listing.ok().filter(|listing| listing.status.success());
    let Some(listing) = listing else {
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!in_ci, "continuous integration runs in a git checkout");
        eprintln!("skipped: not a git checkout");
        return None;
    };
    let names = String::from_utf8(listing.stdout).unwrap();
    let names = names.split('\0').filter(|name| !name.is_empty());
    let read = |name: &str| {
        let text = fs::read_to_string(root().join(name)).ok()?;
        Some((name.to_owned(), text))
    };
    let files: Vec<(String, String)> = names.filter_map(read).collect();
    assert!(files.len() > 100, "only {} files were found", files.len());
    Some(files)
}

/// `file:line` of every hit.
fn hits(files: &[(String, String)], words: &[&str]) -> Vec<String> {
    let mut hits = Vec::new();
    for (name, text) in files {
        for (line, number) in text.lines().zip(1..) {
            if words.iter().any(|word| line.contains(word)) {
                hits.push(format!("{name}:{number}"));
            }
        }
    }
    hits
}

#[test]
fn nothing_is_unfinished_or_switched_off() {
    let Some(files) = tracked() else { return };
    let found = hits(&files, &UNFINISHED);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn no_file_names_a_machine() {
    let Some(mut files) = tracked() else { return };
    files.retain(|(name, _)| !name.ends_with(LOCK_FILE));
    let found = hits(&files, &MACHINE);
    assert!(found.is_empty(), "{found:?}");
}

/// Hex and base64 values of a JSON file, and lines of a SIP message, that are long enough to be recognised.
fn distinctive(text: &str) -> Vec<String> {
    let long = |part: &&str| part.len() >= DISTINCTIVE;
    let parts = text.split(['"', '\n', '\r']);
    parts.filter(long).map(str::to_lowercase).collect()
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn no_file_holds_a_vector_of_others() {
    let Some(folder) = third_party_vectors("") else {
        return;
    };
    let Some(files) = tracked() else { return };
    let mut vectors = Vec::new();
    files_below(&folder, &mut vectors);
    let mut values: Vec<String> = Vec::new();
    for vector in &vectors {
        let octets = fs::read(vector).unwrap();
        values.extend(distinctive(&String::from_utf8_lossy(&octets)));
    }
    assert!(values.len() > 20, "only {} values were found", values.len());
    for (name, text) in &files {
        let text = text.to_lowercase();
        let copied = values.iter().find(|value| text.contains(value.as_str()));
        assert!(
            copied.is_none(),
            "{name} holds a vector of others: {copied:?}"
        );
    }
}

/// Targets of `[text](target)` in a page, without anchors and addresses of the web.
fn links(page: &str) -> Vec<&str> {
    let ends = page.split("](").skip(1);
    let targets = ends.filter_map(|rest| rest.split_once(')'));
    let targets = targets.map(|(target, _)| target.split('#').next().unwrap_or_default());
    let local = |target: &&str| !target.is_empty() && !target.contains("://");
    targets.filter(local).collect()
}

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    let Some(files) = tracked() else { return };
    let mut checked = 0;
    for (name, text) in files.iter().filter(|(name, _)| name.ends_with(".md")) {
        let page = root().join(name);
        for link in links(text) {
            let target = page.parent().unwrap().join(link);
            assert!(
                target.exists(),
                "{name} links to {link}, which does not exist"
            );
            checked += 1;
        }
    }
    assert!(checked > 15, "only {checked} links were looked at");
}
