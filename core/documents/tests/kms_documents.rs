//! KMS documents: every shared vector is read and written again; the client's side opens or refuses responses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

use proptest::prelude::*;
use roger_base::{KmsUri, NtpTime, Secret, SecretBytes, UnixTime};
use roger_documents::kms::{
    CertificateRole, Dialect, KRR_NAMESPACE, KeyContent, KeyKind, KmsCertificate, KmsDocumentError,
    KmsErrorBody, KmsKeySet, KmsMessage, KmsRequest, KmsResponse, KrrList, NamedKey, NewKey,
    Release, WrappedKey,
};
use roger_documents::kms_client::{
    ClientKeys, ClientPolicy, KeyTransport, KmsAnswer, KmsClient, KmsClientError, NewKeys, Resource,
};
use roger_xml::key_wrap::{KeyWrapError, WrapProfile};
use roger_xml::sibling::IntegrityError;
use serde_json::Value;

const USER: &str = "sip:user.001@mcptt.example.org";
const NOW: UnixTime = UnixTime(1_390_730_834);
const ROOT: &str = "https://kms.example.org";

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/kms.json")).unwrap()
}

fn named(value: &Value) -> NamedKey {
    let octets = hex::decode(value["value"].as_str().unwrap()).unwrap();
    NamedKey {
        name: value["id"].as_str().unwrap().into(),
        key: Secret::try_from(octets.as_slice()).unwrap(),
    }
}

fn keys() -> ClientKeys {
    let vectors = vectors();
    ClientKeys {
        transport: vec![named(&vectors["TrK"])],
        integrity: vec![named(&vectors["InK"])],
    }
}

fn document(name: &str) -> (String, Value) {
    let vectors = vectors();
    let cases = vectors["documents"].as_array().unwrap().clone();
    let case = cases
        .into_iter()
        .find(|case| case["name"] == name)
        .unwrap_or_else(|| panic!("{name}"));
    (case["document"].as_str().unwrap().to_owned(), case)
}

fn client() -> KmsClient {
    KmsClient {
        user_uri: USER.into(),
        kms_uri: KmsUri::new("kms.example.org").unwrap(),
        client_id: Some("client-7f3a".into()),
        device_id: Some("urn:uuid:00000000-0000-1000-8000-aabbccddeeff".into()),
    }
}

fn url(resource: &Resource) -> String {
    format!("{ROOT}{}", resource.path())
}

fn open(
    text: &str,
    resource: &Resource,
    keys: &ClientKeys,
    policy: ClientPolicy,
) -> Result<KmsAnswer, KmsClientError> {
    client().open_response(text.as_bytes(), resource, &url(resource), keys, policy, NOW)
}

fn refused(text: &str, resource: &Resource) -> KmsClientError {
    open(text, resource, &keys(), ClientPolicy::STANDARD)
        .err()
        .unwrap()
}

fn key_prov() -> Resource {
    Resource::KeyProv(USER.into())
}

const KEY_PROV: &str = "signed keyprov response, TrK-wrapped key set";
const INIT: &str = "signed init response, new TrK and InK";

/// The vectors write `<a></a>` where we write `<a/>`.
fn short(text: &str) -> String {
    let mut text = text.to_owned();
    for name in [
        "ds:CanonicalizationMethod",
        "ds:DigestMethod",
        "xenc:EncryptionMethod",
    ] {
        text = text.replace(&format!("></{name}>"), "/>");
    }
    text
}

#[test]
fn our_requests_are_those_of_the_vectors() {
    for (name, resource, keys) in [
        ("signed init request", Resource::Init, keys()),
        ("signed keyprov request", key_prov(), keys()),
        (
            "unsigned certcache request",
            Resource::CertCache(Some(12)),
            ClientKeys::default(),
        ),
    ] {
        let text = client().request(&url(&resource), &keys, NOW).unwrap();
        let (expected, _) = document(name);
        assert_eq!(text, short(&expected), "{name}");
        let find = |name: &str| {
            keys.integrity
                .iter()
                .find(|key| key.name == name)
                .map(|key| key.key.clone())
        };
        let opened = KmsRequest::open(expected.as_bytes(), &find).unwrap();
        assert_eq!(opened.request.user_uri, USER);
        assert_eq!(opened.request.client_req_url, url(&resource));
        assert_eq!(
            opened.signer.as_deref(),
            keys.signer().map(|key| key.name.as_str())
        );
    }
}

