//! Floor control by multicast: one packet for all clients of a group (TS 24.380 cl. 13.1; TS 33.180 cl. 9.4).
//!
//! ```text
//! floor message ── group ──► MuSiK of the group, else its MKFC ──► one SRTCP packet ──► every client that has the key
//! ```

use crate::{Discard, FloorKeyring, packet::floor_ssrc};
use roger_base::{GroupId, KeyId, PurposeTag, UnixTime};
use roger_srtp::{FloorContext, SrtpError};
use std::collections::BTreeMap;

/// Groups with keys at most; a further one is refused.
const MAX_GROUPS: usize = 4_096;

/// A key of a group and how long it is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    id: KeyId,
    expiry: Option<UnixTime>,
}

impl Held {
    fn is_good(&self, now: UnixTime) -> bool {
        self.expiry.is_none_or(|expiry| now < expiry)
    }
}

/// The keys of one group.
#[derive(Debug, Default)]
struct GroupKeys {
    musik: Option<Held>,
    /// The MuSiK before, taken until the new one is heard.
    former: Option<Held>,
    mkfc: Option<Held>,
}

impl GroupKeys {
    /// The one key that protects floor control of the group now: the MuSiK when there is one, otherwise the MKFC
    /// (TS 24.380 cl. 13.1). A MuSiK that has expired is not followed by the MKFC: what was protected by the one must
    /// not become forgeable by holders of the other.
    fn chosen(&self, now: UnixTime) -> Option<KeyId> {
        let held = self.musik.or(self.mkfc)?;
        held.is_good(now).then_some(held.id)
    }

    fn holds(&self, id: KeyId) -> bool {
        let all = [self.musik, self.former, self.mkfc];
        all.into_iter().flatten().any(|held| held.id == id)
    }
}

/// The multicast floor control keys of a server, or of a client.
///
/// Contexts belong to keys, not to groups: a key that serves two groups has one send counter.
#[derive(Default)]
pub struct MulticastFloor {
    keys: FloorKeyring,
    groups: BTreeMap<GroupId, GroupKeys>,
}

impl MulticastFloor {
    /// No keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives groups a MuSiK or an MKFC, as the purpose of the key id says. A MuSiK goes before an MKFC; the MuSiK
    /// before is taken until the new one is heard.
    ///
    /// # Errors
    /// [`Discard::LocalPurpose`] for any other key, [`Discard::LocalTooManyGroups`].
    pub fn add(
        &mut self,
        context: FloorContext,
        groups: &[GroupId],
        expiry: Option<UnixTime>,
    ) -> Result<(), Discard> {
        let id = context.key_id();
        let held = Held { id, expiry };
        match id.purpose() {
            Ok(PurposeTag::Musik) => self.associate(context, groups, |keys| {
                let replaced = keys.musik.filter(|old| old.id != id);
                keys.former = replaced.or(keys.former);
                keys.musik = Some(held);
            }),
            Ok(PurposeTag::Mkfc) => self.associate(context, groups, |keys| {
                keys.mkfc = Some(held);
            }),
            _ => Err(Discard::LocalPurpose(id)),
        }
    }

    fn associate(
        &mut self,
        context: FloorContext,
        groups: &[GroupId],
        change: impl Fn(&mut GroupKeys),
    ) -> Result<(), Discard> {
        let known = |group: &&GroupId| self.groups.contains_key(*group);
        let new = groups.len() - groups.iter().filter(known).count();
        if self.groups.len() + new > MAX_GROUPS {
            return Err(Discard::LocalTooManyGroups);
        }
        self.keys.add(context);
        for group in groups {
            change(self.groups.entry(group.clone()).or_default());
        }
        self.forget_unused();
        Ok(())
    }

    /// A key is revoked: it protects and opens nothing any more.
    pub fn revoke(&mut self, id: KeyId) -> bool {
        for keys in self.groups.values_mut() {
            for held in [&mut keys.musik, &mut keys.former, &mut keys.mkfc] {
                held.take_if(|held| held.id == id);
            }
        }
        self.groups
            .retain(|_, keys| keys.musik.or(keys.former).or(keys.mkfc).is_some());
        self.keys.remove(id)
    }

    /// Erases every key.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The key that protects floor control of a group now.
    #[must_use]
    pub fn key_of(&self, group: &GroupId, now: UnixTime) -> Option<KeyId> {
        self.groups.get(group)?.chosen(now)
    }

    /// Protects a floor message for all clients of a group.
    ///
    /// # Errors
    /// [`Discard::LocalNoMulticastKey`], or as the SRTCP sender.
    pub fn send(
        &mut self,
        group: &GroupId,
        message: &[u8],
        now: UnixTime,
    ) -> Result<Vec<u8>, Discard> {
        floor_ssrc(message)?;
        let id = self
            .key_of(group, now)
            .ok_or(Discard::LocalNoMulticastKey)?;
        let context = self.keys.get_mut(id).ok_or(Discard::LocalNoKey(id))?;
        context.protect(message).map_err(Discard::LocalProtection)
    }

