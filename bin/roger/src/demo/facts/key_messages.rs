//! The captured MIKEY messages: who opens them, who does not, and what becomes of copies.

use super::{Checked, Evidence, MemberKeys, PhaseKind, Violation};
use crate::demo::wire::mikey_messages;
use roger_base::{McpttId, NtpTime, PurposeTag, UnixTime};
use roger_ibc::UserKeySet;
use roger_ibc::sakke::EncapsulatedData;
use roger_keys::{Csk, Pck};
use roger_mikey::payload::Payload;
use roger_mikey::{
    Carriage, Context, Message, OpenError, OpenedGroupKey, Receiver, Sender, Verified,
};

/// Purposes of the keys in this story.
const PURPOSES: [PurposeTag; 3] = [PurposeTag::Gmk, PurposeTag::Pck, PurposeTag::Csk];

/// The time at which the verdict looks at messages: that of the last packet.
fn now(evidence: &Evidence) -> NtpTime {
    let last = evidence.packets.last();
    UnixTime(last.map_or(0, |packet| packet.at.as_secs())).to_ntp()
}

struct Reader<'a> {
    evidence: &'a Evidence,
    now: NtpTime,
}

impl<'a> Reader<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        Self {
            evidence,
            now: now(evidence),
        }
    }

    fn context<'c>(
        &'c self,
        key_sets: &'c [UserKeySet],
        sender: Sender<'c>,
        carriage: Carriage,
    ) -> Context<'c> {
        Context {
            key_sets,
            domains: core::slice::from_ref(&self.evidence.kms),
            sender,
            carriage,
            now: self.now,
        }
    }

    fn csk(&self, receiver: &mut Receiver, message: &[u8]) -> Result<Verified<Csk>, OpenError> {
        let context = self.context(&self.evidence.servers, Sender::DecidedLater, Carriage::Live);
        receiver.open_csk(message, &context)
    }

    fn pck(
        &self,
        receiver: &mut Receiver,
        message: &[u8],
        called: &MemberKeys,
    ) -> Result<Verified<Pck>, OpenError> {
        let context = self.context(&called.key_sets, Sender::DecidedLater, Carriage::Live);
        receiver.open_pck(message, &context)
    }

    fn gmk(
        &self,
        receiver: &mut Receiver,
        message: &[u8],
        member: &MemberKeys,
    ) -> Result<OpenedGroupKey, OpenError> {
        let gms = [self.evidence.group_management.as_str()];
        let context = self.context(&member.key_sets, Sender::OneOf(&gms), Carriage::Stored);
        receiver.open_gmk(message, &context, Some(&self.evidence.group))
    }
}

/// The PCK in the offer of a part of the story, by the called user's keys.
pub(super) fn pck(evidence: &Evidence, kind: PhaseKind) -> Result<Pck, Violation> {
    let reader = Reader::new(evidence);
    let called = Evidence::member(&evidence.keys_after, 1)?;
    mikey_messages(evidence.phase(kind))
        .iter()
        .find_map(|message| reader.pck(&mut Receiver::default(), message, called).ok())
        .map(|verified| verified.key)
        .ok_or_else(|| {
            Violation::of("the offer of the private call has no PCK for the called user")
        })
}

/// How a user without a right to it fares with a message.
fn opens(evidence: &Evidence, message: &[u8], keys: &MemberKeys) -> bool {
    let reader = Reader::new(evidence);
    let context = reader.context(&keys.key_sets, Sender::DecidedLater, Carriage::Stored);
    let by_the_book = Receiver::default()
        .open_key(message, &context, &PURPOSES)
        .is_ok();
    by_the_book || decapsulates(message, &keys.key_sets)
}

/// Whether a secret comes out of the message when every check of the receiver but the cryptography is left out.
fn decapsulates(message: &[u8], key_sets: &[UserKeySet]) -> bool {
    let Ok(message) = Message::decode(message) else {
        return false;
    };
    let sakke = message
        .body
        .payloads
        .iter()
        .filter_map(|payload| match payload {
            Payload::Sakke(sakke) => EncapsulatedData::from_octets(sakke.data.as_slice()).ok(),
            _ => None,
        });
    let opens = |data: EncapsulatedData| {
        key_sets
            .iter()
            .any(|set| set.receiver.decapsulate(&data).is_ok())
    };
    sakke.into_iter().any(opens)
}