#[test]
fn every_response_is_read_and_written_again() {
    let ink = keys().integrity.remove(0);
    let find = |name: &str| (name == ink.name).then(|| ink.key.clone());
    let mut count = 0;
    for case in vectors()["documents"].as_array().unwrap() {
        let text = case["document"].as_str().unwrap();
        if !text.contains("KmsResponse") {
            continue;
        }
        let opened = KmsResponse::open(text.as_bytes(), Dialect::Standard, &find).unwrap();
        let written = match opened.signer {
            Some(_) => opened.response.sign(&ink).unwrap(),
            None => opened.response.write(),
        };
        assert_eq!(written, short(text), "{}", case["name"]);
        count += 1;
    }
    println!("{count} responses read and written octet for octet (empty elements apart)");
    assert_eq!(count, 5);
}

#[test]
fn a_wrapped_key_set_opens_to_the_raw_keys() {
    let (text, case) = document(KEY_PROV);
    let KmsAnswer::KeyProv { key_sets, new_keys } =
        open(&text, &key_prov(), &keys(), ClientPolicy::STANDARD).unwrap()
    else {
        panic!("another answer");
    };
    assert_eq!(new_keys, NewKeys::default());
    let set = &key_sets[0];
    let octets = |name: &str| hex::decode(case[name].as_str().unwrap()).unwrap();
    assert_eq!(set.rsk.expose()[..], octets("UserDecryptKey"));
    assert_eq!(set.ssk.expose()[..], octets("UserSigningKeySSK"));
    assert_eq!(set.pvt[..], octets("UserPubTokenPVT"));
    assert_eq!(
        (set.key_period_no, set.valid_from),
        (1388, Some(UnixTime(1_388_707_200)))
    );
    assert_eq!(
        hex::encode(set.user_id),
        "04 29ee c25c d9bc 9ae3 1c78 6963 ca91 868b 8f3e 1941 1da3 b47f b6ca efe3 5f8f 36"
            .replace(' ', "")
    );
}

#[test]
fn new_keys_are_adopted_and_the_old_ones_kept_once() {
    let (text, case) = document(INIT);
    let mut keys = keys();
    let KmsAnswer::Init {
        certificate,
        new_keys,
    } = open(&text, &Resource::Init, &keys, ClientPolicy::STANDARD).unwrap()
    else {
        panic!("another answer");
    };
    assert_eq!(
        (certificate.role, certificate.user_key_period),
        (CertificateRole::Root, 2_592_000)
    );
    assert_eq!(
        certificate.domains,
        ["sec1.example.org", "sec2.example.org"]
    );
    assert!(certificate.is_valid_at(NOW) && !certificate.is_valid_at(UnixTime(0)));
    keys.adopt(new_keys.clone());
    keys.adopt(new_keys);
    assert_eq!(
        keys.signer().unwrap().name,
        case["NewInK_id"].as_str().unwrap()
    );
    assert_eq!(
        hex::encode_upper(keys.integrity[0].key.expose()),
        case["NewInK"].as_str().unwrap()
    );
    assert_eq!(
        hex::encode_upper(keys.transport[0].key.expose()),
        case["NewTrK"].as_str().unwrap()
    );
    assert_eq!(keys.transport[0].name, case["NewTrK_id"].as_str().unwrap());
    assert_eq!((keys.transport.len(), keys.integrity.len()), (2, 2));
}

#[test]
fn keys_in_clear_are_taken_only_by_policy() {
    let (text, _) = document("unsigned keyprov response, plain key contents");
    let none = ClientKeys::default();
    let clear = ClientPolicy {
        key_transport: KeyTransport::ClearInsideTls,
        dialect: Dialect::Standard,
    };
    assert!(matches!(
        open(&text, &key_prov(), &none, clear),
        Ok(KmsAnswer::KeyProv { .. })
    ));
    let result = open(&text, &key_prov(), &none, ClientPolicy::STANDARD);
    assert_eq!(result.err(), Some(KmsClientError::PeerKeysInClear));
    assert_eq!(
        open(&text, &key_prov(), &keys(), clear).err(),
        Some(KmsClientError::PeerNotSigned)
    );
}

