//! Security facts, each proved from the captured bytes and each with a control that shows that the check can fail.

mod clear_text;
mod floor;
mod key_messages;
mod keys;
mod replay;
mod samples;
mod speech;

pub(super) use clear_text::Needle;

use super::burst::SaidBurst;
use super::console::Fact;
use crate::capture::CapturedPacket;
use roger_base::{GroupId, McpttId, ServerUri};
use roger_ibc::{KmsDomain, UserKeySet};
use roger_keys::{Csk, GroupKeyStore, Spk};
use roger_ue::shell::Speech;

/// Why a fact does not hold, or its control does not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation(pub(super) String);

impl Violation {
    fn of(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// What a check looked at, when the fact holds.
type Checked = Result<String, Violation>;

/// A part of the story in the capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PhaseKind {
    /// Group call under the first key.
    First,
    /// Private call.
    Private,
    /// Group call under the key that followed the removal.
    Second,
}

/// Packets from one number to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Phase {
    pub(super) kind: PhaseKind,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// What one user holds.
#[derive(Clone)]
pub(super) struct MemberKeys {
    pub(super) id: McpttId,
    pub(super) key_sets: Vec<UserKeySet>,
    pub(super) store: GroupKeyStore,
}

/// Everything that the verdict is made of.
pub(super) struct Evidence {
    /// Every byte that crossed a socket.
    pub(super) packets: Vec<CapturedPacket>,
    /// What must not be seen on a SIP hop.
    pub(super) needles: Vec<Needle>,
    pub(super) phases: Vec<Phase>,
    pub(super) bursts: Vec<SaidBurst>,
    /// Every CSK of the participating function.
    pub(super) csks: Vec<Csk>,
    /// The SPK of both functions.
    pub(super) spk: Spk,
    /// Key sets of the participating function.
    pub(super) servers: Vec<UserKeySet>,
    /// Public parameters of the KMS.
    pub(super) kms: KmsDomain,
    pub(super) group: GroupId,
    pub(super) group_management: ServerUri,
    /// What the members held when the first group call was over.
    pub(super) keys_before: Vec<MemberKeys>,
    /// What they held at the end.
    pub(super) keys_after: Vec<MemberKeys>,
    /// The registered non-member.
    pub(super) mallory: MemberKeys,
    /// Key messages out of the GKTP documents, with the member each was made for.
    pub(super) group_key_messages: Vec<(McpttId, Vec<u8>)>,
    /// Number of the removed member.
    pub(super) removed: usize,
}

impl Evidence {
    /// The packets of a part of the story.
    fn phase(&self, kind: PhaseKind) -> &[CapturedPacket] {
        let phase = self.phases.iter().find(|phase| phase.kind == kind);
        phase
            .and_then(|phase| self.packets.get(phase.from..phase.to))
            .unwrap_or_default()
    }

    /// A member's keys by number.
    fn member(keys: &[MemberKeys], number: usize) -> Result<&MemberKeys, Violation> {
        keys.get(number)
            .ok_or_else(|| Violation::of(format!("the keys of member {number} are missing")))
    }
}

/// Judges every fact.
pub(super) fn judge(evidence: &Evidence, codec: &Speech) -> Vec<Fact> {
    let fact = |fact: &'static str, checked: Checked| match checked {
        Ok(detail) => Fact {
            fact,
            holds: true,
            detail,
        },
        Err(Violation(detail)) => Fact {
            fact,
            holds: false,
            detail,
        },
    };
    vec![
        fact(
            "no access token, password, MCPTT ID, group ID or location in clear on any SIP hop",
            clear_text::check(evidence),
        ),
        fact(
            "floor control never crosses a socket in clear",
            floor::check(evidence),
        ),
        fact(
            "the keys of the media servers do not open the speech",
            speech::servers(evidence),
        ),
        fact(
            "a registered non-member opens no key message and no speech",
            speech::non_member(evidence),
        ),
        fact(
            "the removed member opens nothing that follows",
            speech::removed_member(evidence),
        ),
        fact(
            "replayed and altered SRTP is refused",
            replay::srtp(evidence),
        ),
        fact(
            "replayed and altered SRTCP is refused",
            replay::srtcp(evidence),
        ),
        fact(
            "replayed and altered MIKEY is refused",
            key_messages::replay(evidence),
        ),
        fact(
            "every listener heard what was said, sample for sample",
            samples::check(&evidence.bursts, codec),
        ),
    ]
}
