//! Messages that wait to be served.

use super::{Rank, Standing};
use core::time::Duration;
use roger_base::Instant;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Senders that are compared when somebody must give way.
const COMPARED: usize = 32;

/// Who shares one turn. Whoever is known has one for each flow, so that many UEs behind one address do not
/// share it; strangers have one for each address, IPv6 ones for each network of 64 bits, so that nobody has many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// One flow.
    Flow(SocketAddr),
    /// All strangers of an address.
    Address(IpAddr),
}

impl Sender {
    /// The sender of a message that came from this socket.
    #[must_use]
    pub fn new(standing: Standing, peer: SocketAddr) -> Self {
        match (standing, peer.ip()) {
            (Standing::Known, _) => Self::Flow(peer),
            (_, IpAddr::V6(address)) => {
                let network = address.to_bits() & (u128::MAX << 64);
                Self::Address(IpAddr::V6(Ipv6Addr::from_bits(network)))
            }
            (_, address) => Self::Address(address),
        }
    }
}

/// Bounds of an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxLimits {
    /// Messages.
    pub messages: usize,
    /// Octets of all messages.
    pub octets: usize,
    /// Octets of one message of a stranger. What it has to say before it is known is short.
    pub stranger: usize,
}

impl Default for InboxLimits {
    /// Messages for a tenth of a second, 4 MiB; a stranger's may have 16 KiB.
    fn default() -> Self {
        Self {
            messages: 2_048,
            octets: 4 * 1024 * 1024,
            stranger: 16 * 1024,
        }
    }
}

/// The message to be served next.
#[derive(Debug, PartialEq, Eq)]
pub struct Next<T> {
    /// The message.
    pub message: T,
    /// How long it has waited.
    pub waited: Duration,
}

#[derive(Debug)]
struct Waiting<T> {
    message: T,
    octets: usize,
    since: Instant,
}

/// Messages of one rank: a queue for each sender, served in turn.
#[derive(Debug)]
struct Turns<T> {
    queues: HashMap<Sender, VecDeque<Waiting<T>>>,
    order: VecDeque<Sender>,
}

/// A bounded queue: the highest rank first, and within a rank one message of each sender in turn. When it is
/// full, the lowest rank gives way, and within it whoever has most waiting.
#[derive(Debug)]
pub struct Inbox<T> {
    limits: InboxLimits,
    ranks: BTreeMap<Rank, Turns<T>>,
    messages: usize,
    octets: usize,
}

impl<T> Inbox<T> {
    /// An empty inbox.
    #[must_use]
    pub const fn new(limits: InboxLimits) -> Self {
        Self {
            limits,
            ranks: BTreeMap::new(),
            messages: 0,
            octets: 0,
        }
    }

    /// Its bounds.
    #[must_use]
    pub const fn limits(&self) -> &InboxLimits {
        &self.limits
    }

    /// Messages that wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.messages
    }

    /// Whether none waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// Takes a message of so many octets in. What must give way for it is appended to `shed`; that may be the
    /// message itself.
    pub fn push(
        &mut self,
        now: Instant,
        rank: Rank,
        sender: Sender,
        (message, octets): (T, usize),
        shed: &mut Vec<T>,
    ) {
        if rank == Rank::Stranger && octets > self.limits.stranger {
            return shed.push(message);
        }
        while self.messages >= self.limits.messages || self.octets + octets > self.limits.octets {
            match self.make_room(rank, sender) {
                Some(gone) => shed.push(gone),
                None => return shed.push(message),
            }
        }
        let turns = self.ranks.entry(rank).or_insert_with(Turns::new);
        turns.push(
            sender,
            Waiting {
                message,
                octets,
                since: now,
            },
        );
        self.messages += 1;
        self.octets += octets;
    }

    /// The next message to serve.
    pub fn pop(&mut self, now: Instant) -> Option<Next<T>> {
        let mut best = self.ranks.last_entry()?;
        let waiting = best.get_mut().pop();
        if best.get().order.is_empty() {
            best.remove();
        }
        let waiting = self.forget(waiting?);
        Some(Next {
            waited: now.since(waiting.since),
            message: waiting.message,
        })
    }

    /// Takes a message out that matters less than one of this rank and sender; `None` when none does.
    fn make_room(&mut self, rank: Rank, sender: Sender) -> Option<T> {
        let mut lowest = self
            .ranks
            .first_entry()
            .filter(|entry| *entry.key() <= rank)?;
        let victim = lowest.get().longest()?;
        let equal = *lowest.key() == rank;
        let own = if equal {
            lowest.get().waiting(sender)
        } else {
            0
        };
        if equal && own + 1 >= lowest.get().waiting(victim) {
            return None;
        }
        let waiting = lowest.get_mut().drop_newest(victim);
        if lowest.get().order.is_empty() {
            lowest.remove();
        }
        waiting.map(|waiting| self.forget(waiting).message)
    }

    const fn forget(&mut self, waiting: Waiting<T>) -> Waiting<T> {
        self.messages -= 1;
        self.octets -= waiting.octets;
        waiting
    }
}

