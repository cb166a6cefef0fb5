//! The KMS over TLS as other people's programs see it: xmlsec1 verifies every kind of answer, openssl unwraps every key
//! in it, wolfSSL checks and uses the keys. What is altered on the way is refused, by us and by them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

#[path = "support/kms.rs"]
mod kms_bench;
mod support;

use kms_bench::{ALICE, BOB, Bench, HOST, domain, issued};
use roger_adapter_http::{Clock as _, HttpAnswer, OsRandom, SystemClock};
use roger_base::{KmsUri, Secret, SecretBytes};
use roger_documents::kms::{
    CertificateRole, KmsErrorBody, KrrList, MEDIA_TYPE, NamedKey, ROOT_PATH,
};
use roger_documents::kms_client::{
    ClientKeys, ClientPolicy, KmsAnswer, KmsClient, KmsClientError, Resource,
};
use roger_ibc::eccsi::Signature;
use roger_ibc::sakke::{EncapsulatedData, encapsulate};
use roger_ibc::{KmsDomain, UserKeySet};
use roger_kms::KeyAccount;
use roger_oidc::{AccessToken, ScopeSet};
use roger_testkit::{LinePeer, find_program};
use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

/// A request on its way, and what its answer is checked with.
struct Asked {
    url: String,
    resource: Resource,
    who: KmsClient,
    keys: ClientKeys,
    body: Vec<u8>,
}

impl Asked {
    /// Made now by a user with the keys that the KMS has for it.
    fn new(bench: &Bench, user: &str, path: &str, resource: Resource) -> Self {
        // Times have whole seconds: without something of its own, the same request in one second is a replay.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let (mut who, keys) = bench.client(user);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        who.device_id = Some(format!("device-{number}"));
        let url = bench.url(path);
        let body = who.request_for(&resource, &url, &keys, SystemClock.now());
        let body = body.unwrap().into_bytes();
        Self {
            url,
            resource,
            who,
            keys,
            body,
        }
    }

    async fn post(&self, bench: &Bench, token: &AccessToken, body: &[u8]) -> HttpAnswer {
        let posted = bench
            .http
            .post(&self.url, Some(token), MEDIA_TYPE, body.to_vec());
        posted.await.unwrap()
    }

    fn open(&self, answer: &[u8]) -> Result<KmsAnswer, KmsClientError> {
        self.who.open_response(
            answer,
            &self.resource,
            &self.url,
            &self.keys,
            ClientPolicy::STANDARD,
            SystemClock.now(),
        )
    }
}

async fn alices_token(bench: &Bench) -> AccessToken {
    bench.token("alice", &ScopeSet::every_mcptt_scope()).await
}

/// xmlsec1 with one key.
struct XmlSec {
    program: PathBuf,
    folder: TempDir,
}

impl XmlSec {
    fn find() -> Option<Self> {
        Some(Self {
            program: find_program("xmlsec1")?,
            folder: tempfile::tempdir().unwrap(),
        })
    }

    fn verifies(&self, key: &NamedKey, document: &[u8]) -> bool {
        let (file, secret) = (
            self.folder.path().join("doc"),
            self.folder.path().join("key"),
        );
        fs::write(&file, document).unwrap();
        fs::write(&secret, key.key.expose()).unwrap();
        let output = Command::new(&self.program)
            .args(["--verify", &format!("--hmackey:{}", key.name)])
            .arg(secret)
            .args([
                "--id-attr:Id",
                "urn:3gpp:ns:mcsecKMSInterface:1.0:KmsResponse",
            ])
            .arg(file)
            .output()
            .unwrap();
        output.status.success()
    }
}

