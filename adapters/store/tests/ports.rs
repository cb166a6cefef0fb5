//! Every port on a real file: what was kept comes back after closing, what must happen once happens once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use roger_adapter_store::{KmsStore, Store, StoreFault, StoreKey, StoredRoot};
use roger_base::{
    GroupId, Impu, KeyId, KmsUri, McpttId, PurposeTag, Secret, SecretBytes, UnixTime,
};
use roger_documents::kms::{CertificateRole, KmsCertificate, KrrList};
use roger_gms::{Change, GroupKeyRecord, GroupRepository, StoredDocument};
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_idm::memory::{MemoryBrowsers, MemoryStore, MemoryUsers};
use roger_idm::ports::{
    BrowserSession, BrowserSessionRepository, ConsentRepository, PasskeyRepository,
    SecondFactorRepository, SigningKeyRepository, StoreError, UserRepository,
};
use roger_idm::{
    Failures, LoginName, Passkey, PasskeyId, PasskeyName, PasskeyUse, Password, PasswordHash,
    SecondFactor, StoredSigningKey, TotpSecret, User, UserState,
};
use roger_keys::{Gmk, Rand};
use roger_kms::ports::{AuditEntry, AuditLog, KeyRepository};
use roger_kms::{CertificateTerms, KeyAccount, KeyPair, SecurityLevel};
use roger_oidc::provider::{
    ApplicationType, Client, ClientDetails, ClientKind, ClientRegistry, ClientRepository,
    CodeGrant, ConsentPolicy, GrantOwner, GrantRepository, PutOutcome, Redemption, RefreshGrant,
    RegistrationPermit, Rotation,
};
use roger_oidc::{
    Acr, Amr, AuthorizationCode, ClientSecret, CodeChallenge, CodeVerifier, GrantId, McVideoId,
    Nonce, OauthClientId, OtherServiceIds, RedirectUri, RefreshToken, Revocations, ScopeSet,
    SessionId, SigningKey, Subject, TokenDigest,
};
use roger_sipcore::{Subscriber, SubscriberRepository};
use roger_testkit::SeededRandom;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

const NOW: UnixTime = UnixTime(1_760_000_000);

fn kms(store: &Store) -> KmsStore {
    store.kms(&KmsUri::new("kms.example.org").unwrap())
}

struct Bench {
    directory: TempDir,
    random: SeededRandom,
}

fn key(octet: u8) -> StoreKey {
    StoreKey::new(Secret::new([octet; 32]))
}

impl Bench {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            random: SeededRandom::new(5),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("roger.sqlite")
    }

    fn open(&self) -> Store {
        Store::open(&self.path(), &key(1)).unwrap()
    }

    /// Everything that rests on the disk, the write-ahead log included.
    fn octets_on_disk(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.directory.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }
}

fn user(name: &str, random: &mut SeededRandom) -> User {
    User {
        subject: Subject::new(format!("subject-of-{name}")).unwrap(),
        login: LoginName::new(name).unwrap(),
        password: PasswordHash::of(&Password::new("secret").unwrap(), random).unwrap(),
        mcptt_id: McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap(),
        others: OtherServiceIds::default(),
        entitlement: ScopeSet::every_mcptt_scope(),
        state: UserState::Enabled,
        failures: Failures::default(),
    }
}

fn code_grant(grant: &str) -> CodeGrant {
    let verifier = CodeVerifier::new("v".repeat(43)).unwrap();
    CodeGrant {
        grant: GrantId::new(grant).unwrap(),
        client_id: OauthClientId::new("app").unwrap(),
        redirect_uri: RedirectUri::new("org.example.mcptt:/cb").unwrap(),
        challenge: CodeChallenge::of(&verifier),
        subject: Subject::new("s").unwrap(),
        scopes: ScopeSet::parse("openid 3gpp:mc:ptt_service").unwrap(),
        nonce: Some(Nonce::new("n").unwrap()),
        authenticated_at: NOW,
        acr: Acr::password(),
        amr: Amr::PasswordAndCode,
        session: Some(SessionId::new("sid").unwrap()),
        expires_at: UnixTime(NOW.0 + 60),
    }
}