#[test]
fn certificates_and_refusals_are_answers() {
    let none = ClientKeys::default();
    let (text, _) = document("unsigned certcache response with one External certificate");
    let answer = open(
        &text,
        &Resource::CertCache(Some(12)),
        &none,
        ClientPolicy::STANDARD,
    )
    .unwrap();
    let KmsAnswer::Certificates {
        cache_num,
        certificates,
    } = answer
    else {
        panic!("another answer")
    };
    assert_eq!(
        (cache_num, certificates[0].role),
        (Some(13), CertificateRole::External)
    );
    let (text, _) = document("error response");
    let resource = Resource::Cert(KmsUri::new("kms.unknown.example").unwrap());
    let answer = open(&text, &resource, &none, ClientPolicy::STANDARD).unwrap();
    let KmsAnswer::Refused(error) = answer else {
        panic!("another answer")
    };
    assert_eq!(
        error,
        KmsErrorBody {
            code: 404,
            message: "no certificate held for kms.unknown.example".into()
        }
    );
}

#[test]
fn a_response_altered_in_any_octet_is_refused() {
    let (text, _) = document(KEY_PROV);
    for place in 0..text.len() {
        let mut octets = text.clone().into_bytes();
        octets[place] ^= 1;
        let resource = key_prov();
        let result = client().open_response(
            &octets,
            &resource,
            &url(&resource),
            &keys(),
            ClientPolicy::STANDARD,
            NOW,
        );
        assert!(result.is_err(), "octet {place}");
    }
    println!("{} altered responses refused", text.len());
}

#[test]
fn the_negative_vectors_are_refused() {
    let vectors = vectors();
    for case in vectors["negative"].as_array().unwrap() {
        let text = case["document"].as_str().unwrap();
        let key = case["verify_with_key"].as_str().map_or_else(
            || keys().integrity[0].key.clone(),
            |hex| Secret::try_from(hex::decode(hex).unwrap().as_slice()).unwrap(),
        );
        let find = |_: &str| Some(key.clone());
        let error = if text.contains("KmsRequest") {
            KmsRequest::open(text.as_bytes(), &find).err()
        } else {
            KmsResponse::open(text.as_bytes(), Dialect::Standard, &find).err()
        };
        assert!(
            matches!(error, Some(KmsDocumentError::PeerIntegrity(_))),
            "{}",
            case["name"]
        );
    }
}

/// A response of our own, signed with the InK of the vectors.
fn signed(change: impl FnOnce(&mut KmsResponse)) -> String {
    let (text, _) = document(KEY_PROV);
    let ink = keys().integrity.remove(0);
    let find = |name: &str| (name == ink.name).then(|| ink.key.clone());
    let mut response = KmsResponse::open(text.as_bytes(), Dialect::Standard, &find)
        .unwrap()
        .response;
    change(&mut response);
    response.sign(&ink).unwrap()
}

fn sets(response: &mut KmsResponse) -> &mut Vec<KmsKeySet> {
    let KmsMessage::KeyProv { key_sets, .. } = &mut response.message else {
        panic!("another message")
    };
    key_sets
}

#[test]
fn a_response_to_another_request_is_refused() {
    let other = |what| KmsClientError::PeerOtherRequest(what);
    let resource = key_prov();
    assert_eq!(
        refused(&signed(|r| r.user_uri.push('x')), &resource),
        other("user")
    );
    assert_eq!(
        refused(&signed(|r| r.kms_uri.push('x')), &resource),
        other("KMS")
    );
    assert_eq!(
        refused(&signed(|r| r.client_req_url.push('x')), &resource),
        other("URL")
    );
    assert_eq!(
        refused(&signed(|r| sets(r)[0].user_uri.push('x')), &resource),
        other("identity")
    );
    assert_eq!(
        refused(&signed(|r| r.time = UnixTime(NOW.0 + 301)), &resource),
        KmsClientError::PeerTime(301)
    );
    assert_eq!(
        refused(&signed(|r| r.time = UnixTime(NOW.0 - 301)), &resource),
        KmsClientError::PeerTime(301)
    );
    let init = signed(|r| r.client_req_url = url(&Resource::Init));
    assert_eq!(
        refused(&init, &Resource::Init),
        KmsClientError::PeerOtherMessage
    );
    assert!(open(&signed(|_| {}), &resource, &keys(), ClientPolicy::STANDARD).is_ok());
}

