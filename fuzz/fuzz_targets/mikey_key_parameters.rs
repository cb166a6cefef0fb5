//! Decrypted key parameters and their container.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roger_mikey::{KeyParameters, ProtectedPayload};

fuzz_target!(|data: &[u8]| {
    if let Ok(container) = ProtectedPayload::decode(data) {
        assert_eq!(container.encode().as_deref(), Ok(data));
    }
    if let Ok(parameters) = KeyParameters::decode(data) {
        // Octets in the upper half of the status would look like the length of the wrapped form.
        if let (true, Ok(octets)) = (parameters.status.0 < 0x1_0000, parameters.encode()) {
            let again = KeyParameters::decode(&octets).expect("what is written is read");
            assert_eq!(again, parameters);
        }
    }
});