fn refresh_grant(grant: &str) -> RefreshGrant {
    let code = code_grant(grant);
    RefreshGrant {
        grant: code.grant,
        client_id: code.client_id,
        subject: code.subject,
        scopes: code.scopes,
        authenticated_at: code.authenticated_at,
        acr: code.acr,
        amr: code.amr,
        session: code.session,
        expires_at: UnixTime(NOW.0 + 86_400),
    }
}

fn digest(text: &str) -> TokenDigest {
    TokenDigest::of(text.as_bytes())
}

#[test]
fn users_come_back_and_names_are_taken_once() {
    let mut bench = Bench::new();
    let alice = user("alice", &mut bench.random);
    bench.open().add(&alice).unwrap();
    let store = bench.open();
    let found = store.by_login(&alice.login).unwrap().unwrap();
    assert_eq!(found.subject, alice.subject);
    assert_eq!(found.mcptt_id, alice.mcptt_id);
    assert_eq!(found.entitlement, alice.entitlement);
    assert_eq!(found.failures, Failures::default());
    assert_eq!(
        found.password.verify(&Password::new("secret").unwrap()),
        Ok(true)
    );
    assert!(store.by_subject(&alice.subject).unwrap().is_some());
    assert!(
        store
            .by_login(&LoginName::new("Alice").unwrap())
            .unwrap()
            .is_none()
    );

    for change in [
        User {
            login: LoginName::new("other").unwrap(),
            subject: Subject::new("other").unwrap(),
            ..alice.clone()
        },
        User {
            login: LoginName::new("other").unwrap(),
            ..alice.clone()
        },
        alice.clone(),
    ] {
        assert_eq!(
            store.add(&change).err(),
            Some(StoreError::LocalDuplicate("user"))
        );
    }
    assert_eq!(
        store.set_user_state(&alice.login, UserState::Disabled),
        Ok(true)
    );
    assert_eq!(
        store.by_login(&alice.login).unwrap().unwrap().state,
        UserState::Disabled
    );
    assert_eq!(
        store.set_user_state(&LoginName::new("nobody").unwrap(), UserState::Disabled),
        Ok(false)
    );
}

#[test]
fn failures_are_replaced_only_from_what_they_were() {
    let mut bench = Bench::new();
    let store = bench.open();
    let alice = user("alice", &mut bench.random);
    store.add(&alice).unwrap();
    let one = Failures {
        count: 1,
        last: Some(NOW),
    };
    let two = Failures {
        count: 2,
        last: Some(NOW),
    };
    assert_eq!(
        store.replace_failures(&alice.subject, Failures::default(), one),
        Ok(true)
    );
    assert_eq!(
        store.replace_failures(&alice.subject, Failures::default(), two),
        Ok(false)
    );
    assert_eq!(store.replace_failures(&alice.subject, one, two), Ok(true));
    assert_eq!(
        store.by_subject(&alice.subject).unwrap().unwrap().failures,
        two
    );
}

#[test]
fn clients_come_back_with_every_redirect_uri() {
    let mut bench = Bench::new();
    let secret = ClientSecret::random(&mut bench.random).unwrap();
    let mut client = Client {
        id: OauthClientId::new("app").unwrap(),
        name: "Roger".to_owned(),
        kind: ClientKind::Confidential {
            secret: secret.digest(),
        },
        redirect_uris: vec![
            RedirectUri::new("a:/1").unwrap(),
            RedirectUri::new("a:/2").unwrap(),
        ],
        scopes: ScopeSet::every_mcptt_scope(),
        details: ClientDetails {
            consent: ConsentPolicy::Ask,
            application: ApplicationType::Web,
            post_logout_redirect_uris: vec![RedirectUri::new("a:/bye").unwrap()],
            registration_token: Some(digest("registration")),
        },
    };
    bench.open().put_client(&client).unwrap();
    let store = bench.open();
    assert_eq!(store.client(&client.id).unwrap(), Some(client.clone()));
    client.redirect_uris.pop();
    client.kind = ClientKind::Public;
    client.details = ClientDetails::default();
    store.put_client(&client).unwrap();
    assert_eq!(store.client(&client.id).unwrap(), Some(client));
    assert_eq!(
        store
            .client(&OauthClientId::new("nobody").unwrap())
            .unwrap(),
        None
    );
}