impl<T> Turns<T> {
    fn new() -> Self {
        Self {
            queues: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    fn push(&mut self, sender: Sender, waiting: Waiting<T>) {
        match self.queues.entry(sender) {
            Entry::Occupied(mut queue) => queue.get_mut().push_back(waiting),
            Entry::Vacant(place) => {
                place.insert(VecDeque::from([waiting]));
                self.order.push_back(sender);
            }
        }
    }

    fn pop(&mut self) -> Option<Waiting<T>> {
        let sender = self.order.pop_front()?;
        let queue = self.queues.get_mut(&sender)?;
        let waiting = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&sender);
        } else {
            self.order.push_back(sender);
        }
        waiting
    }

    fn waiting(&self, sender: Sender) -> usize {
        self.queues.get(&sender).map_or(0, VecDeque::len)
    }

    /// Whoever has most waiting among some of the senders; comparing all would make work for an attacker.
    fn longest(&self) -> Option<Sender> {
        let some = self.order.iter().take(COMPARED).copied();
        some.max_by_key(|sender| self.waiting(*sender))
    }

    fn drop_newest(&mut self, sender: Sender) -> Option<Waiting<T>> {
        let queue = self.queues.get_mut(&sender)?;
        let waiting = queue.pop_back();
        if queue.is_empty() {
            self.queues.remove(&sender);
            self.order.retain(|known| *known != sender);
        }
        waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: InboxLimits = InboxLimits {
        messages: 4,
        octets: 100,
        stranger: 50,
    };

    fn sender(number: u8) -> Sender {
        Sender::new(
            Standing::Stranger,
            SocketAddr::from(([10, 0, 0, number], 5060)),
        )
    }

    fn push(
        inbox: &mut Inbox<&'static str>,
        rank: Rank,
        from: u8,
        text: &'static str,
    ) -> Vec<&'static str> {
        let mut shed = Vec::new();
        inbox.push(Instant::ORIGIN, rank, sender(from), (text, 10), &mut shed);
        shed
    }

