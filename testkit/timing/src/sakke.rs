//! SAKKE: r and the shared secret of the sender, the RSK of the receiver, z_T of the KMS.

// What is made here is valid; when it is not, the measurement must stop.
#![allow(clippy::expect_used)]

use crate::field::element;
use crate::measure::{Side, compare, compare_in_blocks, sides};
use crate::registry::{Expectation, Size, TimingTest};
use crate::source::{Drawn, octets};
use dudect_bencher::{BenchRng, CtRunner};
use roger_base::Secret;
use roger_fp1024::{Fp, LIMBS, MODULUS};
use roger_ibc::sakke::{
    EncapsulatedData, KmsPublicEncKey, KmsSecretEncKey, MASTER_SECRET_OCTETS, POINT_OCTETS,
    ReceiverSecretKey, Recipient, SED_OCTETS, encapsulate, encapsulate_batch,
};

/// Measurements with the same two keys; then both are made anew, so that neither has a place of its own in memory.
const KEY_BLOCK: usize = 50;

/// Members of a batch.
const BATCH: usize = 16;

macro_rules! tests {
    ($($name:ident: $size:ident, $classes:literal;)*) => {
        /// The tests of this file.
        pub(crate) const TESTS: &[TimingTest] = &[$(TimingTest {
            name: stringify!($name),
            size: Size::$size,
            expectation: Expectation::ConstantTime,
            classes: $classes,
            run: $name,
        },)*];
    };
}

tests! {
    sakke_encapsulation: Pairing, "SSV fixed, random";
    sakke_encapsulation_batch: Batch, "SSV fixed, random; 16 receivers";
    sakke_opening_prepared: Pairing, "RSK fixed, random; valid SED";
    sakke_opening: Pairing, "RSK fixed, random; valid SED; key not prepared";
    sakke_garbage_prepared: Pairing, "SED valid, R of another SED";
    sakke_garbage: Pairing, "SED valid, R of another SED; key not prepared";
    sakke_wrong_h_prepared: Pairing, "SED valid, H random";
    sakke_wrong_order_prepared: Pairing, "R of another SED, R of another order";
    sakke_wrong_order: Pairing, "R of another SED, R of another order; key not prepared";
    sakke_issue_z_t: Pairing, "z_T fixed, random";
    sakke_issue_identifier: Pairing, "identifier fixed, random";
    sakke_issue_batch: Batch, "z_T fixed, random; 16 identifiers";
}

/// Octets of a UID.
pub(crate) type Identifier = [u8; 32];

/// A KMS whose tables are made.
pub(crate) fn kms(random: &mut BenchRng) -> KmsSecretEncKey {
    let kms = KmsSecretEncKey::generate(&mut Drawn(random)).expect("a generator does not fail");
    kms.public().prepare();
    kms
}

pub(crate) fn receiver(kms: &KmsSecretEncKey, id: &Identifier) -> ReceiverSecretKey {
    let rsk = kms.issue(id).expect("an identifier that z_T can serve");
    ReceiverSecretKey::validate(kms.public(), id, &rsk).expect("an RSK of this KMS")
}

fn sakke_encapsulation(runner: &mut CtRunner, random: &mut BenchRng) {
    let (kms, id) = (kms(random), octets::<32>(random));
    let fixed = octets(random);
    let ssv = |side: Side, random: &mut BenchRng| side.choose(fixed, octets(random));
    compare(runner, random, ssv, |ssv| {
        encapsulate(kms.public(), &id, &Secret::new(*ssv))
    });
}

fn sakke_encapsulation_batch(runner: &mut CtRunner, random: &mut BenchRng) {
    let kms = kms(random);
    let ids: Vec<Identifier> = (0..BATCH).map(|_| octets(random)).collect();
    let to = |id| Recipient {
        kms: kms.public(),
        id,
    };
    let recipients: Vec<_> = ids.iter().map(|id| to(id.as_slice())).collect();
    let fixed = octets(random);
    let ssv = |side: Side, random: &mut BenchRng| side.choose(fixed, octets(random));
    compare(runner, random, ssv, |ssv| {
        encapsulate_batch(&recipients, &Secret::new(*ssv))
    });
}

