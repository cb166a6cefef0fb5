//! Browsers, consents, second factors, registration, signing keys.

use crate::bench::{Bench, NOW, code_grant, digest, on_both, refresh_grant};
use roger_base::{SecretBytes, UnixTime};
use roger_idm::memory::{MemoryBrowsers, MemoryStore, MemoryUsers};
use roger_idm::ports::{
    BrowserSession, BrowserSessionRepository, ConsentRepository, PasskeyRepository,
    SecondFactorRepository, SigningKeyRepository, StoreError,
};
use roger_idm::{
    Passkey, PasskeyId, PasskeyName, PasskeyUse, SecondFactor, StoredSigningKey, TotpSecret,
};
use roger_oidc::provider::{
    Client, ClientDetails, ClientKind, ClientRegistry, CodeGrant, GrantOwner, GrantRepository,
    PutOutcome, RefreshGrant, RegistrationPermit,
};
use roger_oidc::{
    Amr, GrantId, OauthClientId, RedirectUri, ScopeSet, SessionId, SigningKey, Subject,
};

/// Both implementations of a port hold the same contract.
fn holds_browsers(store: &dyn BrowserSessionRepository) {
    let session = |id: &str, subject: &str| BrowserSession {
        id: SessionId::new(id).unwrap(),
        subject: Subject::new(subject).unwrap(),
        authenticated_at: NOW,
        amr: Amr::PasswordAndCode,
        expires_at: UnixTime(NOW.0 + 100),
    };
    for (key, id, subject) in [
        ("1", "s1", "alice"),
        ("2", "s2", "alice"),
        ("3", "s3", "bob"),
    ] {
        let put = store.put_browser(&digest(key), &session(id, subject), NOW);
        assert_eq!(put, Ok(()));
    }
    let found = |key: &str, after: u64| {
        let found = store.browser(&digest(key), UnixTime(NOW.0 + after));
        found.unwrap().map(|session| session.id.as_str().to_owned())
    };
    assert_eq!(
        store.browser(&digest("1"), NOW),
        Ok(Some(session("s1", "alice")))
    );
    assert_eq!(found("1", 99).as_deref(), Some("s1"));
    assert_eq!(found("1", 100), None);
    assert_eq!(found("s1", 0), None);
    let of = |subject: &str, after: u64| {
        let subject = Subject::new(subject).unwrap();
        let all = store.browsers_of(&subject, UnixTime(NOW.0 + after));
        let ids = all.unwrap().into_iter();
        let mut ids: Vec<_> = ids.map(|own| own.id.as_str().to_owned()).collect();
        ids.sort();
        ids
    };
    assert_eq!(of("alice", 99), ["s1", "s2"]);
    assert!(of("alice", 100).is_empty() && of("nobody", 0).is_empty());
    store.end_browser(&SessionId::new("s1").unwrap()).unwrap();
    assert_eq!(of("alice", 0), ["s2"]);
    assert_eq!(found("1", 0), None);
    assert_eq!(found("2", 0).as_deref(), Some("s2"));
    let alice = Subject::new("alice").unwrap();
    store.end_browsers_of(&alice).unwrap();
    assert_eq!(found("2", 0), None);
    assert_eq!(found("3", 0).as_deref(), Some("s3"));
}

fn holds_consents(store: &dyn ConsentRepository) {
    let (alice, app) = (
        Subject::new("alice").unwrap(),
        OauthClientId::new("app").unwrap(),
    );
    assert_eq!(store.consent(&alice, &app), Ok(ScopeSet::default()));
    for scopes in ["openid", "openid 3gpp:mc:ptt_service"] {
        let scopes = ScopeSet::parse(scopes).unwrap();
        store.put_consent(&alice, &app, &scopes).unwrap();
        assert_eq!(store.consent(&alice, &app), Ok(scopes));
    }
    let bob = Subject::new("bob").unwrap();
    assert_eq!(store.consent(&bob, &app), Ok(ScopeSet::default()));
}

