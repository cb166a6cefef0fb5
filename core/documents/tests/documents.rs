//! Every document type: printed examples, round trips of any value, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

use core::time::Duration;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use roger_base::{ClientId, GroupId, KeyId, McpttId, Secret, SecretBytes, UnixTime};
use roger_documents::affiliation::{Affiliation, AffiliationDocument, AffiliationStatus, Tuple};
use roger_documents::gktp::{Gktp, GktpList, Gktps, RegroupedGktps};
use roger_documents::group::{AcknowledgementExpiry, GroupDocument, Member, Regrouped};
use roger_documents::group_rule::{GroupAction, GroupRule, RuleScope};
use roger_documents::mcptt_info::{
    Extension, ExtensionValue, McpttInfo, RequestUri, SessionType, extension,
};
use roger_documents::poc_settings::{AnswerMode, PocSettings};
use roger_documents::protected::{self, Confidentiality, ProtectedError};
use roger_documents::resource_lists::ResourceLists;
use roger_documents::xcap_diff::{DocumentChange, XcapDiff};
use roger_documents::{Document, DocumentError};
use roger_testkit::SeededRandom;
use roger_xml::markup::MarkupError;
use roger_xml::uri::{ProtectedDomains, UriTolerance};
use roger_xml::{BoundKeys, XmlKeys};
use serde_json::Value;

fn again<D: Document>(document: &D) -> D {
    D::read(document.write().as_bytes()).unwrap()
}

fn keys() -> XmlKeys {
    XmlKeys::new(
        KeyId::from(0x2000_0001),
        Secret::new([1; 16]),
        Secret::new([2; 16]),
    )
}

fn domains() -> ProtectedDomains {
    ProtectedDomains::new(vec!["mcptt.example.org".into()], UriTolerance::AsSent)
}

fn through_a_hop<D: Document>(document: &D) -> D {
    let text = protected::write(
        document,
        &keys(),
        "mcptt.example.org",
        &mut SeededRandom::new(3),
    )
    .unwrap();
    protected::read(
        text.as_bytes(),
        &BoundKeys::one(keys()),
        &domains(),
        Confidentiality::Required,
    )
    .unwrap()
}

fn user(name: &str) -> McpttId {
    McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap()
}

fn group(name: &str) -> GroupId {
    GroupId::new(format!("sip:{name}@mcptt.example.org")).unwrap()
}

#[test]
fn the_documents_of_the_vectors_are_read_and_written() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/xml-protection.json")).unwrap();
    let key = |name: &str| {
        let key = vectors["keys"]
            .as_array()
            .unwrap()
            .iter()
            .find(|key| key["name"] == name)
            .unwrap()
            .clone();
        let octets = |field: &str| hex(key[field].as_str().unwrap());
        let id = KeyId::from_octets(octets("XPK_ID").try_into().unwrap());
        XmlKeys::new(
            id,
            Secret::try_from(&octets("CK")[..]).unwrap(),
            Secret::try_from(&octets("IK")[..]).unwrap(),
        )
    };
    let mut count = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let Some(clear) = case["clear_body"].as_str() else {
            continue;
        };
        let body = case["body"].as_str().unwrap();
        let keys = BoundKeys::one(key(case["key"].as_str().unwrap()));
        match case["content_type"].as_str().unwrap() {
            McpttInfo::MEDIA_TYPE => both::<McpttInfo>(clear, body, &keys),
            ResourceLists::MEDIA_TYPE => both::<ResourceLists>(clear, body, &keys),
            AffiliationDocument::MEDIA_TYPE => both::<AffiliationDocument>(clear, body, &keys),
            other => panic!("{other}"),
        }
        count += 1;
    }
    println!(
        "{count} vector documents read protected and in clear, and written as they are in clear"
    );
    assert_eq!(count, 7);
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn both<D: Document + PartialEq + core::fmt::Debug>(clear: &str, body: &str, keys: &BoundKeys) {
    let plain = D::read(clear.as_bytes()).unwrap();
    let opened: D =
        protected::read(body.as_bytes(), keys, &domains(), Confidentiality::Required).unwrap();
    assert_eq!(opened, plain);
    assert_eq!(
        plain.write(),
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{clear}")
    );
    let result = protected::read::<D>(
        clear.as_bytes(),
        keys,
        &domains(),
        Confidentiality::Required,
    );
    assert!(matches!(result, Err(ProtectedError::PeerInClear(_))));
    assert!(
        protected::read::<D>(
            clear.as_bytes(),
            keys,
            &domains(),
            Confidentiality::Optional
        )
        .is_ok()
    );
}