    /// Opens a packet of a group. Which keys may be under it is a matter of the group, never of the packet.
    ///
    /// # Errors
    /// [`Discard`]: without key, under another key than that of the group, altered, replayed, no floor message.
    pub fn receive(
        &mut self,
        group: &GroupId,
        packet: &[u8],
        now: UnixTime,
    ) -> Result<Vec<u8>, Discard> {
        let keys = self.groups.get(group);
        let keys = keys.ok_or(Discard::LocalNoMulticastKey)?;
        let chosen = keys.chosen(now).ok_or(Discard::LocalNoMulticastKey)?;
        let former = keys.former.filter(|held| held.is_good(now));
        match self.open_under(chosen, packet) {
            Ok(message) => {
                self.former_is_over(group);
                Ok(message)
            }
            Err(Discard::PeerProtection(SrtpError::PeerUnknownMki(mki))) => match former {
                Some(former) => self.open_under(former.id, packet),
                None => Err(Discard::PeerProtection(SrtpError::PeerUnknownMki(mki))),
            },
            Err(error) => Err(error),
        }
    }

    fn open_under(&mut self, id: KeyId, packet: &[u8]) -> Result<Vec<u8>, Discard> {
        let context = self.keys.get_mut(id).ok_or(Discard::LocalNoKey(id))?;
        let opened = context.unprotect(packet).map_err(Discard::PeerProtection)?;
        floor_ssrc(&opened.packet)?;
        Ok(opened.packet)
    }

    fn former_is_over(&mut self, group: &GroupId) {
        let former = self
            .groups
            .get_mut(group)
            .and_then(|keys| keys.former.take());
        if former.is_some() {
            self.forget_unused();
        }
    }

