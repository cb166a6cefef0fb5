//! Points and encapsulated data of SAKKE: whatever arrives is refused or round, never a panic.
#![no_main]
use libfuzzer_sys::fuzz_target;
use roger_base::Secret;
use roger_ibc::sakke::{EncapsulatedData, KmsPublicEncKey, KmsSecretEncKey, ReceiverSecretKey};
use std::sync::LazyLock;

static RECEIVER: LazyLock<ReceiverSecretKey> = LazyLock::new(|| {
    let kms = KmsSecretEncKey::from_secret(&Secret::new([0x11; 128])).unwrap();
    let rsk = kms.issue(b"identifier").unwrap();
    ReceiverSecretKey::validate(kms.public(), b"identifier", &rsk).unwrap()
});

fuzz_target!(|data: &[u8]| {
    if let Ok(key) = KmsPublicEncKey::from_octets(data) {
        assert_eq!(key.as_octets().as_slice(), data);
    }
    let length = data.len().saturating_sub(257);
    if let Ok(encapsulated) = EncapsulatedData::of_length(data, length) {
        assert_eq!(encapsulated.as_octets(), data);
        let _ = RECEIVER.decapsulate_octets(&encapsulated);
    }
});
