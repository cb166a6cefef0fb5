//! Signatures and points of ECCSI: whatever arrives is refused or round, never a panic.
#![no_main]
use libfuzzer_sys::fuzz_target;
use roger_ibc::eccsi::{KmsPublicAuthKey, Pvt, Signature};

/// KPAK of RFC 6507 Appendix A.
const KPAK: &str = "0450D4670BDE75244F28D2838A0D25558A7A72686D4522D4C8273FB6442AEBFA93DBDD37551AFD263B5DFD617F3960C65A8C298850FF99F20366DCE7D4367217F4";

fuzz_target!(|data: &[u8]| {
    if let Ok(point) = Pvt::from_octets(data) {
        assert_eq!(point.as_octets().as_slice(), data);
    }
    let octets: Vec<u8> = KPAK
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let kpak = KmsPublicAuthKey::from_octets(&octets).unwrap();
    let Some((signature, message)) = data.split_at_checked(129) else {
        return;
    };
    let signature = Signature::from_octets(signature).unwrap();
    let _ = kpak.verify(b"identifier", message, &signature);
});
