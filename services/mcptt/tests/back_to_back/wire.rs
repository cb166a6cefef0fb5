//! What an attacker on the wire must not see: MCPTT IDs, group IDs, client IDs, tokens, locations (TS 33.180 cl. 9.3).

use crate::bench::{ALICE, BOB, Bench, CAROL, NAMES, fire, group_of};
use crate::group_call::rtp;
use crate::key_download::order;
use crate::location;
use crate::private_call::make_pck;
use crate::ue::{floor_release, floor_request};
use base64::Engine;
use roger_call::body::Body;
use roger_call::feature::EXPIRES_FOREVER;
use roger_call::sdp::KeyManagement;
use roger_mcptt::participating::ParticipatingInput;
use roger_sip::message::{HeaderName, Method, Response, StatusCode};
use roger_testkit::ClearText;
use roger_testkit_domain::user;

/// Everything that the slice does: log in, affiliate, watch, tell locations, group call, late entry, private call, removal, log off.
fn whole_story() -> (Bench, Vec<String>) {
    let mut bench = Bench::new();
    let mut tokens = Vec::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    watch(&mut bench);
    location::tell(&mut bench, BOB, ALICE);
    let dialog = bench.group_call(ALICE, &[BOB]);
    bench.send_rtp(ALICE, &rtp(1, 1));
    bench.join_group(CAROL);
    let incoming = bench.invited(CAROL);
    bench.accept(CAROL, &incoming);
    bench.send_floor(ALICE, floor_release());
    bench.send_floor(CAROL, floor_request());
    bench.put_group(group_of(&[ALICE, CAROL]));
    assert!(bench.was_hung_up(BOB));
    bench.hang_up(ALICE, dialog);
    assert!(bench.was_hung_up(CAROL));
    let (_, message) = make_pck(&mut bench);
    let key = KeyManagement::from_message(&message);
    let body = bench.private_invite_body(ALICE, &[&user("bob")], Some(key));
    let body = bench.protect(ALICE, body);
    let handle = bench.invite(ALICE, &[], &body);
    let incoming = bench.invited(BOB);
    bench.accept(BOB, &incoming);
    let dialog = bench.connect(ALICE, handle);
    bench.hang_up(ALICE, dialog);
    // By REGISTER too, and a refusal.
    let csk = bench.new_csk(CAROL);
    let token = bench.token(CAROL);
    let documents = Body::new().with_document(&bench.ues[CAROL].token_info(&token));
    let body = bench.with_csk_message(&csk, documents);
    let tags = roger_call::feature::CONTACT_PARAMETERS;
    bench.register_with(CAROL, tags, 3_600, &body);
    bench.ues[CAROL].use_csk(csk);
    tokens.push(token);
    server_keys(&mut bench);
    bench.publish_settings(ALICE, 0, None, &Body::new());
    (bench, tokens)
}

/// Keys that the server gives and takes: CSK, MuSiK with its group, revocation, withdrawal.
fn server_keys(bench: &mut Bench) {
    for input in [
        ParticipatingInput::ShareMulticastKey(fire()),
        ParticipatingInput::RenewKeys(user("carol")),
        ParticipatingInput::RevokeKeys(user("alice")),
        ParticipatingInput::Withdraw(user("bob")),
    ] {
        order(bench, input);
    }
    let mut messages = 0;
    for index in [ALICE, BOB, CAROL] {
        while let Some(incoming) = bench.incoming(index) {
            messages += usize::from(*incoming.request.method() == Method::Message);
            bench.decline(index, &incoming, 488, 0);
        }
    }
    assert!(messages >= 4, "{messages}");
}

fn watch(bench: &mut Bench) {
    let documents = Body::new().with_document(&bench.ues[ALICE].own_info());
    let body = bench.protect(ALICE, documents);
    let expires = EXPIRES_FOREVER.to_string();
    let headers = [
        (HeaderName::EVENT, "presence"),
        (HeaderName::EXPIRES, expires.as_str()),
    ];
    let request = bench.request(ALICE, Method::Subscribe, &headers, &body);
    bench.post(ALICE, request);
    bench.settle();
    let notify = bench.incoming(ALICE).expect("a NOTIFY");
    let response = Response::to(&notify.request, StatusCode::OK);
    bench.respond(ALICE, &notify, response);
}

/// What must not be seen.
fn secrets(tokens: &[String]) -> ClearText {
    let mut secrets = ClearText::new()
        .with("group ID", fire().as_str())
        .with("group ID", "fire-1")
        .with("token", "\"mcptt_id\"");
    for name in NAMES {
        secrets = secrets.with("MCPTT ID", format!("{name}@mcptt.example.org"));
    }
    for place in location::secrets() {
        secrets = secrets.with("location", place);
    }
    for token in tokens {
        let mut parts = token.split('.');
        let claims = parts.nth(1).unwrap().to_owned();
        secrets = secrets.with("token", claims);
        secrets = secrets.with("token", parts.next().unwrap());
    }
    secrets
}

#[test]
fn no_identity_no_token_and_no_location_is_on_any_wire() {
    let (bench, tokens) = whole_story();
    let secrets = secrets(&tokens);
    // A client ID is the instance of the IMS registration too, so it is in REGISTER; and poc-settings has no hidden
    // form of it (RFC 4354). Elsewhere it is hidden.
    let clients = bench.ues.iter().fold(ClearText::new(), |clients, ue| {
        clients.with("client ID", ue.client.as_str())
    });
    assert!(bench.log.len() > 150, "{}", bench.log.len());
    for wire in &bench.log {
        let octets = &wire.octets;
        let shown = || String::from_utf8_lossy(octets).into_owned();
        assert_eq!(secrets.find(octets), None, "{}", shown());
        let by_design = [&b"REGISTER"[..], b"poc-settings+xml"];
        let names_the_instance = by_design
            .iter()
            .any(|text| octets.windows(text.len()).any(|window| window == *text));
        if !names_the_instance {
            assert_eq!(clients.find(octets), None, "{}", shown());
        }
    }
}

#[test]
fn no_key_name_leaves_its_hop() {
    let (bench, _) = whole_story();
    let name = |octets: [u8; 4]| base64::engine::general_purpose::STANDARD.encode(octets);
    let spk = name(bench.hop.key_id().octets());
    let csks: Vec<String> = [ALICE, BOB, CAROL]
        .iter()
        .map(|index| name(bench.ues[*index].csk.as_ref().unwrap().csk.id().octets()))
        .collect();
    let (mut under_spk, mut under_csk) = (0, 0);
    for wire in bench.log.iter().filter(|wire| wire.is_sip()) {
        let text = String::from_utf8_lossy(&wire.octets);
        let ends = [wire.from, wire.to];
        let at_controlling = ends.contains(&bench.cf_address());
        let at_ue = bench.ues.iter().any(|ue| ends.contains(&ue.address));
        if text.contains(&spk) {
            under_spk += 1;
            assert!(!at_ue, "{text}");
        }
        if csks.iter().any(|csk| text.contains(csk)) {
            under_csk += 1;
            assert!(!at_controlling, "{text}");
        }
    }
    assert!(under_spk > 10 && under_csk > 20, "{under_spk} {under_csk}");
}
