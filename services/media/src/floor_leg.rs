//! One floor control flow: the m=application line of a client, or of another server.

use crate::{
    Counters, Discard, FloorKeyring, RemoteAddress,
    address::Proof,
    packet::{floor_ssrc, with_ssrc},
};
use core::net::SocketAddr;
use roger_base::{KeyId, Random};
use roger_srtp::SrtpError;
use std::collections::HashMap;

/// Keys bound to a flow at a time: the current one and those just replaced.
const MAX_BOUND_KEYS: usize = 4;
/// SSRCs replaced on one flow; a flow carries a server's and at most a few.
const MAX_REPLACED_SSRCS: usize = 64;
/// Draws for a free SSRC; one is enough but once in a billion.
const SSRC_DRAWS: usize = 8;

/// Whether the flow is SRTCP; decided by documents (`protect-floor-control-signalling` of the group,
/// `allow-private-call-floor-control-protection` of the user, `allow-floor-control-protection` between servers;
/// absent means on), never by looking at a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FloorProtection {
    /// Plain RTCP, because a document says so.
    Clear,
    /// SRTCP under a CSK or SPK: the id to send with.
    Key(KeyId),
}

/// A flow with its address, protection and counters. Unprotected packets on a protected flow are dropped.
pub struct FloorLeg {
    remote: RemoteAddress,
    /// Newest first; empty when clear.
    keys: Vec<KeyId>,
    replaced_ssrcs: HashMap<u32, u32>,
    counters: Counters,
}

impl FloorLeg {
    /// A flow to this address.
    #[must_use]
    pub fn new(remote: RemoteAddress, protection: &FloorProtection) -> Self {
        let keys = match protection {
            FloorProtection::Clear => Vec::new(),
            FloorProtection::Key(id) => vec![*id],
        };
        Self {
            remote,
            keys,
            replaced_ssrcs: HashMap::new(),
            counters: Counters::default(),
        }
    }

    /// A new key of the same peer, such as a new CSK in mid-call: sends under it, still takes the former ones
    /// while the key ring has them. A clear flow becomes protected.
    pub fn bind_key(&mut self, id: KeyId) {
        self.keys.retain(|bound| *bound != id);
        self.keys.insert(0, id);
        self.keys.truncate(MAX_BOUND_KEYS);
        self.replaced_ssrcs.clear();
    }

    /// A key that the peer may begin to use before it is agreed, such as a CSK in a key download under way: taken,
    /// never sent under. A clear flow stays clear.
    pub fn take_also(&mut self, id: KeyId) {
        if self.keys.is_empty() || self.keys.contains(&id) {
            return;
        }
        // The current key stays first, and there is room for the new one at the end.
        self.keys.truncate(MAX_BOUND_KEYS - 1);
        self.keys.push(id);
    }

    /// The address of the peer.
    #[must_use]
    pub const fn remote(&self) -> &RemoteAddress {
        &self.remote
    }

    /// The address of the peer, to renegotiate it.
    pub const fn remote_mut(&mut self) -> &mut RemoteAddress {
        &mut self.remote
    }

    /// What came and went.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Takes a datagram of the peer; gives the plain floor message. The source is learned only from a packet that
    /// passed every check, and that packet, the first included, is taken as well.
    ///
    /// # Errors
    /// [`Discard`]; the packet is counted.
    pub fn receive(
        &mut self,
        source: SocketAddr,
        octets: &[u8],
        keys: &mut FloorKeyring,
    ) -> Result<Vec<u8>, Discard> {
        let opened = self.open(source, octets, keys);
        match &opened {
            Ok(_) => {
                self.remote.learn(source);
                self.counters.taken += 1;
            }
            Err(reason) => self.counters.drop_for(reason),
        }
        opened
    }

    fn open(
        &self,
        source: SocketAddr,
        octets: &[u8],
        keys: &mut FloorKeyring,
    ) -> Result<Vec<u8>, Discard> {
        if self.keys.is_empty() {
            self.remote.check(source, Proof::None)?;
            floor_ssrc(octets)?;
            return Ok(octets.to_vec());
        }
        self.remote.check(source, Proof::Authenticated)?;
        let message = self.unprotect(octets, keys)?;
        floor_ssrc(&message)?;
        Ok(message)
    }

    /// Tries the bound keys; the MKI tells which one it is.
    fn unprotect(&self, octets: &[u8], keys: &mut FloorKeyring) -> Result<Vec<u8>, Discard> {
        let mut refusal = None;
        for id in &self.keys {
            let Some(context) = keys.get_mut(*id) else {
                refusal.get_or_insert(Discard::LocalNoKey(*id));
                continue;
            };
            match context.unprotect(octets) {
                Ok(opened) => return Ok(opened.packet),
                Err(error @ SrtpError::PeerUnknownMki(_)) => {
                    refusal.get_or_insert(Discard::PeerProtection(error));
                }
                Err(error) => return Err(Discard::PeerProtection(error)),
            }
        }
        Err(refusal.unwrap_or(Discard::PeerNotFloorMessage))
    }

    /// Makes the datagram for a plain floor message and says where to send it.
    ///
    /// The SSRC stays, unless the peer uses it under the same key, as a nonce would come twice; then a fresh one
    /// takes its place on this flow (TS 33.180 cl. 7.5.1).
    ///
    /// # Errors
    /// [`Discard`]; the packet is counted.
    pub fn send(
        &mut self,
        message: &[u8],
        keys: &mut FloorKeyring,
        random: &mut dyn Random,
    ) -> Result<(SocketAddr, Vec<u8>), Discard> {
        let protected = self.protect(message, keys, random);
        match &protected {
            Ok(_) => self.counters.sent += 1,
            Err(reason) => self.counters.drop_for(reason),
        }
        protected.map(|octets| (self.remote.current(), octets))
    }

    fn protect(
        &mut self,
        message: &[u8],
        keys: &mut FloorKeyring,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, Discard> {
        let ssrc = floor_ssrc(message)?;
        let Some(id) = self.keys.first().copied() else {
            return Ok(message.to_vec());
        };
        let context = keys.get_mut(id).ok_or(Discard::LocalNoKey(id))?;
        let chosen = self.replaced_ssrcs.get(&ssrc).copied().unwrap_or(ssrc);
        let free = if context.is_used_by_peer(chosen) {
            self.draw_ssrc(
                ssrc,
                |drawn| context.is_used_by_peer(drawn) || context.is_used_by_us(drawn),
                random,
            )?
        } else {
            chosen
        };
        context
            .protect(&with_ssrc(message, free))
            .map_err(Discard::LocalProtection)
    }

    fn draw_ssrc(
        &mut self,
        original: u32,
        is_taken: impl Fn(u32) -> bool,
        random: &mut dyn Random,
    ) -> Result<u32, Discard> {
        if self.replaced_ssrcs.len() >= MAX_REPLACED_SSRCS {
            return Err(Discard::LocalNoSsrc);
        }
        for _ in 0..SSRC_DRAWS {
            let mut octets = [0; 4];
            random.fill(&mut octets)?;
            let drawn = u32::from_be_bytes(octets);
            if !is_taken(drawn) {
                self.replaced_ssrcs.insert(original, drawn);
                return Ok(drawn);
            }
        }
        Err(Discard::LocalNoSsrc)
    }
}