#[test]
fn a_trk_does_not_sign_for_a_client_that_has_an_ink() {
    let (text, _) = document(KEY_PROV);
    let ink = keys().integrity.remove(0);
    let find = |name: &str| (name == ink.name).then(|| ink.key.clone());
    let response = KmsResponse::open(text.as_bytes(), Dialect::Standard, &find)
        .unwrap()
        .response;
    let by_trk = response.sign(&keys().transport[0]).unwrap();
    let denied =
        KmsClientError::PeerDocument(KmsDocumentError::PeerIntegrity(IntegrityError::DeniedKey));
    assert_eq!(refused(&by_trk, &key_prov()), denied);
    let first_release = ClientKeys {
        integrity: vec![],
        ..keys()
    };
    assert!(open(&by_trk, &key_prov(), &first_release, ClientPolicy::STANDARD).is_ok());
}

#[test]
fn a_signature_that_was_stripped_is_missed() {
    let (text, _) = document(KEY_PROV);
    let (head, tail) = text.split_once("<ds:Signature>").unwrap();
    let end = tail.split_once("</ds:Signature>").unwrap().1;
    assert_eq!(
        refused(&format!("{head}{end}"), &key_prov()),
        KmsClientError::PeerNotSigned
    );
    let bare = head.split_once('>').unwrap().1.replacen("<KmsResponse ", "<KmsResponse xmlns=\"urn:3gpp:ns:mcsecKMSInterface:1.0\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ", 1);
    assert_eq!(refused(&bare, &key_prov()), KmsClientError::PeerNotSigned);
}

#[test]
fn a_wrapped_key_is_held_to_its_key_and_length() {
    let trk = keys().transport.remove(0);
    let wrap = |octets: &[u8]| {
        KeyContent::Wrapped(WrappedKey::wrap(octets, &trk, WrapProfile::ThreeGpp).unwrap())
    };
    let document_error = |error| KmsClientError::PeerDocument(error);
    let resource = key_prov();
    let short = signed(|r| sets(r)[0].user_decrypt_key = wrap(&[4; 255]));
    assert_eq!(
        refused(&short, &resource),
        document_error(KmsDocumentError::PeerKeyLength("UserDecryptKey"))
    );
    let long = signed(|r| sets(r)[0].user_signing_key_ssk = wrap(&[4; 33]));
    assert_eq!(
        refused(&long, &resource),
        document_error(KmsDocumentError::PeerKeyLength("UserSigningKeySSK"))
    );
    let altered = signed(|r| {
        let KeyContent::Wrapped(key) = &mut sets(r)[0].user_pub_token_pvt else {
            panic!()
        };
        key.value[3] ^= 1;
    });
    assert_eq!(
        refused(&altered, &resource),
        document_error(KmsDocumentError::PeerKeyWrap(KeyWrapError::PeerIntegrity))
    );
    let other = signed(|r| {
        let KeyContent::Wrapped(key) = &mut sets(r)[0].user_pub_token_pvt else {
            panic!()
        };
        key.transport_key = Some("tk.99".into());
    });
    assert_eq!(
        refused(&other, &resource),
        document_error(KmsDocumentError::DeniedTransportKey)
    );
}

#[test]
fn points_without_their_first_octet_get_it_back() {
    let trk = keys().transport.remove(0);
    let (text, _) = document(KEY_PROV);
    let KmsAnswer::KeyProv { key_sets, .. } =
        open(&text, &key_prov(), &keys(), ClientPolicy::STANDARD).unwrap()
    else {
        panic!()
    };
    let wrap = |octets: &[u8]| {
        KeyContent::Wrapped(WrappedKey::wrap(octets, &trk, WrapProfile::W3c).unwrap())
    };
    let cut = signed(|r| {
        sets(r)[0].user_decrypt_key = wrap(&key_sets[0].rsk.expose()[1..]);
        sets(r)[0].user_pub_token_pvt = wrap(&key_sets[0].pvt[1..]);
    });
    let KmsAnswer::KeyProv {
        key_sets: again, ..
    } = open(&cut, &key_prov(), &keys(), ClientPolicy::STANDARD).unwrap()
    else {
        panic!()
    };
    assert!(again == key_sets);
}

