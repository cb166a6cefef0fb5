//! Who opens the speech, and who does not.

use super::key_messages;
use super::keys::{ForeignKey, opened_by_pck, opened_by_store};
use super::{Checked, Evidence, MemberKeys, PhaseKind, Violation};
use crate::capture::CapturedPacket;
use crate::demo::wire::{Kind, distinct};
use roger_base::GroupId;
use roger_keys::Pck;

/// The speech of the three calls, each packet once.
struct Spoken<'a> {
    first: Vec<&'a CapturedPacket>,
    private: Vec<&'a CapturedPacket>,
    second: Vec<&'a CapturedPacket>,
}

impl<'a> Spoken<'a> {
    fn of(evidence: &'a Evidence) -> Result<Self, Violation> {
        let speech = |kind| distinct(evidence.phase(kind), Kind::Speech);
        let spoken = Self {
            first: speech(PhaseKind::First),
            private: speech(PhaseKind::Private),
            second: speech(PhaseKind::Second),
        };
        if spoken.each().any(Vec::is_empty) {
            return Err(Violation::of("a call has no speech: nothing was looked at"));
        }
        Ok(spoken)
    }

    fn each(&self) -> impl Iterator<Item = &Vec<&'a CapturedPacket>> {
        [&self.first, &self.private, &self.second].into_iter()
    }

    fn count(&self) -> usize {
        self.each().map(Vec::len).sum()
    }
}

/// The PCK of the private call, out of the captured offer by the called user's keys.
fn pck(evidence: &Evidence) -> Result<Pck, Violation> {
    key_messages::pck(evidence, PhaseKind::Private)
}

/// Controls: those who may listen open every packet.
fn rightful(evidence: &Evidence, spoken: &Spoken<'_>) -> Result<(), Violation> {
    let group = &evidence.group;
    let before = Evidence::member(&evidence.keys_before, 1)?;
    let after = Evidence::member(&evidence.keys_after, 1)?;
    let controls = [
        (
            opened_by_store(&spoken.first, before, group),
            spoken.first.len(),
        ),
        (
            opened_by_pck(&spoken.private, &pck(evidence)?),
            spoken.private.len(),
        ),
        (
            opened_by_store(&spoken.second, after, group),
            spoken.second.len(),
        ),
    ];
    match controls.iter().find(|(opened, all)| opened != all) {
        None => Ok(()),
        Some((opened, all)) => Err(Violation::of(format!(
            "control: a rightful listener opens {opened} of {all} packets"
        ))),
    }
}

/// CSKs and SPK are all that the media servers hold.
pub(super) fn servers(evidence: &Evidence) -> Checked {
    let spoken = Spoken::of(evidence)?;
    let csks = evidence.csks.iter().map(ForeignKey::of_csk);
    let keys: Vec<ForeignKey> = csks.chain([ForeignKey::of_spk(&evidence.spk)]).collect();
    for (number, key) in keys.iter().enumerate() {
        let opened: usize = spoken.each().map(|packets| key.opens(packets)).sum();
        if opened > 0 {
            return Err(Violation::of(format!(
                "server key {number} opens {opened} packets of speech"
            )));
        }
    }
    rightful(evidence, &spoken)?;
    Ok(format!(
        "{} packets, {} keys tried as SRTCP key, GMK and PCK; the members' keys open them all",
        spoken.count(),
        keys.len()
    ))
}

/// Mallory has keys of her own, a CSK, and everything that crossed a socket.
pub(super) fn non_member(evidence: &Evidence) -> Checked {
    let messages = key_messages::refused_to(evidence, &evidence.mallory)?;
    let spoken = Spoken::of(evidence)?;
    let opened: usize = spoken
        .each()
        .map(|packets| opened_by_store(packets, &evidence.mallory, &evidence.group))
        .sum();
    if opened > 0 {
        return Err(Violation::of(format!(
            "mallory opens {opened} packets of speech"
        )));
    }
    rightful(evidence, &spoken)?;
    Ok(format!(
        "{messages} key messages and {} packets of speech; their receivers open them all",
        spoken.count()
    ))
}

/// Dave keeps what he had, and what he had opens nothing that came later.
pub(super) fn removed_member(evidence: &Evidence) -> Checked {
    let spoken = Spoken::of(evidence)?;
    let group = &evidence.group;
    let held = [
        Evidence::member(&evidence.keys_before, evidence.removed)?,
        Evidence::member(&evidence.keys_after, evidence.removed)?,
    ];
    opens_only_what_was_before(&held, &spoken.first, &spoken.second, group)?;
    let staying = Evidence::member(&evidence.keys_after, 1)?;
    if opened_by_store(&spoken.second, staying, group) != spoken.second.len() {
        return Err(Violation::of(
            "control: a member who stays does not open what follows",
        ));
    }
    let new = key_messages::refused_to_removed(evidence, held[0])?;
    Ok(format!(
        "{} packets and {new} key messages that followed; his keys open all {} packets from before",
        spoken.second.len(),
        spoken.first.len()
    ))
}

/// `held` are his keys as they were before, and as they are at the end.
fn opens_only_what_was_before(
    held: &[&MemberKeys; 2],
    before: &[&CapturedPacket],
    after: &[&CapturedPacket],
    group: &GroupId,
) -> Result<(), Violation> {
    for keys in held {
        let opened = opened_by_store(after, keys, group);
        if opened > 0 {
            return Err(Violation::of(format!(
                "the removed member opens {opened} packets that followed"
            )));
        }
    }
    let [first, _] = held;
    let opened = opened_by_store(before, first, group);
    if opened != before.len() {
        return Err(Violation::of(format!(
            "control: his keys open {opened} of {} packets from before",
            before.len()
        )));
    }
    Ok(())
}