fn holds_passkeys(store: &dyn PasskeyRepository) {
    let passkey = |id: u8, name: &str| Passkey {
        id: PasskeyId::new(vec![id, 0, 255]).unwrap(),
        subject: Subject::new(name).unwrap(),
        name: PasskeyName::new("my phone").unwrap(),
        usage: PasskeyUse::Alone,
        credential: format!("counter of {id}: 1"),
        created_at: NOW,
        used_at: None,
    };
    let (first, theirs) = (passkey(1, "alice"), passkey(2, "bob"));
    let second = Passkey {
        usage: PasskeyUse::AfterPassword,
        created_at: UnixTime(NOW.0 + 1),
        ..passkey(0, "alice")
    };
    for one in [&second, &first, &theirs] {
        store.add_passkey(one).unwrap();
        assert_eq!(store.passkey(&one.id).unwrap().as_ref(), Some(one));
    }
    // A name is taken once, whoever has it.
    let stolen = Passkey {
        subject: theirs.subject.clone(),
        ..first.clone()
    };
    let taken = store.add_passkey(&stolen).err().unwrap();
    assert!(matches!(taken, StoreError::LocalDuplicate(_)));
    let alice = first.subject.clone();
    let own = store.passkeys_of(&alice).unwrap();
    assert_eq!(own.iter().map(|own| &own.id).collect::<Vec<_>>().len(), 2);
    assert!(own.contains(&first) && own.contains(&second));

    // Of two answers at the same counter one is good.
    let later = UnixTime(NOW.0 + 9);
    assert_eq!(store.passkey_used(&first, "counter 2", later), Ok(true));
    assert_eq!(store.passkey_used(&first, "counter 2", later), Ok(false));
    let used = store.passkey(&first.id).unwrap().unwrap();
    assert_eq!(used.credential, "counter 2");
    assert_eq!(used.used_at, Some(later));
    assert_eq!(store.passkey(&theirs.id).unwrap(), Some(theirs.clone()));

    assert_eq!(store.remove_passkey(&alice, &theirs.id), Ok(false));
    assert_eq!(store.remove_passkey(&alice, &first.id), Ok(true));
    assert_eq!(store.remove_passkey(&alice, &first.id), Ok(false));
    assert_eq!(store.passkey_used(&used, "counter 3", later), Ok(false));
    assert_eq!(store.passkeys_of(&alice).unwrap(), [second]);
}

fn holds_second_factors(store: &dyn SecondFactorRepository) {
    let alice = Subject::new("alice").unwrap();
    let mut recovery = vec![digest("r1"), digest("r2")];
    recovery.sort();
    let factor = SecondFactor {
        secret: TotpSecret::from_octets(SecretBytes::new(vec![7; 20])),
        last_step: 10,
        recovery,
    };
    assert!(store.second_factor(&alice).unwrap().is_none());
    assert_eq!(store.use_step(&alice, 11), Ok(false));
    store.put_second_factor(&alice, Some(&factor)).unwrap();
    assert!(store.second_factor(&alice).unwrap().unwrap() == factor);
    assert_eq!(store.use_step(&alice, 10), Ok(false));
    assert_eq!(store.use_step(&alice, 11), Ok(true));
    assert_eq!(store.use_step(&alice, 11), Ok(false));
    assert_eq!(store.use_recovery_code(&alice, &digest("r1")), Ok(true));
    assert_eq!(store.use_recovery_code(&alice, &digest("r1")), Ok(false));
    assert_eq!(store.use_recovery_code(&alice, &digest("r3")), Ok(false));
    let left = store.second_factor(&alice).unwrap().unwrap();
    assert_eq!((left.last_step, left.recovery), (11, vec![digest("r2")]));
    store.put_second_factor(&alice, None).unwrap();
    assert!(store.second_factor(&alice).unwrap().is_none());
    assert_eq!(store.use_recovery_code(&alice, &digest("r2")), Ok(false));
}

fn registers(store: &dyn ClientRegistry) {
    let client = Client {
        id: OauthClientId::new("self-made").unwrap(),
        name: "App".to_owned(),
        kind: ClientKind::Public,
        redirect_uris: vec![RedirectUri::new("a.b:/1").unwrap()],
        scopes: ScopeSet::every_mc_scope(),
        details: ClientDetails::default(),
    };
    store.keep_client(&client).unwrap();
    assert_eq!(store.client(&client.id), Ok(Some(client.clone())));
    store.remove_client(&client.id).unwrap();
    assert_eq!(store.client(&client.id), Ok(None));
    let permit = RegistrationPermit {
        uses: 2,
        expires_at: UnixTime(NOW.0 + 10),
    };
    store.put_permit(&digest("permit"), &permit).unwrap();
    let used = |token: &str, after| store.use_permit(&digest(token), UnixTime(NOW.0 + after));
    assert_eq!(used("other", 0), Ok(false));
    assert_eq!(used("permit", 10), Ok(false));
    assert_eq!(used("permit", 9), Ok(true));
    assert_eq!(used("permit", 9), Ok(true));
    assert_eq!(used("permit", 9), Ok(false));
}