    /// Keys that no group has any more are erased.
    fn forget_unused(&mut self) {
        let groups = &self.groups;
        self.keys
            .retain(|id| groups.values().any(|keys| keys.holds(id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_keys::{Csk, Mkfc, Musik};
    use roger_testkit::SeededRandom;

    const NOW: UnixTime = UnixTime(1_760_000_000);

    fn group(name: &str) -> GroupId {
        GroupId::new(format!("sip:{name}@mcptt.example.org")).unwrap()
    }

    /// RTCP APP, subtype 5, name MCPT, without fields (TS 24.380 cl. 8.2.1).
    fn idle(ssrc: u8) -> Vec<u8> {
        let mut octets = vec![0x85, 204, 0, 2, 0, 0, 0, ssrc];
        octets.extend(b"MCPT");
        octets
    }

    fn musik_context(key: &Musik) -> FloorContext {
        FloorContext::for_musik(key).unwrap()
    }

    fn mkfc_context(key: &Mkfc) -> FloorContext {
        FloorContext::for_mkfc(key).unwrap()
    }

    struct Ends {
        server: MulticastFloor,
        client: MulticastFloor,
        random: SeededRandom,
    }

    impl Ends {
        fn new() -> Self {
            Self {
                server: MulticastFloor::new(),
                client: MulticastFloor::new(),
                random: SeededRandom::new(7),
            }
        }

        fn musik(&mut self) -> Musik {
            Musik::random(&mut self.random).unwrap()
        }

        fn sends(&mut self, name: &str) -> Vec<u8> {
            self.server.send(&group(name), &idle(1), NOW).unwrap()
        }

        fn takes(&mut self, name: &str, packet: &[u8]) -> Result<Vec<u8>, Discard> {
            self.client.receive(&group(name), packet, NOW)
        }
    }

    fn is_unknown_key(result: &Result<Vec<u8>, Discard>) -> bool {
        matches!(
            result,
            Err(Discard::PeerProtection(SrtpError::PeerUnknownMki(_)))
        )
    }

    #[test]
    fn the_musik_is_used_where_there_is_one_else_the_mkfc() {
        let mut ends = Ends::new();
        let fire = [group("fire")];
        let mkfc = Mkfc::random(&mut ends.random).unwrap();
        for end in [&mut ends.server, &mut ends.client] {
            end.add(mkfc_context(&mkfc), &fire, None).unwrap();
        }
        let under_mkfc = ends.sends("fire");
        assert!(under_mkfc.ends_with(&mkfc.mki()));
        assert_eq!(ends.takes("fire", &under_mkfc).unwrap(), idle(1));
        let late = ends.sends("fire");
        let musik = ends.musik();
        for end in [&mut ends.server, &mut ends.client] {
            end.add(musik_context(&musik), &fire, None).unwrap();
        }
        let under_musik = ends.sends("fire");
        assert!(under_musik.ends_with(&musik.mki()));
        assert_eq!(ends.takes("fire", &under_musik).unwrap(), idle(1));
        assert!(
            is_unknown_key(&ends.takes("fire", &late)),
            "the group has a MuSiK"
        );
    }

    #[test]
    fn a_packet_in_clear_altered_replayed_or_of_another_group_is_dropped() {
        let mut ends = Ends::new();
        let (one, two) = (ends.musik(), ends.musik());
        for end in [&mut ends.server, &mut ends.client] {
            end.add(musik_context(&one), &[group("fire")], None)
                .unwrap();
            end.add(musik_context(&two), &[group("police")], None)
                .unwrap();
        }
        let packet = ends.sends("fire");
        assert!(ends.takes("fire", &idle(1)).is_err(), "in clear");
        assert!(is_unknown_key(&ends.takes("police", &packet)));
        assert!(matches!(
            ends.takes("nobody", &packet),
            Err(Discard::LocalNoMulticastKey)
        ));
        let mut altered = packet.clone();
        altered[9] ^= 1;
        assert!(ends.takes("fire", &altered).is_err());
        assert!(ends.takes("fire", &packet).is_ok());
        assert!(ends.takes("fire", &packet).is_err(), "replayed");
        assert!(ends.takes("fire", &[]).is_err());
    }

    #[test]
    fn the_former_musik_is_taken_until_the_new_one_is_heard() {
        let mut ends = Ends::new();
        let fire = [group("fire")];
        let (old, new) = (ends.musik(), ends.musik());
        for end in [&mut ends.server, &mut ends.client] {
            end.add(musik_context(&old), &fire, None).unwrap();
        }
        let (first, second) = (ends.sends("fire"), ends.sends("fire"));
        for end in [&mut ends.server, &mut ends.client] {
            end.add(musik_context(&new), &fire, None).unwrap();
        }
        assert!(ends.takes("fire", &first).is_ok());
        let under_new = ends.sends("fire");
        assert!(ends.takes("fire", &under_new).is_ok());
        assert!(is_unknown_key(&ends.takes("fire", &second)));
        assert!(!ends.client.keys.contains(old.id()), "erased");
    }

    #[test]
    fn a_revoked_or_expired_key_is_not_used_and_nothing_takes_its_place() {
        let mut ends = Ends::new();
        let fire = [group("fire")];
        let musik = ends.musik();
        let end = UnixTime(NOW.0 + 10);
        let mkfc = Mkfc::random(&mut ends.random).unwrap();
        for side in [&mut ends.server, &mut ends.client] {
            side.add(mkfc_context(&mkfc), &fire, None).unwrap();
            side.add(musik_context(&musik), &fire, Some(end)).unwrap();
        }
        let packet = ends.sends("fire");
        assert_eq!(ends.server.key_of(&fire[0], end), None, "expired");
        assert!(ends.client.receive(&fire[0], &packet, end).is_err());
        assert!(ends.client.revoke(musik.id()));
        assert!(is_unknown_key(&ends.takes("fire", &packet)));
        assert!(!ends.client.revoke(musik.id()));
    }

    #[test]
    fn a_key_of_two_groups_has_one_counter() {
        let mut ends = Ends::new();
        let musik = ends.musik();
        let groups = [group("fire"), group("police")];
        for group in &groups {
            let one = core::slice::from_ref(group);
            ends.server.add(musik_context(&musik), one, None).unwrap();
        }
        let index = |packet: &[u8]| packet[packet.len() - 8..packet.len() - 4].to_vec();
        let (first, second) = (ends.sends("fire"), ends.sends("police"));
        assert_ne!(index(&first), index(&second));
    }

    #[test]
    fn only_keys_for_multicast_are_taken() {
        let mut ends = Ends::new();
        let csk = Csk::random(&mut ends.random).unwrap();
        let context = FloorContext::for_csk(&csk).unwrap();
        let refused = ends.server.add(context, &[group("fire")], None);
        assert!(matches!(refused, Err(Discard::LocalPurpose(id)) if id == csk.id()));
        assert_eq!(ends.server.key_of(&group("fire"), NOW), None);
    }

    #[test]
    fn groups_are_bounded() {
        let mut ends = Ends::new();
        let musik = ends.musik();
        let many: Vec<GroupId> = (0..MAX_GROUPS).map(|n| group(&format!("g{n}"))).collect();
        ends.server.add(musik_context(&musik), &many, None).unwrap();
        let one = [group("one-more")];
        let full = ends.server.add(musik_context(&musik), &one, None);
        assert!(matches!(full, Err(Discard::LocalTooManyGroups)));
    }
}
