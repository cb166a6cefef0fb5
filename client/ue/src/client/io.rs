//! What goes into a UE and what comes out.

use super::reporter::Position;
use roger_base::{ClientId, GroupId, KeyId, McpttId, SecretBytes};
use roger_call::warning::WarningCode;
use roger_documents::affiliation::{AffiliationStatus, Tuple};
use roger_documents::affiliation_command::AffiliationCommand;
use roger_documents::location_info::LocationReport;
use roger_documents::poc_settings::{AnswerMode, PocSettings};
use roger_documents::service_config::ServiceConfiguration;
use roger_floor::participant::{NoRequest, StopReason, Talker};
use roger_ibc::{KmsDomain, UserKeySet};
use roger_media::{MediaPacket, MediaTransmit};
use roger_sip::message::StatusCode;

/// A call of this UE, numbered by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallNumber(pub u32);

/// How a REGISTER or PUBLISH authorises the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorisation {
    /// Not at all: registration never waits for it.
    None,
    /// Token and CSK ride in the REGISTER (TS 24.379 cl. 7.2.1).
    InRegister,
}

/// Whether the called user answers herself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commencement {
    /// `Answer-Mode: Auto`.
    Automatic,
    /// `Answer-Mode: Manual`.
    Manual,
}

/// The user of a client and the keys of her identity.
pub struct UeUser {
    /// MCPTT ID.
    pub mcptt_id: McpttId,
    /// Access token.
    pub token: SecretBytes,
    /// Key sets of the identity, one for each key period held.
    pub key_sets: Vec<UserKeySet>,
    /// KMS of the servers and of other users.
    pub kms: KmsDomain,
}

/// What the user or the shell wants.
pub enum UeInput {
    /// The user of this client, after log-in and key provisioning, or the same user with a fresh token or keys of a new
    /// period: an authorised client shows a fresh token to the server at once.
    User(Box<UeUser>),
    /// Register at the SIP core.
    Register(Authorisation),
    /// Authorise the user and publish the settings (TS 24.379 cl. 7.2.2); after an authorisation in REGISTER only
    /// the settings (cl. 7.2.3).
    Publish,
    /// How calls are answered; the server is told at once when it knows the client (TS 24.379 cl. 7.2.3).
    AnswerMode(AnswerMode),
    /// Watch the settings that the server holds of this client (TS 24.379 cl. 7.2.4).
    WatchSettings,
    /// A datagram of the multicast floor control of a group.
    MulticastFloor(GroupId, Vec<u8>),
    /// Watch the group documents and group keys at the group management server.
    WatchGroups(Vec<GroupId>),
    /// The complete set of groups to be affiliated to.
    Affiliate(Vec<GroupId>),
    /// The service configuration was fetched: what it says of protection holds from now on, in place of the UE
    /// initial configuration (TS 24.379 cl. 6.6.2.3.1).
    ServiceConfiguration(Box<ServiceConfiguration>),
    /// Watch the affiliations of a user: one's own, or with the right to it those of another.
    WatchAffiliationsOf(McpttId),
    /// Set the complete set of groups of another user's client (mandatory mode, TS 24.379 cl. 9.2.1.2).
    AffiliateOther(McpttId, ClientId, Vec<GroupId>),
    /// Propose affiliations to another user (negotiated mode, TS 24.379 cl. 9.2.1.4).
    ProposeAffiliations(McpttId, AffiliationCommand),
    /// The UE is here now.
    Position(Position),
    /// Ask where another user is.
    AskLocation(McpttId),
    /// The GKTP document was fetched; the octets are those of the body.
    GroupKeys(Vec<u8>),
    /// Call a group.
    CallGroup(GroupId),
    /// Call a user.
    CallUser(McpttId, Commencement),
    /// Answer a call that rings.
    Accept(CallNumber),
    /// End a call, or refuse one that rings.
    HangUp(CallNumber),
    /// The push-to-talk button.
    Ptt(CallNumber, Button),
    /// One packet of coded speech, 20 ms (RFC 4867, octet-aligned). Sent only while the user may talk.
    Speech(CallNumber, Vec<u8>),
    /// Leave the MC service and stay registered for other services of this UE (TS 24.379 cl. 7.1).
    LogOffFromMcptt,
    /// Leave the MC service and the SIP core.
    LogOff,
    /// A datagram on a media socket.
    Media(MediaPacket),
}

/// State of a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    /// Pressed.
    Pressed,
    /// Let go.
    Released,
}

/// Why something that the user wanted did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A server refused.
    Answered {
        /// Status code.
        status: StatusCode,
        /// MCPTT warning.
        warning: Option<WarningCode>,
    },
    /// Nobody answered.
    NoAnswer,
    /// This UE cannot do it; the text says what is missing.
    Local(String),
}

impl Refusal {
    /// Whether the server refused the access token (Warning 101): another one is needed.
    #[must_use]
    pub fn says_bad_token(&self) -> bool {
        let bad = WarningCode::SERVICE_AUTHORISATION_FAILED;
        matches!(self, Self::Answered { warning, .. } if *warning == Some(bad))
    }

    /// Whether the server said that it does not know this client (Warning 141).
    #[must_use]
    pub fn says_unknown(&self) -> bool {
        matches!(self, Self::Answered { warning, .. } if *warning == Some(WarningCode::USER_UNKNOWN))
    }
}

