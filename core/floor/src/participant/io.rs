//! What goes into a floor participant and what comes out.

use crate::field::{
    DenyCause, Duration, FloorIndicator, FloorPriority, FunctionalAlias, Location,
    MessageSequenceNumber, QueueInfo, Rejection, RevokeCause,
};
use crate::{FloorMessage, Ssrc};
use roger_base::McpttId;

/// Whether an INVITE carries `mc_implicit_request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImplicitRequest {
    /// It does: the INVITE is a Floor Request.
    Sent,
    /// It does not.
    NotSent,
}

/// What the SDP answer says about an implicit request (TS 24.380 cl. 14.3.5). Without an implicit request it is
/// `NotAccepted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// `mc_granted`: the floor is granted.
    Granted,
    /// `mc_implicit_request` alone: the result comes as a floor message.
    Accepted,
    /// Neither: the request must be sent as a message.
    NotAccepted,
}

/// Something that happened.
// Made, moved once and taken apart: boxing the message would buy nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// This client originates the call. An implicit request means that the user presses the button. Messages and
    /// media from now to the answer are kept and looked at after it (TS 24.380 cl. 6.2.4.2).
    InviteSent(ImplicitRequest),
    /// The 200 OK has come.
    CallAnswered(Answer),
    /// This client has accepted a call of another.
    CallAccepted,
    /// A message came in.
    Floor(FloorMessage),
    /// An RTP packet came in.
    Rtp(Ssrc),
    /// The user presses the push-to-talk button.
    PttPressed,
    /// The user lets it go.
    PttReleased,
    /// The user asks where the queued request stands.
    AskQueuePosition,
    /// The user gives the queued request up.
    CancelQueuedRequest,
    /// The bits of requests from now on: D or E when the user is in that state.
    FloorIndicator(FloorIndicator),
    /// Where the user is, for requests from now on; `None` when not allowed to say.
    Location(Option<Location>),
    /// Release, step 1: no media and no floor message any more.
    ReleaseCall,
    /// Release, step 2: the call is gone.
    CallReleased,
    /// Time has passed; every other input looks at the time too.
    Timeout,
}

/// Whether a talk burst runs over that of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overriding {
    /// It is the only one.
    No,
    /// Dual floor: it goes over that of another (bit G).
    Yes,
}

/// What was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantDetails {
    /// How long; unknown when the grant came with the SDP answer.
    pub duration: Option<Duration>,
    /// Priority granted.
    pub floor_priority: Option<FloorPriority>,
    /// SSRC that the audio shall have.
    pub audio_ssrc: Option<Ssrc>,
    /// Dual floor.
    pub overriding: Overriding,
}

/// Who talks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talker {
    /// MCPTT ID; `None` when the talker asked for privacy or there are several.
    pub mcptt_id: Option<McpttId>,
    /// All talkers of a multi-talker group.
    pub talkers: Vec<McpttId>,
    /// SSRC of the audio.
    pub audio_ssrc: Option<Ssrc>,
    /// Alias.
    pub functional_alias: Option<FunctionalAlias>,
    /// Where the talker is.
    pub location: Option<Location>,
    /// Number of the Floor Taken, by which copies are known.
    pub message_sequence_number: Option<MessageSequenceNumber>,
    /// The kind of call.
    pub floor_indicator: FloorIndicator,
}

/// Why the microphone is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// The user let the button go.
    Released,
    /// The server took the floor away.
    Revoked(Rejection<RevokeCause>),
    /// The call ends.
    CallReleased,
}

/// Why a press of the button asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoRequest {
    /// The server said that this client may not ask now.
    NotPermitted,
    /// There is no call.
    NoCall,
}

/// Something to do.
// Made, moved once and taken apart: boxing the message would buy nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send a message to the server.
    Send(FloorMessage),
    /// The floor is granted: sound the talk-permit tone, then open the microphone.
    MayTalk(GrantDetails),
    /// More is known of the grant that is in use.
    GrantChanged(GrantDetails),
    /// Close the microphone.
    MustStop(StopReason),
    /// The request was denied.
    Denied(Rejection<DenyCause>),
    /// The request was sent as often as allowed without an answer.
    RequestTimedOut,
    /// Somebody else got the floor that was asked for.
    RequestLost,
    /// A press of the button had no effect.
    NoRequest(NoRequest),
    /// The request is queued, or its place has changed.
    Queued(QueueInfo),
    /// A queued request is granted, but the button is not pressed: press within T132.
    GrantWaits,
    /// Somebody talks.
    SomebodyTalks(Talker),
    /// No audio of the talker for T103: the burst is taken as ended.
    TalkerSilent,
    /// Nobody talks.
    Idle,
    /// The originator of a broadcast call has finished: leave the call.
    LeaveCall,
}
