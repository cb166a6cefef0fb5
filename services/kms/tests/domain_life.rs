//! What changes in the life of a domain: periods, master keys, revocation, other domains, protection of clients.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod common;

use common::{ALICE, BOB, Client, NOW, PERIOD, Tokens, World, checked, url};
use roger_base::{KmsUri, NtpTime, UnixTime};
use roger_documents::kms::{
    CertificateRole, Dialect, KRR_NAMESPACE, KmsCertificate, KrrList, Release,
};
use roger_documents::kms_client::{
    ClientKeys, ClientPolicy, KeyTransport, KmsAnswer, KmsClient, RawKeySet, Resource,
};
use roger_ibc::uid::KeyPeriod;
use roger_ibc::{KmsDomain, KmsMaster};
use roger_kms::memory::{MemoryAudit, MemoryRepository};
use roger_kms::{
    CertificateTerms, Channel, Credential, DirectoryError, DomainAddress, HttpAnswer, HttpRequest,
    KeyAccount, Kms, KmsConfig, KmsDirectory, Method, Ports, Refusal, RootError, SecurityLevel,
};
use roger_testkit::SeededRandom;
use std::sync::Arc;

const TOKEN: Credential<'static> = Credential::Bearer("good:sip:alice@mcptt.example.org");

fn own_keys() -> Resource {
    Resource::KeyProv(ALICE.into())
}

fn sets(answer: KmsAnswer) -> Vec<RawKeySet> {
    match answer {
        KmsAnswer::KeyProv { key_sets, .. } => key_sets,
        other => panic!("{other:?}"),
    }
}