#[test]
fn the_product_of_the_first_release_is_read_only_when_configured() {
    let (text, case) = document(KEY_PROV);
    let trk = keys().transport.remove(0);
    let set = text
        .split_once("<KmsKeySet")
        .unwrap()
        .1
        .split_once("</KmsKeySet>")
        .unwrap()
        .0;
    let mut response = format!("<KmsKeySet{set}</KmsKeySet>");
    let ssk = hex::decode(case["UserSigningKeySSK"].as_str().unwrap()).unwrap();
    let wrapped = WrappedKey::wrap(&ssk, &trk, WrapProfile::ThreeGpp).unwrap();
    let start = response.find("<UserSigningKeySSK").unwrap();
    let end = response.find("</UserSigningKeySSK>").unwrap();
    let data = format!(
        "<UserSigningKeySSK><xenc:EncryptedData Type=\"http://www.w3.org/2001/04/xmlenc#EncryptedKey\"><xenc:EncryptionMethod Algorithm=\"{}\"/><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>",
        WrapProfile::ThreeGpp.uri(),
        hex::encode(&wrapped.value)
    );
    response.replace_range(start..end, &data);
    let head = text
        .split_once("<KmsResponse")
        .unwrap()
        .1
        .split_once("<KmsKeySet")
        .unwrap()
        .0;
    let declarations = text.split_once('>').unwrap().0.split_once(' ').unwrap().1;
    let bare = format!(
        "<KmsResponse {declarations}{head}{response}</KmsKeyProv></KmsMessage></KmsResponse>"
    );
    let one = ClientKeys {
        transport: vec![trk],
        integrity: vec![],
    };
    let early = |name: &str| {
        one.transport
            .iter()
            .find(|key| key.name == name)
            .map(|key| key.key.clone())
    };
    let opened = KmsResponse::open(bare.as_bytes(), Dialect::EarlyProduct, &early).unwrap();
    let KmsMessage::KeyProv { key_sets, .. } = &opened.response.message else {
        panic!()
    };
    let key = key_sets[0]
        .user_signing_key_ssk
        .open(KeyKind::UserSigningKeySsk, &one.transport)
        .unwrap();
    assert_eq!(key.expose(), ssk);
    assert!(KmsResponse::open(bare.as_bytes(), Dialect::Standard, &early).is_err());
}

fn response_error(text: &str) -> bool {
    KmsResponse::open(text.as_bytes(), Dialect::Standard, &|_| None).is_err()
}

#[test]
fn malformed_documents_are_refused() {
    let (plain, _) = document("unsigned keyprov response, plain key contents");
    let (cache, _) = document("unsigned certcache response with one External certificate");
    let (request, _) = document("unsigned certcache request");
    assert!(!response_error(&plain) && !response_error(&cache));
    for (from, to) in [
        ("urn:3gpp:ns:mcsecKMSInterface:1.0", "http://org.csc.kms"),
        ("<KeyPeriodNo>1388<", "<KeyPeriodNo>-1<"),
        (
            "<KeyPeriodNo>1388<",
            "<KeyPeriodNo>99999999999999999999999<",
        ),
        ("<UserID>", "<UserID>x"),
        (
            "xsi:type=\"KeyContentType\"",
            "xsi:type=\"EncKeyContentType\"",
        ),
        ("<Time>2014-01-26T10:07:15Z", "<Time>yesterday"),
        (
            "<UserUri>sip:user.001@mcptt.example.org</UserUri><KmsUri>",
            "<KmsUri>",
        ),
        ("<KmsId>", "<KmsUri>x</KmsUri><KmsId>"),
        (
            "<KmsMessage>",
            "<KmsError><ErrorCode>1</ErrorCode><ErrorMsg>x</ErrorMsg></KmsError><KmsMessage>",
        ),
        ("<KmsKeyProv ", "<KmsInit/><KmsKeyProv "),
        ("</KmsKeySet>", "</KmsKeySet><NewTransportKey/>"),
    ] {
        assert!(plain.contains(from), "{from}");
        assert!(
            response_error(&plain.replacen(from, to, 1)),
            "{from} -> {to}"
        );
    }
    for (from, to) in [
        ("<UserIdFormat>2<", "<UserIdFormat>1<"),
        ("<ParameterSet>1<", "<ParameterSet>2<"),
        ("<UserKeyPeriod>2592000<", "<UserKeyPeriod>0<"),
        ("<UserKeyOffset>0<", "<UserKeyOffset>2592000<"),
        ("<PubEncKey>04", "<PubEncKey>05"),
        ("<PubEncKey>04", "<PubEncKey>"),
        ("<PubAuthKey>0450", "<PubAuthKey>04"),
        ("Role=\"External\"", "Role=\"Leaf\""),
        ("<Revoked>false<", "<Revoked>maybe<"),
        ("CacheNum=\"13\"", "CacheNum=\"x\""),
    ] {
        assert!(cache.contains(from), "{from}");
        assert!(
            response_error(&cache.replacen(from, to, 1)),
            "{from} -> {to}"
        );
    }
    for (from, to) in [
        ("<Time>", "<Time>x"),
        ("<UserUri>", "<Uri>"),
        ("KmsRequest", "KmsResponse"),
        ("<UserUri>", "<TrK-ID>a</TrK-ID><TrK-ID>b</TrK-ID><UserUri>"),
    ] {
        assert!(
            KmsRequest::open(request.replacen(from, to, 1).as_bytes(), &|_| None).is_err(),
            "{from} -> {to}"
        );
    }
    let many = plain.replace(
        "</KmsKeySet>",
        &format!("</KmsKeySet>{}", "<KmsKeySet/>".repeat(70)),
    );
    assert!(response_error(&many));
}

