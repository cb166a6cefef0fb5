//! Where the peer of a flow is: by SDP, or learned from its packets when a NAT is between.

use crate::Discard;
use core::net::SocketAddr;

/// Which source addresses are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressRule {
    /// Only the negotiated one: between servers, and the default for clients.
    Pinned,
    /// The first source is learned and then kept (symmetric RTP, RFC 4961); for clients behind a NAT.
    LearnOnce,
    /// Every authenticated packet moves the address, since a NAT may change it in mid-call. On a flow without
    /// protection this is [`Self::LearnOnce`].
    FollowAuthenticated,
}

/// Whether a packet proved who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    Authenticated,
    None,
}

/// The address of the peer of one flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteAddress {
    negotiated: SocketAddr,
    learned: Option<SocketAddr>,
    rule: AddressRule,
}

impl RemoteAddress {
    /// The address of the peer's SDP and the rule for others.
    #[must_use]
    pub const fn new(negotiated: SocketAddr, rule: AddressRule) -> Self {
        Self {
            negotiated,
            learned: None,
            rule,
        }
    }

    /// Where to send.
    #[must_use]
    pub fn current(&self) -> SocketAddr {
        self.learned.unwrap_or(self.negotiated)
    }

    /// A new negotiation: what was learned is forgotten when the address changed.
    pub fn renegotiate(&mut self, negotiated: SocketAddr) {
        if negotiated != self.negotiated {
            self.learned = None;
        }
        self.negotiated = negotiated;
    }

    /// Says whether a source may be looked at, changing nothing.
    pub(crate) fn check(&self, source: SocketAddr, proof: Proof) -> Result<(), Discard> {
        let free = match (self.rule, proof) {
            (AddressRule::Pinned, _) => source == self.negotiated,
            (AddressRule::FollowAuthenticated, Proof::Authenticated) => true,
            (AddressRule::LearnOnce | AddressRule::FollowAuthenticated, _) => {
                self.learned.is_none_or(|learned| learned == source)
            }
        };
        if free {
            Ok(())
        } else {
            Err(Discard::PeerForeignSource(source))
        }
    }

    /// Notes the source of a packet that passed every check.
    pub(crate) fn learn(&mut self, source: SocketAddr) {
        if self.rule != AddressRule::Pinned {
            self.learned = Some(source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_pinned_address_takes_itself_only() {
        let mut remote = RemoteAddress::new(address(1), AddressRule::Pinned);
        assert!(remote.check(address(1), Proof::None).is_ok());
        assert_eq!(
            remote.check(address(2), Proof::Authenticated),
            Err(Discard::PeerForeignSource(address(2)))
        );
        remote.learn(address(1));
        assert_eq!(remote.current(), address(1));
    }

    #[test]
    fn the_first_source_is_learned_and_kept() {
        for rule in [AddressRule::LearnOnce, AddressRule::FollowAuthenticated] {
            let mut remote = RemoteAddress::new(address(1), rule);
            assert!(remote.check(address(2), Proof::None).is_ok());
            assert_eq!(remote.current(), address(1), "checking is not learning");
            remote.learn(address(2));
            assert_eq!(remote.current(), address(2));
            assert!(remote.check(address(3), Proof::None).is_err());
            assert!(remote.check(address(2), Proof::None).is_ok());
        }
    }

    #[test]
    fn an_authenticated_packet_moves_the_address() {
        let mut remote = RemoteAddress::new(address(1), AddressRule::FollowAuthenticated);
        remote.learn(address(2));
        assert!(remote.check(address(3), Proof::Authenticated).is_ok());
        remote.learn(address(3));
        assert_eq!(remote.current(), address(3));
    }

    #[test]
    fn a_new_negotiation_forgets_what_was_learned() {
        let mut remote = RemoteAddress::new(address(1), AddressRule::LearnOnce);
        remote.learn(address(2));
        remote.renegotiate(address(1));
        assert_eq!(remote.current(), address(2));
        remote.renegotiate(address(4));
        assert_eq!(remote.current(), address(4));
    }
}