fn text(answer: &HttpAnswer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

fn master(seed: u64, kms_uri: &str, offset: u64) -> KmsMaster {
    let period = KeyPeriod::new(PERIOD, offset).unwrap();
    KmsMaster::generate(
        KmsUri::new(kms_uri).unwrap(),
        period,
        &mut SeededRandom::new(seed),
    )
    .unwrap()
}

fn ports(repository: &Arc<MemoryRepository>, audit: &Arc<MemoryAudit>) -> Ports {
    Ports {
        repository: repository.clone(),
        tokens: Arc::new(Tokens),
        audit: audit.clone(),
    }
}

#[test]
fn periods_with_an_offset_change_at_their_own_time() {
    let offset = 86_400;
    let period = KeyPeriod::new(PERIOD, offset).unwrap();
    let mut world = World::with(
        KmsConfig {
            past_periods: 2,
            ..KmsConfig::default()
        },
        None,
    );
    world.kms = Kms::new(
        master(7, "kms.example.org", offset),
        KmsConfig {
            past_periods: 2,
            ..KmsConfig::default()
        },
        ports(&world.repository, &world.audit),
    );
    let alice = world.client(ALICE);
    let current = period.number_at(NOW.to_ntp());
    let begin = period.start_of(current).seconds;
    assert_eq!((begin - offset) % PERIOD, 0);
    let at = |seconds: u64| {
        Resource::KeyProvAt(
            ALICE.into(),
            NtpTime {
                seconds,
                fraction: 0,
            },
        )
    };
    for (seconds, expected) in [
        (begin, Some(current)),
        (begin - 1, Some(current - 1)),
        (begin + PERIOD - 1, Some(current)),
        (begin + PERIOD, Some(current + 1)),
        (begin + 2 * PERIOD - 1, Some(current + 1)),
        (begin + 2 * PERIOD, None),
        (begin - 2 * PERIOD, Some(current - 2)),
        (begin - 2 * PERIOD - 1, None),
    ] {
        let answer = world.ask(&alice, &at(seconds));
        match (alice.open(&answer, &at(seconds), NOW).unwrap(), expected) {
            (KmsAnswer::KeyProv { key_sets, .. }, Some(number)) => {
                assert_eq!(key_sets[0].key_period_no, number);
                assert_eq!(
                    key_sets[0].valid_from,
                    Some(period.start_of(number).to_unix())
                );
            }
            (KmsAnswer::Refused(error), None) => {
                assert_eq!((answer.status, error.code), (400, 400));
                assert_eq!(error.message, Refusal::PeerPeriod.to_string());
            }
            other => panic!("{seconds}: {other:?}"),
        }
    }
}

fn overlap(now: UnixTime) -> (World, KmsDomain, KmsDomain) {
    let mut world = World::new();
    let config = KmsConfig {
        cert_uri: Some("cert1".into()),
        valid_to: Some(UnixTime(NOW.0 + 10)),
        ..KmsConfig::default()
    };
    let (old, new) = (
        master(1, "kms.example.org", 0),
        master(2, "kms.example.org", 0),
    );
    let domains = (old.domain().clone(), new.domain().clone());
    let terms = CertificateTerms {
        cert_uri: Some("cert2".into()),
        valid_from: Some(NOW),
        ..CertificateTerms::default()
    };
    let kms = Kms::new(old, config, ports(&world.repository, &world.audit));
    world.kms = kms.with_successor(new, terms).unwrap();
    world.now = now;
    (world, domains.0, domains.1)
}

fn root_at(now: u64) -> Option<String> {
    let (mut world, ..) = overlap(UnixTime(now));
    let alice = world.client(ALICE);
    let KmsAnswer::Init { certificate, .. } = world.answer(&alice, &Resource::Init) else {
        panic!()
    };
    certificate.cert_uri
}

#[test]
fn while_master_keys_change_both_certificates_serve() {
    assert_eq!(root_at(NOW.0 - 1).as_deref(), Some("cert1"));
    assert_eq!(root_at(NOW.0).as_deref(), Some("cert2"));
    assert_eq!(root_at(NOW.0 + 11).as_deref(), Some("cert2"));
    let (mut world, old, new) = overlap(NOW);
    let alice = world.client(ALICE);
    let both = sets(world.answer(&alice, &own_keys()));
    let names: Vec<_> = both
        .iter()
        .map(|set| set.cert_uri.as_deref().unwrap())
        .collect();
    assert_eq!(names, ["cert2", "cert1"]);
    assert!(checked(&new, &both[0]).is_ok() && checked(&old, &both[1]).is_ok());
    assert!(checked(&old, &both[0]).is_err());
    let own = Resource::Cert(KmsUri::new("kms.example.org").unwrap());
    let KmsAnswer::Certificates { certificates, .. } = world.answer(&alice, &own) else {
        panic!()
    };
    assert_eq!(certificates.len(), 2);
    // In the period after the old certificate's end only the new one serves.
    let later = Resource::KeyProvAt(ALICE.into(), UnixTime(NOW.0 + PERIOD).to_ntp());
    let after = sets(world.answer(&alice, &later));
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].cert_uri.as_deref(), Some("cert2"));
}

#[test]
fn certificates_of_another_domain_or_of_one_name_are_no_successors() {
    let world = World::new();
    let kms = || {
        Kms::new(
            master(1, "kms.example.org", 0),
            KmsConfig::default(),
            ports(&world.repository, &world.audit),
        )
    };
    let named = |name: &str| CertificateTerms {
        cert_uri: Some(name.into()),
        ..CertificateTerms::default()
    };
    let other = kms().with_successor(master(2, "kms.other.example", 0), named("b"));
    assert_eq!(other.err(), Some(RootError::LocalOtherDomain));
    let same = kms().with_successor(master(2, "kms.example.org", 0), CertificateTerms::default());
    assert_eq!(same.err(), Some(RootError::LocalSameCertUri));
}

#[test]
fn under_a_revoked_certificate_nothing_is_issued_and_clients_are_told() {
    let mut world = World::with(
        KmsConfig {
            revoked: true,
            ..KmsConfig::default()
        },
        None,
    );
    let alice = world.client(ALICE);
    let KmsAnswer::Init { certificate, .. } = world.answer(&alice, &Resource::Init) else {
        panic!()
    };
    assert!(certificate.revoked);
    let answer = world.ask(&alice, &own_keys());
    assert_eq!(answer.status, 503);
    assert!(text(&answer).contains("KmsError") && !text(&answer).contains("KmsKeySet"));
}

