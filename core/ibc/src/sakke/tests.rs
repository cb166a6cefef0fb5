//! Intermediate values of RFC 6508 Appendix A that are not visible from outside.

use super::encapsulation::mask;
use super::point::{GENERATOR_MULTIPLES, Jacobian, OddMultiples};
use super::public_key::KmsPublicEncKey;
use super::quotient::power_of_generator;
use super::scalar::{Q_BITS, Scalar};
use crate::hash::hash_to_octets;
use roger_fp1024::Fp;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/sakke.json")).unwrap()
}

fn octets(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

#[test]
fn hash_to_integer_range_gives_the_published_numbers() {
    let all = vectors();
    for vector in all["hash_to_integer_range"].as_array().unwrap() {
        let (s, v) = (octets(&vector["s"]), octets(&vector["v"]));
        match vector["n"].as_str().unwrap() {
            "q" => assert_eq!(Scalar::from_hash(&[&s]).to_octets()[..], v),
            "2^128" => assert_eq!(hash_to_octets(&[&s], 16)[..], v),
            other => panic!("unknown range {other}"),
        }
    }
}

#[test]
fn intermediate_values_are_the_published_ones() {
    for vector in vectors()["vectors"].as_array().unwrap() {
        let id = octets(&vector["identifier"]);
        let r = Scalar::from_hash(&[&octets(&vector["SSV"]), &id]);
        assert_eq!(r.to_octets()[..], octets(&vector["r"]));
        let b = Scalar::from_identifier(&id);
        let b_p = GENERATOR_MULTIPLES.multiply(&b, Q_BITS).to_affine();
        assert_eq!(b_p.to_octets()[..], octets(&vector["bP"]));
        let z_t = KmsPublicEncKey::from_octets(&octets(&vector["Z_T"])).unwrap();
        let point = OddMultiples::new(&z_t.point_of_identifier(&id));
        let point = point.multiply(&r, Q_BITS).to_affine();
        assert_eq!(point.to_octets()[..], octets(&vector["R_bS"]));
        let w = power_of_generator(&r).ratio();
        assert_eq!(w.to_octets()[..], octets(&vector["g_pow_r"]));
        assert_eq!(mask(&w, 16)[..], octets(&vector["mask"]));
    }
}

#[test]
fn multiples_of_every_small_and_every_last_scalar_are_repeated_sums() {
    let point = super::point::GENERATOR;
    let mut sum = Jacobian {
        x: Fp::ONE,
        y: Fp::ONE,
        z: Fp::ZERO,
    };
    let mut difference = sum;
    let mut number = Scalar::from_identifier(&[]);
    let mut last = Scalar::from_identifier(&[]);
    for k in 0..80u8 {
        let positive = GENERATOR_MULTIPLES.multiply(&number, Q_BITS);
        let short = GENERATOR_MULTIPLES.multiply(&number, 9);
        let negative = GENERATOR_MULTIPLES.multiply(&last, Q_BITS);
        if k == 0 {
            assert!(bool::from(positive.is_infinity() & negative.is_infinity()));
        } else {
            assert!(bool::from(positive.is(&sum.to_affine())), "{k}");
            assert!(bool::from(short.is(&sum.to_affine())), "{k}");
            assert!(bool::from(negative.is(&difference.to_affine())), "q - {k}");
        }
        sum = sum.add_affine_complete(&point);
        difference = difference.add_affine_complete(&point.negate());
        number = number.add(&Scalar::from_identifier(&[1]));
        last = last.add(&Scalar::minus_one());
    }
}

#[test]
fn masks_of_any_length_end_in_the_same_hash_blocks() {
    // The octets of a longer mask, taken from its end, are the v_i themselves: compare with the definition.
    let v = crate::hash::hash_blocks(&[b"w"], 16);
    for length in 1..=512usize {
        let blocks = length.div_ceil(32);
        assert_eq!(
            hash_to_octets(&[b"w"], length)[..],
            v[32 * blocks - length..32 * blocks]
        );
    }
}

#[path = "../../tests/leading_zeros/mod.rs"]
mod leading_zeros;

#[test]
fn the_inputs_with_leading_zeros_have_them() {
    let id = leading_zeros::IDENTIFIER;
    let r = |ssv: &[u8]| Scalar::from_hash(&[ssv, id]);
    let w = power_of_generator(&r(&leading_zeros::SSV_WITH_ZERO_IN_W)).ratio();
    assert_eq!(w.to_octets()[0], 0);
    assert_eq!(r(&leading_zeros::SSV_WITH_ZERO_IN_R).to_octets()[0], 0);
    let a = crate::hash::sha256(&[&leading_zeros::SSV_WITH_ZERO_IN_HASH_OF_SSV, id]);
    assert_eq!(a[0], 0);
}

/// The point plus the point of order 2, (0, 0): on the curve, order 2q, and the pairing does not see the difference.
fn with_torsion(octets: &[u8]) -> [u8; 257] {
    let torsion = super::point::Affine::default();
    let point = super::point::Affine::from_octets(octets).unwrap();
    let sum = Jacobian::from(&point).add_affine_complete(&torsion);
    sum.to_affine().to_octets()
}

#[test]
fn points_of_order_2q_are_refused_everywhere() {
    use super::{EncapsulatedData, ReceiverSecretKey};
    use crate::{DecapsulationError, KeyError, PointError};
    use roger_base::Secret;
    let vector = &vectors()["vectors"][0];
    let id = octets(&vector["identifier"]);
    let z_t = octets(&vector["Z_T"]);
    let wrong_z_t = KmsPublicEncKey::from_octets(&with_torsion(&z_t));
    assert_eq!(wrong_z_t.err(), Some(PointError::WrongOrder));

    let z_t = KmsPublicEncKey::from_octets(&z_t).unwrap();
    let rsk = octets(&vector["RSK"]);
    let wrong_rsk = Secret::new(with_torsion(&rsk));
    let error = ReceiverSecretKey::validate(&z_t, &id, &wrong_rsk).err();
    assert_eq!(error, Some(KeyError::Rsk(PointError::WrongOrder)));

    let rsk = Secret::try_from(rsk.as_slice()).unwrap();
    let receiver = ReceiverSecretKey::validate(&z_t, &id, &rsk).unwrap();
    let mut data = octets(&vector["SED"]);
    let wrong_r = with_torsion(&data[..257]);
    data[..257].copy_from_slice(&wrong_r);
    let data = EncapsulatedData::from_octets(&data).unwrap();
    assert_eq!(receiver.decapsulate(&data).err(), Some(DecapsulationError));
}
