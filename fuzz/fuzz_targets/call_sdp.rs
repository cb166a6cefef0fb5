#![no_main]
//! A session description is refused, or answered and anchored: codecs and key message stay as they were.
use libfuzzer_sys::fuzz_target;
use roger_call::sdp::{
    Direction, FloorAnchor, FloorParameters, LocalMedia, MediaAnchor, Origin, SessionDescription, agree, answer, rewrite,
};
use std::net::{IpAddr, Ipv4Addr};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fuzz_target!(|data: &[u8]| {
    let anchor = MediaAnchor {
        address: HERE,
        audio_port: 6000,
        rtcp_port: 6001,
        floor: Some(FloorAnchor { port: 6002, parameters: None }),
        origin: None,
    };
    let rewritten = rewrite(data, &anchor);
    let Ok(offer) = SessionDescription::parse(data) else {
        assert!(rewritten.is_err());
        return;
    };
    let local = LocalMedia {
        origin: Origin { session_id: 1, version: 1 },
        address: HERE,
        audio_port: 5000,
        rtcp_port: 5001,
        direction: Direction::SendReceive,
        floor: Some((5002, FloorParameters { queueing: true, priority: Some(3), ..FloorParameters::default() })),
    };
    if let Ok((octets, agreed)) = answer(&offer, &local) {
        let read = SessionDescription::parse(&octets).expect("an answer can be read");
        assert_eq!(agree(&offer, &read).expect("an answer fits its offer").codec.payload_type, agreed.codec.payload_type);
    }
    let Ok(octets) = rewritten else { return };
    let after = SessionDescription::parse(&octets).expect("an anchored description can be read");
    let (before, after) = (offer.audio.expect("it was anchored"), after.audio.expect("it was anchored"));
    assert_eq!((before.codecs, before.key_management), (after.codecs, after.key_management));
});
