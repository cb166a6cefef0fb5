//! The order of service.

use super::Glance;

/// What an element has reason to believe about a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing.
    Stranger,
    /// It has proved who it is, over this very flow.
    Known,
    /// A server of the trust domain.
    Trusted,
}

/// The order of service; the greater is served first and shed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rank {
    /// Whatever a stranger sends: new registrations in the first place.
    Stranger,
    /// A new request of a known sender: the refresh of a registration in the first place.
    Known,
    /// A new request of a known sender in the namespace `mcpttq` (RFC 8101 3.2), 0 lowest to 15.
    Queueing(u8),
    /// What belongs to something already begun: responses, ACK, CANCEL, requests inside dialogs.
    Begun,
    /// A request of a known sender in the namespace `mcpttp` (RFC 8101 3.1), 0 lowest to 15: emergencies.
    Preempting(u8),
}

impl Rank {
    /// The rank of a message by its sender and by what it shows at a glance.
    #[must_use]
    pub fn of(standing: Standing, glance: &Glance) -> Self {
        if standing == Standing::Stranger {
            return Self::Stranger;
        }
        match glance.claim {
            Some(claim @ Self::Preempting(_)) => claim,
            // A server's new request is part of a call that was admitted before.
            _ if glance.begun || standing == Standing::Trusted => Self::Begun,
            Some(claim) => claim,
            None => Self::Known,
        }
    }

    /// Reads a `namespace.priority` of Resource-Priority; `None` for a namespace that gives no rank here, which
    /// is ignored as RFC 4412 4.6.2 wants it.
    #[must_use]
    pub fn of_resource_priority(value: &[u8]) -> Option<Self> {
        let value = value.trim_ascii();
        let dot = value.iter().position(|octet| *octet == b'.')?;
        let (namespace, priority) = value.split_at_checked(dot)?;
        let priority = core::str::from_utf8(priority.get(1..)?).ok()?;
        let priority: u8 = priority
            .parse()
            .ok()
            .filter(|priority| *priority <= 15 && !matches!(value.last(), Some(b'.')))?;
        if namespace.eq_ignore_ascii_case(b"mcpttp") {
            Some(Self::Preempting(priority))
        } else if namespace.eq_ignore_ascii_case(b"mcpttq") {
            Some(Self::Queueing(priority))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emergencies_come_first_and_strangers_last() {
        let order = [
            Rank::Stranger,
            Rank::Known,
            Rank::Queueing(0),
            Rank::Queueing(15),
            Rank::Begun,
            Rank::Preempting(0),
            Rank::Preempting(15),
        ];
        assert!(order.is_sorted());
    }

    #[test]
    fn the_claims_of_a_stranger_are_worth_nothing() {
        let urgent = Glance {
            begun: true,
            claim: Some(Rank::Preempting(15)),
        };
        let plain = Glance::default();
        assert_eq!(Rank::of(Standing::Stranger, &urgent), Rank::Stranger);
        assert_eq!(Rank::of(Standing::Known, &urgent), Rank::Preempting(15));
        assert_eq!(Rank::of(Standing::Known, &plain), Rank::Known);
        assert_eq!(Rank::of(Standing::Trusted, &plain), Rank::Begun);
        let queueing = Glance {
            begun: false,
            claim: Some(Rank::Queueing(3)),
        };
        assert_eq!(Rank::of(Standing::Known, &queueing), Rank::Queueing(3));
    }

    #[test]
    fn resource_priority_of_other_namespaces_gives_no_rank() {
        assert_eq!(
            Rank::of_resource_priority(b" MCPTTP.15 "),
            Some(Rank::Preempting(15))
        );
        assert_eq!(
            Rank::of_resource_priority(b"mcpttq.3"),
            Some(Rank::Queueing(3))
        );
        for other in [
            &b""[..],
            b".",
            b"mcpttp",
            b"mcpttp.",
            b"mcpttp.16",
            b"mcpttp.-1",
            b"mcpttp.1.2",
            b"mcpttp.x",
            b"q735.3",
            b"esnet.4",
            b"\xff.\xff",
        ] {
            assert_eq!(Rank::of_resource_priority(other), None, "{other:?}");
        }
    }
}
