//! Every class of document with sensitive content crosses a hop hidden, in both directions, under each setting of
//! the two switches; and what stands where it has no protected form neither leaves nor is taken (TS 24.379 cl. 4.8).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use roger_base::{KeyId, Secret};
use roger_call::body::{Body, Part};
use roger_call::protection::{Protection, ProtectionError, ReceivingHop, SendingHop};
use roger_call::warning::WarningCode;
use roger_testkit::SeededRandom;
use roger_xml::element::ConfidentialityError;
use roger_xml::signed_body::Coverage;
use roger_xml::uri::{ProtectedDomains, UriTolerance};
use roger_xml::{BoundKeys, XmlKeys};

const DOMAIN: &str = "mcptt.example.org";

/// One class: media type, document, what of it must not be seen, and the same with a secret out of its place.
struct Class {
    media_type: &'static str,
    document: &'static str,
    secrets: &'static [&'static str],
    misplaced: &'static str,
}

const CLASSES: &[Class] = &[
    Class {
        media_type: "application/vnd.3gpp.mcptt-info+xml",
        document: r#"<mcpttinfo xmlns="urn:3gpp:ns:mcpttInfo:1.0"><mcptt-Params><mcptt-access-token type="Normal"><mcpttString>eyJtoken</mcpttString></mcptt-access-token><session-type>chat</session-type><mcptt-request-uri type="Normal"><mcpttURI>sip:a1@x</mcpttURI></mcptt-request-uri><mcptt-calling-user-id type="Normal"><mcpttURI>sip:a2@x</mcpttURI></mcptt-calling-user-id><mcptt-called-party-id type="Normal"><mcpttURI>tel:+4911</mcpttURI></mcptt-called-party-id><mcptt-calling-group-id type="Normal"><mcpttURI>sip:g1@x</mcpttURI></mcptt-calling-group-id><required type="Normal"><mcpttBoolean>true</mcpttBoolean></required><emergency-ind type="Normal"><mcpttBoolean>true</mcpttBoolean></emergency-ind><alert-ind type="Normal"><mcpttBoolean>true</mcpttBoolean></alert-ind><imminentperil-ind type="Normal"><mcpttBoolean>true</mcpttBoolean></imminentperil-ind><associated-group-id type="Normal"><mcpttURI>sip:g2@x</mcpttURI></associated-group-id><originated-by type="Normal"><mcpttURI>sip:a4@x</mcpttURI></originated-by><mcptt-client-id type="Normal"><mcpttString>urn:uuid:c1</mcpttString></mcptt-client-id><alert-ind-rcvd type="Normal"><mcpttBoolean>true</mcpttBoolean></alert-ind-rcvd><anyExt><functional-alias-URI type="Normal"><mcpttURI>sip:chief@x</mcpttURI></functional-alias-URI></anyExt></mcptt-Params></mcpttinfo>"#,
        secrets: &[
            "eyJtoken", "a1@x", "a2@x", "+4911", "g1@x", "true", "g2@x", "a4@x", "uuid:c1", "chief",
        ],
        misplaced: r#"<mcpttinfo xmlns="urn:3gpp:ns:mcpttInfo:1.0"><mcptt-Params><mc-org>sip:a1@x</mc-org></mcptt-Params></mcpttinfo>"#,
    },
    Class {
        media_type: "application/resource-lists+xml",
        document: r#"<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list><entry uri="sip:b@x"/><entry uri="tel:+4912"/></list></resource-lists>"#,
        secrets: &["b@x", "+4912"],
        misplaced: r#"<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="sip:b@x"/></resource-lists>"#,
    },
    Class {
        media_type: "application/pidf+xml",
        document: r#"<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:m="urn:3gpp:ns:mcpttPresInfo:1.0" entity="sip:a@x"><tuple id="urn:uuid:c2"><status><m:affiliation group="sip:g3@x" client="urn:uuid:c3" status="affiliated"/><m:functionalAlias functionalAliasID="sip:boss@x"/></status></tuple><m:p-id>1</m:p-id></presence>"#,
        secrets: &["a@x", "uuid:c2", "g3@x", "uuid:c3", "boss"],
        misplaced: r#"<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@x"><tuple id="urn:uuid:c2"><contact>sip:a@x</contact></tuple></presence>"#,
    },
    Class {
        media_type: "application/conference-info+xml",
        document: r#"<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" entity="sip:g4@x"><users><user entity="sip:u@x"><endpoint entity="sip:e@x"/></user></users></conference-info>"#,
        secrets: &["g4@x", "u@x", "e@x"],
        misplaced: r#"<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" entity="sip:g4@x"><associated-aors><entry><uri>sip:u@x</uri></entry></associated-aors></conference-info>"#,
    },
    Class {
        media_type: "application/vnd.3gpp.mcptt-location-info+xml",
        document: r#"<location-info xmlns="urn:3gpp:ns:mcpttLocationInfo:1.0"><Report ReportType="NonEmergency"><TriggerId>t</TriggerId><CurrentLocation><CurrentServingEcgi type="Normal"><Ecgi>26201ABCDEF0</Ecgi></CurrentServingEcgi><CurrentCoordinate><longitude><threebytes>539502</threebytes></longitude><latitude type="Normal"><threebytes>4486770</threebytes></latitude></CurrentCoordinate></CurrentLocation></Report></location-info>"#,
        secrets: &["26201ABCDEF0", "539502", "4486770"],
        misplaced: r#"<location-info xmlns="urn:3gpp:ns:mcpttLocationInfo:1.0"><Report ReportType="NonEmergency" longitude="539502"/></location-info>"#,
    },
    Class {
        media_type: "application/vnd.3gpp.mcptt-affiliation-command+xml",
        document: r#"<command-list xmlns="urn:3gpp:ns:affiliationCommand:1.0"><affiliate><group>sip:g5@x</group></affiliate><de-affiliate><group>sip:g6@x</group></de-affiliate></command-list>"#,
        secrets: &["g5@x", "g6@x"],
        misplaced: r#"<command-list xmlns="urn:3gpp:ns:affiliationCommand:1.0"><affiliate by="sip:a@x"/></command-list>"#,
    },
    Class {
        media_type: "application/vnd.3gpp.mcptt-floor-request+xml",
        document: r#"<floor-request xmlns="urn:3gpp:ns:mcpttFloorRequest:1.0"><mcptt-id>sip:a@x</mcptt-id></floor-request>"#,
        secrets: &["a@x"],
        misplaced: r#"<floor-request xmlns="urn:3gpp:ns:mcpttFloorRequest:1.0"><whom>sip:a@x</whom></floor-request>"#,
    },
    Class {
        media_type: "application/vnd.3gpp.mcptt-regroup+xml",
        document: r#"<mcptt-regroup xmlns="urn:3gpp:ns:preconfiguredRegroup:1.0"><mcptt-regroup-uri>sip:r@x</mcptt-regroup-uri><preconfigured-group>sip:p@x</preconfigured-group><groups-for-regroup><group>sip:g7@x</group></groups-for-regroup><users-for-regroup><user>sip:a@x</user></users-for-regroup></mcptt-regroup>"#,
        secrets: &["r@x", "p@x", "g7@x", "a@x"],
        misplaced: r#"<mcptt-regroup xmlns="urn:3gpp:ns:preconfiguredRegroup:1.0" by="sip:a@x"/>"#,
    },
    Class {
        media_type: "application/xcap-diff+xml",
        document: r#"<xcap-diff xmlns="urn:ietf:params:xml:ns:xcap-diff" xcap-root="https://xcap.x/"><document sel="org.openmobilealliance.groups/users/sip:a@x/g"/><element sel="groups/users/sip:b@x/e"/><attribute sel="groups/users/sip:c@x/a"/></xcap-diff>"#,
        secrets: &["a@x", "b@x", "c@x"],
        misplaced: r#"<xcap-diff xmlns="urn:ietf:params:xml:ns:xcap-diff" xcap-root="sip:a@x"/>"#,
    },
    Class {
        media_type: "application/simple-filter+xml",
        document: r#"<filter-set xmlns="urn:ietf:params:xml:ns:simple-filter"><filter id="1" uri="sip:a@x"><what><include>//*[@id="urn:uuid:c4"]</include><exclude>/presence[@entity="sip:b@x"]</exclude></what></filter></filter-set>"#,
        secrets: &["a@x", "uuid:c4", "b@x"],
        misplaced: r#"<filter-set xmlns="urn:ietf:params:xml:ns:simple-filter"><filter id="sip:a@x"/></filter-set>"#,
    },
];

