//! What the user of a UE is told.

use crate::system::MC_DOMAIN;
use roger_base::McpttId;
use roger_ue::client::CallParty;
use serde::Serialize;
use std::path::PathBuf;

/// One thing that happened.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum News {
    /// A step to the air is done.
    Step { step: &'static str, detail: String },
    /// Everything is ready.
    OnAir { user: String, party: String },
    /// This UE calls.
    Calling { party: String },
    /// Somebody calls; the answer is automatic unless it rings.
    Called {
        party: String,
        caller: String,
        rings: bool,
    },
    /// The called side is alerted.
    Ringing { party: String },
    /// A call is established.
    Established { party: String },
    /// A call did not come about.
    CallFailed { party: String, reason: String },
    /// A call is over.
    Ended { party: String },
    /// The floor is granted: the talk-permit tone.
    Permit { party: String },
    /// The floor is refused: the talk-deny tone.
    Deny { party: String, cause: String },
    /// The floor was taken away.
    Revoked { party: String, reason: String },
    /// The floor will be asked for again.
    Again { attempt: u32, of: u32, when: String },
    /// This user has said something.
    Said { party: String, seconds: f64 },
    /// Somebody begins to talk.
    Talks { party: String, who: String },
    /// Somebody stops talking.
    Silent {
        party: String,
        who: String,
        seconds: f64,
        heard_seconds: f64,
    },
    /// What was heard is in a file.
    Saved { who: String, file: PathBuf },
    /// A group key came or went.
    GroupKey { key: String, state: &'static str },
    /// This UE knows where it is.
    Place,
    /// The MCPTT server was told where this UE is.
    LocationReported,
    /// Something was refused by this UE or by a server.
    Refused { reason: String },
    /// A packet was dropped; only the first of its kind is told.
    Dropped { reason: String },
    /// The UE leaves.
    Left { dropped: usize },
}

/// How news are to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Faint,
    Good,
    Bad,
    /// Good, and heard: the talk-permit tone.
    Permit,
    /// Bad, and heard: the talk-deny tone.
    Deny,
}

impl News {
    pub(super) const fn tone(&self) -> Tone {
        match self {
            Self::Step { .. }
            | Self::Saved { .. }
            | Self::GroupKey { .. }
            | Self::Again { .. }
            | Self::Place
            | Self::LocationReported => Tone::Faint,
            Self::OnAir { .. } | Self::Established { .. } => Tone::Good,
            Self::CallFailed { .. } | Self::Refused { .. } | Self::Dropped { .. } => Tone::Bad,
            Self::Permit { .. } => Tone::Permit,
            Self::Deny { .. } | Self::Revoked { .. } => Tone::Deny,
            _ => Tone::Plain,
        }
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Step { step, detail } => format!("{step}: {detail}"),
            Self::OnAir { user, party } => format!("on the air: {user}, {party}"),
            Self::Calling { party } => format!("calling {party}"),
            Self::Called {
                party,
                caller,
                rings: false,
            } => format!("{caller} calls: {party}"),
            Self::Called {
                party,
                caller,
                rings: true,
            } => {
                format!("{caller} calls and waits for an answer: {party}")
            }
            Self::Ringing { party } => format!("{party}: alerted"),
            Self::Established { party } => format!("{party}: call established"),
            Self::CallFailed { party, reason } => format!("{party}: no call: {reason}"),
            Self::Ended { party } => format!("{party}: call ended"),
            Self::Permit { party } => format!("{party}: TALK PERMIT (beep)"),
            Self::Deny { party, cause } => format!("{party}: TALK DENY (baap): {cause}"),
            Self::Revoked { party, reason } => format!("{party}: FLOOR REVOKED (baap): {reason}"),
            Self::Again { attempt, of, when } => {
                format!("asking for the floor again {when} ({attempt} of {of})")
            }
            Self::Said { party, seconds } => format!("{party}: said {seconds:.1} s"),
            Self::Talks { party, who } => format!("{party}: {who} talks"),
            Self::Silent {
                party,
                who,
                seconds,
                heard_seconds,
            } => format!(
                "{party}: {who} talked for {seconds:.1} s, {heard_seconds:.1} s of speech heard"
            ),
            Self::Saved { who, file } => format!("{who}: saved as {}", file.display()),
            Self::GroupKey { key, state } => format!("group key {key} {state}"),
            Self::Place => {
                "this UE knows where it is, and reports it when the MCPTT server wants it"
                    .to_owned()
            }
            Self::LocationReported => "location reported to the MCPTT server".to_owned(),
            Self::Refused { reason } => format!("refused: {reason}"),
            Self::Dropped { reason } => format!("packet dropped: {reason}"),
            Self::Left { dropped: 0 } => "left".to_owned(),
            Self::Left { dropped } => format!("left; {dropped} packets were dropped"),
        }
    }
}

/// A user as people say it: without scheme, and without the domain when it is the usual one.
pub(super) fn name_of(user: &McpttId) -> String {
    short(user.as_str())
}

/// With whom a call is, as people say it.
pub(super) fn party_name(party: &CallParty) -> String {
    match party {
        CallParty::Group(group) => format!("group {}", short(group.as_str())),
        CallParty::User(user) => format!("private call with {}", name_of(user)),
    }
}

fn short(uri: &str) -> String {
    let text = uri.strip_prefix("sip:").unwrap_or(uri);
    match text.split_once('@') {
        Some((name, MC_DOMAIN)) => name.to_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_in_their_own_domain_only() {
        assert_eq!(short("sip:alice@mcptt.example.org"), "alice");
        assert_eq!(
            short("sip:alice@other.example.org"),
            "alice@other.example.org"
        );
    }

    #[test]
    fn news_for_programs_name_their_event() {
        let news = News::Deny {
            party: "group fire-1".to_owned(),
            cause: "somebody talks".to_owned(),
        };
        assert_eq!(
            serde_json::to_string(&news).unwrap(),
            r#"{"event":"deny","party":"group fire-1","cause":"somebody talks"}"#
        );
    }
}