#[test]
fn mcptt_info_has_the_order_of_the_schema_and_hides_everything_sensitive() {
    let info = full_info();
    let text = info.write();
    let mut place = 0;
    for name in [
        "mcptt-access-token",
        "session-type",
        "mcptt-request-uri",
        "mcptt-calling-user-id",
        "mcptt-called-party-id",
        "mcptt-calling-group-id",
        "required",
        "emergency-ind",
        "alert-ind",
        "imminentperil-ind",
        "broadcast-ind",
        "mc-org",
        "floor-state",
        "associated-group-id",
        "originated-by",
        "MKFC-GKTPs",
        "mcptt-client-id",
        "alert-ind-rcvd",
        "gw-mcptt-usage",
        "anyExt",
    ] {
        let at = text
            .find(&format!("<{name}"))
            .unwrap_or_else(|| panic!("{name}"));
        assert!(at > place, "{name}");
        place = at;
    }
    assert_eq!(again(&info), info);
    assert_eq!(through_a_hop(&info), info);
    let hidden = protected::write(
        &info,
        &keys(),
        "mcptt.example.org",
        &mut SeededRandom::new(1),
    )
    .unwrap();
    for secret in [
        "alice",
        "bob@",
        "carol",
        "sip:g",
        "tmp@",
        "tok.en",
        "urn:uuid",
        "mcpttBoolean",
        "alias@",
    ] {
        assert!(!hidden.contains(secret), "{secret} in {hidden}");
    }
    assert!(hidden.contains("<session-type>private</session-type>"));
    assert!(!format!("{info:?}").contains("tok.en"));
}

fn full_info() -> McpttInfo {
    let key = Gktp {
        id: "44112233".into(),
        activation_time: None,
        message: vec![1, 26, 5],
    };
    let regrouped = RegroupedGktps {
        temporary_group: group("tmp"),
        keys: vec![key.clone()],
    };
    let mut info = McpttInfo {
        access_token: Some(SecretBytes::new(b"tok.en".to_vec())),
        session_type: Some(SessionType::Private),
        request_uri: Some(RequestUri::from(&group("g1"))),
        calling_user_id: Some(user("alice")),
        called_party_id: Some(user("bob")),
        calling_group_id: Some(group("g2")),
        required: Some(true),
        emergency_ind: Some(true),
        alert_ind: Some(false),
        imminent_peril_ind: Some(false),
        broadcast_ind: Some(true),
        mc_org: Some("Fire & Rescue".into()),
        floor_state: Some("idle".into()),
        associated_group_id: Some(group("g3")),
        originated_by: Some(user("carol")),
        mkfc_gktps: Some(GktpList {
            keys: vec![key],
            regrouped: vec![regrouped],
        }),
        client_id: Some(ClientId::new("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6").unwrap()),
        alert_ind_rcvd: Some(true),
        gw_mcptt_usage: Some(false),
        extensions: vec![],
    };
    info.add_extension(
        extension::FUNCTIONAL_ALIAS_URI,
        ExtensionValue::Uri("sip:alias@x".into()),
    );
    info.add_extension(
        extension::MULTIPLE_DEVICES_IND,
        ExtensionValue::Boolean(true),
    );
    info.add_extension(extension::REQ_TYPE, ExtensionValue::String("x".into()));
    info.add_extension(
        extension::RELEASE_REASON,
        ExtensionValue::Text("private-call-expiry".into()),
    );
    info
}