/// Checks that a user opens none of the messages that are for others, and that their receivers do; gives their
/// number. Messages from the user herself (her own CSK) are not for her either.
pub(super) fn refused_to(evidence: &Evidence, outsider: &MemberKeys) -> Result<usize, Violation> {
    let reader = Reader::new(evidence);
    let on_sip = mikey_messages(&evidence.packets);
    let called = Evidence::member(&evidence.keys_after, 1)?;
    let mut uploads = 0;
    for message in &on_sip {
        if opens(evidence, message, outsider) {
            return Err(Violation::of(format!(
                "{} opens a captured key message",
                outsider.id
            )));
        }
        let csk = reader.csk(&mut Receiver::default(), message).is_ok();
        let pck = reader
            .pck(&mut Receiver::default(), message, called)
            .is_ok();
        uploads += usize::from(csk || pck);
    }
    if uploads <= 1 {
        return Err(Violation::of(
            "control: the receivers of the captured key messages do not open them",
        ));
    }
    for (member, message) in &evidence.group_key_messages {
        if opens(evidence, message, outsider) {
            return Err(Violation::of(format!(
                "{} opens a group key message",
                outsider.id
            )));
        }
        rightful_group_key(evidence, member, message)?;
    }
    Ok(on_sip.len() + evidence.group_key_messages.len())
}

/// Control: the member for whom a group key message was made opens it.
fn rightful_group_key(
    evidence: &Evidence,
    member: &McpttId,
    message: &[u8],
) -> Result<(), Violation> {
    let keys = evidence.keys_after.iter().find(|keys| keys.id == *member);
    let keys = keys.ok_or_else(|| Violation::of("a key message of nobody"))?;
    Reader::new(evidence)
        .gmk(&mut Receiver::default(), message, keys)
        .map(|_| ())
        .map_err(|error| {
            Violation::of(format!(
                "control: a member does not open her own key message: {error}"
            ))
        })
}

/// Checks that the removed member opens no group key message that is there at the end; gives their number.
pub(super) fn refused_to_removed(
    evidence: &Evidence,
    removed: &MemberKeys,
) -> Result<usize, Violation> {
    let messages = &evidence.group_key_messages;
    if messages.is_empty() || messages.iter().any(|(member, _)| *member == removed.id) {
        return Err(Violation::of(
            "there is a key message for the removed member, or none at all",
        ));
    }
    match messages
        .iter()
        .find(|(_, message)| opens(evidence, message, removed))
    {
        Some(_) => Err(Violation::of(
            "the removed member opens a key message that followed",
        )),
        None => Ok(messages.len()),
    }
}

/// Fresh receivers take each message once; copies and altered ones are refused.
pub(super) fn replay(evidence: &Evidence) -> Checked {
    let reader = Reader::new(evidence);
    let called = Evidence::member(&evidence.keys_after, 1)?;
    let (mut taken, mut altered) = (0, 0);
    for message in mikey_messages(&evidence.packets) {
        let mut open: Box<Open<'_>> = if reader.csk(&mut Receiver::default(), &message).is_ok() {
            Box::new(|receiver, octets| reader.csk(receiver, octets).map(|_| ()))
        } else if reader
            .pck(&mut Receiver::default(), &message, called)
            .is_ok()
        {
            Box::new(|receiver, octets| reader.pck(receiver, octets, called).map(|_| ()))
        } else {
            continue;
        };
        altered += refuses_copies(&message, &mut open, Live::Yes)?;
        taken += 1;
    }
    for (member, message) in &evidence.group_key_messages {
        let keys = evidence.keys_after.iter().find(|keys| keys.id == *member);
        let keys = keys.ok_or_else(|| Violation::of("a key message of nobody"))?;
        let mut open =
            |receiver: &mut Receiver, octets: &[u8]| reader.gmk(receiver, octets, keys).map(|_| ());
        altered += refuses_copies(message, &mut open, Live::No)?;
        taken += 1;
    }
    if taken == 0 {
        return Err(Violation::of(
            "no key message was opened: nothing was looked at",
        ));
    }
    Ok(format!(
        "{taken} messages opened once; their copies and {altered} altered ones refused"
    ))
}