#[test]
fn a_revoked_key_set_is_told_and_its_keys_are_not_sent() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let domain = world.domain(&alice);
    let good = sets(world.answer(&alice, &own_keys())).remove(0);
    world.repository.revoke(ALICE, good.key_period_no);
    world.now = UnixTime(NOW.0 + 1);
    let revoked = sets(world.answer(&alice, &own_keys())).remove(0);
    assert!(revoked.revoked && revoked.key_period_no == good.key_period_no);
    assert!(revoked.rsk.expose() == &[0; 257] && revoked.ssk.expose() == &[0; 32]);
    assert!(checked(&domain, &revoked).is_err());
    assert!(world.audit.entries().last().unwrap().released.is_empty());
    let next = Resource::KeyProvAt(ALICE.into(), UnixTime(NOW.0 + PERIOD).to_ntp());
    let next = sets(world.answer(&alice, &next)).remove(0);
    assert!(!next.revoked && checked(&domain, &next).is_ok());
    let bob = world.client(BOB);
    let bobs = sets(world.answer(&bob, &Resource::KeyProv(BOB.into())));
    assert!(!bobs[0].revoked, "the keys of another user stay good");
}

#[test]
fn another_users_keys_are_refused_and_the_attempt_is_recorded() {
    let mut world = World::new();
    let bob = world.client(BOB);
    let answer = world.ask(&bob, &own_keys());
    assert_eq!(answer.status, 403);
    assert!(text(&answer).contains("<ErrorCode>403</ErrorCode>"));
    let entry = world.audit.entries().pop().unwrap();
    assert_eq!((entry.caller.as_deref(), entry.status), (Some(BOB), 403));
    assert_eq!(entry.kms_uri, "kms.example.org");
    assert!(entry.path.contains("alice") && entry.released.is_empty());
    assert_eq!(entry.refusal, Some(Refusal::DeniedIdentity.to_string()));
}

#[test]
fn the_domains_of_a_user_are_looked_up() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let lookup = |user: &str| Resource::Lookup(user.into());
    let uri = |uri: &str| KmsUri::new(uri).unwrap();
    let KmsAnswer::Lookup(home) = world.answer(&alice, &lookup(BOB)) else {
        panic!()
    };
    assert_eq!(home, [uri("kms.example.org")]);
    let stranger = "sip:x@other.example";
    let answer = world.ask(&alice, &lookup(stranger));
    assert_eq!(answer.status, 404);
    assert!(matches!(
        alice.open(&answer, &lookup(stranger), NOW),
        Ok(KmsAnswer::Refused(_))
    ));
    world.repository.put_domains(
        stranger,
        vec![uri("kms.other.example"), uri("kms.migration.example")],
    );
    world.now = UnixTime(NOW.0 + 1);
    let KmsAnswer::Lookup(found) = world.answer(&alice, &lookup(stranger)) else {
        panic!()
    };
    assert_eq!(
        found,
        [uri("kms.other.example"), uri("kms.migration.example")]
    );
}

#[test]
fn redirect_responses_are_kept_and_taken_only_at_their_path() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let list = KrrList::new(format!(
        "<KrrList xmlns=\"{}\" xmlns:k=\"{KRR_NAMESPACE}\"><k:KmsRedirectResponse/></KrrList>",
        roger_documents::kms::NAMESPACE
    ))
    .unwrap();
    let upload = Resource::Redirect(list);
    assert_eq!(world.answer(&alice, &upload), KmsAnswer::Taken);
    let kept = world.repository.redirects();
    assert_eq!((kept.len(), kept[0].0.as_str()), (1, ALICE));
    assert!(kept[0].1.as_str().contains("KmsRedirectResponse"));
    assert_eq!(world.audit.entries().last().unwrap().status, 200);
    // Elsewhere, and without a list.
    for (path, resource) in [
        (own_keys(), upload.clone()),
        (upload.clone(), Resource::Init),
    ] {
        let body = alice
            .who
            .request_for(&resource, &url(&path), &alice.keys, NOW)
            .unwrap();
        let answer = world.post(&path.path(), TOKEN, body.as_bytes());
        assert_eq!(answer.status, 400);
        assert!(text(&answer).contains(&Refusal::PeerKrrList.to_string()));
    }
    assert_eq!(world.repository.redirects().len(), 1);
}

