//! Trying keys on captured speech.

use super::MemberKeys;
use crate::capture::CapturedPacket;
use roger_base::{GroupId, KeyId, PurposeTag, Secret, UnixTime};
use roger_keys::{CallSide, Csk, Gmk, KeyMaterial, Pck, Rand, Spk};
use roger_srtp::{
    GroupKeys, GroupMki, GroupReceiver, HeldGroupKeys, MasterKey, Mki, Profile, ReceiverContext,
};

/// The time of a packet, for keys that expire.
pub(super) fn time_of(packet: &CapturedPacket) -> UnixTime {
    UnixTime(packet.at.as_secs())
}

/// How many of these packets a fresh receiver opens with the group keys of a user.
pub(super) fn opened_by_store(
    packets: &[&CapturedPacket],
    keys: &MemberKeys,
    group: &GroupId,
) -> usize {
    let Ok(mut receiver) = GroupReceiver::new(Profile::GROUP) else {
        return 0;
    };
    let opens = |packet: &&&CapturedPacket| {
        let held = HeldGroupKeys {
            store: &keys.store,
            group,
            now: time_of(packet),
        };
        receiver.unprotect_rtp(&held, &packet.octets).is_ok()
    };
    packets.iter().filter(opens).count()
}

/// How many a fresh receiver opens with a PCK, whoever of the two talks.
pub(super) fn opened_by_pck(packets: &[&CapturedPacket], pck: &Pck) -> usize {
    let sides = [CallSide::Initiator, CallSide::Receiver];
    let mut receivers: Vec<ReceiverContext> = sides
        .iter()
        .filter_map(|side| ReceiverContext::for_pck(pck, *side).ok())
        .collect();
    let mut opens = |packet: &&&CapturedPacket| {
        receivers
            .iter_mut()
            .any(|receiver| receiver.unprotect_rtp(&packet.octets).is_ok())
    };
    packets.iter().filter(|packet| opens(packet)).count()
}

/// A secret of a server with what belongs to it, tried in every way in which it could be the key of speech.
pub(super) struct ForeignKey {
    secret: Secret<16>,
    rand: Rand,
    control: MasterKey,
}

impl ForeignKey {
    pub(super) fn of_csk(csk: &Csk) -> Self {
        Self::of(csk.material(), csk.control_key().into())
    }

    pub(super) fn of_spk(spk: &Spk) -> Self {
        Self::of(spk.material(), spk.control_key().into())
    }

    fn of(material: &KeyMaterial, control: MasterKey) -> Self {
        Self {
            secret: material.secret().clone(),
            rand: material.rand().clone(),
            control,
        }
    }

    /// How many of these packets it opens: as an SRTCP key, as if it were the GMK, as if it were the PCK.
    pub(super) fn opens(&self, packets: &[&CapturedPacket]) -> usize {
        let opens = |packet: &&&CapturedPacket| {
            self.opens_group(&packet.octets) || self.opens_private(&packet.octets)
        };
        packets.iter().filter(opens).count()
    }

    fn opens_group(&self, octets: &[u8]) -> bool {
        let tries: [&dyn GroupKeys; 2] = [&AsControl(self), &AsGmk(self)];
        tries.into_iter().any(|keys| {
            GroupReceiver::new(Profile::GROUP)
                .is_ok_and(|mut receiver| receiver.unprotect_rtp(keys, octets).is_ok())
        })
    }

    /// The MKI of a private call is the last four octets.
    fn opens_private(&self, octets: &[u8]) -> bool {
        let Some(id) = octets.last_chunk::<4>().map(|id| KeyId::from_octets(*id)) else {
            return false;
        };
        let mut masters = vec![self.control.clone()];
        let tag = KeyId::new(PurposeTag::Pck, id.into());
        if let Ok(pck) = Pck::new(self.secret.clone(), tag, self.rand.clone()) {
            let sides = [CallSide::Initiator, CallSide::Receiver];
            masters.extend(sides.map(|side| pck.media_key(side).into()));
        }
        masters.iter().any(|master| {
            let mut receiver = ReceiverContext::new(Profile::PRIVATE);
            receiver.add_key(Mki::from(id), master).is_ok()
                && receiver.unprotect_rtp(octets).is_ok()
        })
    }
}

/// The SRTCP key of floor control under every MKI.
struct AsControl<'a>(&'a ForeignKey);

impl GroupKeys for AsControl<'_> {
    fn may_receive(&self, _: KeyId) -> bool {
        true
    }

    fn media_key(&self, _: GroupMki) -> Option<MasterKey> {
        Some(self.0.control.clone())
    }
}

/// The secret in the place of the GMK that the packet names.
struct AsGmk<'a>(&'a ForeignKey);

