//! Any message is read as it was written.

use crate::krr_list::krr_list;
use proptest::prelude::*;
use roger_base::{KmsUri, Secret, SecretBytes, UnixTime};
use roger_documents::kms::{
    CertificateRole, Dialect, KeyContent, KmsCertificate, KmsErrorBody, KmsKeySet, KmsMessage,
    KmsRequest, KmsResponse, KrrList, NamedKey, NewKey, WrappedKey,
};
use roger_xml::key_wrap::WrapProfile;

pub fn text() -> impl Strategy<Value = String> {
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
