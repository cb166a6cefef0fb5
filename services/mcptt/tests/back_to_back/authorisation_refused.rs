//! Service authorisation that is refused, and what a refusal leaves alone (TS 24.379 cl. 7).

use crate::authorisation::publish;
use crate::bench::{ALICE, BOB, Bench, MALLORY, PF, impu};
use crate::ue::{START, outcome};
use roger_base::{McpttId, UnixTime};
use roger_call::body::{Body, Part};
use roger_call::feature::media_type;
use roger_call::protection::Protection;
use roger_documents::poc_settings::AnswerMode;
use roger_keys::Csk;
use roger_mikey::CreateClientServerKey;
use roger_mikey::CreateOptions;
use roger_mikey::create::Hiding;
use roger_oidc::{AccessTokenVerifier, ClockSkew, Issuer, JwkSet, Resource, TrustedIssuer};
use roger_sip::message::{HeaderName, Method};

#[test]
fn the_token_of_mallory_does_not_go_with_the_csk_of_alice() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(MALLORY);
    let body = bench.authorising_body(ALICE, &csk, &token);
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(101)));
    assert!(!bench.is_bound(ALICE));
}

#[test]
fn tokens_that_do_not_open_this_server_are_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let alice = bench.ues[ALICE].user.clone();
    let scope = Resource::McpttServer.scope();
    let expired = bench.domain.token_with(&alice, scope, START.0 - 3_600);
    let gms = bench.domain.token(&alice, Resource::GroupManagement);
    let good = bench.token(ALICE);
    let mut altered = good.clone();
    altered.truncate(good.len() - 4);
    let foreign = roger_testkit_domain::TestDomain::new(9).token(&alice, Resource::McpttServer);
    for token in [expired, gms, altered, foreign, "x".to_owned()] {
        let csk = bench.new_csk(ALICE);
        let body = bench.authorising_body(ALICE, &csk, &token);
        assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(101)));
    }
    assert!(!bench.is_bound(ALICE));
}

#[test]
fn a_csk_without_token_is_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let documents = Body::new().with_document(&bench.ues[ALICE].own_info());
    let body = bench.with_csk_message(&csk, documents);
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(101)));
}

#[test]
fn a_csk_signed_under_a_past_period_is_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let past = UnixTime(START.0 - 2_592_000);
    let alice = bench.ues[ALICE].user.clone();
    let keys = bench.domain.key_set_at(alice.as_str(), past);
    let csk = Csk::random(&mut bench.random).unwrap();
    let mut clocks = bench.clocks();
    clocks.utc = past;
    let bound = bench.ues[ALICE].wrap_csk(csk, &keys, &bench.domain, clocks, &mut bench.random);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &bound, &token);
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(136)));
}

#[test]
fn a_csk_for_another_server_is_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = Csk::random(&mut bench.random).unwrap();
    let bound = forged(
        &mut bench,
        ALICE,
        ALICE,
        csk,
        "gms.mcptt.example.org",
        Hiding::Nobody,
    );
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &bound, &token);
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(136)));
}

/// A CSK message in any form: `owner` is whose token goes with it, `signer` whose keys sign.
fn forged(
    bench: &mut Bench,
    owner: usize,
    signer: usize,
    csk: Csk,
    server: &str,
    hiding: Hiding,
) -> roger_call::service_authorisation::BoundCsk {
    let octets = CreateClientServerKey {
        csk: &csk,
        user: &bench.ues[signer].keys,
        server,
        server_domain: bench.domain.kms(),
        parameters: None,
        now: bench.clocks().utc.to_ntp(),
        options: CreateOptions {
            hiding,
            ..CreateOptions::PLAIN
        },
    }
    .build(&mut bench.random)
    .unwrap();
    let owner: McpttId = bench.ues[owner].user.clone();
    let mode = roger_keys::signalling::XmlKeyMode::Derived;
    roger_call::service_authorisation::BoundCsk::new(csk, owner, octets, mode)
}

#[test]
fn mallory_cannot_sign_for_alice() {
    let mut bench = Bench::new();
    bench.register(MALLORY);
    let csk = Csk::random(&mut bench.random).unwrap();
    // Keys derived for Alice, signed by Mallory: the signatures over the XML fail already.
    let bound = forged(
        &mut bench,
        ALICE,
        MALLORY,
        csk,
        "mcptt.example.org",
        Hiding::Nobody,
    );
    let token = bench.token(ALICE);
    let body = bench.authorising_body(MALLORY, &bound, &token);
    assert_eq!(publish(&mut bench, MALLORY, &body), (403, Some(139)));
}