#[test]
fn a_certificate_of_another_domain_never_stands_for_ours() {
    let mut world = World::new();
    let alice = world.client(ALICE);
    let own = world.kms.certificate().clone();
    let external = KmsCertificate {
        role: CertificateRole::External,
        ..own.clone()
    };
    world.repository.put_certificate(external);
    let other = KmsUri::new("kms.other.example").unwrap();
    for cert_uri in ["a", "b"] {
        world.repository.put_certificate(KmsCertificate {
            role: CertificateRole::External,
            cert_uri: Some(cert_uri.into()),
            kms_uri: other.clone(),
            revoked: cert_uri == "a",
            ..own.clone()
        });
    }
    let KmsAnswer::Certificates {
        cache_num,
        certificates,
    } = world.answer(&alice, &Resource::CertCache(None))
    else {
        panic!()
    };
    assert_eq!((cache_num, certificates.len()), (Some(3), 2));
    assert!(
        certificates
            .iter()
            .all(|certificate| certificate.kms_uri == other)
    );
    assert!(certificates[0].revoked && !certificates[1].revoked);
    let KmsAnswer::Certificates { certificates, .. } =
        world.answer(&alice, &Resource::Cert(own.kms_uri.clone()))
    else {
        panic!()
    };
    assert_eq!(certificates, [own]);
}

#[test]
fn a_client_is_never_served_below_its_level() {
    let mut world = World::new();
    // A client that has to have keys and has none.
    let mut bare = KeyAccount::unprotected(ALICE);
    for (minimum, status) in [
        (SecurityLevel::TlsOnly, 200),
        (SecurityLevel::TransportKey, 403),
        (SecurityLevel::IntegrityKey, 403),
    ] {
        bare.minimum_level = minimum;
        world.repository.put_account(bare.clone()).unwrap();
        let client = world.client(ALICE);
        assert_eq!(world.ask(&client, &own_keys()).status, status);
    }
    // A TrK where an InK is demanded.
    let mut rel13 = KeyAccount::provision_rel13(ALICE, &mut SeededRandom::new(3)).unwrap();
    for (minimum, status) in [
        (SecurityLevel::TransportKey, 200),
        (SecurityLevel::IntegrityKey, 403),
    ] {
        rel13.minimum_level = minimum;
        world.repository.put_account(rel13.clone()).unwrap();
        world.now = UnixTime(world.now.0 + 1);
        let client = world.client(ALICE);
        let answer = world.ask(&client, &own_keys());
        assert_eq!(answer.status, status);
        assert_eq!(
            text(&answer).contains(&Refusal::DeniedLevel.to_string()),
            status == 403
        );
    }
    // Keys of level C, a request without signature.
    let account = KeyAccount::provision(ALICE, &mut SeededRandom::new(4)).unwrap();
    world.repository.put_account(account).unwrap();
    let mut client = world.client(ALICE);
    client.keys = ClientKeys::default();
    let answer = world.ask(&client, &own_keys());
    assert!(answer.status == 403 && text(&answer).contains(&Refusal::DeniedUnsigned.to_string()));
}

