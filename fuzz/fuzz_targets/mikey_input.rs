//! Whatever a person pastes: octets, hex, base64, SDP.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roger_mikey::describe::octets_from;
use roger_mikey::sdp;

fuzz_target!(|data: &[u8]| {
    let _ = octets_from(data);
    if let Ok(text) = core::str::from_utf8(data) {
        if let Ok(octets) = sdp::parse_attribute_value(text) {
            let value = sdp::attribute_value(&octets);
            assert_eq!(sdp::parse_attribute_value(&value), Ok(octets));
        }
        let _ = sdp::find(text.lines());
    }
});