#[test]
fn mcptt_info_tolerates_what_receivers_have_to() {
    let read = |inner: &str| {
        let text = format!(
            "<i:mcpttinfo xmlns:i='urn:3gpp:ns:mcpttInfo:1.0' x='1'><i:mcptt-Params>{inner}</i:mcptt-Params><i:more/></i:mcpttinfo>"
        );
        McpttInfo::read(text.as_bytes())
    };
    let info = read("<i:alert-ind>1</i:alert-ind><i:mcptt-request-uri> sip:a@b </i:mcptt-request-uri><i:session-type>future</i:session-type><n:x xmlns:n='n'/><i:unknown/>").unwrap();
    assert_eq!(info.alert_ind, Some(true));
    assert_eq!(info.request_uri.unwrap().as_str(), "sip:a@b");
    assert_eq!(info.session_type, Some(SessionType::Other("future".into())));
    let info = read("<i:anyExt><i:new-thing><i:deep><i:x/></i:deep></i:new-thing><n:y xmlns:n='n'/><i:req-type><i:mcpttString>z</i:mcpttString></i:req-type></i:anyExt>").unwrap();
    assert_eq!(
        info.extension(extension::REQ_TYPE),
        Some(&ExtensionValue::String("z".into()))
    );
    assert_eq!(info.extensions.len(), 1);
    assert_eq!(
        McpttInfo::read(b"<mcpttinfo xmlns='urn:3gpp:ns:mcpttInfo:1.0'/>").unwrap(),
        McpttInfo::default()
    );
}

#[test]
fn mcptt_info_refuses_what_cannot_be() {
    let read = |inner: &str| {
        let text = format!(
            "<mcpttinfo xmlns='urn:3gpp:ns:mcpttInfo:1.0'><mcptt-Params>{inner}</mcptt-Params></mcpttinfo>"
        );
        McpttInfo::read(text.as_bytes()).unwrap_err()
    };
    let one = "<mcptt-request-uri type='Normal'><mcpttURI>sip:a@b</mcpttURI></mcptt-request-uri>";
    assert!(matches!(
        read(&format!("{one}{one}")),
        DocumentError::PeerMarkup(MarkupError::PeerStructure(_))
    ));
    let twice = "<alert-ind><mcpttBoolean>true</mcpttBoolean><mcpttBoolean>false</mcpttBoolean></alert-ind>";
    assert_eq!(read(twice), DocumentError::PeerValue("alert-ind"));
    assert_eq!(
        read("<alert-ind><mcpttBoolean>yes</mcpttBoolean></alert-ind>"),
        DocumentError::PeerValue("alert-ind")
    );
    assert_eq!(
        read("<broadcast-ind>2</broadcast-ind>"),
        DocumentError::PeerValue("broadcast-ind")
    );
    assert!(matches!(
        read("<mcptt-calling-user-id><mcpttURI>alice</mcpttURI></mcptt-calling-user-id>"),
        DocumentError::PeerIdentity { .. }
    ));
    assert!(matches!(
        read("<mcptt-request-uri><mcpttURI>a b</mcpttURI></mcptt-request-uri>"),
        DocumentError::PeerIdentity { .. }
    ));
    assert_eq!(
        read("<mcptt-access-token><mcpttString/></mcptt-access-token>"),
        DocumentError::PeerValue("mcptt-access-token")
    );
    assert_eq!(
        read("<required type='Encrypted'/>"),
        DocumentError::PeerEncrypted("required")
    );
    assert_eq!(
        read("<anyExt><x type='Encrypted'>y</x></anyExt>"),
        DocumentError::PeerEncrypted("anyExt")
    );
    let wrong = b"<mcpttinfo xmlns='urn:3gpp:ns:mcpttInfo:2.0'/>";
    assert_eq!(
        McpttInfo::read(wrong).unwrap_err(),
        DocumentError::PeerRoot("mcpttinfo")
    );
}

#[test]
fn the_printed_settings_are_read() {
    let text = "<poc-settings xmlns=\"urn:oma:params:xml:ns:poc:poc-settings\" xmlns:mcs10Set=\"urn:3gpp:mcsSettings:1.0\"><entity id=\"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6\"><am-settings><answer-mode>automatic</answer-mode></am-settings><mcs10Set:selected-user-profile-index><mcs10Set:user-profile-index>1</mcs10Set:user-profile-index></mcs10Set:selected-user-profile-index></entity></poc-settings>";
    let settings = PocSettings::read(text.as_bytes()).unwrap();
    assert_eq!(
        (settings.answer_mode, settings.user_profile_index),
        (Some(AnswerMode::Automatic), Some(1))
    );
    assert_eq!(
        settings.write(),
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{text}")
    );
    for (from, to) in [
        ("automatic<", "perhaps<"),
        (">1<", ">x<"),
        (" id=", " name="),
        ("urn:uuid:", "uuid "),
        ("</entity>", "</entity><entity id='urn:x'/>"),
        ("urn:oma:params", "urn:params"),
    ] {
        assert!(
            PocSettings::read(text.replacen(from, to, 1).as_bytes()).is_err(),
            "{from}"
        );
    }
    let multiplex = text.replace("</entity>", "<mcs10Set:multiplex-support/></entity>");
    assert!(
        PocSettings::read(multiplex.as_bytes())
            .unwrap()
            .multiplex_support
    );
}

