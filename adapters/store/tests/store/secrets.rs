//! What must not be read from the database.

use crate::bench::{Bench, NOW, code_grant, digest, group_key, kms, on_both, refresh_grant, user};
use roger_adapter_store::StoredRoot;
use roger_base::{KmsUri, SecretBytes};
use roger_gms::{Change, GroupRepository};
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_idm::ports::{SecondFactorRepository, SigningKeyRepository, UserRepository};
use roger_idm::{SecondFactor, StoredSigningKey, TotpSecret};
use roger_kms::{CertificateTerms, KeyAccount};
use roger_oidc::provider::GrantRepository;
use roger_oidc::{AuthorizationCode, RefreshToken, SigningKey, Subject};
use roger_sipcore::Subscriber;

fn the_secret_of_a_second_factor_is_sealed(bench: &mut Bench) {
    let store = bench.open();
    let secret = b"a secret of twenty o".to_vec();
    let factor = SecondFactor {
        secret: TotpSecret::from_octets(SecretBytes::new(secret.clone())),
        last_step: 1,
        recovery: vec![digest("r")],
    };
    let alice = Subject::new("alice").unwrap();
    store.put_second_factor(&alice, Some(&factor)).unwrap();
    drop(store);
    let octets = bench.at_rest();
    assert!(octets.windows(5).any(|window| window == b"alice"));
    assert!(!octets.windows(secret.len()).any(|window| window == secret));
}

fn nothing_secret_rests_in_the_database(bench: &mut Bench) {
    let store = bench.open();
    let code = AuthorizationCode::random(&mut bench.random).unwrap();
    let token = RefreshToken::random(&mut bench.random).unwrap();
    let signing = SigningKey::generate(roger_oidc::Algorithm::Es256).unwrap();
    let account = KeyAccount::provision("sip:alice@mcptt.example.org", &mut bench.random).unwrap();
    let domain = KmsUri::new("kms.example.org").unwrap();
    let period = KeyPeriod::new(100, 5).unwrap();
    let master = KmsMaster::generate(domain, period, &mut bench.random).unwrap();
    let (ksak, z) = master.to_secrets();
    let group_key = group_key(&mut bench.random);
    let alice = user("alice", &mut bench.random);
    store.add(&alice).unwrap();
    store.put_code(&code.digest(), &code_grant("g")).unwrap();
    store
        .put_refresh(&token.digest(), &refresh_grant("g"))
        .unwrap();
    let stored = StoredSigningKey {
        kid: signing.kid().to_owned(),
        algorithm: signing.algorithm(),
        pkcs8: signing.pkcs8().clone(),
        created_at: NOW,
    };
    store.add_signing_key(&stored).unwrap();
    kms(&store).put_key_account(&account).unwrap();
    let terms = CertificateTerms::default();
    kms(&store).add_root(&StoredRoot { master, terms }).unwrap();
    store
        .commit(&Change {
            keys: vec![group_key.clone()],
            ..Change::default()
        })
        .unwrap();
    let subscriber = Subscriber {
        username: "user1".to_owned(),
        identities: Vec::new(),
        password: SecretBytes::new(b"digest password of user1".to_vec()),
    };
    store.put_subscriber(&subscriber).unwrap();
    drop(store);

    let disk = bench.at_rest();
    let contains = |wanted: &[u8]| disk.windows(wanted.len()).any(|window| window == wanted);
    assert!(
        contains(b"sip:alice@mcptt.example.org"),
        "the search itself works"
    );
    let pair = account.current.unwrap();
    let integrity = pair.integrity.unwrap();
    let ecdsa_scalar = signing.pkcs8().expose().get(36..68).unwrap();
    let secrets: [&[u8]; 10] = [
        code.expose().as_bytes(),
        token.expose().as_bytes(),
        signing.pkcs8().expose(),
        ecdsa_scalar,
        pair.transport.key.expose(),
        integrity.key.expose(),
        ksak.expose(),
        z.expose(),
        group_key.gmk.secret().expose(),
        subscriber.password.expose(),
    ];
    for (index, secret) in secrets.into_iter().enumerate() {
        assert!(!contains(secret), "secret {index} in clear");
        assert!(
            !contains(hex::encode(secret).as_bytes()),
            "secret {index} in hexadecimal"
        );
    }
}

on_both!(
    the_secret_of_a_second_factor_is_sealed,
    nothing_secret_rests_in_the_database
);
