//! The audit log of administrators and servers: complete, and nothing is done without it.

use crate::site::{self, Site};
use roger_documents::kms_client::Resource;
use std::fs;

fn chain(site: &Site, name: &str) -> String {
    let folder = site.path("audit").join(name);
    fs::read_to_string(folder.join("audit-00000001.jsonl")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_deed_has_its_record_and_a_changed_one_shows() {
    let site = Site::ready();
    let keys = site.alice_keys();
    site.admin(&["user", "remove", "nobody"])
        .refused("there is no user nobody");
    let servers = site.serve();
    let tokens = servers.log_in("alice").await.unwrap();
    servers.key_sets(&tokens, &keys).await;
    servers.end();

    let log = chain(&site, "admin");
    for action in ["init", "kms create-master", "user add", "user keys"] {
        let action = format!("\"action\":\"admin {action}\"");
        let lines = log.lines().filter(|line| line.contains(&action));
        let outcomes: Vec<_> = lines
            .map(|line| line.contains("\"outcome\":\"done\""))
            .collect();
        assert_eq!(outcomes, [false, true], "{action}");
    }
    assert!(log.contains("\"who\":\"olga\""));
    assert!(chain(&site, "idm-kms").contains(site::ALICE));

    let good = site.admin_json(&["audit", "verify"]);
    assert_eq!(good.as_array().unwrap().len(), 2);
    let anchor = good[0]["anchor"].as_str().unwrap();
    site.admin(&["audit", "verify", "--anchor", anchor]).good();

    let path = site.path("audit").join("idm-kms/audit-00000001.jsonl");
    let written = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        written.replace(site::ALICE, "sip:alicf@mcptt.example.org"),
    )
    .unwrap();
    for order in [
        &["audit", "verify"][..],
        &["audit", "verify", "--without-key"],
    ] {
        site.admin(order).refused("audit-00000001.jsonl, line 4");
    }
    site.serve_in_vain().refused("keep the folder as evidence");
    fs::write(&path, written).unwrap();
    site.admin(&["audit", "verify"]).good();

    let path = site.path("audit").join("admin/audit-00000001.jsonl");
    let written = fs::read_to_string(&path).unwrap();
    let (cut, _) = written.trim_end().rsplit_once('\n').unwrap();
    fs::write(&path, format!("{cut}\n")).unwrap();
    site.admin(&["audit", "verify"]).good();
    let cut = site.admin(&["audit", "verify", "--anchor", anchor]);
    cut.refused("the anchored line is not there");
}

#[test]
fn without_the_audit_log_nothing_is_administered_or_served() {
    let site = Site::ready();
    let before = site.admin_json(&["kms", "masters"]);
    fs::rename(site.path("audit"), site.path("moved")).unwrap();
    for said in [
        site.admin(&["kms", "rotate"]),
        site.admin(&["user", "disable", "alice"]),
        site.serve_in_vain(),
    ] {
        said.refused("there is no audit log in");
    }
    // A file where the chain should be.
    fs::create_dir(site.path("audit")).unwrap();
    fs::write(site.path("audit").join("admin"), "").unwrap();
    site.admin(&["kms", "rotate"]).refused("admin");
    fs::remove_dir_all(site.path("audit")).unwrap();
    fs::rename(site.path("moved"), site.path("audit")).unwrap();
    assert_eq!(site.admin_json(&["kms", "masters"]), before);
    assert_eq!(
        site.admin_json(&["user", "show", "alice"])["state"],
        "enabled"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_log_is_taken_away_gives_no_keys() {
    let site = Site::ready();
    let keys = site.alice_keys();
    let servers = site.serve();
    let tokens = servers.log_in("alice").await.unwrap();
    fs::remove_dir_all(site.path("audit")).unwrap();
    let resource = Resource::KeyProv(site::ALICE.to_owned());
    let (status, answer) = servers.fetch(&tokens, &keys, &resource).await;
    assert_eq!(status, 503, "{answer:?}");
}
