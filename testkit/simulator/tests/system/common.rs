//! What the tests of the whole system share.

pub use core::time::Duration;
pub use roger_base::GroupId;
use roger_call::warning::WarningCode;
use roger_sip::message::Method;
use roger_testkit_simulator::{HostId, Setup, SipFate, SipMessage, System, group, group_document};
use roger_ue::client::{Refusal, UeEvent};
use std::cell::Cell;
use std::rc::Rc;

pub fn fire() -> GroupId {
    group("fire-1")
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Alice, Bob and Carol are members of a group; Dave is not.
pub fn system(seed: u64) -> System {
    with_setup(&Setup::new(seed, &["alice", "bob", "carol", "dave"]))
}

pub fn with_setup(setup: &Setup) -> System {
    let mut system = System::new(setup);
    let answer = system.put_group(&group_document(&fire(), &["alice", "bob", "carol"]));
    assert_eq!(
        answer.status,
        201,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    system
}

/// The same with everybody affiliated who may be.
pub fn ready(seed: u64, names: &[&str]) -> System {
    let mut system = system(seed);
    system.bring_up(names, &[&fire()]);
    system
}

fn answered(refusal: &Refusal) -> Option<(u16, Option<u16>)> {
    match refusal {
        Refusal::Answered { status, warning } => {
            Some((status.as_u16(), warning.map(|WarningCode(code)| code)))
        }
        _ => None,
    }
}

fn last(
    system: &System,
    name: &str,
    of: impl Fn(&UeEvent) -> Option<&Refusal>,
) -> (u16, Option<u16>) {
    let refusals = system.events(name).filter_map(|event| answered(of(event)?));
    refusals
        .last()
        .unwrap_or_else(|| panic!("nothing of {name} was refused: {:?}", system.timeline(name)))
}

/// How the last call of a user failed.
pub fn failure(system: &System, name: &str) -> (u16, Option<u16>) {
    last(system, name, |event| match event {
        UeEvent::CallFailed(_, refusal) => Some(refusal),
        _ => None,
    })
}

/// How the last authorisation of a user failed.
pub fn not_authorised(system: &System, name: &str) -> (u16, Option<u16>) {
    last(system, name, |event| match event {
        UeEvent::NotAuthorised(refusal) => Some(refusal),
        _ => None,
    })
}

/// How the last subscription of a user to documents failed.
pub fn not_watching(system: &System, name: &str) -> (u16, Option<u16>) {
    last(system, name, |event| match event {
        UeEvent::NotWatching(refusal) => Some(refusal),
        _ => None,
    })
}

pub fn established(system: &System, name: &str) -> bool {
    system.told(name, |event| matches!(event, UeEvent::CallEstablished(_)))
}

pub fn may_talk(system: &System, name: &str) -> bool {
    system.told(name, |event| matches!(event, UeEvent::MayTalk(_)))
}

/// Why packets were dropped at a UE.
pub fn dropped(system: &System, name: &str) -> Vec<String> {
    let reason = |event: &UeEvent| match event {
        UeEvent::Dropped(_, reason) => Some(reason.clone()),
        _ => None,
    };
    system.events(name).filter_map(reason).collect()
}

/// Changes every request of a method on one way; says how many were changed.
pub fn alter(
    system: &mut System,
    way: (HostId, HostId),
    method: Method,
    mut change: impl FnMut(&SipMessage) -> Vec<u8> + 'static,
) -> Rc<Cell<usize>> {
    let count = Rc::new(Cell::new(0));
    let counter = Rc::clone(&count);
    system.on_sip(move |message| {
        if (message.from, message.to) != way || !message.is(&method) {
            return SipFate::Pass;
        }
        counter.set(counter.get() + 1);
        SipFate::Replace(change(message))
    });
    count
}

/// The last request of a method on one way.
pub fn last_request(system: &System, way: (HostId, HostId), method: &Method) -> SipMessage {
    let sip = system.wire().sip.iter();
    let mut on_way = sip.filter(|message| (message.from, message.to) == way && message.is(method));
    on_way.next_back().unwrap().clone()
}
