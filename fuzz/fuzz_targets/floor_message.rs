//! Every decoder of TS 24.380: no input may panic, and what is read must be sent and read again unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roger_floor::call_control::CallControlPacket;
use roger_floor::mbms::MbmsPacket;
use roger_floor::{Datagram, FloorPacket, OldFieldIds, Profile, describe};

fuzz_target!(|data: &[u8]| {
    let profile = Profile::default();
    for message in Datagram::new(data, profile).flatten() {
        let octets = message.encode().expect("a message that was read can be sent");
        let again = roger_floor::FloorMessage::decode(&octets, &profile);
        assert_eq!(again.as_ref(), Ok(&message));
    }
    if let Ok(packet) = FloorPacket::decode(data, &profile) {
        let octets = packet.encode().expect("a packet that was read can be sent");
        assert_eq!(FloorPacket::decode(&octets, &profile), Ok(packet));
    }
    if let Ok(packet) = CallControlPacket::decode(data, &profile) {
        let octets = packet.encode().expect("a packet that was read can be sent");
        assert_eq!(CallControlPacket::decode(&octets, &profile), Ok(packet));
    }
    if let Ok(packet) = MbmsPacket::decode(data, &profile) {
        let octets = packet.encode().expect("a packet that was read can be sent");
        assert_eq!(MbmsPacket::decode(&octets, &profile), Ok(packet));
    }
    let old = Profile { old_field_ids: OldFieldIds::Understood, ..profile };
    let _ = Datagram::new(data, old).count();
    let _ = describe(data, &profile);
});