#[test]
fn a_code_is_redeemed_once_also_after_a_restart() {
    let bench = Bench::new();
    let code = digest("code");
    bench.open().put_code(&code, &code_grant("g")).unwrap();
    assert_eq!(
        bench.open().redeem_code(&code).unwrap(),
        Redemption::Fresh(Box::new(code_grant("g")))
    );
    let replayed = Redemption::Replayed(GrantId::new("g").unwrap());
    assert_eq!(bench.open().redeem_code(&code).unwrap(), replayed);
    assert_eq!(
        bench.open().redeem_code(&digest("other")).unwrap(),
        Redemption::Unknown
    );
}

#[test]
fn of_many_at_once_one_redeems_and_one_rotates() {
    let bench = Bench::new();
    let store = Arc::new(bench.open());
    store.put_code(&digest("code"), &code_grant("g")).unwrap();
    store
        .put_refresh(&digest("token"), &refresh_grant("g"))
        .unwrap();
    let threads: Vec<_> = (0..16)
        .map(|n: u32| {
            let store = store.clone();
            std::thread::spawn(move || {
                let redeemed = matches!(
                    store.redeem_code(&digest("code")).unwrap(),
                    Redemption::Fresh(_)
                );
                let new = digest(&format!("token {n}"));
                let rotated =
                    store.rotate_refresh(&digest("token"), &new).unwrap() == Rotation::Rotated;
                (u32::from(redeemed), u32::from(rotated))
            })
        })
        .collect();
    let done = threads.into_iter().map(|thread| thread.join().unwrap());
    assert_eq!(done.fold((0, 0), |(a, b), (c, d)| (a + c, b + d)), (1, 1));
}

#[test]
fn a_revoked_grant_gives_no_more_refresh_tokens() {
    let bench = Bench::new();
    let store = bench.open();
    let (first, second, third) = (digest("1"), digest("2"), digest("3"));
    let grant = refresh_grant("g");
    assert_eq!(store.put_refresh(&first, &grant), Ok(PutOutcome::Stored));
    assert_eq!(store.refresh(&first), Ok(Some(grant.clone())));
    assert_eq!(store.rotate_refresh(&first, &second), Ok(Rotation::Rotated));
    assert_eq!(store.rotate_refresh(&first, &third), Ok(Rotation::Reused));
    assert_eq!(store.rotate_refresh(&third, &first), Ok(Rotation::Unknown));
    assert!(!Revocations::is_revoked(&store, &grant.grant));
    store.revoke_grant(&grant.grant).unwrap();
    store.revoke_grant(&grant.grant).unwrap();
    let store = bench.open();
    assert!(Revocations::is_revoked(&store, &grant.grant));
    assert_eq!(
        store.rotate_refresh(&second, &third),
        Ok(Rotation::GrantRevoked)
    );
    assert_eq!(
        store.put_refresh(&third, &grant),
        Ok(PutOutcome::GrantRevoked)
    );
}

#[test]
fn ended_grants_are_forgotten_when_no_token_of_theirs_can_live() {
    let bench = Bench::new();
    let store = bench.open();
    store.put_code(&digest("code"), &code_grant("g")).unwrap();
    store
        .put_refresh(&digest("token"), &refresh_grant("g"))
        .unwrap();
    let grant = GrantId::new("g").unwrap();
    store.revoke_grant(&grant).unwrap();
    assert_eq!(
        store.forget_ended_grants(UnixTime(NOW.0 + 60 + 7200)),
        Ok(0)
    );
    assert_eq!(
        store.forget_ended_grants(UnixTime(NOW.0 + 61 + 7200)),
        Ok(1)
    );
    assert!(Revocations::is_revoked(&store, &grant));
    assert_eq!(
        store.forget_ended_grants(UnixTime(NOW.0 + 86_401 + 7200)),
        Ok(2)
    );
    assert!(!Revocations::is_revoked(&store, &grant));
}

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

