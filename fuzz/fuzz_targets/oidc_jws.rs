#![no_main]
//! Compact signatures: headers of every kind, also with a header of the fuzzer's around the right form. None verifies.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use roger_oidc::jose::CompactJws;
use roger_oidc::{Algorithm, JwkSet, SigningKey};
use std::sync::LazyLock;

static KEYS: LazyLock<JwkSet> = LazyLock::new(|| {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    JwkSet::new(vec![key.public().clone()])
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let header = URL_SAFE_NO_PAD.encode(data);
    let formed = format!("{header}.e30.{}", URL_SAFE_NO_PAD.encode([1; 64]));
    for token in [text, &formed] {
        if let Ok(jws) = CompactJws::parse(token) {
            assert!(jws.verify(&KEYS).is_err());
        }
    }
});
