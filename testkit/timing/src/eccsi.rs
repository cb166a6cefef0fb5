//! ECCSI: the SSK and j of a signer, KSAK and v of the KMS.

// What is made here is valid; when it is not, the measurement must stop.
#![allow(clippy::expect_used)]

use crate::measure::{Side, compare, compare_in_blocks, sides};
use crate::registry::{Expectation, Size, TimingTest};
use crate::source::{Drawn, Given, octets, scalar_octets};
use dudect_bencher::{BenchRng, CtRunner};
use roger_base::Secret;
use roger_ibc::eccsi::{KmsSecretAuthKey, SigningKey};

/// What is signed.
pub(crate) const MESSAGE: &[u8] = b"a message of which the length is public";

/// Measurements with the same two keys.
const KEY_BLOCK: usize = 100;

macro_rules! tests {
    ($($name:ident: $classes:literal;)*) => {
        /// The tests of this file.
        pub(crate) const TESTS: &[TimingTest] = &[$(TimingTest {
            name: stringify!($name),
            size: Size::Signature,
            expectation: Expectation::ConstantTime,
            classes: $classes,
            run: $name,
        },)*];
    };
}

tests! {
    eccsi_signing_ssk: "SSK fixed, random";
    eccsi_signing_j: "j = 1, random";
    eccsi_issue_ksak: "KSAK fixed, random";
    eccsi_issue_v: "v = 1, random";
}

/// The number one.
fn one() -> [u8; 32] {
    let mut one = [0; 32];
    one[31] = 1;
    one
}

fn kms(random: &mut BenchRng) -> KmsSecretAuthKey {
    KmsSecretAuthKey::generate(&mut Drawn(random)).expect("a generator does not fail")
}

/// A new SSK of the identifier.
fn signing_key(kms: &KmsSecretAuthKey, id: &[u8], random: &mut BenchRng) -> SigningKey {
    let (ssk, pvt) = kms
        .issue(id, &mut Drawn(random))
        .expect("a generator does not fail");
    SigningKey::validate(kms.public(), id, &ssk, &pvt).expect("an SSK of this KMS")
}

/// A signing key of a new KMS.
pub(crate) fn any_signing_key(random: &mut BenchRng) -> SigningKey {
    let kms = kms(random);
    signing_key(&kms, &octets::<32>(random), random)
}

fn eccsi_signing_ssk(runner: &mut CtRunner, random: &mut BenchRng) {
    let (kms, id) = (kms(random), octets::<32>(random));
    let fixed = signing_key(&kms, &id, random);
    let block = |random: &mut BenchRng| {
        let new = signing_key(&kms, &id, random);
        let sides = sides(random, KEY_BLOCK);
        let with_j = |side: Side| {
            let key = side.choose(&fixed, &new);
            (side, (key.clone(), scalar_octets(random)))
        };
        sides.into_iter().map(with_j).collect()
    };
    compare_in_blocks(runner, random, KEY_BLOCK, block, |(key, j)| {
        key.sign(MESSAGE, &mut Given(*j)).is_ok()
    });
}

fn eccsi_signing_j(runner: &mut CtRunner, random: &mut BenchRng) {
    let key = any_signing_key(random);
    let j = |side: Side, random: &mut BenchRng| side.choose(one(), scalar_octets(random));
    compare(runner, random, j, |j| {
        key.sign(MESSAGE, &mut Given(*j)).is_ok()
    });
}

fn eccsi_issue_ksak(runner: &mut CtRunner, random: &mut BenchRng) {
    let (id, fixed) = (octets::<32>(random), scalar_octets(random));
    let input = |side: Side, random: &mut BenchRng| {
        let ksak = Secret::new(side.choose(fixed, scalar_octets(random)));
        let kms = KmsSecretAuthKey::from_secret(&ksak).expect("a number below the order");
        (kms, scalar_octets(random))
    };
    compare(runner, random, input, |(kms, v)| {
        kms.issue(&id, &mut Given(*v)).is_ok()
    });
}

fn eccsi_issue_v(runner: &mut CtRunner, random: &mut BenchRng) {
    let (kms, id) = (kms(random), octets::<32>(random));
    let v = |side: Side, random: &mut BenchRng| side.choose(one(), scalar_octets(random));
    compare(runner, random, v, |v| {
        kms.issue(&id, &mut Given(*v)).is_ok()
    });
}