#[test]
fn either_order_of_client_id_and_time_is_read() {
    let (request, _) = document("unsigned certcache request");
    let time = "<Time>2014-01-26T10:07:14Z</Time>";
    let moved = request.replace(time, "").replace(
        "<ClientReqUrl>",
        &format!("{time}<x:TrK-ID xmlns:x=\"urn:x\">tk.1</x:TrK-ID><ClientReqUrl>"),
    );
    let opened = KmsRequest::open(moved.as_bytes(), &|_| None).unwrap();
    assert_eq!(
        (opened.request.time, opened.request.trk_id.as_deref()),
        (NOW, Some("tk.1"))
    );
}

#[test]
fn paths_are_those_of_the_clause() {
    let id = "sip:user@example.org".to_owned();
    assert_eq!(
        Resource::KeyProv(id.clone()).path(),
        "/keymanagement/identity/v1/keyprov/sip%3Auser%40example.org"
    );
    let time = NtpTime {
        seconds: 0xD6B4_3232,
        fraction: 0,
    };
    assert!(
        Resource::KeyProvAt(id, time)
            .path()
            .ends_with("%40example.org/D6B4323200000000")
    );
    assert_eq!(
        Resource::Cert(KmsUri::new("kms/1").unwrap()).path(),
        "/keymanagement/identity/v1/cert/kms%2F1"
    );
    assert_eq!(
        Resource::CertCache(None).path(),
        "/keymanagement/identity/v1/certcache"
    );
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß€]{1,30}"
        .prop_map(|text| text.trim().to_owned())
        .prop_filter("not empty", |text| !text.is_empty())
}

fn time() -> impl Strategy<Value = UnixTime> {
    (0..4_000_000_000_u64).prop_map(UnixTime)
}

prop_compose! {
    fn certificate()(
        cert_uri in proptest::option::of(text()), issuer in proptest::option::of(text()),
        from in proptest::option::of(time()), to in proptest::option::of(time()),
        revoked in any::<bool>(), gateway in proptest::option::of(any::<bool>()),
        period in 1..u64::MAX, fill in any::<[u8; 2]>(), domains in proptest::collection::vec(text(), 0..3),
    ) -> KmsCertificate {
        let mut pub_enc_key = [fill[0]; 257];
        let mut pub_auth_key = [fill[1]; 65];
        (pub_enc_key[0], pub_auth_key[0]) = (4, 4);
        KmsCertificate {
            role: CertificateRole::External, is_security_gateway: gateway, cert_uri,
            kms_uri: KmsUri::new("kms.x").unwrap(), issuer, valid_from: from, valid_to: to, revoked,
            user_key_period: period, user_key_offset: period / 2, pub_enc_key, pub_auth_key, domains,
        }
    }
}

prop_compose! {
    fn key_set()(user_uri in text(), user_id in any::<[u8; 32]>(), number in any::<u64>(), wrapped in any::<bool>(), fill in any::<u8>(), to in proptest::option::of(time())) -> KmsKeySet {
        let trk = NamedKey { name: "tk".into(), key: Secret::new([1; 32]) };
        let content = |octets: Vec<u8>| match wrapped {
            true => KeyContent::Wrapped(WrappedKey::wrap(&octets, &trk, WrapProfile::ThreeGpp).unwrap()),
            false => KeyContent::Plain(SecretBytes::new(octets)),
        };
        KmsKeySet {
            kms_uri: KmsUri::new("kms.x").unwrap(), cert_uri: None, issuer: None, user_uri, user_id,
            valid_from: None, valid_to: to, key_period_no: number, revoked: false,
            user_decrypt_key: content(vec![fill; 257]), user_signing_key_ssk: content(vec![fill; 32]),
            user_pub_token_pvt: content(vec![fill; 65]),
        }
    }
}

