#![no_main]
//! RTP headers: never past the packet, padding never past the payload.
use libfuzzer_sys::fuzz_target;
use roger_srtp::RtpHeader;

fuzz_target!(|data: &[u8]| {
    if let Ok(header) = RtpHeader::parse(data) {
        assert!(header.octets() <= data.len());
        if let Ok(payload) = header.payload(data) {
            assert!(header.octets() + payload.len() <= data.len());
        }
        assert_eq!(RtpHeader::parse(&header.fields().packet(&[])).map(|h| h.fields()), Ok(header.fields()));
    }
});