#[test]
fn a_client_of_the_first_release_signs_with_its_trk_and_is_offered_nothing() {
    let mut world = World::new();
    let account = KeyAccount::provision_rel13(ALICE, &mut SeededRandom::new(3)).unwrap();
    assert_eq!(account.release, Release::Rel13);
    world.repository.put_account(account.clone()).unwrap();
    world
        .kms
        .offer_new_keys(ALICE, &mut SeededRandom::new(4))
        .unwrap();
    assert_eq!(world.account(ALICE), account);
    let alice = world.client(ALICE);
    let answer = world.ask(&alice, &Resource::Init);
    assert!(text(&answer).contains("Role=\"Root\" Version=\"1.0.0\""));
    assert!(text(&answer).contains(&format!(
        "<ds:KeyName>{}</ds:KeyName>",
        account.current.unwrap().transport.name
    )));
    let set = sets(world.answer(&alice, &own_keys())).remove(0);
    assert_eq!(set.user_uri, ALICE);
}

#[test]
fn private_keys_pass_a_proxy_only_wrapped() {
    let mut world = World::new();
    let ask = |world: &mut World, channel, client: &Client, resource: &Resource| {
        let body = client.body(resource, world.now);
        world.post_through(channel, &resource.path(), TOKEN, body.as_bytes())
    };
    let wrapped = world.client(ALICE);
    assert_eq!(
        ask(&mut world, Channel::Proxy, &wrapped, &own_keys()).status,
        200
    );
    world
        .repository
        .put_account(KeyAccount::unprotected(ALICE))
        .unwrap();
    let bare = world.client(ALICE);
    assert_eq!(
        ask(&mut world, Channel::Direct, &bare, &own_keys()).status,
        200
    );
    let answer = ask(&mut world, Channel::Proxy, &bare, &own_keys());
    assert_eq!(answer.status, 403);
    assert!(!text(&answer).contains("KmsKeySet"));
    assert!(world.audit.entries().last().unwrap().released.is_empty());
    // What is not secret passes.
    assert_eq!(
        ask(&mut world, Channel::Proxy, &bare, &Resource::Init).status,
        200
    );
}

#[test]
fn offered_keys_survive_a_restart_before_they_are_used() {
    let mut world = World::new();
    let old = world.client(ALICE);
    world.kms.offer_new_keys(ALICE, &mut world.random).unwrap();
    world.kms.offer_new_keys(ALICE, &mut world.random).unwrap();
    let KmsAnswer::Init { new_keys: lost, .. } = world.answer(&old, &Resource::Init) else {
        panic!()
    };
    // The answer is lost and the KMS starts again over what was stored: the client asks with its old keys.
    let repository = world.repository.clone();
    let mut world = world.with_repository(repository);
    world.now = UnixTime(NOW.0 + 1);
    let KmsAnswer::Init { new_keys, .. } = world.answer(&old, &Resource::Init) else {
        panic!()
    };
    assert_eq!(new_keys, lost);
    let mut renewed = world.client(ALICE);
    renewed.keys.adopt(new_keys);
    world.now = UnixTime(NOW.0 + 2);
    assert_eq!(sets(world.answer(&renewed, &own_keys())).len(), 1);
    world.now = UnixTime(NOW.0 + 3);
    assert_eq!(world.ask(&old, &own_keys()).status, 403);
    let nobody = world.kms.offer_new_keys("sip:nobody@x", &mut world.random);
    assert_eq!(nobody, Err(Refusal::DeniedUnknownUser));
}

struct Agency {
    repository: Arc<MemoryRepository>,
    audit: Arc<MemoryAudit>,
    kms: Arc<Kms>,
    client: Client,
    prefix: &'static str,
}

impl Agency {
    fn new(seed: u64, kms_uri: &str, prefix: &'static str) -> Self {
        let (repository, audit) = (
            Arc::<MemoryRepository>::default(),
            Arc::<MemoryAudit>::default(),
        );
        let account = KeyAccount::provision(ALICE, &mut SeededRandom::new(seed)).unwrap();
        let pair = account.current.clone().unwrap();
        repository.put_account(account).unwrap();
        let kms = Kms::new(
            master(seed, kms_uri, 0),
            KmsConfig::default(),
            ports(&repository, &audit),
        );
        let who = KmsClient {
            user_uri: ALICE.into(),
            kms_uri: KmsUri::new(kms_uri).unwrap(),
            client_id: None,
            device_id: None,
        };
        let keys = ClientKeys {
            transport: vec![pair.transport],
            integrity: pair.integrity.into_iter().collect(),
        };
        let client = Client {
            who,
            keys,
            credential: format!("good:{ALICE}"),
        };
        Self {
            repository,
            audit,
            kms: Arc::new(kms),
            client,
            prefix,
        }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}{}{}", self.prefix, own_keys().path())
    }

    fn body(&self, host: &str, now: UnixTime) -> String {
        self.client
            .who
            .request(&self.url(host), &self.client.keys, now)
            .unwrap()
    }
}