/// A document without any identity still has its signature.
const MBMS: (&str, &str) = (
    "application/vnd.3gpp.mcptt-mbms-usage-info+xml",
    r#"<mcptt-mbms-usage-info xmlns="urn:3gpp:ns:mcpttMbmsUsage:1.0"><version>1</version></mcptt-mbms-usage-info>"#,
);

const ALL: [Protection; 4] = [
    Protection::Full,
    Protection::ConfidentialityOnly,
    Protection::IntegrityOnly,
    Protection::Off,
];

fn keys() -> XmlKeys {
    XmlKeys::new(
        KeyId::from(0x2000_0001),
        Secret::new([1; 16]),
        Secret::new([2; 16]),
    )
}

fn sending(protection: Protection) -> SendingHop {
    SendingHop {
        keys: keys(),
        domain: DOMAIN.to_owned(),
        protection,
    }
}

fn receiving(protection: Protection) -> ReceivingHop {
    ReceivingHop {
        keys: BoundKeys::one(keys()),
        domains: ProtectedDomains::new(vec![DOMAIN.to_owned()], UriTolerance::AsSent),
        protection,
        coverage: Coverage::EveryXmlPart,
    }
}

fn body(media_type: &str, document: &str) -> Body {
    Body::new().with(Part::new(media_type, document.as_bytes().to_vec()))
}