#[test]
fn affiliations_refuse_what_cannot_be() {
    let text = "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:p='urn:3gpp:ns:mcpttPresInfo:1.0' entity='sip:a@b'><tuple id='urn:uuid:1'><status><p:affiliation group='sip:g@b' status='affiliated' expires='2026-01-01T00:00:00Z'/><p:functionalAlias functionalAliasID='sip:f@b'/></status></tuple><p:p-id>7f3a</p:p-id></presence>";
    let document = AffiliationDocument::read(text.as_bytes()).unwrap();
    assert_eq!(
        document.tuples[0].affiliations[0].status,
        Some(AffiliationStatus::Affiliated)
    );
    assert_eq!(document.tuples[0].functional_aliases, ["sip:f@b"]);
    for (from, to) in [
        ("entity=", "e="),
        ("'sip:a@b'", "'a'"),
        ("'urn:uuid:1'", "'1'"),
        ("'sip:g@b'", "''"),
        ("'affiliated'", "'maybe'"),
        ("2026-01", "2026-99"),
        (" id=", " n="),
        ("functionalAliasID", "id"),
        (":pidf", ":pdif"),
        ("</status>", "</status><status/>"),
        ("<p:p-id>", "<p:p-id>1</p:p-id><p:p-id>"),
    ] {
        assert!(
            AffiliationDocument::read(text.replacen(from, to, 1).as_bytes()).is_err(),
            "{from}"
        );
    }
    let empty = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:a@b'><tuple id='urn:x'/></presence>";
    assert!(
        AffiliationDocument::read(empty.as_bytes()).unwrap().tuples[0]
            .affiliations
            .is_empty()
    );
}

#[test]
fn lists_and_differences_refuse_what_cannot_be() {
    let list = |entry: &str| {
        ResourceLists::read(format!("<resource-lists xmlns='urn:ietf:params:xml:ns:resource-lists'><list><list>{entry}</list></list></resource-lists>").as_bytes())
    };
    assert_eq!(
        list("<entry uri='sip:a@b'><display-name>A</display-name></entry>")
            .unwrap()
            .uris,
        ["sip:a@b"]
    );
    assert!(
        list("<entry/>").is_err()
            && list("<entry uri=''/>").is_err()
            && list("<entry uri='a&#10;b'/>").is_err()
    );
    assert!(list(&format!("<entry uri='{}'/>", "a".repeat(5000))).is_err());
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><xcap-diff xmlns=\"urn:ietf:params:xml:ns:xcap-diff\" xcap-root=\"https://gms.mcptt.example.org/xcap/\"><document new-etag=\"g17\" sel=\"org.3gpp.MCPTT-GKTP/users/sip:alice@mcptt.example.org/gktp.xml\"/></xcap-diff>";
    assert_eq!(text.len(), 245, "the example of the digest");
    assert_eq!(XcapDiff::read(text.as_bytes()).unwrap().write(), text);
    for (from, to) in [
        ("xcap-root", "root"),
        (" sel=", " s="),
        ("sel=\"org", "sel=\"o rg"),
        ("urn:ietf", "urn:itef"),
    ] {
        assert!(
            XcapDiff::read(text.replacen(from, to, 1).as_bytes()).is_err(),
            "{from}"
        );
    }
}