#[test]
fn sign_on_ports_hold_in_memory_and_on_the_disk() {
    let bench = Bench::new();
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

#[test]
fn a_password_is_replaced_only_from_what_it_was() {
    let mut bench = Bench::new();
    let (memory, store) = (MemoryUsers::default(), bench.open());
    let mut alice = user("alice", &mut bench.random);
    alice.others.mcvideo = Some(McVideoId::new("sip:alice@video.example.org").unwrap());
    let new = PasswordHash::of(&Password::new("new secret").unwrap(), &mut bench.random).unwrap();
    for users in [&memory as &dyn UserRepository, &store] {
        users.add(&alice).unwrap();
        let replace = |from: &PasswordHash, to: &PasswordHash| {
            users.replace_password(&alice.subject, from, to).unwrap()
        };
        assert!(replace(&alice.password, &new));
        assert!(!replace(&alice.password, &new));
        let found = users.by_subject(&alice.subject).unwrap().unwrap();
        assert!(found.password == new);
        assert_eq!(found.others, alice.others);
    }
}

#[test]
fn the_secret_of_a_second_factor_is_sealed() {
    let bench = Bench::new();
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
    let octets = bench.octets_on_disk();
    assert!(octets.windows(5).any(|window| window == b"alice"));
    assert!(!octets.windows(secret.len()).any(|window| window == secret));
}

#[test]
fn signing_keys_come_back_oldest_first() {
    let bench = Bench::new();
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

#[test]
fn kms_accounts_are_replaced_only_from_what_they_were() {
    let mut bench = Bench::new();
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

#[test]
fn a_kms_request_is_remembered_until_its_time() {
    let bench = Bench::new();
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

#[test]
fn external_certificates_come_back_under_a_growing_number() {
    let bench = Bench::new();
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

#[test]
fn audit_entries_come_back_in_order() {
    let bench = Bench::new();
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

#[test]
fn two_kms_domains_in_one_file_share_nothing() {
    let mut bench = Bench::new();
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

#[test]
fn old_and_new_master_keys_come_back_with_their_certificates_in_order() {
    let mut bench = Bench::new();
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

#[test]
fn new_keys_survive_a_crash_between_offer_and_first_use() {
    let mut bench = Bench::new();
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

fn group_key(random: &mut SeededRandom) -> GroupKeyRecord {
    GroupKeyRecord {
        gmk: Gmk::random(random).unwrap(),
        group: GroupId::new("sip:fire-1@mcptt.example.org").unwrap(),
        activation: NOW,
        expiry: Some(UnixTime(NOW.0 + 86_400)),
        revoke_at: None,
        revoked: false,
    }
}

#[test]
fn a_change_of_the_group_server_is_kept_whole() {
    let mut bench = Bench::new();
    let store = bench.open();
    let group = GroupId::new("sip:fire-1@mcptt.example.org").unwrap();
    let member = McpttId::new("sip:alice@mcptt.example.org").unwrap();
    let document = |text: &str| StoredDocument {
        octets: text.as_bytes().to_vec(),
        etag: format!("e-{text}"),
    };
    let mut key = group_key(&mut bench.random);
    let change = Change {
        group: Some((group.clone(), Some(document("group")))),
        keys: vec![key.clone()],
        transport: vec![(member.clone(), Some(document("gktp")))],
    };
    store.commit(&change).unwrap();
    let store = bench.open();
    assert_eq!(store.group(&group).unwrap(), Some(document("group")));
    assert_eq!(store.transport(&member).unwrap(), Some(document("gktp")));
    let keys = store.keys().unwrap();
    assert_eq!(keys.len(), 1);
    assert!(keys[0].gmk.secret() == key.gmk.secret());
    assert_eq!(keys[0].gmk.rand().octets(), key.gmk.rand().octets());
    assert_eq!(
        (keys[0].id(), keys[0].activation, keys[0].expiry),
        (key.id(), key.activation, key.expiry)
    );

    key.revoked = true;
    let removal = Change {
        group: Some((group.clone(), None)),
        keys: vec![key],
        transport: vec![(member.clone(), None)],
    };
    store.commit(&removal).unwrap();
    assert_eq!(store.group(&group).unwrap(), None);
    assert_eq!(store.transport(&member).unwrap(), None);
    assert!(store.keys().unwrap().is_empty());
}

/// Documents of a large change: seen by nobody before the commit, forgotten without one.
#[test]
fn documents_set_aside_appear_with_the_commit_or_never() {
    let bench = Bench::new();
    let store = bench.open();
    let member = |name: &str| McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap();
    let document = |text: &str| StoredDocument {
        octets: text.as_bytes().to_vec(),
        etag: format!("e-{text}"),
    };
    let (alice, bob) = (member("alice"), member("bob"));
    let first = [(alice.clone(), Some(document("one")))];
    store.set_aside(&first).unwrap();
    assert_eq!(store.transport(&alice).unwrap(), None);
    let store = bench.open();
    store.discard_set_aside().unwrap();
    store.commit(&Change::default()).unwrap();
    assert_eq!(store.transport(&alice).unwrap(), None);

    store.set_aside(&first).unwrap();
    let change = Change {
        transport: vec![(bob.clone(), Some(document("two")))],
        ..Change::default()
    };
    store.commit(&change).unwrap();
    assert_eq!(store.transport(&alice).unwrap(), Some(document("one")));
    assert_eq!(store.transport(&bob).unwrap(), Some(document("two")));

    store.set_aside(&[(alice.clone(), None)]).unwrap();
    assert_eq!(store.transport(&alice).unwrap(), Some(document("one")));
    store.commit(&Change::default()).unwrap();
    assert_eq!(store.transport(&alice).unwrap(), None);
    assert_eq!(store.transport(&bob).unwrap(), Some(document("two")));
}

#[test]
fn subscribers_come_back_with_their_identities_in_order() {
    let bench = Bench::new();
    let store = bench.open();
    let subscriber = |name: &str, identities: &[&str]| Subscriber {
        username: name.to_owned(),
        identities: identities
            .iter()
            .map(|identity| Impu::new(*identity).unwrap())
            .collect(),
        password: SecretBytes::new(format!("password of {name}").into_bytes()),
    };
    store
        .put_subscriber(&subscriber(
            "user1",
            &["sip:z@ims.example", "tel:+1", "sip:a@ims.example"],
        ))
        .unwrap();
    store
        .put_subscriber(&subscriber("user2", &["sip:user2@ims.example"]))
        .unwrap();
    let stolen = store.put_subscriber(&subscriber(
        "user3",
        &["sip:new@ims.example", "sip:user2@ims.example"],
    ));
    assert_eq!(stolen, Err(StoreFault::LocalDuplicate));

    let all = bench.open().subscribers().unwrap();
    let found = all.by_identity("tel:+1").unwrap();
    assert_eq!(found.username, "user1");
    let identities: Vec<_> = found.identities.iter().map(Impu::as_str).collect();
    assert_eq!(
        identities,
        ["sip:z@ims.example", "tel:+1", "sip:a@ims.example"]
    );
    assert!(found.password == SecretBytes::new(b"password of user1".to_vec()));
    // The refused subscriber left nothing behind.
    assert!(all.by_username("user3").is_none() && all.by_identity("sip:new@ims.example").is_none());
}

#[test]
fn another_key_does_not_open_the_store() {
    let bench = Bench::new();
    drop(bench.open());
    assert_eq!(
        Store::open(&bench.path(), &key(2)).err(),
        Some(StoreFault::LocalWrongKey)
    );
    assert!(Store::open(&bench.path(), &key(1)).is_ok());
}

#[test]
fn a_file_that_is_no_database_or_cannot_be_made_is_refused() {
    let bench = Bench::new();
    std::fs::write(bench.path(), "this is not a database, not even a small one").unwrap();
    assert!(matches!(
        Store::open(&bench.path(), &key(1)).err(),
        Some(StoreFault::LocalUnavailable(_))
    ));
    let nowhere = bench.directory.path().join("missing").join("roger.sqlite");
    assert!(matches!(
        Store::open(&nowhere, &key(1)).err(),
        Some(StoreFault::LocalUnavailable(_))
    ));
}

#[test]
fn nothing_secret_rests_in_the_file() {
    let mut bench = Bench::new();
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

    let disk = bench.octets_on_disk();
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

#[test]
fn a_gmk_needs_its_purpose_tag() {
    // What `read_key` relies on: a row whose id is no GMK-ID is refused by the type.
    let rand = Rand::new(&[1; 16]).unwrap();
    assert!(Gmk::new(Secret::new([1; 16]), KeyId::new(PurposeTag::Csk, 1), rand).is_err());
}