/// Unwraps with openssl (RFC 5649, which xmlsec1 has under no label).
fn unwrapped(folder: &TempDir, key: &NamedKey, wrapped: &[u8]) -> Option<Vec<u8>> {
    let (input, output) = (folder.path().join("wrapped"), folder.path().join("opened"));
    fs::write(&input, wrapped).unwrap();
    let kek = hex::encode(key.key.expose());
    let run = Command::new("openssl")
        .args(["enc", "-d", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K"])
        .arg(kek)
        .arg("-in")
        .arg(&input)
        .arg("-out")
        .arg(&output)
        .output()
        .unwrap();
    run.status.success().then(|| fs::read(output).unwrap())
}

/// Every wrapped key of an answer, in the order of the document.
fn wrapped_keys(text: &str) -> Vec<Vec<u8>> {
    let values = text.split("<xenc:CipherValue>").skip(1);
    let values = values.map(|rest| rest.split('<').next().unwrap());
    values
        .map(|value| roger_xml::decode_base64(value).unwrap())
        .collect()
}

/// The keys that our client took out of an answer, in the order of the document.
fn opened_keys(answer: &KmsAnswer) -> Vec<Vec<u8>> {
    let (sets, new_keys) = match answer {
        KmsAnswer::Init { new_keys, .. } => (&[][..], new_keys),
        KmsAnswer::KeyProv { key_sets, new_keys } => (key_sets.as_slice(), new_keys),
        _ => return Vec::new(),
    };
    let of_sets = sets.iter().flat_map(|set| {
        [
            set.rsk.expose().to_vec(),
            set.ssk.expose().to_vec(),
            set.pvt.to_vec(),
        ]
    });
    let new = new_keys.transport.iter().chain(&new_keys.integrity);
    of_sets
        .chain(new.map(|key| key.key.expose().to_vec()))
        .collect()
}

/// Every kind of answer: its name, user, path, resource and status.
type Kind = (&'static str, &'static str, String, Resource, u16);

fn kinds() -> Vec<Kind> {
    let alices = Resource::KeyProv(ALICE.to_owned());
    let at = |seconds| Resource::KeyProvAt(ALICE.to_owned(), seconds);
    let now = SystemClock.now().to_ntp();
    let mut past = now;
    past.seconds -= 10 * 2_592_000;
    let krr = KrrList::new(
        "<KrrList xmlns=\"urn:3gpp:ns:mcsecKMSInterface:1.0\"><k:KmsRedirectResponse \
         xmlns:k=\"urn:3gpp:ns:mcsecKMSKRR:1.0\"/></KrrList>",
    );
    let own = format!("{ROOT_PATH}/keyprov");
    let partner = KmsUri::new("kms.partner.example.net").unwrap();
    let unknown = KmsUri::new("kms.unknown.example.net").unwrap();
    let kind = |name, resource: Resource, status| {
        let path = resource.path();
        (name, ALICE, path, resource, status)
    };
    vec![
        kind("init", Resource::Init, 200),
        ("own keys", ALICE, own, alices.clone(), 200),
        kind("keys by identity", alices, 200),
        kind("keys by time", at(now), 200),
        kind("certcache", Resource::CertCache(None), 200),
        kind("certcache, current", Resource::CertCache(Some(1)), 200),
        kind("cert", Resource::Cert(partner), 200),
        kind("lookup", Resource::Lookup(ALICE.to_owned()), 200),
        kind("redirect", Resource::Redirect(krr.unwrap()), 200),
        kind("error: certificate", Resource::Cert(unknown), 404),
        kind(
            "error: user",
            Resource::Lookup("sip:x@y.example".into()),
            404,
        ),
        kind("error: identity", Resource::KeyProv(BOB.into()), 403),
        kind("error: period", at(past), 400),
    ]
}

/// The certificate of a partner's domain in the cache.
fn with_partner(bench: &Bench, certificate: &roger_documents::kms::KmsCertificate) {
    let mut partner = certificate.clone();
    partner.role = CertificateRole::External;
    partner.kms_uri = KmsUri::new("kms.partner.example.net").unwrap();
    bench.store.put_external_certificate(&partner).unwrap();
}

/// Asks, lets xmlsec1 verify and openssl unwrap, and alters the answer; gives how many keys it held.
async fn seen_by_others(bench: &Bench, xmlsec: &XmlSec, token: &AccessToken, kind: Kind) -> usize {
    let (name, user, path, resource, status) = kind;
    let asked = Asked::new(bench, user, &path, resource);
    let answer = asked.post(bench, token, &asked.body).await;
    let text = core::str::from_utf8(answer.body.expose()).unwrap();
    assert_eq!(answer.status, status, "{name}: {text}");
    let opened = asked.open(text.as_bytes()).unwrap();
    let refused = matches!(&opened, KmsAnswer::Refused(KmsErrorBody { code, .. }) if *code == i64::from(status));
    assert_eq!(refused, status != 200, "{name}");
    let signer = asked.keys.signer().unwrap();
    assert!(xmlsec.verifies(signer, text.as_bytes()), "{name}: {text}");
    let mut stranger = signer.clone();
    stranger.key = Secret::new([7; 32]);
    assert!(!xmlsec.verifies(&stranger, text.as_bytes()), "{name}");
    let altered = text.replacen("<Time>2", "<Time>3", 1);
    assert_ne!(altered, text);
    assert!(!xmlsec.verifies(signer, altered.as_bytes()), "{name}");
    assert!(asked.open(altered.as_bytes()).is_err(), "{name}");
    let (wrapped, expected) = (wrapped_keys(text), opened_keys(&opened));
    assert_eq!(wrapped.len(), expected.len(), "{name}");
    for (wrapped, expected) in wrapped.iter().zip(&expected) {
        let trk = &asked.keys.transport[0];
        assert_eq!(
            unwrapped(&xmlsec.folder, trk, wrapped).as_ref(),
            Some(expected),
            "{name}"
        );
        let mut altered = wrapped.clone();
        altered[9] ^= 1;
        assert_eq!(unwrapped(&xmlsec.folder, trk, &altered), None, "{name}");
    }
    println!(
        "xmlsec1 verifies {name}, openssl unwraps its {} keys",
        expected.len()
    );
    expected.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn xmlsec1_verifies_every_kind_of_answer_and_openssl_unwraps_every_key() {
    let (Some(xmlsec), Some(_)) = (XmlSec::find(), find_program("openssl")) else {
        return;
    };
    let bench = Bench::start().await;
    let token = alices_token(&bench).await;
    let first = Asked::new(&bench, ALICE, &Resource::Init.path(), Resource::Init);
    let answer = first.post(&bench, &token, &first.body).await;
    let KmsAnswer::Init { certificate, .. } = first.open(answer.body.expose()).unwrap() else {
        panic!("no certificate")
    };
    with_partner(&bench, &certificate);
    for kind in kinds() {
        let with_keys = kind.0.contains("keys");
        let count = seen_by_others(&bench, &xmlsec, &token, kind).await;
        assert_eq!(count > 0, with_keys);
    }
    // The same request again is refused in a signed answer.
    let again = first.post(&bench, &token, &first.body).await;
    assert_eq!(again.status, 400);
    assert!(xmlsec.verifies(first.keys.signer().unwrap(), again.body.expose()));
    let replay = first.open(again.body.expose()).unwrap();
    assert!(matches!(replay, KmsAnswer::Refused(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_are_verified_and_unwrapped_by_others_too() {
    let (Some(xmlsec), Some(_)) = (XmlSec::find(), find_program("openssl")) else {
        return;
    };
    let bench = Bench::start().await;
    let token = alices_token(&bench).await;
    let mut account = bench.store_account(ALICE);
    account.order_renewal(&mut OsRandom).unwrap();
    bench.store.put_key_account(&account).unwrap();
    // The new TrK and InK stand in both answers, until the client uses them.
    for (resource, sets) in [
        (Resource::Init, false),
        (Resource::KeyProv(ALICE.into()), true),
    ] {
        let kind = ("new keys", ALICE, resource.path(), resource, 200);
        let count = seen_by_others(&bench, &xmlsec, &token, kind).await;
        // Near the end of a key period there are two sets of three keys.
        assert_eq!((count % 3, count > 2), (2, sets));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_first_release_gets_answers_signed_with_its_transport_key() {
    let (Some(xmlsec), Some(_)) = (XmlSec::find(), find_program("openssl")) else {
        return;
    };
    let bench = Bench::start().await;
    let token = alices_token(&bench).await;
    let account = KeyAccount::provision_rel13(ALICE, &mut OsRandom).unwrap();
    bench.store.put_key_account(&account).unwrap();
    for (resource, sets) in [
        (Resource::Init, false),
        (Resource::KeyProv(ALICE.into()), true),
    ] {
        let kind = ("Rel-13", ALICE, resource.path(), resource, 200);
        let count = seen_by_others(&bench, &xmlsec, &token, kind).await;
        assert_eq!((count % 3, count > 0), (0, sets));
    }
}

/// Every seventh octet, and all octets of digest and signature.
fn places(document: &[u8]) -> Vec<usize> {
    let text = core::str::from_utf8(document).unwrap();
    let element = |name: &str| -> Range<usize> {
        let begin = text.find(&format!("<ds:{name}>")).unwrap();
        begin..text.find(&format!("</ds:{name}>")).unwrap()
    };
    let (digest, signature) = (element("DigestValue"), element("SignatureValue"));
    let all = (0..text.len())
        .filter(|place| place % 7 == 0 || digest.contains(place) || signature.contains(place));
    all.collect()
}

fn altered_at(document: &[u8], place: usize) -> Vec<u8> {
    let mut octets = document.to_vec();
    octets[place] ^= 1;
    octets
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_altered_in_one_octet_is_refused_and_nothing_is_issued() {
    let bench = Bench::start().await;
    let token = alices_token(&bench).await;
    let resource = Resource::KeyProv(ALICE.to_owned());
    let asked = Asked::new(&bench, ALICE, &resource.path(), resource);
    let places = places(&asked.body);
    for place in &places {
        let altered = altered_at(&asked.body, *place);
        let answer = asked.post(&bench, &token, &altered).await;
        let text = core::str::from_utf8(answer.body.expose()).unwrap();
        let status = answer.status.as_u16();
        assert!(matches!(status, 400 | 403), "octet {place}: {status}");
        let code = format!("<ErrorCode>{status}</ErrorCode>");
        assert!(text.contains(&code), "octet {place}: {text}");
        assert!(!text.contains("KmsMessage"), "octet {place}: {text}");
    }
    println!("{} altered requests refused", places.len());
    let released = |bench: &Bench| {
        let entries = bench.store.audit_entries(0, 10_000).unwrap();
        entries
            .iter()
            .filter(|(_, entry)| !entry.released.is_empty())
            .count()
    };
    assert_eq!(released(&bench), 0);
    // As it was made it is good.
    let answer = asked.post(&bench, &token, &asked.body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(released(&bench), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_altered_in_one_octet_is_refused_by_the_client() {
    let bench = Bench::start().await;
    let token = alices_token(&bench).await;
    for resource in [Resource::Init, Resource::KeyProv(ALICE.to_owned())] {
        let asked = Asked::new(&bench, ALICE, &resource.path(), resource);
        let answer = asked.post(&bench, &token, &asked.body).await;
        let answer: &SecretBytes = &answer.body;
        assert!(asked.open(answer.expose()).is_ok());
        let places = places(answer.expose());
        for place in &places {
            let altered = altered_at(answer.expose(), *place);
            assert!(asked.open(&altered).is_err(), "octet {place}");
        }
        println!("{} altered answers refused", places.len());
    }
}

/// Alice's certificate and keys as they came over TLS.
async fn provisioned(bench: &Bench) -> (KmsDomain, UserKeySet) {
    let token = alices_token(bench).await;
    let (_, init) = bench
        .ask(&bench.http, ALICE, Some(&token), &Resource::Init)
        .await;
    let domain = domain(init.unwrap());
    let own = Resource::KeyProv(ALICE.to_owned());
    let (_, keys) = bench.ask(&bench.http, ALICE, Some(&token), &own).await;
    let Some(KmsAnswer::KeyProv { key_sets, .. }) = keys else {
        panic!("no keys")
    };
    let keys = UserKeySet::validate(&domain, &issued(&key_sets[0])).unwrap();
    (domain, keys)
}

#[tokio::test(flavor = "multi_thread")]
async fn wolfssl_checks_and_uses_the_keys_of_a_user() {
    let Some(mut wolfssl) = LinePeer::wolfssl() else {
        return;
    };
    let (domain, keys) = provisioned(&Bench::start().await).await;
    // The peer is a user: it has the certificate and the key set, no master secret.
    wolfssl.ask("auth-public", &[domain.auth.as_octets()]);
    wolfssl.ask("enc-public", &[domain.enc.as_octets()]);
    let set = keys.to_issued();
    let (uid, ssk, rsk) = (set.uid.as_octets(), set.ssk.expose(), set.rsk.expose());
    let others = domain.uid_of(BOB, set.period_number);
    let others = others.as_octets();

    assert!(wolfssl.agrees("check-pair", &[uid, ssk, &set.pvt]));
    assert!(!wolfssl.agrees("check-pair", &[others, ssk, &set.pvt]));
    assert!(!wolfssl.agrees("check-pair", &[uid, &altered_at(ssk, 31), &set.pvt]));
    assert!(wolfssl.agrees("check-rsk", &[uid, rsk]));
    assert!(!wolfssl.agrees("check-rsk", &[others, rsk]));

    let message = b"one message".as_slice();
    let signature = hex::decode(wolfssl.ask("sign", &[uid, ssk, &set.pvt, message])).unwrap();
    let signature = Signature::from_octets(&signature).unwrap();
    assert!(domain.auth.verify(uid, message, &signature).is_ok());
    assert!(domain.auth.verify(uid, b"another one", &signature).is_err());
    assert!(domain.auth.verify(others, message, &signature).is_err());
    let ours = keys.signing.sign(message, &mut OsRandom).unwrap();
    assert!(wolfssl.agrees("verify", &[uid, ours.as_octets(), message]));
    assert!(!wolfssl.agrees("verify", &[uid, ours.as_octets(), b"another one"]));
    assert!(!wolfssl.agrees("verify", &[others, ours.as_octets(), message]));

    let ssv = Secret::<16>::random(&mut OsRandom).unwrap();
    let sealed = encapsulate(&domain.enc, uid, &ssv);
    let opened = wolfssl.ask("decapsulate", &[uid, rsk, sealed.as_octets()]);
    assert_eq!(opened, hex::encode(ssv.expose()));
    let altered = altered_at(sealed.as_octets(), 272);
    assert_eq!(wolfssl.ask("decapsulate", &[uid, rsk, &altered]), "0");
    let theirs = hex::decode(wolfssl.ask("encapsulate", &[uid, ssv.expose()])).unwrap();
    let theirs = EncapsulatedData::from_octets(&theirs).unwrap();
    assert!(keys.receiver.decapsulate(&theirs).unwrap() == ssv);
    println!("wolfSSL checks the keys of {HOST}, opens and signs with them");
}