#[test]
fn the_printed_gktp_document_is_read() {
    let text = "<GKTPs xmlns='urn:3gpp:ns:mcpttGKTP:1.0' f:x='1' xmlns:f='f'>
  <GMK-GKTPs>
    <GKTP id='0e8f0ca5' activationtime='2026-01-01T00:00:00Z'> 011A05ff
</GKTP><f:other/>
    <on-network-regrouped-GKTPs temporary-MCPTT-group-ID='sip:tmp77@mcptt.example.org'><GKTP id='01ab23cd'>011A05</GKTP></on-network-regrouped-GKTPs>
  </GMK-GKTPs>
  <MKFC-GKTPs><GKTP id='44112233'>011a</GKTP></MKFC-GKTPs>
</GKTPs>";
    let document = Gktps::read(text.as_bytes()).unwrap();
    assert_eq!(document.gmk.keys[0].message, [1, 0x1a, 5, 0xff]);
    assert_eq!(
        document.gmk.keys[0].activation_time,
        Some(UnixTime(1_767_225_600))
    );
    assert_eq!(document.gmk.regrouped[0].temporary_group, group("tmp77"));
    assert_eq!(document.mkfc.keys[0].id, "44112233");
    assert_eq!(again(&document), document);
    for (from, to) in [
        (" id='44", " n='44"),
        ("011a<", "011<"),
        ("011a<", "<"),
        ("011a<", "xy<"),
        ("2026-01", "26-01"),
        ("temporary-MCPTT-group-ID", "group"),
        ("mcpttGKTP:1.0", "mcpttGKTP:9"),
        ("<MKFC-GKTPs>", "<GMK-GKTPs/><MKFC-GKTPs>"),
    ] {
        assert!(
            Gktps::read(text.replacen(from, to, 1).as_bytes()).is_err(),
            "{from} -> {to}"
        );
    }
    let long = text.replace("011a<", &format!("{}<", "00".repeat(9000)));
    assert_eq!(
        Gktps::read(long.as_bytes()).unwrap_err(),
        DocumentError::PeerValue("GKTP")
    );
}

const GROUP: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<group xmlns="urn:oma:xml:poc:list-service" xmlns:rl="urn:ietf:params:xml:ns:resource-lists" xmlns:cp="urn:ietf:params:xml:ns:common-policy" xmlns:oxe="urn:oma:xml:xdm:extensions" xmlns:mcpttgi="urn:3gpp:ns:mcpttGroupInfo:1.0">
  <list-service uri="sip:group123@mcptt.example.org">
    <display-name xml:lang="en">Fire 12</display-name>
    <list><entry uri="sip:alice@mcptt.example.org"><mcpttgi:user-priority>5</mcpttgi:user-priority></entry><entry uri="sip:bob@mcptt.example.org"/></list>
    <oxe:supported-services><oxe:service enabler="urn:urn-7:3gpp-service.ims.icsi.mcptt"><oxe:group-media><mcpttgi:mcptt-speech/></oxe:group-media></oxe:service></oxe:supported-services>
    <cp:ruleset><cp:rule id="r1"><cp:conditions><is-list-member/></cp:conditions><cp:actions><allow-initiate-conference>true</allow-initiate-conference><join-handling>true</join-handling><mcpttgi:allow-MCPTT-emergency-call>true</mcpttgi:allow-MCPTT-emergency-call></cp:actions></cp:rule></cp:ruleset>
    <mcpttgi:on-network-invite-members>true</mcpttgi:on-network-invite-members>
    <mcpttgi:protect-media>true</mcpttgi:protect-media>
    <mcpttgi:protect-floor-control-signalling>true</mcpttgi:protect-floor-control-signalling>
  </list-service>
</group>"#;

fn read_group(from: &str, to: &str) -> Result<GroupDocument, DocumentError> {
    assert!(GROUP.contains(from), "{from}");
    GroupDocument::read(GROUP.replacen(from, to, 1).as_bytes())
}

#[test]
fn the_printed_group_is_read() {
    let document = GroupDocument::read(GROUP.as_bytes()).unwrap();
    assert_eq!(
        (document.display_name.as_deref(), document.members.len()),
        (Some("Fire 12"), 2)
    );
    assert_eq!(
        document.member(&user("alice")).unwrap().user_priority,
        Some(5)
    );
    assert!(
        document.mcptt_speech
            && document.protects_media()
            && document.protects_floor_control()
            && !document.disabled
    );
    assert!(document.allows(&user("bob"), GroupAction::InitiateConference));
    assert!(document.allows(&user("bob"), GroupAction::EmergencyCall));
    assert!(
        !document.allows(&user("bob"), GroupAction::EmergencyAlert),
        "absent means no"
    );
    assert!(
        !document.allows(&user("mallory"), GroupAction::JoinHandling),
        "not a member"
    );
    assert_eq!(again(&document), document);
}