fn message() -> impl Strategy<Value = KmsMessage> {
    let new_key = || {
        let trk = NamedKey {
            name: "tk".into(),
            key: Secret::new([1; 32]),
        };
        vec![
            NewKey::wrap(
                &NamedKey {
                    name: "n".into(),
                    key: Secret::new([2; 32]),
                },
                &trk,
                WrapProfile::W3c,
            )
            .unwrap(),
        ]
    };
    prop_oneof![
        certificate().prop_map(move |certificate| KmsMessage::Init {
            certificate: Box::new(certificate),
            new_transport_keys: new_key(),
            new_integrity_keys: vec![],
        }),
        proptest::collection::vec(key_set(), 0..3).prop_map(move |key_sets| KmsMessage::KeyProv {
            key_sets,
            new_transport_keys: vec![],
            new_integrity_keys: new_key(),
        }),
        (
            proptest::option::of(any::<u64>()),
            proptest::collection::vec(certificate(), 0..3)
        )
            .prop_map(|(cache_num, certificates)| KmsMessage::CertCache {
                cache_num,
                certificates
            }),
        (text(), 0..4_usize).prop_map(|(user_uri, count)| KmsMessage::Lookup {
            user_uri,
            kms_uris: (0..count)
                .map(|n| KmsUri::new(format!("kms{n}.x")).unwrap())
                .collect(),
        }),
        Just(KmsMessage::Empty),
        (any::<i64>(), text())
            .prop_map(|(code, message)| KmsMessage::Error(KmsErrorBody { code, message })),
    ]
}

fn krr_text(responses: usize, value: &str) -> String {
    let value = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        // As canonical XML writes it, which is what comes out of a signed request.
        .replace('>', "&gt;");
    let mut inner = String::new();
    for _ in 0..responses {
        inner = format!(
            "<k:KmsRedirectResponse a=\"x\"><k:Uri>{value}</k:Uri>{inner}</k:KmsRedirectResponse>"
        );
    }
    format!(
        "<KrrList xmlns=\"{}\" xmlns:k=\"{KRR_NAMESPACE}\">{inner}</KrrList>",
        roger_documents::kms::NAMESPACE
    )
}

fn krr_list() -> impl Strategy<Value = KrrList> {
    (0..8_usize, text()).prop_map(|(count, value)| KrrList::new(krr_text(count, &value)).unwrap())
}

#[test]
fn a_list_of_redirect_responses_keeps_its_octets_and_its_bounds() {
    let inner = "<k:KmsRedirectResponse><k:Uri>a</k:Uri></k:KmsRedirectResponse>";
    let request = |list: &str| {
        format!(
            "<KmsRequest xmlns='{}' xmlns:k='{KRR_NAMESPACE}' Id='xmldoc'><UserUri>u</UserUri><KmsUri>k</KmsUri>\
             <Time>2014-01-26T10:07:14Z</Time><ClientReqUrl>x</ClientReqUrl>{list}</KmsRequest>",
            roger_documents::kms::NAMESPACE
        )
    };
    let read = |list: &str| {
        KmsRequest::open(request(list).as_bytes(), &|_| None).map(|opened| opened.request.krr_list)
    };
    // Declarations of the request come along, those of the list itself are not doubled.
    for list in [
        format!("<KrrList>{inner}</KrrList>"),
        format!("<KrrList  xmlns:k = '{KRR_NAMESPACE}' >{inner}</KrrList>"),
    ] {
        let taken = read(&list).unwrap().unwrap();
        assert!(taken.as_str().contains(inner) && taken.as_str().contains(KRR_NAMESPACE));
        assert_eq!(KrrList::new(taken.as_str()).unwrap(), taken);
    }
    assert!(read("<KrrList/>").unwrap().is_some());
    assert!(read("").unwrap().is_none());
    assert!(read("<KrrList/><KrrList/>").is_err());
    assert!(KrrList::new(krr_text(8, "a")).is_ok());
    for bad in [
        krr_text(9, "a"),
        krr_text(1, &"a".repeat(17 << 10)),
        format!("<!-- c -->{}", krr_text(1, "a")),
        format!("{} ", krr_text(1, "a")),
        "<KrrList/>".to_owned(),
        inner.to_owned(),
        String::new(),
    ] {
        assert!(KrrList::new(bad).is_err());
    }
}

