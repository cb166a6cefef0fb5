#![no_main]
//! Key sets of others: what is taken is written and read back the same.
use libfuzzer_sys::fuzz_target;
use roger_oidc::JwkSet;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(keys) = JwkSet::from_json(text) {
        assert!(JwkSet::from_json(&keys.to_json()).is_ok_and(|again| again == keys));
        for key in keys.iter() {
            assert!(!key.thumbprint().is_empty());
        }
    }
});
