//! Calls against altered messages, replayed keys and callers who may not; each refusal by its Warning code.

use crate::common::*;
use roger_call::body::{Body, Part};
use roger_mcptt::ports::{Permission, UserProfile};
use roger_sip::message::Method;
use roger_testkit::SeededRandom;
use roger_testkit_simulator::{
    HostId, SipMessage, System, bodies, group, group_document, user, with_body,
};
use roger_ue::client::{Commencement, UeEvent};

const INFO: &str = "application/vnd.3gpp.mcptt-info+xml";

/// The message with its SDP changed; the other parts stay octet for octet.
fn with_sdp(message: &SipMessage, change: impl Fn(&str) -> String) -> Vec<u8> {
    let parts = bodies(message);
    let mut body = Body::new();
    for kind in [
        "application/sdp",
        INFO,
        "application/resource-lists+xml",
        "application/vnd.3gpp.mcptt-signed+xml",
    ] {
        let Some(part) = parts.part(kind) else {
            continue;
        };
        let mut part = part.clone();
        if kind == "application/sdp" {
            let changed = change(core::str::from_utf8(&part.octets).unwrap());
            part = Part::new(kind, changed.into_bytes());
        }
        body = body.with(part);
    }
    with_body(&message.octets, &body, &mut SeededRandom::new(9))
}

fn key_line(message: &SipMessage) -> String {
    let parts = bodies(message);
    let sdp = String::from_utf8(parts.octets("application/sdp").unwrap().to_vec()).unwrap();
    let line = sdp.lines().find(|line| line.starts_with("a=key-mgmt:"));
    line.unwrap().to_owned()
}

fn replace_key_line(sdp: &str, with: Option<&str>) -> String {
    let mut lines = String::new();
    for line in sdp.lines() {
        let line = match (line.starts_with("a=key-mgmt:"), with) {
            (true, Some(with)) => with,
            (true, None) => continue,
            (false, _) => line,
        };
        lines.push_str(line);
        lines.push_str("\r\n");
    }
    lines
}

fn to_core(system: &System, name: &str) -> (HostId, HostId) {
    (system.host(name), System::core())
}

fn from_core(system: &System, name: &str) -> (HostId, HostId) {
    (System::core(), system.host(name))
}

// Keys of private calls -----------------------------------------------------------------------------------------

#[test]
fn a_pck_message_replayed_in_another_call_is_refused_with_136() {
    let mut system = ready(201, &["alice", "bob"]);
    system.call_user("alice", "bob", Commencement::Automatic);
    assert!(established(&system, "bob"));
    let way = to_core(&system, "alice");
    let stolen = key_line(&last_request(&system, way, &Method::Invite));
    system.hang_up("alice");
    system.forget("alice");
    let count = alter(&mut system, way, Method::Invite, move |message| {
        with_sdp(message, |sdp| replace_key_line(sdp, Some(&stolen)))
    });
    system.call_user("alice", "bob", Commencement::Automatic);
    assert_eq!(count.get(), 1);
    assert_eq!(failure(&system, "alice"), (488, Some(136)));
}

#[test]
fn a_private_call_without_pck_is_refused() {
    let mut system = ready(202, &["alice", "bob"]);
    let way = to_core(&system, "alice");
    alter(&mut system, way, Method::Invite, |message| {
        with_sdp(message, |sdp| replace_key_line(sdp, None))
    });
    system.call_user("alice", "bob", Commencement::Automatic);
    assert_eq!(failure(&system, "alice").0, 488);
    assert!(
        !system.told("bob", |event| matches!(event, UeEvent::IncomingCall { .. })),
        "before it rings"
    );
}

#[test]
fn a_server_that_takes_the_key_away_does_not_get_an_unprotected_call() {
    let mut system = ready(203, &["alice", "bob"]);
    let way = from_core(&system, "bob");
    alter(&mut system, way, Method::Invite, |message| {
        with_sdp(message, |sdp| replace_key_line(sdp, None))
    });
    system.call_user("alice", "bob", Commencement::Automatic);
    assert_eq!(failure(&system, "alice").0, 488);
    assert!(!established(&system, "bob"));
}