impl GroupKeys for AsGmk<'_> {
    fn may_receive(&self, _: KeyId) -> bool {
        true
    }

    fn media_key(&self, mki: GroupMki) -> Option<MasterKey> {
        let gmk = Gmk::new(self.0.secret.clone(), mki.gmk_id, self.0.rand.clone()).ok()?;
        Some(gmk.media_key(mki.guk_id).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::wire::tests::packet;
    use roger_base::{McpttId, Transport};
    use roger_keys::store::{GroupKey, GroupKeyStore, KeyStatus, StoreSettings};
    use roger_srtp::{RtpStream, SenderContext};
    use roger_testkit::SeededRandom;

    fn speech(sender: &mut SenderContext, random: &mut SeededRandom) -> CapturedPacket {
        let plain = RtpStream::new(96, random).unwrap().packet(b"speech", 320);
        let octets = sender.protect_rtp(&plain).unwrap();
        packet(Transport::Udp, (20_000, 20_004), &octets)
    }

    fn group() -> GroupId {
        GroupId::new("sip:fire-1@mcptt.example.org").unwrap()
    }

    fn member(gmk: &Gmk) -> MemberKeys {
        let mut store = GroupKeyStore::new(StoreSettings::default());
        let now = UnixTime(1_760_000_000);
        let key = GroupKey {
            gmk: gmk.clone(),
            groups: vec![group()],
            time: now.to_ntp(),
            activation: None,
            expiry: None,
            status: KeyStatus::Valid,
            text: String::new(),
        };
        store.insert(key, now).unwrap();
        MemberKeys {
            id: McpttId::new("sip:bob@mcptt.example.org").unwrap(),
            key_sets: Vec::new(),
            store,
        }
    }

    #[test]
    fn group_speech_opens_under_its_key_only() {
        let mut random = SeededRandom::new(93);
        let (gmk, other) = (
            Gmk::random(&mut random).unwrap(),
            Gmk::random(&mut random).unwrap(),
        );
        let guk_id = gmk.guk_id(&McpttId::new("sip:alice@mcptt.example.org").unwrap());
        let mut sender = SenderContext::for_gmk(&gmk, guk_id).unwrap();
        let packet = speech(&mut sender, &mut random);
        assert_eq!(opened_by_store(&[&packet], &member(&gmk), &group()), 1);
        assert_eq!(opened_by_store(&[&packet], &member(&other), &group()), 0);
        let csk = Csk::random(&mut random).unwrap();
        assert_eq!(ForeignKey::of_csk(&csk).opens(&[&packet]), 0);
    }

    /// Speech under a key that a server could derive is found, in whatever way it derives it.
    #[test]
    fn speech_under_the_secret_of_a_server_is_found() {
        let mut random = SeededRandom::new(94);
        let csk = Csk::random(&mut random).unwrap();
        let spk = Spk::random(&mut random).unwrap();
        let (gmk_id, guk_id) = (KeyId::from(0x0123_4567), KeyId::from(0x0765_4321));
        let as_gmk = Gmk::new(csk.secret().clone(), gmk_id, csk.rand().clone()).unwrap();
        let as_pck = Pck::new(
            spk.secret().clone(),
            KeyId::from(0x1234_5678),
            spk.rand().clone(),
        )
        .unwrap();
        let mki = GroupMki { gmk_id, guk_id };
        let planted = [
            (
                ForeignKey::of_csk(&csk),
                SenderContext::for_gmk(&as_gmk, guk_id).unwrap(),
            ),
            (
                ForeignKey::of_csk(&csk),
                SenderContext::new(Profile::GROUP, mki.into(), &csk.control_key().into()).unwrap(),
            ),
            (
                ForeignKey::of_spk(&spk),
                SenderContext::for_pck(&as_pck, CallSide::Initiator).unwrap(),
            ),
            (
                ForeignKey::of_spk(&spk),
                SenderContext::for_pck(&as_pck, CallSide::Receiver).unwrap(),
            ),
            (
                ForeignKey::of_spk(&spk),
                SenderContext::new(Profile::PRIVATE, spk.id().into(), &spk.control_key().into())
                    .unwrap(),
            ),
        ];
        for (number, (key, mut sender)) in planted.into_iter().enumerate() {
            let packet = speech(&mut sender, &mut random);
            assert_eq!(key.opens(&[&packet]), 1, "{number}");
        }
    }

    #[test]
    fn private_speech_opens_in_both_directions() {
        let mut random = SeededRandom::new(95);
        let (pck, other) = (
            Pck::random(&mut random).unwrap(),
            Pck::random(&mut random).unwrap(),
        );
        for side in [CallSide::Initiator, CallSide::Receiver] {
            let mut sender = SenderContext::for_pck(&pck, side).unwrap();
            let packet = speech(&mut sender, &mut random);
            assert_eq!(opened_by_pck(&[&packet], &pck), 1);
            assert_eq!(opened_by_pck(&[&packet], &other), 0);
        }
    }
}
