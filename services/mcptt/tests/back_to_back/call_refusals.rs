//! Every INVITE that is not taken: by the originating participating function, the controlling function behind it, and
//! the terminating participating function.

use crate::bench::{ALICE, BOB, Bench, CAROL, CF, MALLORY, PF, fire, group_of};
use crate::ue::outcome;
use roger_base::ClientId;
use roger_call::body::{Body, Part};
use roger_call::feature::{CONTACT_PARAMETERS, media_type};
use roger_call::protection::Protection;
use roger_call::request::{Trust, finish, start};
use roger_documents::mcptt_info::{McpttInfo, RequestUri, SessionType};
use roger_keys::Spk;
use roger_mcptt::ServerHop;
use roger_mcptt::ports::{Permission, UserProfile};
use roger_sip::message::{HeaderName, Method};
use roger_testkit_domain::{DOMAIN, group, user};

type Outcome = (u16, Option<u16>);
/// Header fields of a request.
type Fields<'a> = &'a [(HeaderName<'static>, &'a str)];

/// Sends an INVITE with this body as it is.
fn invite_as_is(bench: &mut Bench, index: usize, headers: Fields<'_>, body: &Body) -> Outcome {
    let handle = bench.invite(index, headers, body);
    let response = bench.response_to(index, handle).expect("a final answer");
    outcome(&response)
}

/// Sends a group INVITE with an altered mcptt-info.
fn group_invite(bench: &mut Bench, index: usize, change: impl FnOnce(&mut McpttInfo)) -> Outcome {
    let body = bench.group_invite_body(index, Default::default());
    let mut info: McpttInfo = body.required().unwrap();
    change(&mut info);
    let sdp = body.part(media_type::SDP).unwrap().clone();
    let body = bench.protect(index, Body::new().with(sdp).with_document(&info));
    invite_as_is(bench, index, &[], &body)
}

fn private_invite(bench: &mut Bench, callees: &[&str], headers: Fields<'_>) -> Outcome {
    let callees: Vec<_> = callees.iter().map(|name| user(name)).collect();
    let callees: Vec<_> = callees.iter().collect();
    let body = bench.private_invite_body(ALICE, &callees, None);
    let body = bench.protect(ALICE, body);
    invite_as_is(bench, ALICE, headers, &body)
}

fn logged_in() -> Bench {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    bench.join_group(BOB);
    bench
}

fn with_profile(change: impl FnOnce(&mut UserProfile)) -> Bench {
    let bench = logged_in();
    bench.profiles.change(&user("alice"), change);
    bench
}

// Originating participating function -------------------------------------------------------------------------

#[test]
fn without_binding_141() {
    let mut bench = Bench::new();
    bench.register(ALICE);
    let csk = bench.new_csk(ALICE);
    let body = bench.group_invite_body(ALICE, Default::default());
    let body = bench.protect_with(&csk, body);
    assert_eq!(
        invite_as_is(&mut bench, ALICE, &[], &body),
        (404, Some(141))
    );
}

#[test]
fn a_body_that_is_not_protected_as_it_has_to_be_139_or_140() {
    let mut bench = logged_in();
    bench.log_in(MALLORY);
    let body = bench.group_invite_body(ALICE, Default::default());
    let alice = bench.ues[ALICE].csk.clone().unwrap();
    let mallory = bench.ues[MALLORY].csk.clone().unwrap();
    let signed_only = body
        .clone()
        .protected(
            &alice.sending(Protection::IntegrityOnly, DOMAIN),
            &mut bench.random,
        )
        .unwrap();
    let encrypted_only = body
        .clone()
        .protected(
            &alice.sending(Protection::ConfidentialityOnly, DOMAIN),
            &mut bench.random,
        )
        .unwrap();
    let foreign = bench.protect_with(&mallory, body.clone());
    // Encrypted under Mallory's key, signed under Alice's.
    let mixed = body
        .clone()
        .protected(
            &mallory.sending(Protection::ConfidentialityOnly, DOMAIN),
            &mut bench.random,
        )
        .unwrap()
        .protected(
            &alice.sending(Protection::IntegrityOnly, DOMAIN),
            &mut bench.random,
        )
        .unwrap();
    for (body, code) in [
        (body, 139),
        (signed_only, 140),
        (encrypted_only, 139),
        (foreign, 139),
        (mixed, 140),
    ] {
        assert_eq!(
            invite_as_is(&mut bench, ALICE, &[], &body),
            (403, Some(code))
        );
    }
    bench.assert_no_media_ports();
}

