//! Protection is switched by the service configuration document, each kind by its own flag, for servers and UEs at once;
//! an absent flag means on (TS 24.484 cl. 8.4.2.6).

use crate::wire::{Played, play_with};
use crate::{FACTS, demo, refuses, text};
use std::collections::BTreeSet;
use std::path::Path;
use tempfile::TempDir;

/// Last octets of the addresses of the first UE, the participating and the controlling function.
const UE: u8 = 100;
const PARTICIPATING: u8 = 14;
const CONTROLLING: u8 = 15;
/// The part of a body that signs the others (TS 24.379 cl. 6.6.3).
const SIGNATURE: &str = "vnd.3gpp.mcptt-signed+xml";

fn document(domain: &str, flags: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\
         <service-configuration-info xmlns=\"urn:3gpp:ns:mcpttServiceConfig:1.0\">\
         <service-configuration-params domain=\"{domain}\"><on-network>{flags}</on-network>\
         </service-configuration-params></service-configuration-info>"
    )
}

/// Plays the story by a configuration with these flags.
fn play(flags: &str) -> Option<Played> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("service-config.xml");
    std::fs::write(&path, document("mcptt.example.org", flags)).unwrap();
    play_with(&["--service-config", path.to_str().unwrap()])
}

/// The facts that do not hold.
fn failed(played: &Played) -> Vec<&str> {
    let facts = played.summary["facts"].as_array().unwrap();
    assert_eq!(facts.len(), FACTS.len(), "{}", played.shown);
    let failed = facts.iter().filter(|fact| fact["holds"] == false);
    failed.map(|fact| fact["fact"].as_str().unwrap()).collect()
}

fn is_signed(played: &Played) -> [bool; 2] {
    [UE, CONTROLLING].map(|peer| played.mentions_on(peer, SIGNATURE))
}

#[test]
fn flags_that_are_left_out_mean_on() {
    let Some(played) = play("") else {
        return;
    };
    assert!(played.success, "{}", played.shown);
    assert!(!played.shown.contains("OFF by"), "{}", played.shown);
    assert_eq!(played.found_on(PARTICIPATING), BTreeSet::new());
    assert_eq!(is_signed(&played), [true, true]);
}

#[test]
fn encryption_towards_ues_is_switched_by_its_flag_alone() {
    let flags = "<signalling-protection><confidentiality-protection>false</confidentiality-protection>\
                 </signalling-protection>";
    let Some(played) = play(flags) else {
        return;
    };
    assert_eq!(failed(&played), [FACTS[0]], "{}", played.shown);
    assert!(played.found_on(UE).contains("location"));
    assert_eq!(played.found_on(CONTROLLING), BTreeSet::new());
    assert_eq!(is_signed(&played), [true, true]);
}

#[test]
fn signatures_towards_ues_are_switched_by_their_flag_alone() {
    let flags = "<signalling-protection><integrity-protection>false</integrity-protection>\
                 </signalling-protection>";
    let Some(played) = play(flags) else {
        return;
    };
    assert!(played.success, "{}", played.shown);
    assert!(
        played
            .shown
            .contains("OFF by the service configuration: signatures")
    );
    assert_eq!(played.found_on(UE), BTreeSet::new());
    assert_eq!(is_signed(&played), [false, true]);
}

#[test]
fn xml_between_servers_is_switched_by_its_flag_alone() {
    let flags = "<protection-between-mcptt-servers>\
                 <allow-signalling-protection>false</allow-signalling-protection>\
                 </protection-between-mcptt-servers>";
    let Some(played) = play(flags) else {
        return;
    };
    assert_eq!(failed(&played), [FACTS[0]], "{}", played.shown);
    assert_eq!(played.found_on(UE), BTreeSet::new());
    let between_servers = played.found_on(CONTROLLING);
    assert_eq!(between_servers, ["MCPTT ID", "group ID"].into());
    assert_eq!(is_signed(&played), [true, false]);
}

#[test]
fn floor_control_between_servers_is_switched_by_its_flag_alone() {
    let flags = "<protection-between-mcptt-servers>\
                 <allow-floor-control-protection>0</allow-floor-control-protection>\
                 </protection-between-mcptt-servers>";
    let Some(played) = play(flags) else {
        return;
    };
    // What is not SRTCP there is not refused as such either.
    assert_eq!(failed(&played), [FACTS[1], FACTS[6]], "{}", played.shown);
    assert_eq!(played.found_on(CONTROLLING), BTreeSet::new());
    assert_eq!(is_signed(&played), [true, true]);
}

#[test]
fn a_file_that_is_no_configuration_of_this_domain_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let unsure = "<signalling-protection><integrity-protection>maybe</integrity-protection>\
                  </signalling-protection>";
    let unsure = file("unsure.xml", &document("mcptt.example.org", unsure));
    for (path, precise) in [
        (
            file("empty.xml", ""),
            "empty.xml is not a service configuration",
        ),
        (unsure, "unsure.xml is not a service configuration"),
        (
            file("other.xml", &document("mcptt.example.net", "")),
            "other.xml is for the domain \"mcptt.example.net\"; the one here is \"mcptt.example.org\"",
        ),
        (missing(folder.path()), "missing.xml: No such file"),
    ] {
        refuses(&["--service-config", &path], precise);
    }
}

fn missing(folder: &Path) -> String {
    folder.join("missing.xml").to_str().unwrap().to_owned()
}

#[test]
fn the_document_and_the_switch_are_not_given_together() {
    let output = demo(&["--service-config", "x", "--signalling-protection", "off"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot be used with"));
}