impl Refusal {
    /// Whether what this client sent did not open at the server (Warning 139 or 140): the two may be out of step.
    #[must_use]
    pub fn says_not_opened(&self) -> bool {
        let codes = [
            WarningCode::INTEGRITY_CHECK_FAILED,
            WarningCode::UNABLE_TO_DECRYPT,
        ];
        let code = match self {
            Self::Answered { warning, .. } => *warning,
            Self::NoAnswer | Self::Local(_) => None,
        };
        code.is_some_and(|code| codes.contains(&code))
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Answered {
                status,
                warning: Some(warning),
            } => write!(f, "{} ({warning})", status.as_u16()),
            Self::Answered {
                status,
                warning: None,
            } => write!(f, "{} {}", status.as_u16(), status.reason()),
            Self::NoAnswer => f.write_str("no answer"),
            Self::Local(text) => f.write_str(text),
        }
    }
}

/// With whom a call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallParty {
    /// A group.
    Group(GroupId),
    /// A user.
    User(McpttId),
}

/// A packet of speech that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardSpeech {
    /// Source.
    pub ssrc: u32,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// First packet of a burst.
    pub marker: bool,
    /// Payload (RFC 4867).
    pub payload: Vec<u8>,
}

/// What a UE has to say.
#[derive(Debug, Clone, PartialEq)]
pub enum UeEvent {
    /// Registered at the SIP core.
    Registered,
    /// Registration failed.
    NotRegistered(Refusal),
    /// The MC service knows user and settings.
    Authorised,
    /// It does not.
    NotAuthorised(Refusal),
    /// The server gave or revoked a key.
    ServerKey(ServerKey),
    /// A key of the server was refused; the keys held stay.
    ServerKeyRefused(String),
    /// The settings that the server holds of this client.
    Settings(PocSettings),
    /// The settings are not watched any more.
    NotWatchingSettings(Refusal),
    /// A packet of multicast floor control of a group was dropped; the reason is for people.
    MulticastDropped(GroupId, String),
    /// The group management server took the subscription.
    Watching,
    /// It did not.
    NotWatching(Refusal),
    /// A document changed: fetch it from this URL.
    DocumentChanged {
        /// URL below the XCAP root.
        url: String,
        /// Entity tag of the new version; `None` when it is gone.
        etag: Option<String>,
    },
    /// A group key was taken into the key store.
    GroupKey {
        /// GMK-ID.
        gmk_id: KeyId,
        /// Groups it serves.
        groups: Vec<GroupId>,
        /// In use, or revoked.
        state: GroupKeyState,
    },
    /// A group key message was refused; the keys held stay.
    GroupKeyRefused(String),
    /// State of an affiliation.
    Affiliation(GroupId, AffiliationStatus),
    /// The request to change affiliations was refused.
    NotAffiliated(Refusal),
    /// The affiliations of another user: one tuple for each client.
    AffiliationsOf(McpttId, Vec<Tuple>),
    /// The affiliations of a user are not watched, or not any more.
    NotWatchingAffiliations(McpttId, Refusal),
    /// Another user proposes affiliations; this user decides.
    AffiliationProposed {
        /// Who proposes.
        by: McpttId,
        /// What.
        command: AffiliationCommand,
    },
    /// A proposal was refused.
    NotProposed(Refusal),
    /// Where another user is, as she reported when she was asked.
    LocationOf(McpttId, LocationReport),
    /// Where another user is was not told.
    NoLocation(Refusal),
    /// The server took a report of where this UE is.
    LocationReported,
    /// It did not; a later report tells more.
    LocationNotReported(Refusal),
    /// Somebody calls. An automatic answer is under way unless `rings`.
    IncomingCall {
        /// Number of the call.
        call: CallNumber,
        /// Group or caller.
        party: CallParty,
        /// The caller.
        caller: McpttId,
        /// The user has to answer.
        rings: bool,
    },
    /// The called user is being alerted.
    Ringing(CallNumber),
    /// A call is established.
    CallEstablished(CallNumber),
    /// A call did not come about.
    CallFailed(CallNumber, Refusal),
    /// A call is over.
    CallEnded(CallNumber),
    /// The floor is granted: sound the tone, then open the microphone.
    MayTalk(CallNumber),
    /// Close the microphone.
    MustStop(CallNumber, StopReason),
    /// The floor was denied; the text is the cause.
    FloorDenied(CallNumber, String),
    /// A press of the button had no effect.
    NoFloorRequest(CallNumber, NoRequest),
    /// Somebody talks.
    SomebodyTalks(CallNumber, Talker),
    /// Nobody talks.
    FloorIdle(CallNumber),
    /// Speech was heard.
    Speech(CallNumber, HeardSpeech),
    /// A packet was dropped; the reason is for people.
    Dropped(CallNumber, String),
}

/// A key that came by key download (TS 33.180 cl. 5.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerKey {
    /// A new CSK is in use.
    Csk(KeyId),
    /// A MuSiK or MKFC: floor control of these groups may come by multicast.
    Multicast(KeyId, Vec<GroupId>),
    /// The key must not be used any more, and is not.
    Revoked(KeyId),
}

/// State of a group key at a UE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKeyState {
    /// It may be used.
    Valid,
    /// It must not be used any more.
    Revoked,
}

/// What a UE wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum UeOutput {
    /// Send a datagram.
    Media(MediaTransmit),
    /// Tell the user or the shell.
    Event(UeEvent),
}