#[test]
fn a_hidden_initiator_is_found_and_the_psi_is_an_identity_too() {
    let mut bench = Bench::new();
    for (index, server, hiding) in [
        (ALICE, "mcptt.example.org", Hiding::Initiator),
        (BOB, PF, Hiding::Nobody),
    ] {
        bench.register(index);
        let csk = Csk::random(&mut bench.random).unwrap();
        let bound = forged(&mut bench, index, index, csk, server, hiding);
        let token = bench.token(index);
        let body = bench.authorising_body(index, &bound, &token);
        assert_eq!(publish(&mut bench, index, &body), (200, None));
    }
}

#[test]
fn one_octet_changed_in_a_signed_part_is_seen() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    for media_type in [media_type::MCPTT_INFO, media_type::POC_SETTINGS] {
        let csk = bench.new_csk(ALICE);
        let token = bench.token(ALICE);
        let body = bench.authorising_body(ALICE, &csk, &token);
        let body = altered(&body, media_type, |octets| {
            let last = octets.len() - 1;
            octets[last / 2] ^= 1;
        });
        assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(139)));
    }
    assert!(!bench.is_bound(ALICE));
}

/// The parts of a body, in no order.
fn parts(body: &Body) -> Vec<Part> {
    [
        media_type::MIKEY,
        media_type::MCPTT_INFO,
        media_type::POC_SETTINGS,
        media_type::MCPTT_SIGNED,
    ]
    .iter()
    .filter_map(|media_type| body.part(media_type).cloned())
    .collect()
}

fn of_parts(parts: Vec<Part>) -> Body {
    parts.into_iter().fold(Body::new(), Body::with)
}

fn altered(body: &Body, media_type: &str, change: impl Fn(&mut Vec<u8>)) -> Body {
    let mut parts = parts(body);
    for part in parts
        .iter_mut()
        .filter(|part| part.media_type() == media_type)
    {
        change(&mut part.octets);
    }
    of_parts(parts)
}

#[test]
fn a_part_left_out_of_the_signature_is_seen() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let info = Body::new().with_document(&bench.ues[ALICE].token_info(&token));
    let body = bench
        .with_csk_message(&csk, info)
        .with_document(&bench.ues[ALICE].settings(AnswerMode::Automatic));
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(139)));
}

#[test]
fn a_body_without_signature_is_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &csk, &token);
    let kept = parts(&body)
        .into_iter()
        .filter(|part| part.media_type() != media_type::MCPTT_SIGNED);
    let body = of_parts(kept.collect());
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(139)));
}

#[test]
fn two_parts_with_one_content_id_are_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &csk, &token);
    let mut parts = parts(&body);
    let id = parts
        .iter()
        .find_map(|part| part.content_id.clone())
        .unwrap();
    for part in parts.iter_mut().filter(|part| part.content_id.is_some()) {
        part.content_id = Some(id.clone());
    }
    let body = of_parts(parts);
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(139)));
}

#[test]
fn two_parts_of_one_type_are_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &csk, &token);
    let body = body.with(Part::new(media_type::MIKEY, csk.message.clone()));
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(150)));
}

#[test]
fn the_key_name_of_another_users_csk_opens_nothing() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.log_in(MALLORY);
    // Mallory sends what only Alice's CSK protects, under Mallory's own identity.
    let ue = &bench.ues[MALLORY];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.settings(AnswerMode::Manual));
    let body = bench.protect(ALICE, documents);
    assert_eq!(publish(&mut bench, MALLORY, &body), (403, Some(139)));
}

#[test]
fn plain_xml_on_a_protected_hop_is_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let token = bench.token(ALICE);
    let plain = Body::new().with_document(&bench.ues[ALICE].token_info(&token));
    assert_eq!(publish(&mut bench, ALICE, &plain), (403, Some(139)));
    // Signed, but not encrypted.
    let csk = bench.new_csk(ALICE);
    let hop = csk.sending(Protection::IntegrityOnly, "mcptt.example.org");
    let body = plain
        .protected(&hop, &mut bench.random)
        .unwrap()
        .with(Part::new(media_type::MIKEY, csk.message.clone()));
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(140)));
    assert!(!bench.is_bound(ALICE));
}

#[test]
fn a_message_replayed_from_another_identity_is_refused() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    bench.register(MALLORY);
    let csk = bench.new_csk(ALICE);
    let token = bench.token(ALICE);
    let body = bench.authorising_body(ALICE, &csk, &token);
    assert_eq!(publish(&mut bench, ALICE, &body), (200, None));
    assert_eq!(publish(&mut bench, MALLORY, &body), (403, Some(136)));
    assert!(!bench.is_bound(MALLORY) && bench.is_bound(ALICE));
}

