//! What goes into an endpoint and what comes out.

use super::flow::{ConnectionId, Flow, Target};
use crate::message::{Message, Request, Response, StreamError};
use crate::transaction::timed::SlotId;
use std::sync::Arc;

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub(crate) SlotId);

        impl $name {
            /// A number for logs.
            #[must_use]
            pub const fn as_u64(self) -> u64 {
                self.0.as_u64()
            }
        }
    };
}

handle!(
    /// A request we sent.
    RequestHandle
);
handle!(
    /// A request we received and owe an answer.
    TransactionId
);
handle!(
    /// A dialog.
    DialogId
);

/// What happens to an endpoint.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram was received.
    Datagram {
        /// Where.
        flow: Flow,
        /// Its octets.
        octets: &'a [u8],
    },
    /// A message was cut out of a stream.
    Message {
        /// Where.
        flow: Flow,
        /// The message.
        message: Message,
    },
    /// A stream cannot be read on; the rim closes it after sending what [`Output::Transmit`] says.
    BrokenStream {
        /// Where.
        flow: Flow,
        /// What was wrong.
        error: StreamError,
    },
    /// A connection is gone.
    Closed {
        /// Which.
        flow: Flow,
    },
    /// A message could not be sent.
    TransmitFailed {
        /// That of [`Transmit::ticket`].
        ticket: Ticket,
    },
}

/// Says whose message a transmission is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(pub(crate) Origin);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    Client(SlotId),
    Server(SlotId),
    Stateless,
}

/// Octets to send.
#[derive(Debug, Clone)]
pub struct Transmit {
    /// Where to.
    pub target: Target,
    /// One message.
    pub octets: Arc<[u8]>,
    /// For [`Input::TransmitFailed`].
    pub ticket: Ticket,
}

/// A request for the user.
#[derive(Debug)]
pub struct Incoming {
    /// The request, with `received` and `rport` in its top Via.
    pub request: Request,
    /// Where it came from.
    pub flow: Flow,
    /// To answer it.
    pub transaction: TransactionId,
    /// The dialog it is in.
    pub dialog: Option<DialogId>,
}

/// An ACK of a 2xx.
#[derive(Debug)]
pub struct AckReceived {
    /// The ACK.
    pub request: Request,
    /// Where it came from.
    pub flow: Flow,
    /// The dialog; `None` for a proxy, or when there is none (drop it then).
    pub dialog: Option<DialogId>,
}

/// A response for the user; its top Via is already removed.
#[derive(Debug)]
pub struct Answer {
    /// Which request it answers.
    pub handle: RequestHandle,
    /// The response.
    pub response: Response,
    /// The dialog that it made or is in; several 2xx of a forked INVITE have one each.
    pub dialog: Option<DialogId>,
}

/// Why a request got no final response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// Timer B or F, or 64·T1 after a CANCEL: treat as 408 (RFC 3261 8.1.3.1).
    Timeout,
    /// The transport could not send, or the connection was closed: treat as 503.
    Transport,
}

/// What happened to a request of ours or to an answer of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerFailure {
    /// No ACK came for a final response from 300 to 699 (timer H).
    NoAck,
    /// The user did not answer in time; the transaction is gone.
    Unanswered,
    /// An answer could not be sent.
    Transport,
}

/// What comes out of an endpoint.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send this.
    Transmit(Transmit),
    /// A request to be answered.
    Incoming(Box<Incoming>),
    /// An ACK of a 2xx.
    Ack(Box<AckReceived>),
    /// The peer cancelled this INVITE. A user agent has already answered it with 487; a proxy must cancel on.
    Cancelled {
        /// The INVITE.
        transaction: TransactionId,
        /// The CANCEL, for its Reason.
        request: Box<Request>,
    },
    /// A response.
    Response(Box<Answer>),
    /// A request got no (final) response.
    Failed {
        /// Which.
        handle: RequestHandle,
        /// Why.
        failure: Failure,
    },
    /// An answer of ours came to nothing.
    ServerFailed {
        /// Which.
        transaction: TransactionId,
        /// Why.
        failure: ServerFailure,
    },
    /// No ACK came for our 2xx in 64·T1: the user should send BYE (RFC 3261 13.3.1.4).
    NoAck {
        /// Which dialog.
        dialog: DialogId,
    },
    /// The dialog is gone: BYE, a 481 or 408 inside it, or the INVITE that made it failed.
    DialogEnded {
        /// Which.
        dialog: DialogId,
    },
    /// A connection is gone.
    FlowClosed {
        /// Which.
        connection: ConnectionId,
    },
}