#[test]
fn absent_protection_flags_mean_protection() {
    let absent = read_group("<mcpttgi:protect-media>true</mcpttgi:protect-media>", "").unwrap();
    assert!(absent.protects_media());
    let floor = read_group(
        "<mcpttgi:protect-floor-control-signalling>true</mcpttgi:protect-floor-control-signalling>",
        "",
    )
    .unwrap();
    assert!(floor.protects_floor_control());
    assert!(
        !read_group("protect-media>true<", "protect-media>false<")
            .unwrap()
            .protects_media()
    );
    let other = read_group(
        "<mcpttgi:protect-media>true</mcpttgi:protect-media>",
        "<protect-media>false</protect-media>",
    )
    .unwrap();
    assert!(other.protects_media(), "another namespace says nothing");
}

#[test]
fn groups_refuse_what_cannot_be() {
    assert!(
        !read_group("icsi.mcptt", "icsi.mcdata")
            .unwrap()
            .mcptt_speech
    );
    for (from, to) in [
        ("urn:oma:xml:poc:list-service", "urn:oma:xml:poc:list"),
        ("<entry uri=\"sip:bob@", "<entry uri=\"sip:alice@"),
        ("<entry uri=\"sip:bob@mcptt.example.org\"/>", "<entry/>"),
        (">5<", ">256<"),
        ("protect-media>true<", "protect-media>no<"),
        (
            "<mcpttgi:protect-media>true",
            "<mcpttgi:protect-media>false</mcpttgi:protect-media><mcpttgi:protect-media>true",
        ),
        ("<list>", "<list/><list>"),
        ("uri=\"sip:group123", "uri=\"group 123"),
        ("rule id=", "rule n="),
        ("<join-handling>true", "<join-handling>TRUE"),
        (
            "</list-service>",
            "<mcpttgi:on-network-maximum-duration>long</mcpttgi:on-network-maximum-duration></list-service>",
        ),
    ] {
        assert!(read_group(from, to).is_err(), "{from} -> {to}");
    }
}

#[test]
fn a_rule_with_a_condition_that_is_not_known_is_for_nobody() {
    let sphere = read_group("<is-list-member/>", "<cp:sphere value='x'/>").unwrap();
    assert!(!sphere.allows(&user("alice"), GroupAction::JoinHandling));
    let both = read_group("<is-list-member/>", "<is-list-member/><cp:validity/>").unwrap();
    assert!(!both.allows(&user("alice"), GroupAction::JoinHandling));
    let one = read_group(
        "<is-list-member/>",
        "<cp:identity><cp:one id='sip:mallory@mcptt.example.org'/></cp:identity>",
    )
    .unwrap();
    assert!(
        one.allows(&user("mallory"), GroupAction::JoinHandling)
            && !one.allows(&user("alice"), GroupAction::JoinHandling)
    );
    let all = read_group("<cp:conditions><is-list-member/></cp:conditions>", "").unwrap();
    assert!(all.allows(&user("mallory"), GroupAction::JoinHandling));
    assert_eq!(again(&sphere), sphere);
}

#[test]
fn hostile_markup_is_refused_by_every_document() {
    let laughs = "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
    let many = format!("<a>{}</a>", "<b/>".repeat(200_000));
    let long = format!("<a b='{}'/>", "x".repeat(20_000));
    let documents = [
        format!("{laughs}<x>&b;</x>"),
        deep,
        many,
        long,
        String::new(),
        "<a/>".to_owned(),
    ];
    for text in &documents {
        let octets = text.as_bytes();
        assert!(McpttInfo::read(octets).is_err());
        assert!(PocSettings::read(octets).is_err());
        assert!(AffiliationDocument::read(octets).is_err());
        assert!(ResourceLists::read(octets).is_err());
        assert!(XcapDiff::read(octets).is_err());
        assert!(Gktps::read(octets).is_err());
        assert!(GroupDocument::read(octets).is_err());
    }
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß€]{1,30}"
        .prop_map(|text| text.trim().to_owned())
        .prop_filter("not empty", |text| !text.is_empty())
}

fn uri() -> impl Strategy<Value = String> {
    "(sip|tel|urn):[!#-;=?-~äß]{1,40}"
}

