//! What an attacker reads off the wire in the whole story: no MCPTT ID, no group ID, no token.
//!
//! A client ID is the instance of the IMS registration and so known to the SIP core.

use crate::common::*;
use roger_call::protection::Protection;
use roger_testkit_simulator::{Setup, System, group, group_document, user};
use roger_ue::client::{
    Authorisation, Commencement, FloorControlProtection, IdentityHiding, UeInput,
};

const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Everything that users do, refusals included.
fn story(setup: &Setup) -> System {
    let mut system = with_setup(setup);
    let protect_floor_control = setup.floor_protection == FloorControlProtection::On;
    let group = |members: &[&str]| {
        let mut document = group_document(&fire(), members);
        document.protect_floor_control = Some(protect_floor_control);
        document
    };
    system.put_group(&group(&["alice", "bob", "carol"]));
    system.log_in("alice");
    system.register("alice", Authorisation::InRegister);
    system.publish("alice");
    system.watch("alice", &[&fire()]);
    system.affiliate("alice", &[&fire()]);
    system.bring_up(&["bob", "dave"], &[&fire()]);
    system.call_group("alice", &fire());
    system.speak("alice", 10);
    system.bring_up(&["carol"], &[&fire()]);
    system.press("carol");
    system.release("alice");
    system.press("bob");
    system.speak("bob", 10);
    system.release("bob");
    system.call_group("dave", &fire());
    system.hang_up("carol");
    system.call_group("carol", &fire());
    system.hang_up("alice");
    system.hang_up("bob");
    system.call_user("alice", "bob", Commencement::Automatic);
    system.press("alice");
    system.speak("alice", 5);
    system.hang_up("alice");
    system.call_user("bob", "carol", Commencement::Manual);
    let call = system.call("carol");
    system.input("carol", UeInput::HangUp(call));
    system.run(seconds(1));
    system.put_group(&group(&["alice", "bob"]));
    system.run(seconds(60));
    system.affiliate("alice", &[]);
    for name in NAMES {
        system.input(name, UeInput::LogOff);
    }
    system.run(seconds(10));
    system
}

fn identities() -> Vec<String> {
    let mut all: Vec<String> = NAMES.iter().map(|name| user(name).to_string()).collect();
    all.push(group("fire-1").to_string());
    // Without scheme and host too: a part of an identity gives it away as well.
    all.extend(NAMES.map(|name| format!("{name}@")));
    all.push("fire-1".to_owned());
    all
}

fn tokens(system: &System) -> Vec<String> {
    // The last third: the header of a token is the same for all.
    let part = |token: String| token[token.len() - token.len() / 3..].to_owned();
    NAMES.map(|name| part(system.token(name))).to_vec()
}

#[test]
fn no_identity_and_no_token_is_on_the_wire() {
    let system = story(&Setup::new(501, &NAMES));
    let (sip, datagrams) = (system.wire().sip.len(), system.wire().datagrams.len());
    assert!(
        sip > 300 && datagrams > 150,
        "{sip} messages, {datagrams} datagrams"
    );
    for secret in identities().into_iter().chain(tokens(&system)) {
        assert_eq!(system.wire().sip_mentions(&secret), 0, "{secret} in SIP");
        assert_eq!(
            system.wire().datagram_mentions(&secret),
            0,
            "{secret} in datagrams"
        );
    }
    assert!(
        system.refused_sip().is_empty(),
        "{:?}",
        system.refused_sip()
    );
}

#[test]
fn without_protection_the_same_search_finds_them_all() {
    let setup = Setup {
        protection: Protection::Off,
        floor_protection: FloorControlProtection::Off,
        hiding: IdentityHiding::Off,
        ..Setup::new(502, &NAMES)
    };
    let system = story(&setup);
    for secret in identities().into_iter().chain(tokens(&system)) {
        assert!(
            system.wire().sip_mentions(&secret) > 0,
            "{secret} is not in SIP"
        );
    }
    for secret in [user("alice").to_string(), user("bob").to_string()] {
        assert!(
            system.wire().datagram_mentions(&secret) > 0,
            "{secret} is not in datagrams"
        );
    }
}

#[test]
fn speech_is_on_the_wire_in_no_readable_form() {
    let system = story(&Setup::new(503, &NAMES));
    for words in ["alice-", "bob-"] {
        assert_eq!(system.wire().datagram_mentions(words), 0);
    }
}

#[test]
fn servers_forward_speech_octet_for_octet() {
    let system = story(&Setup::new(504, &NAMES));
    let speech: Vec<_> = system
        .wire()
        .datagrams
        .iter()
        .filter(|datagram| datagram.flow == roger_media::Flow::Rtp)
        .collect();
    let ues = NAMES.map(|name| System::ip(system.host(name)));
    let said: Vec<&[u8]> = speech
        .iter()
        .filter(|datagram| ues.contains(&datagram.from.ip()))
        .map(|datagram| datagram.octets.as_slice())
        .collect();
    assert!(said.len() > 20);
    for datagram in &speech {
        assert!(
            said.contains(&datagram.octets.as_slice()),
            "octets that no UE sent"
        );
    }
}
