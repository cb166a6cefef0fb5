//! Keys and numbers whose points are equal, opposite or infinity on the way: all of them are in range, so anybody can
//! send them.

use super::*;
use crate::eccsi::group::{PartOfJ, SenderTable};

const ID: &[u8] = b"rare";

/// A small number, or q minus it.
fn number(n: u8, negative: bool) -> [u8; 32] {
    let mut octets = [0; 32];
    octets[31] = n;
    if negative {
        let minus_one = Scalar::from_octets(&Q_MINUS_1).unwrap();
        octets = minus_one
            .multiply(&Scalar::from_octets(&octets).unwrap())
            .to_octets();
    }
    octets
}

const Q_MINUS_1: [u8; 32] = {
    let mut octets = [0xFF; 32];
    let mut i = 0;
    while i < 4 {
        octets[4 + i] = 0;
        i += 1;
    }
    let low = 0xBCE6_FAAD_A717_9E84_F3B9_CAC2_FC63_2550u128.to_be_bytes();
    i = 0;
    while i < 16 {
        octets[16 + i] = low[i];
        i += 1;
    }
    octets
};

fn sign_and_verify(ksak: &[u8; 32], v: &[u8; 32], j: &[u8; 32]) {
    let kms = KmsSecretAuthKey::from_secret(&Secret::new(*ksak)).unwrap();
    let (ssk, pvt) = kms.issue_with_octets(ID, v);
    let key = SigningKey::validate(kms.public(), ID, &ssk, &pvt).unwrap();
    let signature = key.sign_with_octets(b"message", j);
    let sender = kms.public().prepare_sender(ID, &pvt).unwrap();
    assert_eq!(kms.public().verify(ID, b"message", &signature), Ok(()));
    assert_eq!(sender.verify(b"message", &signature), Ok(()));
    let mismatch = Err(SignatureError::Mismatch);
    assert_eq!(kms.public().verify(ID, b"other", &signature), mismatch);
    assert_eq!(sender.verify(b"other", &signature), mismatch);
}

#[test]
fn keys_with_the_points_of_each_other_and_of_g_work() {
    // KPAK, PVT and [j]G are among ±G, ±2G and ±3G: PVT = ±G, PVT = ±KPAK and KPAK = ±G are all there.
    let numbers = [1, 2, 3].map(|n| [number(n, false), number(n, true)]);
    let numbers = numbers.as_flattened();
    for ksak in numbers {
        for v in numbers {
            for j in numbers {
                sign_and_verify(ksak, v, j);
            }
        }
    }
}

fn multiple(k: &[u8; 32]) -> Point {
    Point::multiply_generator(&Scalar::from_octets(k).unwrap()).unwrap()
}

#[test]
fn a_y_at_infinity_proves_nothing() {
    // A hash that makes KPAK = -[HS]PVT cannot be found; its effect is what is tested: [2]G - [1]([2]G).
    let [one, two] = [1, 2].map(|n| number(n, false));
    let kpak = KeyTable::new(&multiple(&two));
    let a = Scalar::from_octets(&one).unwrap();
    let minus_a = Scalar::from_octets(&number(1, true)).unwrap();
    let infinity = PartOfJ::of_new_sender(&kpak, &a, &multiple(&two), &minus_a);
    // J would be [1]G, whose x everybody knows.
    assert!(!infinity.gives(&a, &multiple(&one).x()));
    let nothing = PartOfJ::of_prepared_sender(
        &SenderTable::new(&multiple(&two)),
        &Scalar::reduce(&[0; 32]),
    );
    assert!(!nothing.gives(&a, &multiple(&one).x()));
    let pvt = Pvt::new(multiple(&two));
    assert!(
        multiple(&number(2, true))
            .add_multiple_vartime(&a, &pvt.point)
            .is_none()
    );
}

#[test]
fn a_j_at_infinity_is_no_signature() {
    let table = SenderTable::new(&multiple(&number(2, false)));
    let part =
        PartOfJ::of_prepared_sender(&table, &Scalar::from_octets(&number(1, false)).unwrap());
    let minus_two = Scalar::from_octets(&number(2, true)).unwrap();
    for x in [[0; 32], multiple(&number(2, false)).x()] {
        assert!(!part.gives(&minus_two, &x));
    }
    // Equal points: [2]G + [2]G.
    let two = Scalar::from_octets(&number(2, false)).unwrap();
    assert!(part.gives(&two, &multiple(&number(4, false)).x()));
}

#[test]
fn a_batch_of_keys_is_valid_one_by_one() {
    let kms = KmsSecretAuthKey::from_secret(&Secret::new(number(7, false))).unwrap();
    let ids: Vec<Vec<u8>> = (0..5).map(|n| vec![n; 32]).collect();
    let ids: Vec<&[u8]> = ids.iter().map(Vec::as_slice).collect();
    let random = &mut roger_testkit::SeededRandom::new(3);
    let batch = kms.issue_batch(&ids, random).unwrap();
    assert_eq!(batch.len(), ids.len());
    for (id, (ssk, pvt)) in ids.iter().zip(&batch) {
        assert!(SigningKey::validate(kms.public(), id, ssk, pvt).is_ok());
    }
    let random = &mut roger_testkit::SeededRandom::new(3);
    let (ssk, pvt) = kms.issue(ids[0], random).unwrap();
    assert!(ssk == batch[0].0 && pvt == batch[0].1);
    assert!(kms.issue_batch(&[], random).unwrap().is_empty());
    assert!(kms.issue_batch(&ids, &mut Stuck(0)).is_err());
}