/// Whether a key has its functions made beforehand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Preparation {
    Prepared,
    None,
}

type Opening = (ReceiverSecretKey, EncapsulatedData);

fn open(preparation: Preparation, (key, data): &Opening) -> bool {
    match preparation {
        Preparation::Prepared => key.decapsulate(data).is_ok(),
        Preparation::None => key.decapsulate_unprepared(data).is_ok(),
    }
}

/// Two keys in an order of chance, so that each class has either one's place in memory as often.
fn two_keys(
    kms: &KmsSecretEncKey,
    fixed: &Identifier,
    preparation: Preparation,
    random: &mut BenchRng,
) -> [(Identifier, ReceiverSecretKey); 2] {
    let new = octets(random);
    let make = |id: Identifier| {
        let key = receiver(kms, &id);
        if preparation == Preparation::Prepared {
            key.prepare();
        }
        (id, key)
    };
    let [swapped] = octets::<1>(random).map(|octet| octet & 1 == 1);
    if swapped {
        let second = make(new);
        return [make(*fixed), second];
    }
    let first = make(*fixed);
    [first, make(new)]
}

fn compare_keys(runner: &mut CtRunner, random: &mut BenchRng, preparation: Preparation) {
    let (kms, fixed) = (kms(random), octets(random));
    let block = |random: &mut BenchRng| {
        let [fixed, new] = two_keys(&kms, &fixed, preparation, random);
        let sides = sides(random, KEY_BLOCK);
        let with_data = |side: Side| {
            let (id, key) = side.choose(&fixed, &new);
            let data = encapsulate(kms.public(), id, &Secret::new(octets(random)));
            (side, (key.clone(), data))
        };
        sides.into_iter().map(with_data).collect()
    };
    compare_in_blocks(runner, random, KEY_BLOCK, block, |input| {
        open(preparation, input)
    });
}

fn sakke_opening_prepared(runner: &mut CtRunner, random: &mut BenchRng) {
    compare_keys(runner, random, Preparation::Prepared);
}

fn sakke_opening(runner: &mut CtRunner, random: &mut BenchRng) {
    compare_keys(runner, random, Preparation::None);
}

/// What a SED can be.
#[derive(Clone, Copy)]
enum Sed {
    Valid,
    /// Valid but for H.
    WrongH,
    /// R and H of two SEDs.
    WrongR,
    /// R on the curve, but not in the group of order q.
    WrongOrder,
}

impl Sed {
    fn make(
        self,
        kms: &KmsPublicEncKey,
        id: &Identifier,
        random: &mut BenchRng,
    ) -> EncapsulatedData {
        let mut new = || encapsulate(kms, id, &Secret::new(octets(random)));
        let (valid, other) = (new(), new());
        let (r, h) = valid.as_octets().split_at(POINT_OCTETS);
        match self {
            Self::Valid => valid,
            Self::WrongH => joined(r, &octets::<16>(random)),
            Self::WrongR => {
                let (other_r, _) = other.as_octets().split_at(POINT_OCTETS);
                joined(other_r, h)
            }
            Self::WrongOrder => joined(&point(random), h),
        }
    }
}

fn joined(r: &[u8], h: &[u8]) -> EncapsulatedData {
    let octets = [r, h].concat();
    assert_eq!(octets.len(), SED_OCTETS, "octets of a SED");
    EncapsulatedData::from_octets(&octets).expect("the length is right")
}

/// A random point of the curve, `04 ∥ x ∥ y`: three out of four times not of order q.
fn point(random: &mut BenchRng) -> [u8; POINT_OCTETS] {
    loop {
        let x = element(random);
        let right = x * (x.square() - (Fp::ONE.double() + Fp::ONE));
        let y = power_of_quarter(&right);
        if y.square() == right {
            let mut octets = [0x04; POINT_OCTETS];
            let coordinates = [x.to_octets(), y.to_octets()].concat();
            for (to, from) in octets.iter_mut().skip(1).zip(coordinates) {
                *to = from;
            }
            return octets;
        }
    }
}