fn mcptt_id() -> impl Strategy<Value = McpttId> {
    uri().prop_map(|uri| McpttId::new(uri).unwrap())
}

fn group_id() -> impl Strategy<Value = GroupId> {
    uri().prop_map(|uri| GroupId::new(uri).unwrap())
}

fn client_id() -> impl Strategy<Value = ClientId> {
    uri().prop_map(|uri| ClientId::new(uri).unwrap())
}

fn time() -> impl Strategy<Value = UnixTime> {
    (0..4_000_000_000_u64).prop_map(UnixTime)
}

fn gktp() -> impl Strategy<Value = Gktp> {
    (text(), of(time()), vec(any::<u8>(), 1..40)).prop_map(|(id, activation_time, message)| Gktp {
        id,
        activation_time,
        message,
    })
}

fn gktp_list() -> impl Strategy<Value = GktpList> {
    let regrouped =
        (group_id(), vec(gktp(), 0..2)).prop_map(|(temporary_group, keys)| RegroupedGktps {
            temporary_group,
            keys,
        });
    (vec(gktp(), 0..3), vec(regrouped, 0..2))
        .prop_map(|(keys, regrouped)| GktpList { keys, regrouped })
}

prop_compose! {
    fn info()(
        token in of(text()), session in of("[a-z-]{1,12}"), request in of(uri()), calling in of(mcptt_id()), group in of(group_id()),
        flags in any::<[Option<bool>; 7]>(), org in of(text()), client in of(client_id()), keys in of(gktp_list()),
        extension in of((text(), uri(), any::<bool>())),
    ) -> McpttInfo {
        let extensions = extension.map(|(text, uri, flag)| [
            ExtensionValue::Text(text.clone()), ExtensionValue::String(text), ExtensionValue::Uri(uri), ExtensionValue::Boolean(flag),
        ].map(|value| Extension { name: "x".into(), value }).to_vec()).unwrap_or_default();
        McpttInfo {
            access_token: token.map(|token| SecretBytes::new(token.into_bytes())),
            session_type: session.map(|text| SessionType::from_text(&text)),
            request_uri: request.map(|uri| RequestUri::new(&uri).unwrap()),
            originated_by: calling.clone(), called_party_id: calling.clone(), calling_user_id: calling,
            associated_group_id: group.clone(), calling_group_id: group,
            required: flags[0], emergency_ind: flags[1], alert_ind: flags[2], imminent_peril_ind: flags[3], broadcast_ind: flags[4],
            alert_ind_rcvd: flags[5], gw_mcptt_usage: flags[6],
            floor_state: org.clone(), mc_org: org, mkfc_gktps: keys, client_id: client, extensions,
        }
    }
}

prop_compose! {
    fn affiliations()(
        user in mcptt_id(), p_id in of(text()), client in client_id(), with_client in any::<bool>(),
        groups in vec((group_id(), of(time()), 0..5_usize), 0..5), aliases in vec(uri(), 0..2),
    ) -> AffiliationDocument {
        let status = [None, Some(AffiliationStatus::Affiliating), Some(AffiliationStatus::Affiliated), Some(AffiliationStatus::Deaffiliating), Some(AffiliationStatus::Deaffiliated)];
        let affiliations = groups.into_iter().map(|(group, expires, at)| Affiliation {
            group, client: with_client.then(|| client.clone()), status: status[at], expires,
        }).collect();
        AffiliationDocument { user, tuples: vec![Tuple { client, affiliations, functional_aliases: aliases }], p_id }
    }
}

prop_compose! {
    fn member()(id in mcptt_id(), display_name in of(text()), user_priority in of(any::<u8>()), participant_type in of(text()), required in any::<bool>()) -> Member {
        Member { id, display_name, user_priority, participant_type, required }
    }
}

fn rule() -> impl Strategy<Value = GroupRule> {
    let scope = prop_oneof![
        Just(RuleScope::Everybody),
        Just(RuleScope::ListMembers),
        Just(RuleScope::Unknown),
        vec(mcptt_id(), 1..3).prop_map(RuleScope::Identities),
    ];
    let actions = [
        GroupAction::InitiateConference,
        GroupAction::JoinHandling,
        GroupAction::EmergencyCall,
        GroupAction::ImminentPerilCall,
        GroupAction::EmergencyAlert,
        GroupAction::GetMemberList,
        GroupAction::ConferenceState,
    ];
    (
        text(),
        scope,
        proptest::sample::subsequence(actions.to_vec(), 0..7),
    )
        .prop_map(|(id, scope, allowed)| GroupRule { id, scope, allowed })
}

