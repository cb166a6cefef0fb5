//! The network: what is under way, what may go wrong, and who interferes.

use crate::host::{HostId, HostInput};
use crate::streams::End;
use crate::wire::{Datagram, SipMessage};
use core::time::Duration;
use roger_base::Instant;
use roger_sip::endpoint::Ticket;
use roger_testkit::SeededRandom;
use std::collections::BTreeMap;

/// How good the network is for datagrams; streams are reliable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkConditions {
    /// Time that every packet takes.
    pub delay: Duration,
    /// Up to so much more for a datagram, so that some overtake others.
    pub jitter: Duration,
    /// Of a hundred datagrams, so many are lost.
    pub loss_percent: u64,
    /// Of a hundred datagrams, so many arrive twice.
    pub double_percent: u64,
}

impl NetworkConditions {
    /// A local network.
    pub const GOOD: Self = Self {
        delay: Duration::from_millis(2),
        jitter: Duration::ZERO,
        loss_percent: 0,
        double_percent: 0,
    };
    /// A bad radio link: a fifth is lost, some of the rest overtakes and some comes twice.
    pub const BAD: Self = Self {
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(60),
        loss_percent: 20,
        double_percent: 5,
    };
}

/// What becomes of a SIP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SipFate {
    /// It arrives.
    Pass,
    /// Something else arrives in its place.
    Replace(Vec<u8>),
    /// It does not arrive.
    Drop,
}

/// What becomes of a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatagramFate {
    /// It arrives, as far as the network lets it.
    Pass,
    /// Something else arrives in its place.
    Replace(Vec<u8>),
    /// It does not arrive.
    Drop,
}

pub(crate) type SipHook = Box<dyn FnMut(&SipMessage) -> SipFate>;
pub(crate) type DatagramHook = Box<dyn FnMut(&Datagram) -> DatagramFate>;

/// Something under way.
pub(crate) enum Event {
    Piece { end: End, octets: Vec<u8> },
    Datagram(Datagram),
    Failed { host: HostId, ticket: Ticket },
    Input { host: HostId, input: HostInput },
}

/// What is under way, by time of arrival.
pub(crate) struct Network {
    queue: BTreeMap<(Instant, u64), Event>,
    next: u64,
    random: SeededRandom,
    pub(crate) conditions: NetworkConditions,
    pub(crate) sip_hook: Option<SipHook>,
    pub(crate) datagram_hook: Option<DatagramHook>,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            queue: BTreeMap::new(),
            next: 0,
            random: SeededRandom::new(seed),
            conditions: NetworkConditions::GOOD,
            sip_hook: None,
            datagram_hook: None,
        }
    }

    pub(crate) fn push(&mut self, at: Instant, event: Event) {
        self.next += 1;
        self.queue.insert((at, self.next), event);
    }

    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.queue.pop_first().map(|(_, event)| event)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.random.next_u64() % 100 < percent
    }

    /// A message goes onto a stream, cut in two at any place.
    pub(crate) fn stream(&mut self, now: Instant, end: End, octets: &[u8]) {
        let at = now + NetworkConditions::GOOD.delay;
        let cut = self.random.next_u64() as usize % octets.len().max(1);
        let (head, tail) = octets.split_at(cut);
        for piece in [head, tail] {
            self.push(
                at,
                Event::Piece {
                    end,
                    octets: piece.to_vec(),
                },
            );
        }
    }

    /// A datagram goes out; the network may lose, delay or double it.
    pub(crate) fn datagram(&mut self, now: Instant, datagram: &Datagram) {
        let conditions = self.conditions;
        if self.chance(conditions.loss_percent) {
            return;
        }
        let copies = if self.chance(conditions.double_percent) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let most = u64::try_from(conditions.jitter.as_micros()).unwrap_or(u64::MAX);
            let more = Duration::from_micros(self.random.next_u64() % most.max(1));
            self.push(
                now + conditions.delay + more,
                Event::Datagram(datagram.clone()),
            );
        }
    }
}
