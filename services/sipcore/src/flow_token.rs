//! Flows written into Record-Route, so that requests inside a dialog reach a UE over the flow it opened
//! (RFC 5626 5.2, 5.3), whatever its Contact says and whichever NAT stands before it.
//!
//! ```text
//! base64url( length of transport | transport | connection (8) | local | peer | first 10 octets of HMAC-SHA-256 )
//! an address: 4 or 16 (1) | IP address | port (2)
//! ```
//!
//! Whoever shows a token was told it by this core: it cannot be made or altered without the key, which is drawn
//! at the start and never leaves the process.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roger_base::{Random, RandomError, Secret};
use roger_sip::endpoint::{ConnectionId, Flow, Transport};
use std::net::{IpAddr, SocketAddr};

/// Octets of the proof.
const PROOF: usize = 10;

/// Longest token that is looked at, in characters.
const MAX_TOKEN: usize = 128;

/// Makes and reads tokens.
pub(crate) struct FlowTokens {
    key: hmac::Key,
}

impl FlowTokens {
    pub(crate) fn new(random: &mut dyn Random) -> Result<Self, RandomError> {
        let key = Secret::<32>::random(random)?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose()),
        })
    }

    /// The token of a flow; it can be the user of a URI.
    pub(crate) fn token(&self, flow: &Flow) -> String {
        let mut octets = Vec::with_capacity(64);
        let transport = flow.transport.parameter().as_bytes();
        octets.push(u8::try_from(transport.len()).unwrap_or_default());
        octets.extend_from_slice(transport);
        octets.extend_from_slice(&flow.connection.0.to_be_bytes());
        write_address(&mut octets, flow.local);
        write_address(&mut octets, flow.peer);
        let proof = hmac::sign(&self.key, &octets);
        octets.extend(proof.as_ref().iter().take(PROOF));
        URL_SAFE_NO_PAD.encode(octets)
    }

    /// The flow of a token; `None` when it is not one of ours.
    pub(crate) fn flow(&self, token: &str) -> Option<Flow> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let octets = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (content, proof) = octets.split_at_checked(octets.len().checked_sub(PROOF)?)?;
        let expected = hmac::sign(&self.key, content);
        verify_slices_are_equal(expected.as_ref().get(..PROOF)?, proof).ok()?;
        read(content)
    }
}

fn read(content: &[u8]) -> Option<Flow> {
    let (length, rest) = content.split_first()?;
    let (transport, rest) = rest.split_at_checked(usize::from(*length))?;
    let (connection, rest) = rest.split_first_chunk::<8>()?;
    let (local, rest) = read_address(rest)?;
    let (peer, rest) = read_address(rest)?;
    rest.is_empty().then_some(Flow {
        transport: Transport::parse(transport)?,
        connection: ConnectionId(u64::from_be_bytes(*connection)),
        local,
        peer,
    })
}

fn write_address(octets: &mut Vec<u8>, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => {
            octets.push(4);
            octets.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            octets.push(16);
            octets.extend_from_slice(&ip.octets());
        }
    }
    octets.extend_from_slice(&address.port().to_be_bytes());
}

fn read_address(octets: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (length, rest) = octets.split_first()?;
    let (ip, rest) = match length {
        4 => {
            let (ip, rest) = rest.split_first_chunk::<4>()?;
            (IpAddr::from(*ip), rest)
        }
        16 => {
            let (ip, rest) = rest.split_first_chunk::<16>()?;
            (IpAddr::from(*ip), rest)
        }
        _ => return None,
    };
    let (port, rest) = rest.split_first_chunk::<2>()?;
    Some((SocketAddr::new(ip, u16::from_be_bytes(*port)), rest))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use roger_testkit::SeededRandom;

    fn flow(peer: &str) -> Flow {
        Flow {
            transport: Transport::Tcp,
            connection: ConnectionId(77),
            local: "10.0.0.1:5060".parse().unwrap(),
            peer: peer.parse().unwrap(),
        }
    }

    #[test]
    fn a_token_is_read_back_by_whoever_made_it_and_by_nobody_else() {
        let tokens = FlowTokens::new(&mut SeededRandom::new(1)).unwrap();
        let others = FlowTokens::new(&mut SeededRandom::new(2)).unwrap();
        for peer in ["192.0.2.1:40000", "[2001:db8::1]:5061"] {
            let token = tokens.token(&flow(peer));
            assert!(token.len() <= MAX_TOKEN);
            assert_eq!(tokens.flow(&token), Some(flow(peer)));
            assert_eq!(others.flow(&token), None);
        }
    }

    #[test]
    fn an_altered_token_is_nobodys() {
        let tokens = FlowTokens::new(&mut SeededRandom::new(1)).unwrap();
        let octets = URL_SAFE_NO_PAD
            .decode(tokens.token(&flow("192.0.2.1:40000")))
            .unwrap();
        for place in 0..octets.len() {
            let mut altered = octets.clone();
            altered[place] ^= 1;
            assert_eq!(tokens.flow(&URL_SAFE_NO_PAD.encode(&altered)), None);
            assert_eq!(tokens.flow(&URL_SAFE_NO_PAD.encode(&octets[..place])), None);
        }
        for junk in ["", "alice", "====", &"A".repeat(1_000)] {
            assert_eq!(tokens.flow(junk), None);
        }
    }
}