#[test]
fn a_client_of_the_first_release_gets_its_form() {
    let opened = init_response();
    let trk = NamedKey {
        name: "tk".into(),
        key: Secret::new([3; 32]),
    };
    let text = opened.sign_in(&trk, Release::Rel13).unwrap();
    assert!(text.contains("<KmsCertificate Role=\"Root\" Version=\"1.0.0\">"));
    for absent in [
        "NewTransportKey",
        "NewIntegrityKey",
        "IsSecurityGateway",
        "KmsInitTkIkType",
    ] {
        assert!(!text.contains(absent), "{absent}");
        assert!(opened.write().contains(absent), "{absent}");
    }
    let again = KmsResponse::open(text.as_bytes(), Dialect::Standard, &|name| {
        (name == "tk").then(|| trk.key.clone())
    });
    assert_eq!(again.unwrap().signer.as_deref(), Some("tk"));
}

/// An init response with new keys and a certificate of a security gateway.
fn init_response() -> KmsResponse {
    let trk = NamedKey {
        name: "tk".into(),
        key: Secret::new([1; 32]),
    };
    let new = || vec![NewKey::wrap(&trk, &trk, WrapProfile::W3c).unwrap()];
    let (mut pub_enc_key, mut pub_auth_key) = ([0; 257], [0; 65]);
    (pub_enc_key[0], pub_auth_key[0]) = (4, 4);
    let certificate = KmsCertificate {
        role: CertificateRole::Root,
        is_security_gateway: Some(false),
        cert_uri: None,
        kms_uri: KmsUri::new("kms.x").unwrap(),
        issuer: None,
        valid_from: None,
        valid_to: None,
        revoked: false,
        user_key_period: 10,
        user_key_offset: 1,
        pub_enc_key,
        pub_auth_key,
        domains: Vec::new(),
    };
    KmsResponse {
        user_uri: "u".into(),
        kms_uri: "kms.x".into(),
        time: UnixTime(1),
        kms_id: None,
        client_req_url: "x".into(),
        message: KmsMessage::Init {
            certificate: Box::new(certificate),
            new_transport_keys: new(),
            new_integrity_keys: new(),
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn certificates_that_stand_alone_come_back(certificate in certificate()) {
        let written = certificate.write_document();
        prop_assert_eq!(KmsCertificate::read_document(written.as_bytes()), Ok(certificate));
    }

    #[test]
    fn no_octets_make_the_reader_of_redirect_lists_panic(octets in "[<>/KrrListkmlns:=\"' &;a-c]{0,200}") {
        let text = format!("<KmsRequest xmlns='{}'>{octets}</KmsRequest>", roger_documents::kms::NAMESPACE);
        if let Ok(opened) = KmsRequest::open(text.as_bytes(), &|_| None) {
            let again = KmsRequest::open(opened.request.write().as_bytes(), &|_| None);
            prop_assert!(again.is_ok());
        }
    }

    #[test]
    fn any_response_survives(user_uri in text(), kms_uri in text(), time in time(), url in text(), message in message()) {
        let response = KmsResponse { user_uri, kms_uri, time, kms_id: None, client_req_url: url, message };
        let ink = NamedKey { name: "ink & more".into(), key: Secret::new([7; 32]) };
        let find = |name: &str| (name == ink.name).then(|| ink.key.clone());
        for text in [response.write(), response.sign(&ink).unwrap()] {
            let opened = KmsResponse::open(text.as_bytes(), Dialect::Standard, &find).unwrap();
            prop_assert!(opened.response == response);
        }
    }

    #[test]
    fn any_request_survives(user_uri in text(), time in time(), client in proptest::option::of(text()), url in text(), krr in proptest::option::of(krr_list())) {
        let request = KmsRequest { user_uri, kms_uri: "k".into(), time, client_id: client, device_id: None, client_req_url: url, krr_list: krr, trk_id: None };
        let ink = NamedKey { name: "ink".into(), key: Secret::new([7; 32]) };
        let find = |name: &str| (name == ink.name).then(|| ink.key.clone());
        for text in [request.write(), request.sign(&ink).unwrap()] {
            let mut found = KmsRequest::open(text.as_bytes(), &find).unwrap().request;
            // What the root of a signed request declares comes along.
            let declared = " xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
            found.krr_list = found.krr_list.map(|list| KrrList::new(list.as_str().replace(declared, "")).unwrap());
            prop_assert_eq!(&found, &request);
        }
    }
}
