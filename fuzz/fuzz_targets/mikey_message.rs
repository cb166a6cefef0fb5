//! Any octets: decode, encode again, look for the parts, explain.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roger_base::NtpTime;
use roger_mikey::describe::describe;
use roger_mikey::{Compatibility, IMessage, Message};

fuzz_target!(|data: &[u8]| {
    let now = NtpTime { seconds: 3_599_719_634, fraction: 0 };
    let text = describe(data, None, now).to_string();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    let Ok(message) = Message::decode(data) else {
        return;
    };
    assert_eq!(message.encode().as_deref(), Ok(data));
    let _ = IMessage::new(&message, Compatibility::NONE);
});