#[test]
fn a_key_message_of_another_than_the_caller_is_refused() {
    let mut system = ready(204, &["alice", "bob", "carol"]);
    // Alice's call is stopped before Bob has seen its key.
    let way = from_core(&system, "bob");
    system.on_sip(move |message| {
        let stop = (message.from, message.to) == way && message.is(&Method::Invite);
        if stop {
            roger_testkit_simulator::SipFate::Drop
        } else {
            roger_testkit_simulator::SipFate::Pass
        }
    });
    system.call_user("alice", "bob", Commencement::Automatic);
    let stolen = key_line(&last_request(
        &system,
        to_core(&system, "alice"),
        &Method::Invite,
    ));
    let way = to_core(&system, "carol");
    alter(&mut system, way, Method::Invite, move |message| {
        with_sdp(message, |sdp| replace_key_line(sdp, Some(&stolen)))
    });
    system.call_user("carol", "bob", Commencement::Automatic);
    assert_eq!(failure(&system, "carol"), (488, Some(136)));
    assert!(!established(&system, "bob"));
}

#[test]
fn a_key_message_with_one_octet_changed_is_refused() {
    let mut system = ready(205, &["alice", "bob"]);
    let way = to_core(&system, "alice");
    alter(&mut system, way, Method::Invite, |message| {
        let line = key_line(message);
        let place = line.len() / 2;
        let other = if line.as_bytes()[place] == b'A' {
            "B"
        } else {
            "A"
        };
        let changed = format!("{}{other}{}", &line[..place], &line[place + 1..]);
        with_sdp(message, |sdp| replace_key_line(sdp, Some(&changed)))
    });
    system.call_user("alice", "bob", Commencement::Automatic);
    assert_eq!(failure(&system, "alice"), (488, Some(136)));
}

// The hop to the called client ----------------------------------------------------------------------------------

#[test]
fn an_invitation_altered_on_the_way_to_the_client_is_refused_by_it() {
    let mut system = ready(206, &["alice", "bob"]);
    let way = from_core(&system, "bob");
    let count = alter(&mut system, way, Method::Invite, |message| {
        let mut octets = message.octets.clone();
        let mark = b"CipherValue>";
        let place = octets
            .windows(mark.len())
            .position(|part| part == mark)
            .unwrap()
            + mark.len();
        octets[place] = if octets[place] == b'A' { b'B' } else { b'A' };
        octets
    });
    system.call_group("alice", &fire());
    assert_eq!(count.get(), 1);
    assert!(!system.told("bob", |event| matches!(event, UeEvent::IncomingCall { .. })));
    assert_eq!(failure(&system, "alice"), (403, Some(139)));
}

#[test]
fn an_invitation_without_focus_is_refused_by_the_client_with_104() {
    let mut system = ready(207, &["alice", "bob"]);
    let way = from_core(&system, "bob");
    alter(&mut system, way, Method::Invite, |message| {
        let text = String::from_utf8_lossy(&message.octets).into_owned();
        text.replace(";isfocus", "").into_bytes()
    });
    system.call_group("alice", &fire());
    assert_eq!(failure(&system, "alice"), (403, Some(104)));
}

#[test]
fn a_client_that_calls_itself_a_focus_is_refused_with_128() {
    let mut system = ready(208, &["alice", "bob"]);
    let way = to_core(&system, "alice");
    alter(&mut system, way, Method::Invite, |message| {
        let text = String::from_utf8_lossy(&message.octets).into_owned();
        text.replacen(">;+g.3gpp.mcptt", ">;isfocus;+g.3gpp.mcptt", 1)
            .into_bytes()
    });
    system.call_group("alice", &fire());
    assert_eq!(failure(&system, "alice"), (403, Some(128)));
}

// Refusals of group calls ---------------------------------------------------------------------------------------

#[test]
fn a_user_who_is_no_member_gets_116() {
    let mut system = ready(220, &["alice", "bob", "dave"]);
    system.call_group("dave", &fire());
    assert_eq!(failure(&system, "dave"), (403, Some(116)));
}

#[test]
fn a_member_who_is_not_affiliated_gets_120_also_when_joining() {
    let mut system = ready(221, &["alice", "bob"]);
    system.log_in("carol");
    system.register("carol", roger_ue::client::Authorisation::None);
    system.publish("carol");
    system.call_group("carol", &fire());
    assert_eq!(failure(&system, "carol"), (403, Some(120)));
    system.call_group("alice", &fire());
    system.forget("carol");
    system.call_group("carol", &fire());
    assert_eq!(failure(&system, "carol"), (403, Some(120)));
}