fn ask(directory: &KmsDirectory, host: &str, path: &str, body: &str, now: UnixTime) -> HttpAnswer {
    let request = HttpRequest {
        method: Method::Post,
        path,
        host: Some(host),
        channel: Channel::Direct,
        credential: TOKEN,
        asserted: None,
        body: body.as_bytes(),
    };
    directory.handle(&request, now)
}

fn serving(agencies: &[(&Agency, Option<&str>)]) -> KmsDirectory {
    let mut directory = KmsDirectory::new();
    for (agency, host) in agencies {
        let address = DomainAddress {
            host: host.map(str::to_owned),
            prefix: agency.prefix.to_owned(),
        };
        directory.add(address, agency.kms.clone()).unwrap();
    }
    directory
}

#[test]
fn each_agency_is_found_by_host_path_or_kms_uri_and_none_sees_another() {
    let policy = ClientPolicy {
        key_transport: KeyTransport::WrappedOnly,
        dialect: Dialect::Standard,
    };
    let by_host = [
        Agency::new(1, "kms.fire", ""),
        Agency::new(2, "kms.police", ""),
    ];
    let by_path = [
        Agency::new(1, "kms.fire", "/fire"),
        Agency::new(2, "kms.police", "/police"),
    ];
    let by_uri = [
        Agency::new(1, "kms.fire", ""),
        Agency::new(2, "kms.police", ""),
    ];
    for (agencies, hosts) in [
        (
            by_host,
            [Some("kms.fire.example"), Some("kms.police.example")],
        ),
        (by_path, [None, None]),
        (by_uri, [None, None]),
    ] {
        let [fire, police] = &agencies;
        let directory = serving(&[(fire, hosts[0]), (police, hosts[1])]);
        let mut keys = Vec::new();
        for (agency, host) in agencies.iter().zip(hosts) {
            let host = host.unwrap_or("kms.example");
            let path = format!("{}{}", agency.prefix, own_keys().path());
            let answer = ask(
                &directory,
                &format!("{}:8443", host.to_uppercase()),
                &path,
                &agency.body(host, NOW),
                NOW,
            );
            assert_eq!(answer.status, 200, "{}", text(&answer));
            let opened = agency.client.who.open_response(
                &answer.body,
                &own_keys(),
                &agency.url(host),
                &agency.client.keys,
                policy,
                NOW,
            );
            keys.push(sets(opened.unwrap()).remove(0));
        }
        assert!(keys[0].rsk != keys[1].rsk && keys[0].kms_uri != keys[1].kms_uri);
        assert_eq!(
            (fire.audit.entries().len(), police.audit.entries().len()),
            (1, 1)
        );
        assert_eq!(police.audit.entries()[0].kms_uri, "kms.police");
        // The request of one agency posted to the address of the other: no key, and nothing remembered there.
        let host = hosts[1].unwrap_or("kms.example");
        let path = format!("{}{}", police.prefix, own_keys().path());
        let stolen = fire.body(hosts[0].unwrap_or("kms.example"), UnixTime(NOW.0 + 1));
        let answer = ask(&directory, host, &path, &stolen, NOW);
        // Where only the KMS URI tells them apart it is simply Fire's own request.
        let own = hosts[1].is_none() && police.prefix.is_empty();
        assert_eq!(answer.status == 200, own, "{}", text(&answer));
        assert!(own || !text(&answer).contains("KmsKeySet"));
    }
}

