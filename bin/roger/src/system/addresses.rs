//! Where everything is on loopback: one block of 256 addresses, one address for each server and UE, so that
//! well-known ports can be used, captures read well, and several runs go at once.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use roger_base::Random;
use std::net::UdpSocket;
use thiserror::Error;

/// Port of SIP on every address.
pub(crate) const SIP_PORT: u16 = 5060;
/// Ports of the SIP core for UEs that come by TLS (RFC 3261 19.1.2), WebSocket and WebSocket inside TLS; the last two
/// are not the well-known 80 and 443, which take privileges.
pub(crate) const SIP_TLS_PORT: u16 = 5061;
pub(crate) const SIP_WS_PORT: u16 = 8080;
pub(crate) const SIP_WSS_PORT: u16 = 8443;
/// First and last media port on every address.
pub(crate) const MEDIA_PORTS: (u16, u16) = (20_000, 27_999);
/// Port that a run keeps bound to say that a block is taken; discard, so that nobody else serves it.
const CLAIM_PORT: u16 = 49_009;
/// Last octet of the address of the first UE.
const FIRST_UE: u8 = 100;
/// Most UEs of one block.
pub(crate) const MAX_UES: usize = 150;
/// Blocks tried before a run gives up.
const ATTEMPTS: usize = 32;

/// Why there is no block of addresses.
#[derive(Debug, Error)]
pub(crate) enum AddressError {
    /// Not an IPv4 loopback address.
    #[error(
        "{0} is not a loopback address (127.0.0.0/8): this is a DEVELOPMENT system and listens nowhere else"
    )]
    NotLoopback(IpAddr),
    /// IPv6 has one loopback address, and a system needs many.
    #[error("{0} is one single address, and every server needs its own: give one of 127.0.0.0/8")]
    NotEnough(IpAddr),
    /// Somebody has it.
    #[error("the addresses {block} are in use by another run: {error}")]
    InUse {
        /// The block.
        block: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// No randomness.
    #[error(transparent)]
    Random(#[from] roger_base::RandomError),
}

/// A block, claimed as long as this lives.
#[derive(Debug)]
pub(crate) struct Addresses {
    block: [u8; 3],
    _claim: UdpSocket,
}

impl Addresses {
    /// A random block that nobody has.
    ///
    /// # Errors
    /// [`AddressError`] when many are in use, which means that loopback is not what it should be.
    pub(crate) fn any(random: &mut dyn Random) -> Result<Self, AddressError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut octets = [0; 2];
            random.fill(&mut octets)?;
            let [a, b] = octets;
            // 127.0.0.0/16 is left to people and to `roger dev`.
            match Self::claim([127, a.max(1), b]) {
                Err(AddressError::InUse { .. }) if attempt < ATTEMPTS => {}
                done => return done,
            }
        }
    }

    /// The block of an address.
    ///
    /// # Errors
    /// [`AddressError`] when it is not on loopback or in use.
    pub(crate) fn around(address: IpAddr) -> Result<Self, AddressError> {
        match address {
            IpAddr::V4(v4) if v4.is_loopback() => {
                let [a, b, c, _] = v4.octets();
                Self::claim([a, b, c])
            }
            other if other.is_loopback() => Err(AddressError::NotEnough(other)),
            other => Err(AddressError::NotLoopback(other)),
        }
    }

    fn claim(block: [u8; 3]) -> Result<Self, AddressError> {
        let [a, b, c] = block;
        let address = Ipv4Addr::new(a, b, c, 1);
        let claimed = UdpSocket::bind((address, CLAIM_PORT));
        let claim = claimed.map_err(|error| AddressError::InUse {
            block: format!("{a}.{b}.{c}.0/24"),
            error,
        })?;
        Ok(Self {
            block,
            _claim: claim,
        })
    }

    fn host(&self, last: u8) -> IpAddr {
        let [a, b, c] = self.block;
        IpAddr::V4(Ipv4Addr::new(a, b, c, last))
    }

    /// IdM server, HTTPS.
    pub(crate) fn idm(&self) -> SocketAddr {
        SocketAddr::new(self.host(10), 4431)
    }

    /// KMS, HTTPS.
    pub(crate) fn kms(&self) -> SocketAddr {
        SocketAddr::new(self.host(11), 4432)
    }

    /// Group management server, HTTPS.
    pub(crate) fn gms(&self) -> SocketAddr {
        SocketAddr::new(self.host(12), 4433)
    }

    /// Group management server, SIP.
    pub(crate) fn gms_sip(&self) -> SocketAddr {
        SocketAddr::new(self.host(12), SIP_PORT)
    }

    /// SIP core.
    pub(crate) fn sip_core(&self) -> SocketAddr {
        SocketAddr::new(self.host(13), SIP_PORT)
    }

    /// Participating function.
    pub(crate) fn participating(&self) -> SocketAddr {
        SocketAddr::new(self.host(14), SIP_PORT)
    }

    /// Controlling function.
    pub(crate) fn controlling(&self) -> SocketAddr {
        SocketAddr::new(self.host(15), SIP_PORT)
    }

    /// A UE, numbered from 0; at most [`MAX_UES`].
    pub(crate) fn ue(&self, number: usize) -> SocketAddr {
        let number = u8::try_from(number.min(MAX_UES)).unwrap_or_default();
        SocketAddr::new(self.host(FIRST_UE.saturating_add(number)), SIP_PORT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_testkit::SeededRandom;

    #[test]
    fn two_runs_never_share_a_block() {
        let mut random = SeededRandom::new(61);
        let first = Addresses::any(&mut random).unwrap();
        let again = Addresses::around(first.sip_core().ip()).unwrap_err();
        assert!(matches!(again, AddressError::InUse { .. }), "{again}");
        let block = first.sip_core().ip();
        drop(first);
        assert!(Addresses::around(block).is_ok());
    }

    #[test]
    fn only_loopback_is_taken() {
        for (address, precise) in [
            ("192.0.2.1", "192.0.2.1 is not a loopback address"),
            ("0.0.0.0", "0.0.0.0 is not a loopback address"),
            ("::", ":: is not a loopback address"),
            ("::1", "::1 is one single address"),
        ] {
            let error = Addresses::around(address.parse().unwrap()).unwrap_err();
            assert!(error.to_string().starts_with(precise), "{error}");
        }
    }

    #[test]
    fn every_server_and_ue_has_an_address_of_its_own() {
        let addresses = Addresses::any(&mut SeededRandom::new(62)).unwrap();
        let mut all = vec![
            addresses.idm(),
            addresses.kms(),
            addresses.gms(),
            addresses.sip_core(),
            addresses.participating(),
            addresses.controlling(),
        ];
        all.extend((0..MAX_UES).map(|number| addresses.ue(number)));
        let distinct: std::collections::HashSet<IpAddr> = all.iter().map(SocketAddr::ip).collect();
        assert_eq!(distinct.len(), all.len());
    }
}
