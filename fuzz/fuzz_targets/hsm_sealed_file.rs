#![no_main]
//! Files of secrets, as they are and with the checksum made right. No file of the fuzzer's is authentic.
use aws_lc_rs::digest::{SHA256, digest};
use libfuzzer_sys::fuzz_target;
use roger_adapter_hsm::{KeeperError, SealedFile, SecretKeeper, WrappedKey};
use roger_base::Secret;

/// A keeper that takes every wrapped key for its own.
struct Credulous;

impl SecretKeeper for Credulous {
    fn wrap(&self, _: &Secret<32>, _: &[u8]) -> Result<WrappedKey, KeeperError> {
        Err(KeeperError::LocalDamaged("nothing is wrapped"))
    }

    fn unwrap(&self, _: &WrappedKey, _: &[u8]) -> Result<Secret<32>, KeeperError> {
        Ok(Secret::new([7; 32]))
    }
}

fuzz_target!(|data: &[u8]| {
    let mut summed = data.to_vec();
    summed.extend_from_slice(digest(&SHA256, data).as_ref());
    for octets in [data, &summed] {
        if let Ok(file) = SealedFile::decode(octets) {
            assert_eq!(file.encode(), octets);
            assert!(file.open(&Credulous).is_err());
        }
    }
});
