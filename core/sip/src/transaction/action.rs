//! Events and actions of the four transaction machines.

use super::timers::TimerName;

/// What happens to a client transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientEvent {
    /// A 100 was received.
    Trying,
    /// A response from 101 to 199 was received.
    Provisional,
    /// A response from 200 to 299 was received.
    Success,
    /// A response from 300 to 699 was received.
    Failure,
    /// The transport could not send.
    TransportError,
    /// The user sent a CANCEL for this INVITE.
    Cancelled,
    /// A timer of this transaction fired.
    Timer(TimerName),
}

impl ClientEvent {
    /// The event of a response with this status code.
    #[must_use]
    pub const fn response(code: u16) -> Self {
        match code {
            ..=100 => Self::Trying,
            101..=199 => Self::Provisional,
            200..=299 => Self::Success,
            300.. => Self::Failure,
        }
    }
}

/// What happens to a server transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerEvent {
    /// The request came again.
    Retransmission,
    /// An ACK that belongs to this INVITE was received.
    Ack,
    /// The user answers with 1xx.
    SendProvisional,
    /// The user answers with 2xx.
    SendSuccess,
    /// The user answers with 300 to 699.
    SendFailure,
    /// The transport could not send.
    TransportError,
    /// A timer of this transaction fired.
    Timer(TimerName),
}

impl ServerEvent {
    /// The event of answering with this status code.
    #[must_use]
    pub const fn answer(code: u16) -> Self {
        match code {
            ..=199 => Self::SendProvisional,
            200..=299 => Self::SendSuccess,
            300.. => Self::SendFailure,
        }
    }
}

/// What a machine wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Transmit the new message and keep it as the last one sent.
    Send,
    /// Transmit the kept message again.
    Repeat,
    /// Transmit the ACK of a final response from 300 to 699, building it the first time.
    SendAck,
    /// Hand the message received to the user.
    Deliver,
    /// Tell the user that no (final) answer came, or no ACK.
    Timeout,
    /// Tell the user that the transport failed.
    TransportFailed,
    /// Answer 100 in the name of the user.
    AnswerTrying,
    /// Timer C: cancel the INVITE.
    Cancel,
    /// The user may not answer in this state; nothing is sent.
    Refuse,
}

/// At most three actions, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Actions([Option<Action>; 3]);

impl Actions {
    /// Nothing to do.
    pub const NONE: Self = Self([None; 3]);

    /// One action.
    #[must_use]
    pub const fn one(action: Action) -> Self {
        Self([Some(action), None, None])
    }

    /// Two actions.
    #[must_use]
    pub const fn two(first: Action, second: Action) -> Self {
        Self([Some(first), Some(second), None])
    }

    /// The actions in order.
    pub fn iter(&self) -> impl Iterator<Item = Action> + use<> {
        self.0.into_iter().flatten()
    }
}