#[test]
fn groups_that_cannot_be_called_say_why() {
    let mut system = ready(222, &["alice", "bob"]);
    let members = ["alice", "bob"];
    let mut disabled = group_document(&group("off"), &members);
    disabled.disabled = true;
    let mut chat = group_document(&group("chat"), &members);
    chat.invite_members = Some(false);
    let mut mute = group_document(&group("mute"), &members);
    mute.rules.clear();
    for document in [&disabled, &chat, &mute] {
        assert_eq!(system.put_group(document).status, 201);
    }
    for (name, expected) in [
        ("off", (403, Some(115))),
        ("chat", (404, Some(118))),
        ("mute", (403, Some(119))),
        ("nowhere", (404, Some(113))),
    ] {
        system.forget("alice");
        system.call_group("alice", &group(name));
        assert_eq!(failure(&system, "alice"), expected, "{name}");
    }
    let foreign = GroupId::new("sip:fire-1@elsewhere.example.org").unwrap();
    system.forget("alice");
    system.call_group("alice", &foreign);
    assert_eq!(failure(&system, "alice"), (404, Some(142)));
}

#[test]
fn a_call_that_is_full_gets_122() {
    let mut system = ready(223, &["alice", "bob", "carol"]);
    let mut document = group_document(&fire(), &["alice", "bob", "carol"]);
    document.max_participant_count = Some(2);
    system.put_group(&document);
    system.call_group("alice", &fire());
    let alone: Vec<&str> = ["bob", "carol"]
        .into_iter()
        .filter(|name| !established(&system, name))
        .collect();
    assert_eq!(alone.len(), 1);
    system.call_group(alone[0], &fire());
    assert_eq!(failure(&system, alone[0]), (486, Some(122)));
}

#[test]
fn a_group_with_nobody_else_there_gets_112() {
    let mut system = ready(224, &["alice"]);
    system.call_group("alice", &fire());
    assert_eq!(failure(&system, "alice"), (480, Some(112)));
}

#[test]
fn without_binding_a_call_gets_141_and_the_client_authorises_and_affiliates_anew() {
    let mut system = ready(225, &["alice", "bob"]);
    // The server has lost the binding, the client does not know: the client's log-off crosses nothing of its own.
    let way = to_core(&system, "alice");
    let publish = last_request(&system, way, &Method::Publish);
    let request = publish.request().unwrap();
    let text = String::from_utf8_lossy(&request.to_octets()).into_owned();
    let head = text.split("\r\n\r\n").next().unwrap();
    let mut lines: Vec<String> = Vec::new();
    for line in head.lines() {
        let lower = line.to_ascii_lowercase();
        if lower.starts_with("content-") {
            continue;
        }
        let line = if lower.starts_with("expires") {
            "Expires: 0".to_owned()
        } else if lower.starts_with("event") {
            "Event: poc-settings".to_owned()
        } else if lower.starts_with("call-id") {
            "Call-ID: again".to_owned()
        } else if lower.starts_with("via") {
            line.replace("z9hG4bK", "z9hG4bKx")
        } else {
            line.to_owned()
        };
        lines.push(line);
    }
    let forged = format!("{}\r\nContent-Length: 0\r\n\r\n", lines.join("\r\n"));
    system.inject_sip(system.host("alice"), System::core(), forged.as_bytes());
    system.run(seconds(1));
    assert!(
        system
            .participating_function()
            .bound(&system.impu("alice"))
            .is_none()
    );
    system.call_group("alice", &fire());
    assert_eq!(failure(&system, "alice"), (404, Some(141)));
    // The client has authorised and affiliated anew by itself.
    system.run(seconds(1));
    let impu = system.impu("alice");
    assert!(system.participating_function().bound(&impu).is_some());
    system.forget("alice");
    system.call_group("alice", &fire());
    assert!(
        established(&system, "alice"),
        "{:?}",
        system.timeline("alice")
    );
}

// Refusals of private calls and profiles ------------------------------------------------------------------------

fn with_profile(
    seed: u64,
    name: &str,
    change: impl Fn(&mut UserProfile),
    commencement: Commencement,
) -> (u16, Option<u16>) {
    let mut system = ready(seed, &["alice", "bob"]);
    change(system.directory().profiles.get_mut(&user(name)).unwrap());
    system.call_user("alice", "bob", commencement);
    failure(&system, "alice")
}