/// Whether a message belongs to a procedure of now: then a copy of it is a replay. A document may be read again.
#[derive(PartialEq, Eq)]
enum Live {
    Yes,
    No,
}

type Open<'a> = dyn FnMut(&mut Receiver, &[u8]) -> Result<(), OpenError> + 'a;

/// The receiver that took the original refuses it again, and every altered copy; gives the number of these.
fn refuses_copies(message: &[u8], open: &mut Open<'_>, live: Live) -> Result<usize, Violation> {
    let mut receiver = Receiver::default();
    open(&mut receiver, message)
        .map_err(|error| Violation::of(format!("control: the original is refused: {error}")))?;
    if live == Live::Yes && open(&mut receiver, message).is_ok() {
        return Err(Violation::of("a replayed key message is taken"));
    }
    let positions = positions(message.len());
    for position in &positions {
        let copy = altered(message, *position);
        if open(&mut receiver, &copy).is_ok() {
            return Err(Violation::of(format!(
                "a key message with octet {position} altered is taken"
            )));
        }
    }
    Ok(positions.len())
}

/// Places spread over a message, the ends included: header, identities, key, signature.
pub(super) fn positions(octets: usize) -> Vec<usize> {
    const PLACES: usize = 24;
    let last = octets.saturating_sub(1);
    let mut places: Vec<usize> = (0..=PLACES).map(|place| last * place / PLACES).collect();
    places.dedup();
    places
}

/// The same octets with one bit changed.
pub(super) fn altered(octets: &[u8], position: usize) -> Vec<u8> {
    let mut copy = octets.to_vec();
    if let Some(octet) = copy.get_mut(position) {
        *octet ^= 0x10;
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_mikey::CreateClientServerKey;
    use roger_mikey::create::{CreateOptions, Hiding};
    use roger_testkit::SeededRandom;
    use roger_testkit_domain::{NOW, TestDomain, user};

    #[test]
    fn the_cryptography_alone_tells_the_receiver_from_others() {
        let mut domain = TestDomain::new(91);
        let (mallory, bob) = ("sip:mallory@mcptt.example.org", "sip:bob@mcptt.example.org");
        let alice = domain.key_set(user("alice").as_str());
        let mut random = SeededRandom::new(92);
        let message = CreateClientServerKey {
            csk: &Csk::random(&mut random).unwrap(),
            user: &alice,
            server: mallory,
            server_domain: domain.kms(),
            parameters: None,
            now: NOW.to_ntp(),
            options: CreateOptions {
                hiding: Hiding::Nobody,
                ..CreateOptions::PLAIN
            },
        }
        .build(&mut random)
        .unwrap();
        assert!(decapsulates(&message, &[domain.key_set(mallory)]));
        assert!(!decapsulates(&message, &[domain.key_set(bob), alice]));
        assert!(!decapsulates(b"no message", &[domain.key_set(mallory)]));
    }

    #[test]
    fn a_receiver_that_takes_copies_is_a_violation() {
        let mut takes_all = |_: &mut Receiver, _: &[u8]| Ok(());
        let violation = refuses_copies(b"message", &mut takes_all, Live::Yes).unwrap_err();
        assert_eq!(violation.0, "a replayed key message is taken");
        let violation = refuses_copies(b"message", &mut takes_all, Live::No).unwrap_err();
        assert_eq!(violation.0, "a key message with octet 0 altered is taken");
    }

    #[test]
    fn a_receiver_that_takes_nothing_is_a_violation_too() {
        let mut takes_nothing = |_: &mut Receiver, _: &[u8]| Err(OpenError::PeerReplayed);
        assert!(refuses_copies(b"message", &mut takes_nothing, Live::Yes).is_err());
    }

    #[test]
    fn places_reach_both_ends() {
        for octets in [1, 2, 25, 400] {
            let places = positions(octets);
            assert_eq!(
                (places.first(), places.last()),
                (Some(&0), Some(&(octets - 1)))
            );
        }
        assert_eq!(altered(b"ab", 1), [b'a', b'b' ^ 0x10]);
    }
}