/// a^((p + 1) / 4), the square root of a when there is one, since p = 3 modulo 4.
fn power_of_quarter(a: &Fp) -> Fp {
    // p + 1 does not carry beyond the lowest limb.
    let bit = |position: usize| {
        let limb = MODULUS.get(position / 64).copied().unwrap_or(0);
        let limb = limb + u64::from(position < 64);
        limb >> (position % 64) & 1 == 1
    };
    let positions = (2..64 * LIMBS).rev();
    positions.fold(Fp::ONE, |power, position| {
        let square = power.square();
        if bit(position) { square * a } else { square }
    })
}

/// One key, and SEDs of two kinds.
fn compare_data(
    runner: &mut CtRunner,
    random: &mut BenchRng,
    preparation: Preparation,
    kinds: [Sed; 2],
) {
    let (kms, id) = (kms(random), octets(random));
    let key = receiver(&kms, &id);
    if preparation == Preparation::Prepared {
        key.prepare();
    }
    let [left, right] = kinds;
    let data = |side: Side, random: &mut BenchRng| {
        let data = side.choose(left, right).make(kms.public(), &id, random);
        (key.clone(), data)
    };
    compare(runner, random, data, |input| open(preparation, input));
}

fn sakke_garbage_prepared(runner: &mut CtRunner, random: &mut BenchRng) {
    compare_data(
        runner,
        random,
        Preparation::Prepared,
        [Sed::Valid, Sed::WrongR],
    );
}

fn sakke_garbage(runner: &mut CtRunner, random: &mut BenchRng) {
    compare_data(runner, random, Preparation::None, [Sed::Valid, Sed::WrongR]);
}

fn sakke_wrong_h_prepared(runner: &mut CtRunner, random: &mut BenchRng) {
    compare_data(
        runner,
        random,
        Preparation::Prepared,
        [Sed::Valid, Sed::WrongH],
    );
}

fn sakke_wrong_order_prepared(runner: &mut CtRunner, random: &mut BenchRng) {
    compare_data(
        runner,
        random,
        Preparation::Prepared,
        [Sed::WrongR, Sed::WrongOrder],
    );
}

fn sakke_wrong_order(runner: &mut CtRunner, random: &mut BenchRng) {
    compare_data(
        runner,
        random,
        Preparation::None,
        [Sed::WrongR, Sed::WrongOrder],
    );
}

/// A random z_T below 2^1016, so below q.
fn master_secret(random: &mut BenchRng) -> Secret<MASTER_SECRET_OCTETS> {
    let mut secret: [u8; MASTER_SECRET_OCTETS] = octets(random);
    let [first, ..] = &mut secret;
    *first = 0;
    Secret::new(secret)
}

fn key_of(z_t: &Secret<MASTER_SECRET_OCTETS>) -> KmsSecretEncKey {
    KmsSecretEncKey::from_secret(z_t).expect("a number below q")
}

fn sakke_issue_z_t(runner: &mut CtRunner, random: &mut BenchRng) {
    let (id, fixed) = (octets::<32>(random), master_secret(random));
    let kms =
        |side: Side, random: &mut BenchRng| key_of(side.choose(&fixed, &master_secret(random)));
    compare(runner, random, kms, |kms| kms.issue(&id).is_ok());
}

fn sakke_issue_identifier(runner: &mut CtRunner, random: &mut BenchRng) {
    let (kms, fixed) = (kms(random), octets(random));
    let id = |side: Side, random: &mut BenchRng| side.choose(fixed, octets::<32>(random));
    compare(runner, random, id, |id| kms.issue(id).is_ok());
}

fn sakke_issue_batch(runner: &mut CtRunner, random: &mut BenchRng) {
    let ids: Vec<Identifier> = (0..BATCH).map(|_| octets(random)).collect();
    let ids: Vec<_> = ids.iter().map(|id| id.as_slice()).collect();
    let fixed = master_secret(random);
    let kms =
        |side: Side, random: &mut BenchRng| key_of(side.choose(&fixed, &master_secret(random)));
    compare(runner, random, kms, |kms| kms.issue_batch(&ids).len());
}
