//! The key of the store in a PKCS #11 token (SoftHSM).

use crate::site::Site;
use roger_testkit::{SoftToken, TOKEN_LABEL};
use std::fs;

const PIN: &str = "482951";

/// A site whose store key a token keeps; nothing without SoftHSM.
fn site_with_token() -> Option<Site> {
    let section = format!(
        "[secrets.pkcs11]\nmodule = \"{}\"\nslot_label = \"{TOKEN_LABEL}\"\npin_file = \"pin\"",
        SoftToken::library().display()
    );
    let mut site = Site::with_keeper("keeper = \"pkcs11\"", &section);
    site.secret("pin", PIN);
    fs::create_dir(site.path("hsm")).unwrap();
    let token = SoftToken::new(&site.path("hsm"), PIN)?;
    site.set("SOFTHSM2_CONF", token.configuration());
    Some(site)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_token_gives_the_same_keys_after_a_restart() {
    let Some(site) = site_with_token() else {
        return;
    };
    site.set_up();
    let keys = site.alice_keys();
    let servers = site.serve();
    let tokens = servers.log_in("alice").await.unwrap();
    let first = servers.key_sets(&tokens, &keys).await;
    servers.end();
    let servers = site.serve();
    let tokens = servers.log_in("alice").await.unwrap();
    assert!(servers.key_sets(&tokens, &keys).await == first);
    servers.end();

    // The token was lost and a copy under a passphrase is there; then the other way.
    let copy = site.text("copy.key");
    let phrase = site.text("passphrase");
    site.admin(&[
        "keeper",
        "copy",
        "--out",
        &copy,
        "--new-passphrase-file",
        &phrase,
    ])
    .good();
    let config = fs::read_to_string(site.path("roger.toml")).unwrap();
    let with_copy = config.replace(
        "keeper = \"pkcs11\"",
        "keeper = \"passphrase\"\npassphrase_file = \"passphrase\"",
    );
    let with_copy = with_copy.replace("store.key", "copy.key");
    fs::write(site.path("roger.toml"), with_copy).unwrap();
    let servers = site.serve();
    let tokens = servers.log_in("alice").await.unwrap();
    assert!(servers.key_sets(&tokens, &keys).await == first);
}

#[test]
fn a_wrong_pin_is_said_and_opens_nothing() {
    let Some(site) = site_with_token() else {
        return;
    };
    site.set_up();
    site.secret("pin", "000000");
    for said in [site.admin(&["user", "list"]), site.serve_in_vain()] {
        assert!(!said.err.contains("000000"), "{}", said.err);
        said.refused("the token refused the PIN");
    }
    site.secret("pin", PIN);
    site.admin(&["user", "list"]).good();
}

#[test]
fn a_store_moves_into_a_token() {
    let Some(site) = site_with_token() else {
        return;
    };
    let config = fs::read_to_string(site.path("roger.toml")).unwrap();
    let passphrase = "keeper = \"passphrase\"\npassphrase_file = \"passphrase\"";
    let with_passphrase = config.replace("keeper = \"pkcs11\"", passphrase);
    fs::write(site.path("roger.toml"), with_passphrase).unwrap();
    site.set_up();
    let masters = site.admin_json(&["kms", "masters"]);
    site.admin(&["keeper", "renew", "--to", "pkcs11"]).good();
    site.admin(&["user", "list"]).refused("token");
    fs::write(site.path("roger.toml"), config).unwrap();
    assert_eq!(site.admin_json(&["kms", "masters"]), masters);
}
