//! Pairs of media ports.

use crate::{MediaSocket, Tap};
use core::net::{IpAddr, SocketAddr};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;

/// Ports of one pair: RTP on an even port, its RTCP port left free, floor control on the next even one, whose
/// neighbour is left free too (RFC 3550 cl. 11, TS 24.380 cl. 4.3).
const STEP: u16 = 4;
const FLOOR_OFFSET: u16 = 2;

/// The ports to hand out, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    pairs: u16,
}

impl PortRange {
    /// The range `first..=last`; it must hold at least one pair of four ports from an even one on.
    ///
    /// # Errors
    /// [`PortsError::LocalRange`] when it does not, or starts at 0.
    pub fn new(first: u16, last: u16) -> Result<Self, PortsError> {
        let refused = PortsError::LocalRange { first, last };
        if first == 0 {
            return Err(refused);
        }
        let start = first
            .checked_add(first % 2)
            .ok_or(PortsError::LocalRange { first, last })?;
        let ports = u32::from(last)
            .saturating_add(1)
            .saturating_sub(u32::from(start));
        let pairs = u16::try_from(ports / u32::from(STEP)).unwrap_or(u16::MAX / STEP);
        if pairs == 0 {
            return Err(refused);
        }
        Ok(Self {
            first: start,
            pairs,
        })
    }

    /// Pairs in the range.
    #[must_use]
    pub const fn pairs(&self) -> u16 {
        self.pairs
    }

    /// RTP port of a pair; numbers past the last wrap around.
    const fn rtp_port(&self, number: u16) -> u16 {
        self.first + (number % self.pairs) * STEP
    }
}

/// Why no sockets were handed out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PortsError {
    /// The range holds no pair.
    #[error(
        "ports {first} to {last} hold no pair of media ports: four from an even one on are needed"
    )]
    LocalRange {
        /// First port.
        first: u16,
        /// Last port.
        last: u16,
    },
    /// Every pair is in use.
    #[error("all {pairs} pairs of media ports of {address} are in use")]
    LocalExhausted {
        /// Address.
        address: IpAddr,
        /// Pairs of the range.
        pairs: u16,
    },
    /// The address cannot be bound at all.
    #[error("media address {address}: {error}")]
    LocalAddress {
        /// Address.
        address: IpAddr,
        /// What the system said.
        error: io::Error,
    },
}

/// RTP and floor control of one call leg; the ports are free again when both sockets are dropped.
pub struct MediaPair {
    /// For RTP.
    pub rtp: Arc<MediaSocket>,
    /// For floor control messages.
    pub floor: Arc<MediaSocket>,
}

/// Hands out pairs on one address.
pub struct MediaPorts {
    address: IpAddr,
    range: PortRange,
    next: Mutex<u16>,
    tap: Tap,
}

impl MediaPorts {
    /// Ports of `range` on `address`.
    #[must_use]
    pub const fn new(address: IpAddr, range: PortRange, tap: Tap) -> Self {
        Self {
            address,
            range,
            next: Mutex::new(0),
            tap,
        }
    }

    /// Binds the next free pair. It goes round the range, so that a port just given back is not used at once and
    /// late packets of an old call do not reach a new one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`PortsError::LocalExhausted`] or [`PortsError::LocalAddress`].
    pub fn allocate(&self) -> Result<MediaPair, PortsError> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..self.range.pairs {
            let rtp = self.range.rtp_port(*next);
            *next = (*next + 1) % self.range.pairs;
            match self.bind(rtp) {
                Ok(pair) => return Ok(pair),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => {
                    return Err(PortsError::LocalAddress {
                        address: self.address,
                        error,
                    });
                }
            }
        }
        Err(PortsError::LocalExhausted {
            address: self.address,
            pairs: self.range.pairs,
        })
    }

    fn bind(&self, port: u16) -> io::Result<MediaPair> {
        let socket =
            |port| MediaSocket::bind(SocketAddr::new(self.address, port), self.tap.clone());
        Ok(MediaPair {
            rtp: Arc::new(socket(port)?),
            floor: Arc::new(socket(port + FLOOR_OFFSET)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_counts_whole_pairs_from_an_even_port() {
        for (first, last, pairs, start) in [
            (20_000, 20_003, 1, 20_000),
            (20_001, 20_010, 2, 20_002),
            (20_000, 20_006, 1, 20_000),
            (2, 65_535, 16_383, 2),
            (65_532, 65_535, 1, 65_532),
        ] {
            let range = PortRange::new(first, last).unwrap();
            assert_eq!(
                (range.pairs(), range.rtp_port(0)),
                (pairs, start),
                "{first} to {last}"
            );
            assert!(u32::from(range.rtp_port(pairs - 1)) + 3 <= u32::from(last));
            assert_eq!(range.rtp_port(pairs), start, "it wraps around");
        }
    }

    #[test]
    fn a_range_without_a_pair_is_refused() {
        for (first, last) in [
            (0, 100),
            (20_000, 20_002),
            (20_001, 20_004),
            (20_010, 20_000),
            (65_535, 65_535),
        ] {
            assert!(
                matches!(
                    PortRange::new(first, last),
                    Err(PortsError::LocalRange { .. })
                ),
                "{first} to {last}"
            );
        }
    }
}