#[test]
fn private_calls_that_a_profile_does_not_allow_say_why() {
    use Commencement::{Automatic, Manual};
    let no = Permission::Refused;
    type Change = Box<dyn Fn(&mut UserProfile)>;
    type Case = (&'static str, Change, Commencement, (u16, Option<u16>));
    let cases: Vec<Case> = vec![
        (
            "alice",
            Box::new(move |p| p.private_call = no),
            Automatic,
            (403, Some(107)),
        ),
        (
            "alice",
            Box::new(move |p| p.automatic_commencement = no),
            Automatic,
            (403, Some(125)),
        ),
        (
            "alice",
            Box::new(move |p| p.manual_commencement = no),
            Manual,
            (403, Some(126)),
        ),
        (
            "bob",
            Box::new(move |p| p.receive_private_call = no),
            Automatic,
            (403, Some(127)),
        ),
        (
            "alice",
            Box::new(move |p| p.private_call_to_anybody = no),
            Automatic,
            (403, Some(144)),
        ),
        (
            "alice",
            Box::new(move |p| p.max_private_calls = 0),
            Automatic,
            (486, Some(124)),
        ),
    ];
    for (number, (name, change, commencement, expected)) in cases.into_iter().enumerate() {
        let got = with_profile(230 + number as u64, name, change, commencement);
        assert_eq!(got, expected, "case {number}");
    }
}

#[test]
fn group_calls_that_a_profile_does_not_allow_say_why() {
    let mut system = ready(240, &["alice", "bob"]);
    let change = |system: &System, change: &dyn Fn(&mut UserProfile)| {
        change(system.directory().profiles.get_mut(&user("alice")).unwrap());
    };
    change(&system, &|profile| {
        profile.prearranged_group_call = Permission::Refused
    });
    system.call_group("alice", &fire());
    assert_eq!(failure(&system, "alice"), (403, Some(109)));
    change(&system, &|profile| {
        profile.prearranged_group_call = Permission::Granted;
        profile.max_group_calls = 0;
    });
    system.call_group("alice", &fire());
    assert_eq!(failure(&system, "alice"), (486, Some(103)));
}

#[test]
fn a_private_call_without_one_callee_gets_145() {
    let mut system = ready(241, &["alice", "bob"]);
    let csk = system.client("alice").client_server_key().unwrap().clone();
    let domains = roger_xml::uri::ProtectedDomains::new(
        vec![roger_testkit_simulator::DOMAIN.to_owned()],
        roger_xml::uri::UriTolerance::AsSent,
    );
    let protection = roger_call::protection::Protection::Full;
    let receiving = csk.receiving(protection, &domains);
    let sending = csk.sending(protection, roger_testkit_simulator::DOMAIN);
    let way = to_core(&system, "alice");
    alter(&mut system, way, Method::Invite, move |message| {
        let two = roger_documents::resource_lists::ResourceLists {
            uris: vec![user("bob").to_string(), user("carol").to_string()],
        };
        let change = |body: Body| {
            let mut changed = Body::new();
            for kind in ["application/sdp", INFO] {
                changed = changed.with(body.part(kind).unwrap().clone());
            }
            changed.with_document(&two)
        };
        let mut random = SeededRandom::new(9);
        roger_testkit_simulator::reprotected(message, &receiving, &sending, change, &mut random)
    });
    system.call_user("alice", "bob", Commencement::Automatic);
    assert_eq!(failure(&system, "alice"), (403, Some(145)));
}

#[test]
fn a_callee_who_is_not_there_gets_404_and_a_caller_cannot_call_herself() {
    let mut system = ready(242, &["alice", "bob"]);
    system.call_user("alice", "carol", Commencement::Automatic);
    assert_eq!(failure(&system, "alice").0, 404);
    system.forget("alice");
    system.call_user("alice", "alice", Commencement::Automatic);
    assert_eq!(failure(&system, "alice").0, 403);
}

#[test]
fn who_writes_the_name_of_another_as_caller_is_called_by_her_own() {
    let mut system = ready(243, &["alice", "bob", "carol"]);
    let csk = system.client("alice").client_server_key().unwrap().clone();
    let domains = roger_xml::uri::ProtectedDomains::new(
        vec![roger_testkit_simulator::DOMAIN.to_owned()],
        roger_xml::uri::UriTolerance::AsSent,
    );
    let protection = roger_call::protection::Protection::Full;
    let receiving = csk.receiving(protection, &domains);
    let sending = csk.sending(protection, roger_testkit_simulator::DOMAIN);
    let way = to_core(&system, "alice");
    alter(&mut system, way, Method::Invite, move |message| {
        let change = |body: Body| {
            let mut info: roger_documents::mcptt_info::McpttInfo = body.required().unwrap();
            info.calling_user_id = Some(user("carol"));
            let sdp = body.part("application/sdp").unwrap().clone();
            Body::new().with(sdp).with_document(&info)
        };
        let mut random = SeededRandom::new(9);
        roger_testkit_simulator::reprotected(message, &receiving, &sending, change, &mut random)
    });
    system.call_group("alice", &fire());
    assert!(system.told("bob", |event| matches!(event,
        UeEvent::IncomingCall { caller, .. } if *caller == user("alice"))));
}