#[test]
fn headers_that_no_client_sends() {
    let mut bench = logged_in();
    let body = bench.group_invite_body(ALICE, Default::default());
    let body = bench.protect(ALICE, body);
    let mut request = bench.request(ALICE, Method::Invite, &[], &body);
    let contact = request.headers().text(HeaderName::CONTACT).unwrap();
    let focus = format!("{contact};isfocus");
    request
        .headers_mut()
        .set(HeaderName::CONTACT, focus)
        .unwrap();
    let response = bench.send_request(ALICE, request).unwrap();
    assert_eq!(outcome(&response), (403, Some(128)));
    let mut request = bench.request(ALICE, Method::Invite, &[], &body);
    request.headers_mut().remove(HeaderName::ACCEPT_CONTACT);
    let response = bench.send_request(ALICE, request).unwrap();
    assert_eq!(outcome(&response), (403, None));
}

#[test]
fn a_body_that_does_not_fit_150() {
    let mut bench = logged_in();
    let other = bench.ues[BOB].client.clone();
    let changes: [fn(&mut McpttInfo, &ClientId); 2] = [
        |info, _| info.request_uri = None,
        |info, other| info.client_id = Some(other.clone()),
    ];
    for change in changes {
        let refused = group_invite(&mut bench, ALICE, |info| change(info, &other));
        assert_eq!(refused, (403, Some(150)));
    }
}

#[test]
fn a_kind_of_call_that_is_not_served_100() {
    for kind in [None, Some(SessionType::Chat), Some(SessionType::Adhoc)] {
        let mut bench = logged_in();
        let refused = group_invite(&mut bench, ALICE, |info| info.session_type = kind);
        assert_eq!(refused, (403, Some(100)));
    }
}

#[test]
fn an_offer_that_cannot_be_used_488() {
    let mut bench = logged_in();
    let body = bench.group_invite_body(ALICE, Default::default());
    let info: McpttInfo = body.required().unwrap();
    for sdp in [None, Some(&b"v=0\r\n"[..]), Some(b"not a description")] {
        let mut body = Body::new().with_document(&info);
        if let Some(sdp) = sdp {
            body = body.with(Part::new(media_type::SDP, sdp.to_vec()));
        }
        let body = bench.protect(ALICE, body);
        assert_eq!(invite_as_is(&mut bench, ALICE, &[], &body), (488, None));
    }
    bench.assert_no_media_ports();
}

#[test]
fn group_calls_that_the_profile_does_not_allow_109_and_103() {
    let mut bench = with_profile(|profile| profile.prearranged_group_call = Permission::Refused);
    assert_eq!(group_invite(&mut bench, ALICE, |_| {}), (403, Some(109)));
    let mut bench = with_profile(|profile| profile.max_group_calls = 0);
    assert_eq!(group_invite(&mut bench, ALICE, |_| {}), (486, Some(103)));
}

#[test]
fn a_group_of_a_foreign_domain_142() {
    let mut bench = logged_in();
    let refused = group_invite(&mut bench, ALICE, |info| {
        info.request_uri = Some(RequestUri::new("sip:g@elsewhere.example.org").unwrap());
    });
    assert_eq!(refused, (404, Some(142)));
}