#[test]
fn caches_replay_memory_and_accounts_of_two_agencies_do_not_mix() {
    let [fire, police] = [
        Agency::new(1, "kms.fire", "/fire"),
        Agency::new(2, "kms.police", "/police"),
    ];
    let directory = serving(&[(&fire, None), (&police, None)]);
    let mut external = fire.kms.certificate().clone();
    (external.role, external.kms_uri) = (CertificateRole::External, KmsUri::new("kms.x").unwrap());
    fire.repository.put_certificate(external);
    let at = |agency: &Agency, second: u64| {
        let url = format!(
            "https://h{}{}",
            agency.prefix,
            Resource::CertCache(None).path()
        );
        let now = UnixTime(NOW.0 + second);
        let body = agency
            .client
            .who
            .request(&url, &agency.client.keys, now)
            .unwrap();
        let path = format!("{}{}", agency.prefix, Resource::CertCache(None).path());
        (path, body)
    };
    for (agency, number) in [(&fire, 1), (&police, 0)] {
        let (path, body) = at(agency, 0);
        let answer = ask(&directory, "h", &path, &body, NOW);
        assert!(
            text(&answer).contains(&format!("CacheNum=\"{number}\"")),
            "{}",
            text(&answer)
        );
        assert_eq!(
            ask(&directory, "h", &path, &body, NOW).status,
            400,
            "a replay"
        );
    }
    // A user whom only one agency knows.
    fire.repository
        .put_account(KeyAccount::unprotected(BOB))
        .unwrap();
    let who = KmsClient {
        user_uri: BOB.into(),
        ..police.client.who.clone()
    };
    let url = format!("https://h/police{}", Resource::Init.path());
    let body = who.request(&url, &ClientKeys::default(), NOW).unwrap();
    let path = format!("/police{}", Resource::Init.path());
    let request = HttpRequest {
        method: Method::Post,
        path: &path,
        host: Some("h"),
        channel: Channel::Direct,
        credential: Credential::Bearer("good:sip:bob@mcptt.example.org"),
        asserted: None,
        body: body.as_bytes(),
    };
    assert_eq!(directory.handle(&request, NOW).status, 404);
}

#[test]
fn an_address_that_nobody_has_is_not_found() {
    let [fire, police] = [
        Agency::new(1, "kms.fire", ""),
        Agency::new(2, "kms.police", ""),
    ];
    let directory = serving(&[
        (&fire, Some("kms.fire.example")),
        (&police, Some("kms.police.example")),
    ]);
    let path = own_keys().path();
    let body = fire.body("kms.fire.example", NOW);
    for host in ["kms.other.example", "kms.fire.example.evil", ""] {
        assert_eq!(
            ask(&directory, host, &path, &body, NOW).status,
            404,
            "{host}"
        );
    }
    assert_eq!(
        ask(
            &directory,
            "kms.fire.example",
            "/fire/keymanagement/identity/v1/init",
            &body,
            NOW
        )
        .status,
        404
    );
    // It is said in a document, and kept in a log that is no domain's.
    let log = Arc::new(MemoryAudit::default());
    let directory = directory.with_audit(log.clone());
    let answer = ask(&directory, "kms.other.example", &path, &body, NOW);
    assert!(text(&answer).contains("<ErrorCode>404</ErrorCode>"));
    let entries = log.entries();
    let kept = entries.first().unwrap();
    assert_eq!((kept.status, entries.len()), (404, 1));
    assert!(kept.released.is_empty() && kept.path == path);
    // Two domains at one address, and a document that names neither.
    let both = serving(&[(&fire, None), (&police, None)]);
    assert_eq!(ask(&both, "h", &path, "<a/>", NOW).status, 404);
    let mut directory = directory;
    let twice = directory.add(DomainAddress::default(), fire.kms.clone());
    assert_eq!(twice, Err(DirectoryError::LocalSameKmsUri));
    assert!(fire.audit.entries().is_empty() && police.audit.entries().is_empty());
}