    fn rest(inbox: &mut Inbox<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| inbox.pop(Instant::ORIGIN).map(|next| next.message)).collect()
    }

    #[test]
    fn the_highest_rank_is_served_first_and_senders_in_turn() {
        let mut inbox = Inbox::new(InboxLimits::default());
        for (rank, from, text) in [
            (Rank::Stranger, 1, "a1"),
            (Rank::Stranger, 1, "a2"),
            (Rank::Stranger, 1, "a3"),
            (Rank::Stranger, 2, "b1"),
            (Rank::Begun, 3, "answer"),
            (Rank::Preempting(15), 4, "emergency"),
            (Rank::Preempting(10), 4, "peril"),
        ] {
            assert!(push(&mut inbox, rank, from, text).is_empty());
        }
        assert_eq!(inbox.len(), 7);
        assert_eq!(
            rest(&mut inbox),
            ["emergency", "peril", "answer", "a1", "b1", "a2", "a3"]
        );
        assert!(inbox.is_empty() && inbox.ranks.is_empty() && inbox.octets == 0);
    }

    #[test]
    fn whoever_sends_most_gives_way_to_whoever_sends_little() {
        let mut inbox = Inbox::new(LIMITS);
        for text in ["a1", "a2", "a3", "a4"] {
            assert!(push(&mut inbox, Rank::Stranger, 1, text).is_empty());
        }
        assert_eq!(push(&mut inbox, Rank::Stranger, 1, "a5"), ["a5"]);
        assert_eq!(push(&mut inbox, Rank::Stranger, 2, "b1"), ["a4"]);
        assert_eq!(push(&mut inbox, Rank::Stranger, 2, "b2"), ["a3"]);
        assert_eq!(push(&mut inbox, Rank::Stranger, 2, "b3"), ["b3"]);
        assert_eq!(rest(&mut inbox), ["a1", "b1", "a2", "b2"]);
    }

    #[test]
    fn a_low_rank_gives_way_and_never_a_higher_one() {
        let mut inbox = Inbox::new(LIMITS);
        for (from, text) in [(1, "a1"), (2, "b1"), (3, "c1")] {
            push(&mut inbox, Rank::Known, from, text);
        }
        assert!(push(&mut inbox, Rank::Preempting(15), 4, "emergency").is_empty());
        assert_eq!(
            push(&mut inbox, Rank::Stranger, 5, "stranger"),
            ["stranger"]
        );
        assert_eq!(push(&mut inbox, Rank::Begun, 6, "answer").len(), 1);
        assert_eq!(push(&mut inbox, Rank::Preempting(15), 6, "more").len(), 1);
        assert_eq!(rest(&mut inbox)[..3], ["emergency", "more", "answer"]);
    }

    #[test]
    fn octets_are_bounded_too() {
        let mut inbox = Inbox::new(LIMITS);
        let mut shed = Vec::new();
        inbox.push(
            Instant::ORIGIN,
            Rank::Begun,
            sender(1),
            ("huge", 101),
            &mut shed,
        );
        assert_eq!(shed, ["huge"]);
        inbox.push(
            Instant::ORIGIN,
            Rank::Known,
            sender(1),
            ("half", 60),
            &mut shed,
        );
        inbox.push(
            Instant::ORIGIN,
            Rank::Begun,
            sender(1),
            ("more", 60),
            &mut shed,
        );
        assert_eq!(shed, ["huge", "half"]);
        assert_eq!(rest(&mut inbox), ["more"]);
    }

    #[test]
    fn a_stranger_has_little_to_say() {
        let mut inbox = Inbox::new(LIMITS);
        let mut shed = Vec::new();
        inbox.push(
            Instant::ORIGIN,
            Rank::Stranger,
            sender(1),
            ("long", 51),
            &mut shed,
        );
        inbox.push(
            Instant::ORIGIN,
            Rank::Known,
            sender(1),
            ("also long", 51),
            &mut shed,
        );
        assert_eq!((shed, inbox.len()), (vec!["long"], 1));
    }

    #[test]
    fn strangers_of_a_network_share_a_turn_and_known_ones_have_their_own() {
        let socket = |text: &str| text.parse::<SocketAddr>().unwrap();
        let stranger = |text| Sender::new(Standing::Stranger, socket(text));
        let known = |text| Sender::new(Standing::Known, socket(text));
        assert_eq!(stranger("10.0.0.1:1"), stranger("10.0.0.1:2"));
        assert_ne!(known("10.0.0.1:1"), known("10.0.0.1:2"));
        assert_eq!(
            stranger("[2001:db8::1]:1"),
            stranger("[2001:db8::ffff:2]:1")
        );
        assert_ne!(stranger("[2001:db8::1]:1"), stranger("[2001:db8:0:1::1]:1"));
    }

    #[test]
    fn the_waiting_time_is_told() {
        let mut inbox = Inbox::new(LIMITS);
        push(&mut inbox, Rank::Known, 1, "a");
        let later = Instant::from_origin(Duration::from_millis(7));
        let next = inbox.pop(later).unwrap();
        assert_eq!((next.message, next.waited), ("a", Duration::from_millis(7)));
    }
}