#[test]
fn a_csk_id_that_is_in_use_is_refused() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.register(MALLORY);
    let id = bench.ues[ALICE].csk.as_ref().unwrap().csk.id();
    let secret = roger_base::Secret::new([7; 16]);
    let rand = roger_keys::Rand::random(&mut bench.random).unwrap();
    let csk = Csk::new(secret, id, rand).unwrap();
    let bound = forged(
        &mut bench,
        MALLORY,
        MALLORY,
        csk,
        "mcptt.example.org",
        Hiding::Nobody,
    );
    let token = bench.token(MALLORY);
    let body = bench.authorising_body(MALLORY, &bound, &token);
    assert_eq!(publish(&mut bench, MALLORY, &body), (403, Some(136)));
}

#[test]
fn a_refused_request_leaves_the_old_binding_and_its_csk() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let new = bench.new_csk(ALICE);
    let body = bench.authorising_body(ALICE, &new, "no token");
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(101)));
    let ue = &bench.ues[ALICE];
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&ue.settings(AnswerMode::Manual));
    let body = bench.protect_with(&new, documents.clone());
    assert_eq!(publish(&mut bench, ALICE, &body), (403, Some(139)));
    let body = bench.protect(ALICE, documents);
    assert_eq!(publish(&mut bench, ALICE, &body), (200, None));
}

// Life of keys and bindings ----------------------------------------------------------------------------------

/// The IdM server cannot be reached.
struct NoIdm;

impl roger_oidc::KeySource for NoIdm {
    fn keys(&self, _: &Issuer, _: Option<&str>, _: UnixTime) -> Option<JwkSet> {
        None
    }
}

#[test]
fn a_token_that_cannot_be_checked_just_now_is_no_bad_token() {
    let issuer = TrustedIssuer {
        issuer: Issuer::new("https://idm.mcptt.example.org").unwrap(),
        keys: JwkSet::default(),
    };
    let verifier = AccessTokenVerifier::new(vec![issuer], ClockSkew::MAX);
    let verifier = verifier.with_key_source(std::sync::Arc::new(NoIdm));
    let mut bench = Bench::with(|settings| settings.credentials.tokens = verifier, |_| {});
    bench.register(ALICE);
    let response = bench.authorise(ALICE);
    assert_eq!(outcome(&response), (503, None));
    assert_eq!(response.headers().retry_after().unwrap(), Some(5));
    assert!(!bench.is_bound(ALICE));
}

// Whom the function believes ---------------------------------------------------------------------------------

#[test]
fn an_identity_asserted_by_a_ue_is_not_believed() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    bench.register(MALLORY);
    let alice = format!("<{}>", impu(ALICE));
    let headers = [
        (HeaderName::EVENT, "poc-settings"),
        (HeaderName::EXPIRES, "0"),
        (HeaderName::P_ASSERTED_IDENTITY, alice.as_str()),
    ];
    let request = bench.request(MALLORY, Method::Publish, &headers, &Body::new());
    let response = bench.send_request(MALLORY, request).unwrap();
    assert_eq!(
        outcome(&response),
        (404, Some(141)),
        "Mallory has no binding"
    );
    assert!(bench.is_bound(ALICE));
}

#[test]
fn requests_that_pass_the_core_by_are_refused() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let alice = format!("<{}>", impu(ALICE));
    let headers = [
        (HeaderName::EVENT, "poc-settings"),
        (HeaderName::EXPIRES, "0"),
        (HeaderName::P_ASSERTED_IDENTITY, alice.as_str()),
    ];
    let request = bench.request(MALLORY, Method::Publish, &headers, &Body::new());
    let pf = roger_sip::endpoint::Target::tcp(bench.pf_address());
    let handle = bench.with_ue(MALLORY, |ue, clocks, random| {
        ue.endpoint
            .send_request(clocks.now, random, request, pf)
            .unwrap()
    });
    bench.settle();
    let response = bench.response_to(MALLORY, handle).unwrap();
    assert_eq!(outcome(&response), (403, None));
    assert!(bench.is_bound(ALICE));
}

#[test]
fn unknown_events_and_methods_are_refused() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let headers = [(HeaderName::EVENT, "dialog"), (HeaderName::EXPIRES, "60")];
    for method in [Method::Publish, Method::Subscribe] {
        let request = bench.request(ALICE, method, &headers, &Body::new());
        let response = bench.send_request(ALICE, request).unwrap();
        assert_eq!(outcome(&response), (489, None));
    }
    for (method, status) in [
        (Method::Refer, 405),
        (Method::Message, 415),
        (Method::Options, 200),
    ] {
        let request = bench.request(ALICE, method, &[], &Body::new());
        let response = bench.send_request(ALICE, request).unwrap();
        assert_eq!(outcome(&response), (status, None));
    }
}