prop_compose! {
    fn a_group()(
        id in group_id(), display_name in of(text()), members in vec(member(), 0..6), speech in any::<bool>(), rules in vec(rule(), 0..3),
        flags in any::<[Option<bool>; 3]>(), numbers in any::<[Option<u32>; 4]>(), expiry in of(any::<bool>()), encodings in vec(text(), 0..2),
        marks in any::<[bool; 3]>(), regrouped in of((group_id(), of(mcptt_id()), vec(group_id(), 0..2))),
    ) -> GroupDocument {
        let mut members = members;
        members.sort_by(|a, b| a.id.cmp(&b.id));
        members.dedup_by(|a, b| a.id == b.id);
        let seconds = |number: Option<u32>| number.map(|seconds| Duration::from_secs(seconds.into()));
        let mut document = GroupDocument::new(id);
        document.display_name = display_name;
        document.members = members;
        document.mcptt_speech = speech;
        document.rules = rules;
        (document.invite_members, document.protect_media, document.protect_floor_control) = (flags[0], flags[1], flags[2]);
        document.max_participant_count = numbers[0];
        document.minimum_number_to_start = numbers[1];
        document.maximum_duration = seconds(numbers[2]);
        document.acknowledgement_timeout = seconds(numbers[3]);
        document.group_priority = numbers[0].map(|number| number as u8);
        document.acknowledgement_expiry = expiry.map(|go| if go { AcknowledgementExpiry::Proceed } else { AcknowledgementExpiry::Abandon });
        document.preferred_voice_encodings = encodings;
        (document.requires_multicast_floor_control, document.disabled) = (marks[0], marks[1]);
        document.temporary_of = regrouped.as_ref().filter(|_| marks[2]).map(|(group, _, _)| vec![group.clone()]);
        document.regrouped = regrouped.map(|(temporary_group, requestor, constituents)| Regrouped {
            temporary_group, requestor, constituents, protect_media: flags[0], protect_floor_control: flags[1],
        });
        document
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_mcptt_info_survives(info in info()) {
        prop_assert_eq!(again(&info), info.clone());
        prop_assert_eq!(through_a_hop(&info), info);
    }

    #[test]
    fn any_affiliation_survives(document in affiliations()) {
        prop_assert_eq!(again(&document), document.clone());
        prop_assert_eq!(through_a_hop(&document), document);
    }

    #[test]
    fn any_group_survives(document in a_group()) {
        prop_assert_eq!(again(&document), document);
    }

    #[test]
    fn any_gktp_document_survives(gmk in gktp_list(), mkfc in gktp_list()) {
        let document = Gktps { gmk, mkfc };
        prop_assert_eq!(again(&document), document);
    }

    #[test]
    fn any_list_and_difference_survive(uris in vec(uri(), 0..8), etags in any::<[Option<u16>; 2]>()) {
        let list = ResourceLists { uris: uris.clone() };
        prop_assert_eq!(through_a_hop(&list), list);
        let [new_etag, previous_etag] = etags.map(|tag| tag.map(|tag| tag.to_string()));
        let change = |selector| DocumentChange { selector, new_etag: new_etag.clone(), previous_etag: previous_etag.clone() };
        let diff = XcapDiff { root: "https://x/".into(), documents: uris.into_iter().map(change).collect() };
        prop_assert_eq!(through_a_hop(&diff), diff);
    }

    #[test]
    fn any_settings_survive(client_id in client_id(), mode in of(any::<bool>()), user_profile_index in of(any::<u8>()), multiplex_support in any::<bool>()) {
        let answer_mode = mode.map(|manual| if manual { AnswerMode::Manual } else { AnswerMode::Automatic });
        let settings = PocSettings { client_id, answer_mode, user_profile_index, multiplex_support };
        prop_assert_eq!(through_a_hop(&settings), settings);
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in vec(any::<u8>(), 0..400)) {
        let _ = (McpttInfo::read(&octets), GroupDocument::read(&octets), Gktps::read(&octets));
    }
}
