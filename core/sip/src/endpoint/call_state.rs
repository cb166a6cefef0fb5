//! A dialog with what an INVITE in it needs.

use super::flow::Target;
use crate::dialog::Dialog;
use crate::transaction::timed::{SlotId, Timed};
use crate::transaction::{Retransmission, TimerName, earlier};
use roger_base::Instant;
use std::sync::Arc;

/// A 2xx of ours without its ACK.
#[derive(Debug)]
pub(super) struct Accept {
    pub(super) cseq: u32,
    pub(super) octets: Arc<[u8]>,
    pub(super) target: Target,
    pub(super) repeat: Retransmission,
    pub(super) end: Instant,
}

/// The ACK we sent, for repeated 2xx.
#[derive(Debug)]
pub(super) struct SentAck {
    pub(super) octets: Arc<[u8]>,
    pub(super) target: Target,
    pub(super) until: Instant,
}

/// Our INVITE in this dialog that had a 2xx.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) cseq: u32,
    pub(super) ack: Option<SentAck>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bye {
    No,
    /// The callee waits for the ACK first (15).
    AfterAck,
    Sent(SlotId),
}

/// A dialog with what an INVITE in it needs.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) dialog: Dialog,
    /// How the peer was reached when the dialog began.
    pub(super) way: Target,
    pub(super) accept: Option<Box<Accept>>,
    pub(super) accepted: Option<Accepted>,
    pub(super) bye: Bye,
}

impl Call {
    pub(super) const fn new(dialog: Dialog, way: Target) -> Self {
        Self {
            dialog,
            way,
            accept: None,
            accepted: None,
            bye: Bye::No,
        }
    }
}

impl Timed for Call {
    fn next_timer(&self) -> Option<(Instant, TimerName)> {
        let accept = self.accept.as_ref().and_then(|accept| {
            earlier(
                Some((accept.end, TimerName::SuccessEnd)),
                Some((accept.repeat.at, TimerName::Success)),
            )
        });
        let ack = self
            .accepted
            .as_ref()
            .and_then(|accepted| accepted.ack.as_ref());
        earlier(accept, ack.map(|ack| (ack.until, TimerName::M)))
    }
}