#[test]
fn private_calls_that_the_profile_does_not_allow() {
    type Change = fn(&mut UserProfile);
    let automatic = [(HeaderName::ANSWER_MODE, "Auto")];
    let manual = [(HeaderName::ANSWER_MODE, "Manual")];
    let forced = [(HeaderName::PRIV_ANSWER_MODE, "Auto")];
    let cases: [(Change, Fields<'_>, Outcome); 7] = [
        (
            |p| p.private_call = Permission::Refused,
            &[],
            (403, Some(107)),
        ),
        (
            |p| p.automatic_commencement = Permission::Refused,
            &automatic,
            (403, Some(125)),
        ),
        (
            |p| p.manual_commencement = Permission::Refused,
            &manual,
            (403, Some(126)),
        ),
        (
            |p| p.manual_commencement = Permission::Refused,
            &[],
            (403, Some(126)),
        ),
        (|_| {}, &forced, (403, Some(143))),
        (
            |p| p.private_call_to_anybody = Permission::Refused,
            &[],
            (403, Some(144)),
        ),
        (|p| p.max_private_calls = 0, &[], (486, Some(124))),
    ];
    for (change, headers, expected) in cases {
        let mut bench = with_profile(change);
        assert_eq!(private_invite(&mut bench, &["bob"], headers), expected);
        bench.assert_no_media_ports();
    }
}

#[test]
fn a_listed_user_may_be_called() {
    let mut bench = with_profile(|profile| {
        profile.private_call_to_anybody = Permission::Refused;
        profile.private_call_list = vec![user("bob")];
    });
    let bob = user("bob");
    let body = bench.private_invite_body(ALICE, &[&bob], None);
    let body = bench.protect(ALICE, body);
    bench.invite(ALICE, &[], &body);
    bench.invited(BOB);
}

#[test]
fn exactly_one_callee_145() {
    for callees in [&[][..], &["bob", "carol"]] {
        let mut bench = logged_in();
        assert_eq!(private_invite(&mut bench, callees, &[]), (403, Some(145)));
    }
}

#[test]
fn a_server_without_room_says_when_to_come_again() {
    let mut bench = Bench::with(|settings| settings.max_sessions = 0, |_| {});
    bench.join_group(ALICE);
    let body = bench.group_invite_body(ALICE, Default::default());
    let body = bench.protect(ALICE, body);
    let handle = bench.invite(ALICE, &[], &body);
    let response = bench.response_to(ALICE, handle).unwrap();
    assert_eq!(outcome(&response), (500, None));
    assert_eq!(response.headers().retry_after().unwrap(), Some(5));
}

// Controlling function, heard through the participating function ---------------------------------------------

#[test]
fn the_warnings_of_the_controlling_function_reach_the_caller() {
    let other = group("no-such");
    let mut bench = logged_in();
    let refused = group_invite(&mut bench, ALICE, |info| {
        info.request_uri = Some(RequestUri::from(&other));
    });
    assert_eq!(refused, (404, Some(113)));
    bench.log_in(MALLORY);
    assert_eq!(group_invite(&mut bench, MALLORY, |_| {}), (403, Some(116)));
    bench.log_in(CAROL);
    assert_eq!(group_invite(&mut bench, CAROL, |_| {}), (403, Some(120)));
    type Change = fn(&mut roger_documents::group::GroupDocument);
    let cases: [(Change, Outcome); 3] = [
        (|document| document.disabled = true, (403, Some(115))),
        (|document| document.invite_members = None, (404, Some(118))),
        (|document| document.rules.clear(), (403, Some(119))),
    ];
    for (change, expected) in cases {
        let mut document = group_of(&[ALICE, BOB, CAROL]);
        change(&mut document);
        bench.groups.put(document);
        assert_eq!(group_invite(&mut bench, ALICE, |_| {}), expected);
    }
    bench.assert_no_media_ports();
}

#[test]
fn a_group_with_nobody_else_there_112() {
    let mut bench = Bench::new();
    bench.join_group(ALICE);
    assert_eq!(group_invite(&mut bench, ALICE, |_| {}), (480, Some(112)));
}

#[test]
fn a_callee_who_takes_no_private_calls_127() {
    let mut bench = logged_in();
    bench.profiles.change(&user("bob"), |profile| {
        profile.receive_private_call = Permission::Refused;
    });
    assert_eq!(private_invite(&mut bench, &["bob"], &[]), (403, Some(127)));
    assert_eq!(
        private_invite(&mut bench, &["alice"], &[]),
        (403, Some(127))
    );
}

#[test]
fn a_callee_who_is_in_as_many_calls_as_allowed_124_and_103() {
    let mut bench = logged_in();
    bench.profiles.change(&user("bob"), |profile| {
        profile.max_private_calls = 0;
        profile.max_group_calls = 0;
    });
    assert_eq!(private_invite(&mut bench, &["bob"], &[]), (486, Some(124)));
    assert_eq!(group_invite(&mut bench, ALICE, |_| {}), (486, Some(103)));
}

// Terminating participating function -------------------------------------------------------------------------

/// An INVITE to Bob as a controlling function sends it.
fn from_controlling(
    bench: &mut Bench,
    contact_end: &str,
    hop: Option<&ServerHop>,
    change: impl FnOnce(&mut McpttInfo),
) -> Outcome {
    let mut info = McpttInfo {
        session_type: Some(SessionType::Prearranged),
        request_uri: Some(RequestUri::from(&user("bob"))),
        calling_user_id: Some(user("alice")),
        calling_group_id: Some(fire()),
        ..McpttInfo::default()
    };
    change(&mut info);
    let offer = bench.ues[ALICE].offer(&mut bench.random).write();
    let body = Body::new()
        .with(Part::new(media_type::SDP, offer))
        .with_document(&info);
    let body = match hop {
        Some(hop) => body.protected(hop.sending(), &mut bench.random).unwrap(),
        None => body,
    };
    let contact = format!(
        "<sip:session-1@{};transport=tcp>{CONTACT_PARAMETERS}{contact_end}",
        bench.cf_address()
    );
    let builder = start(Method::Invite, PF, CF, Trust::Asserted, &mut bench.random)
        .unwrap()
        .header(HeaderName::CONTACT, contact);
    let request = finish(builder, &body, &mut bench.random).unwrap();
    bench.send_as_controlling(request)
}

#[test]
fn a_controlling_function_without_isfocus_104() {
    let mut bench = logged_in();
    let hop = bench.hop.clone();
    let refused = from_controlling(&mut bench, "", Some(&hop), |_| {});
    assert_eq!(refused, (403, Some(104)));
}

#[test]
fn a_body_under_another_spk_or_none_139() {
    let mut bench = logged_in();
    let spk = Spk::random(&mut bench.random).unwrap();
    let foreign = ServerHop::new(spk, DOMAIN, DOMAIN, Protection::Full);
    for hop in [Some(&foreign), None] {
        let refused = from_controlling(&mut bench, ";isfocus", hop, |_| {});
        assert_eq!(refused, (403, Some(139)));
    }
    bench.assert_no_media_ports();
}

#[test]
fn nobody_by_that_name_404() {
    let mut bench = logged_in();
    let hop = bench.hop.clone();
    let carol = |info: &mut McpttInfo| info.request_uri = Some(RequestUri::from(&user("carol")));
    let refused = from_controlling(&mut bench, ";isfocus", Some(&hop), carol);
    assert_eq!(refused, (404, None));
    let client = bench.ues[ALICE].client.clone();
    let refused = from_controlling(&mut bench, ";isfocus", Some(&hop), |info| {
        info.client_id = Some(client);
    });
    assert_eq!(refused, (404, None));
    let refused = from_controlling(&mut bench, ";isfocus", Some(&hop), |info| {
        info.request_uri = None;
    });
    assert_eq!(refused, (403, Some(150)));
}
