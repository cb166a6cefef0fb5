//! What a KMS domain keeps.

use crate::bench::{Bench, NOW, kms, on_both};
use roger_adapter_store::{StoreFault, StoredRoot};
use roger_base::{KmsUri, UnixTime};
use roger_documents::kms::{CertificateRole, KmsCertificate, KrrList};
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_kms::ports::{AuditEntry, AuditLog, KeyRepository};
use roger_kms::{CertificateTerms, KeyAccount, KeyPair, SecurityLevel};

fn kms_accounts_are_replaced_only_from_what_they_were(bench: &mut Bench) {
    let store = kms(&bench.open());
    let mut account = KeyAccount::provision("sip:pf@mcptt.example.org", &mut bench.random).unwrap();
    account.certificate = Some("pf.mcptt.example.org".to_owned());
    account.identities = vec!["mcptt.example.org".to_owned()];
    store.put_key_account(&account).unwrap();
    let store = kms(&bench.open());
    assert_eq!(
        store.account("sip:pf@mcptt.example.org").unwrap(),
        Some(account.clone())
    );
    assert_eq!(
        store
            .account_of_certificate("pf.mcptt.example.org")
            .unwrap(),
        Some(account.clone())
    );
    assert_eq!(store.account("sip:PF@mcptt.example.org").unwrap(), None);

    let mut renewed = account.clone();
    renewed.generation = 2;
    renewed.pending = Some(KeyPair::generate(&renewed.user_uri, 2, &mut bench.random).unwrap());
    assert_eq!(store.replace_account(&account, &renewed), Ok(true));
    assert_eq!(store.replace_account(&account, &renewed), Ok(false));
    assert_eq!(
        store.account(&account.user_uri).unwrap(),
        Some(renewed.clone())
    );

    let mut thief = KeyAccount::unprotected("sip:thief@mcptt.example.org");
    thief.certificate = account.certificate.clone();
    assert_eq!(
        store.put_key_account(&thief),
        Err(StoreFault::LocalDuplicate)
    );
    renewed.pending = renewed.current.clone();
    assert_eq!(
        store.put_key_account(&renewed),
        Err(StoreFault::LocalCorrupt("KMS account"))
    );
}

fn a_kms_request_is_remembered_until_its_time(bench: &mut Bench) {
    let until = UnixTime(NOW.0 + 600);
    assert_eq!(
        kms(&bench.open()).remember_request(&[1; 32], until, NOW),
        Ok(true)
    );
    let store = kms(&bench.open());
    assert_eq!(store.remember_request(&[1; 32], until, until), Ok(false));
    assert_eq!(store.remember_request(&[2; 32], until, NOW), Ok(true));
    assert_eq!(
        store.remember_request(&[1; 32], UnixTime(until.0 + 700), UnixTime(until.0 + 1)),
        Ok(true)
    );
}

fn external_certificates_come_back_under_a_growing_number(bench: &mut Bench) {
    let store = kms(&bench.open());
    assert_eq!(store.external_certificates().unwrap(), (0, Vec::new()));
    let certificate = KmsCertificate {
        role: CertificateRole::External,
        is_security_gateway: Some(true),
        cert_uri: Some("cert1.kms.partner.example".to_owned()),
        kms_uri: KmsUri::new("kms.partner.example").unwrap(),
        issuer: None,
        valid_from: Some(NOW),
        valid_to: None,
        revoked: false,
        user_key_period: 2_592_000,
        user_key_offset: 5,
        pub_enc_key: [4; 257],
        pub_auth_key: [4; 65],
        domains: vec!["sec1.partner.example".to_owned()],
    };
    store.put_external_certificate(&certificate).unwrap();
    assert_eq!(
        kms(&bench.open()).external_certificates().unwrap(),
        (1, vec![certificate.clone()])
    );
    let revoked = KmsCertificate {
        revoked: true,
        ..certificate
    };
    store.put_external_certificate(&revoked).unwrap();
    assert_eq!(store.external_certificates().unwrap(), (2, vec![revoked]));
}

fn audit_entries_come_back_in_order(bench: &mut Bench) {
    let entry = |path: &str| AuditEntry {
        time: NOW,
        kms_uri: "kms.example.org".to_owned(),
        caller: Some("sip:alice@mcptt.example.org".to_owned()),
        path: path.to_owned(),
        released: vec![("sip:alice@mcptt.example.org".to_owned(), 1514)],
        status: 200,
        refusal: None,
    };
    let refused = AuditEntry {
        caller: None,
        status: 403,
        refusal: Some("no".to_owned()),
        ..entry("/2")
    };
    let store = kms(&bench.open());
    store.record(&entry("/1")).unwrap();
    store.record(&refused).unwrap();
    let entries = kms(&bench.open()).audit_entries(0, 10).unwrap();
    assert_eq!(entries, [(1, entry("/1")), (2, refused.clone())]);
    assert_eq!(store.audit_entries(1, 10).unwrap(), [(2, refused)]);
}

