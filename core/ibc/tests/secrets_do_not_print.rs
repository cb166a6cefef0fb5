//! Secret keys cannot be printed, public ones can; the compiler says so.
//!
//! That a type with a secret inside gets no derived `Debug` follows from `roger_base::Secret` having none;
//! these assertions also forbid a hand-written one.
#![allow(missing_docs)]

use roger_ibc::eccsi::{KmsPublicAuthKey, KmsSecretAuthKey, Pvt, Signature, SigningKey};
use roger_ibc::sakke::{EncapsulatedData, KmsPublicEncKey, KmsSecretEncKey, ReceiverSecretKey};
use roger_ibc::{IssuedKeys, KmsMaster, UserKeySet};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::fmt::{Debug, Display};

assert_not_impl_any!(IssuedKeys: Debug, Display);
assert_not_impl_any!(KmsMaster: Debug, Display);
assert_not_impl_any!(KmsSecretAuthKey: Debug, Display);
assert_not_impl_any!(KmsSecretEncKey: Debug, Display);
assert_not_impl_any!(ReceiverSecretKey: Debug, Display);
assert_not_impl_any!(SigningKey: Debug, Display);
assert_not_impl_any!(UserKeySet: Debug, Display);

assert_impl_all!(EncapsulatedData: Debug);
assert_impl_all!(KmsPublicAuthKey: Debug);
assert_impl_all!(KmsPublicEncKey: Debug);
assert_impl_all!(Pvt: Debug);
assert_impl_all!(Signature: Debug);
