//! Any text is an access token that is refused, never a panic; a key set of the fuzzer's own is read too.
#![no_main]
use libfuzzer_sys::fuzz_target;
use roger_base::UnixTime;
use roger_oidc::{AccessTokenVerifier, ClockSkew, Issuer, JwkSet, Resource, TrustedIssuer};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let (keys, token) = text.split_once('\n').unwrap_or(("{\"keys\":[]}", text));
    let keys = JwkSet::from_json(keys).unwrap_or_default();
    let _ = JwkSet::from_json(&keys.to_json());
    let Ok(issuer) = Issuer::new("https://idm.example.org") else { return };
    let verifier = AccessTokenVerifier::new(vec![TrustedIssuer { issuer, keys }], ClockSkew::MAX);
    let _ = verifier.verify(token, Resource::McpttServer, UnixTime(1_760_000_000));
});