fn two_kms_domains_in_one_file_share_nothing(bench: &mut Bench) {
    let store = bench.open();
    let [fire, police] =
        ["kms.fire.example", "kms.police.example"].map(|uri| store.kms(&KmsUri::new(uri).unwrap()));
    let mut account = KeyAccount::provision("sip:a@b", &mut bench.random).unwrap();
    account.certificate = Some("pf.b".to_owned());
    fire.put_key_account(&account).unwrap();
    assert_eq!(police.account("sip:a@b").unwrap(), None);
    assert_eq!(police.account_of_certificate("pf.b").unwrap(), None);
    assert_eq!(police.replace_account(&account, &account), Ok(false));
    // The same user and certificate have another account there.
    let mut other = KeyAccount::provision_rel13("sip:a@b", &mut bench.random).unwrap();
    other.certificate = account.certificate.clone();
    other.minimum_level = SecurityLevel::TransportKey;
    police.put_key_account(&other).unwrap();
    assert_eq!(fire.account("sip:a@b").unwrap(), Some(account));
    assert_eq!(police.account("sip:a@b").unwrap(), Some(other));

    assert_eq!(fire.remember_request(&[1; 32], NOW, NOW), Ok(true));
    assert_eq!(police.remember_request(&[1; 32], NOW, NOW), Ok(true));
    assert_eq!(police.remember_request(&[1; 32], NOW, NOW), Ok(false));

    fire.revoke_key_set("sip:a@b", 7).unwrap();
    assert_eq!(fire.is_revoked("sip:a@b", 7), Ok(true));
    assert_eq!(fire.is_revoked("sip:a@b", 8), Ok(false));
    assert_eq!(police.is_revoked("sip:a@b", 7), Ok(false));

    let elsewhere = KmsUri::new("kms.x").unwrap();
    fire.put_user_domains("sip:c@d", &[elsewhere.clone(), elsewhere.clone()])
        .unwrap();
    fire.put_user_domains("sip:c@d", std::slice::from_ref(&elsewhere))
        .unwrap();
    assert_eq!(fire.domains_of("sip:c@d"), Ok(vec![elsewhere]));
    assert_eq!(police.domains_of("sip:c@d"), Ok(Vec::new()));

    let entry = AuditEntry {
        time: NOW,
        kms_uri: "kms.fire.example".to_owned(),
        caller: None,
        path: "/1".to_owned(),
        released: Vec::new(),
        status: 403,
        refusal: None,
    };
    fire.record(&entry).unwrap();
    assert_eq!(fire.audit_entries(0, 10).unwrap(), [(1, entry)]);
    assert!(police.audit_entries(0, 10).unwrap().is_empty());

    let list = KrrList::new(format!(
        "<KrrList xmlns=\"{}\"/>",
        roger_documents::kms::NAMESPACE
    ))
    .unwrap();
    for n in 0..1030 {
        fire.keep_redirects(&format!("u{n}"), &list, NOW).unwrap();
    }
    let kept = fire.redirects().unwrap();
    assert_eq!((kept.len(), kept[0].0.as_str()), (1024, "u6"));
    assert!(police.redirects().unwrap().is_empty());
}

fn old_and_new_master_keys_come_back_with_their_certificates_in_order(bench: &mut Bench) {
    let domain = KmsUri::new("kms.example.org").unwrap();
    let mut root = |cert_uri: &str| StoredRoot {
        master: KmsMaster::generate(
            domain.clone(),
            KeyPeriod::new(100, 5).unwrap(),
            &mut bench.random,
        )
        .unwrap(),
        terms: CertificateTerms {
            cert_uri: Some(cert_uri.to_owned()),
            valid_from: Some(NOW),
            valid_to: None,
            revoked: false,
        },
    };
    let (second, first) = (root("cert2"), root("cert1"));
    let part = kms(&bench.open());
    part.add_root(&second).unwrap();
    part.add_root(&first).unwrap();
    assert_eq!(part.add_root(&first), Err(StoreFault::LocalDuplicate));
    assert!(part.revoke_root("cert1").unwrap());
    assert!(!part.revoke_root("cert3").unwrap());
    let found = kms(&bench.open()).roots().unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].terms, second.terms);
    assert!(found[1].terms.revoked && found[1].terms.cert_uri == first.terms.cert_uri);
    for (found, put) in found.iter().zip([&second, &first]) {
        assert_eq!(found.master.domain(), put.master.domain());
    }
    let other = bench.open().kms(&KmsUri::new("kms.other.example").unwrap());
    assert!(other.roots().unwrap().is_empty());
}

fn new_keys_survive_a_crash_between_offer_and_first_use(bench: &mut Bench) {
    let account = KeyAccount::provision("sip:a@b", &mut bench.random).unwrap();
    kms(&bench.open()).put_key_account(&account).unwrap();
    let mut offered = account.clone();
    offered.order_renewal(&mut bench.random).unwrap();
    assert_eq!(
        kms(&bench.open()).replace_account(&account, &offered),
        Ok(true)
    );
    // The program ends here; the next one finds the same pair, and the client's old keys still good.
    let found = kms(&bench.open()).account("sip:a@b").unwrap().unwrap();
    assert_eq!(found, offered);
    assert!(found.pending.is_some() && found.current == account.current);
}

on_both!(
    kms_accounts_are_replaced_only_from_what_they_were,
    a_kms_request_is_remembered_until_its_time,
    external_certificates_come_back_under_a_growing_number,
    audit_entries_come_back_in_order,
    two_kms_domains_in_one_file_share_nothing,
    old_and_new_master_keys_come_back_with_their_certificates_in_order,
    new_keys_survive_a_crash_between_offer_and_first_use
);
