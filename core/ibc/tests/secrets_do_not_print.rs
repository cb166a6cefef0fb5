//! Printing a secret key does not compile; printing a public one does.
#![allow(missing_docs)]

use roger_ibc::eccsi::{KmsPublicAuthKey, Pvt, Signature};
use roger_ibc::sakke::{EncapsulatedData, KmsPublicEncKey};
use std::fmt::Debug;

#[test]
fn printing_a_secret_key_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}

#[test]
fn public_keys_print() {
    fn prints<T: Debug>() {}
    prints::<KmsPublicAuthKey>();
    prints::<KmsPublicEncKey>();
    prints::<Pvt>();
    prints::<Signature>();
    prints::<EncapsulatedData>();
}