fn text(body: &Body, media_type: &str) -> String {
    String::from_utf8(body.octets(media_type).unwrap().to_vec()).unwrap()
}

/// White space and the `type` attribute that the sender adds make no difference.
fn same(one: &str, other: &str) -> bool {
    one.replace(" type=\"Normal\"", "") == other.replace(" type=\"Normal\"", "")
        || quotes(one) == quotes(other)
}

fn quotes(text: &str) -> String {
    text.replace("&quot;", "\"")
}

#[test]
fn every_class_is_hidden_and_signed_by_the_switches() {
    for class in CLASSES {
        for protection in ALL {
            let mut random = SeededRandom::new(3);
            let sent = body(class.media_type, class.document)
                .protected(&sending(protection), &mut random)
                .unwrap();
            let wire = text(&sent, class.media_type);
            for secret in class.secrets {
                let seen = wire.contains(secret);
                assert_eq!(seen, !protection.encrypts(), "{secret} in {wire}");
            }
            let signed = sent.part("application/vnd.3gpp.mcptt-signed+xml").is_some();
            assert_eq!(signed, protection.signs());
            let opened = sent.opened(&receiving(protection)).unwrap();
            let shown = text(&opened, class.media_type);
            assert!(same(&shown, class.document), "{shown}");
        }
    }
}

#[test]
fn a_receiver_refuses_what_its_switches_forbid_and_no_more() {
    for class in CLASSES {
        for sent_as in ALL {
            let mut random = SeededRandom::new(3);
            let sent = body(class.media_type, class.document)
                .protected(&sending(sent_as), &mut random)
                .unwrap();
            for wanted in ALL {
                let result = sent.opened(&receiving(wanted)).map(|_| ());
                let expected = if wanted.signs() && !sent_as.signs() {
                    Some(WarningCode::INTEGRITY_CHECK_FAILED)
                } else if wanted.encrypts() && !sent_as.encrypts() {
                    Some(WarningCode::UNABLE_TO_DECRYPT)
                } else {
                    None
                };
                let warning = result.err().map(|error| error.warning());
                assert_eq!(
                    warning, expected,
                    "{} {sent_as:?} {wanted:?}",
                    class.media_type
                );
            }
        }
    }
}

#[test]
fn what_is_out_of_its_place_does_not_leave() {
    for class in CLASSES {
        let mut random = SeededRandom::new(3);
        let sent = body(class.media_type, class.misplaced)
            .protected(&sending(Protection::Full), &mut random);
        let misplaced = matches!(
            sent.err(),
            Some(ProtectionError::PeerConfidentiality(
                ConfidentialityError::LocalMisplaced(_)
            ))
        );
        assert!(misplaced, "{}", class.media_type);
        // Where nothing is hidden nothing is out of its place.
        let open = body(class.media_type, class.misplaced)
            .protected(&sending(Protection::IntegrityOnly), &mut random);
        assert!(open.is_ok());
    }
}

#[test]
fn what_comes_out_of_its_place_is_warning_140_and_the_reason_does_not_repeat_it() {
    for class in CLASSES {
        let received = body(class.media_type, class.misplaced);
        let mut random = SeededRandom::new(3);
        let signed = received
            .protected(&sending(Protection::IntegrityOnly), &mut random)
            .unwrap();
        let error = signed.opened(&receiving(Protection::Full)).err().unwrap();
        assert_eq!(error.warning(), WarningCode::UNABLE_TO_DECRYPT);
        let said = error.to_string();
        assert!(
            !class.secrets.iter().any(|secret| said.contains(secret)),
            "{said}"
        );
        assert!(signed.opened(&receiving(Protection::IntegrityOnly)).is_ok());
    }
}

#[test]
fn a_document_without_identities_is_signed() {
    let (media_type, document) = MBMS;
    let mut random = SeededRandom::new(3);
    let sent = body(media_type, document)
        .protected(&sending(Protection::Full), &mut random)
        .unwrap();
    assert_eq!(text(&sent, media_type), document);
    assert!(sent.opened(&receiving(Protection::Full)).is_ok());
    let unsigned = body(media_type, document).opened(&receiving(Protection::Full));
    assert_eq!(
        unsigned.err().unwrap().warning(),
        WarningCode::INTEGRITY_CHECK_FAILED
    );
}

#[test]
fn absent_switches_mean_on() {
    use Protection::{ConfidentialityOnly, Full, IntegrityOnly, Off};
    for (confidentiality, integrity, expected) in [
        (None, None, Full),
        (Some(true), None, Full),
        (None, Some(true), Full),
        (Some(false), None, IntegrityOnly),
        (None, Some(false), ConfidentialityOnly),
        (Some(false), Some(false), Off),
    ] {
        assert_eq!(Protection::of_flags(confidentiality, integrity), expected);
    }
    assert_eq!(Protection::of_servers(None), Full);
    assert_eq!(Protection::of_servers(Some(true)), Full);
    assert_eq!(Protection::of_servers(Some(false)), Off);
}
