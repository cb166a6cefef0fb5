#![no_main]
//! RFC 4867 payloads of both formats: what is read packs to the same length and reads the same again.
use libfuzzer_sys::fuzz_target;
use roger_audio::{Payload, PayloadFormat};

fuzz_target!(|data: &[u8]| {
    for format in [PayloadFormat::BandwidthEfficient, PayloadFormat::OctetAligned] {
        if let Ok(payload) = Payload::unpack(data, format) {
            let packed = payload.pack(format).expect("what was read can be packed");
            assert_eq!(packed.len(), data.len());
            assert_eq!(Payload::unpack(&packed, format), Ok(payload));
        }
    }
});