fn revokes_by_owner(store: &dyn GrantRepository) {
    let grant = |name: &str, session: &str, subject: &str, client: &str| RefreshGrant {
        session: Some(SessionId::new(session).unwrap()),
        subject: Subject::new(subject).unwrap(),
        client_id: OauthClientId::new(client).unwrap(),
        ..refresh_grant(name)
    };
    let grants = [
        grant("g1", "s1", "alice", "app"),
        grant("g2", "s2", "alice", "app"),
        grant("g3", "s3", "bob", "app"),
        grant("g4", "s4", "carol", "other"),
    ];
    for (number, grant) in grants.iter().enumerate() {
        let token = digest(&number.to_string());
        assert_eq!(store.put_refresh(&token, grant), Ok(PutOutcome::Stored));
    }
    let code = CodeGrant {
        session: Some(SessionId::new("s1").unwrap()),
        ..code_grant("g5")
    };
    store.put_code(&digest("owned code"), &code).unwrap();
    let revoked = || {
        let names = ["g1", "g2", "g3", "g4", "g5"].into_iter();
        let is = |name: &&str| store.is_revoked(&GrantId::new(*name).unwrap()).unwrap();
        names.filter(is).collect::<Vec<_>>()
    };
    assert_eq!(revoked(), Vec::<&str>::new());
    let session = GrantOwner::Session(SessionId::new("s1").unwrap());
    store.revoke_grants_of(&session).unwrap();
    store.revoke_grants_of(&session).unwrap();
    assert_eq!(revoked(), ["g1", "g5"]);
    let subject = GrantOwner::Subject(Subject::new("alice").unwrap());
    store.revoke_grants_of(&subject).unwrap();
    assert_eq!(revoked(), ["g1", "g2", "g5"]);
    let client = GrantOwner::Client(OauthClientId::new("other").unwrap());
    store.revoke_grants_of(&client).unwrap();
    assert_eq!(revoked(), ["g1", "g2", "g4", "g5"]);
}

fn sign_on_ports_hold_in_memory_and_on_the_disk(bench: &mut Bench) {
    let (users, store) = (MemoryUsers::default(), bench.open());
    holds_browsers(&MemoryBrowsers::default());
    holds_browsers(&store);
    holds_consents(&users);
    holds_consents(&store);
    holds_second_factors(&users);
    holds_second_factors(&store);
    holds_passkeys(&users);
    holds_passkeys(&store);
    revokes_by_owner(&MemoryStore::default());
    revokes_by_owner(&store);
    registers(&MemoryStore::default());
    registers(&store);
}

fn signing_keys_come_back_oldest_first(bench: &mut Bench) {
    let store = bench.open();
    let keys: Vec<_> = (0..3)
        .map(|n| {
            let key = SigningKey::generate(roger_oidc::Algorithm::Es256).unwrap();
            StoredSigningKey {
                kid: key.kid().to_owned(),
                algorithm: key.algorithm(),
                pkcs8: key.pkcs8().clone(),
                created_at: UnixTime(NOW.0 + 2 - n),
            }
        })
        .collect();
    keys.iter()
        .for_each(|key| store.add_signing_key(key).unwrap());
    let found = bench.open().signing_keys().unwrap();
    let ids =
        |keys: &[StoredSigningKey]| keys.iter().map(|key| key.kid.clone()).collect::<Vec<_>>();
    let mut reversed = ids(&keys);
    reversed.reverse();
    assert_eq!(ids(&found), reversed);
    assert!(found[2].pkcs8 == keys[0].pkcs8);
    store.remove_signing_key(&keys[0].kid).unwrap();
    assert_eq!(store.signing_keys().unwrap().len(), 2);
}

on_both!(
    sign_on_ports_hold_in_memory_and_on_the_disk,
    signing_keys_come_back_oldest_first
);
