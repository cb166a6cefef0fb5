//! Intermediate values of RFC 6508 Appendix A that are not visible from outside.

use super::encapsulation::mask;
use super::generator::{GENERATOR, MULTIPLES, POWERS};
use super::point::Jacobian;
use super::public_key::{KmsPublicEncKey, Multiplier};
use super::recoding::OddDigits;
use super::scalar::Scalar;
use super::{batch, fixed_base};
use crate::hash::hash_to_octets;
use roger_fp1024::Fp;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/sakke.json")).unwrap()
}

fn octets(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn multiple_of_generator(k: &Scalar) -> Jacobian {
    fixed_base::multiply(&vec![(&MULTIPLES, &OddDigits::of(k))])
}

fn power_of_generator(r: &Scalar) -> Fp {
    POWERS.power(&OddDigits::of(r)).ratio()
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
        let b_p = multiple_of_generator(&b).to_affine();
        assert_eq!(b_p.to_octets()[..], octets(&vector["bP"]));
        let z_t = KmsPublicEncKey::from_octets(&octets(&vector["Z_T"])).unwrap();
        let point = Multiplier::new(&r, &id).point(&z_t).to_affine();
        assert_eq!(point.to_octets()[..], octets(&vector["R_bS"]));
        let w = power_of_generator(&r);
        assert_eq!(w.to_octets()[..], octets(&vector["g_pow_r"]));
        assert_eq!(mask(&w, 16)[..], octets(&vector["mask"]));
    }
}

#[test]
fn multiples_of_every_small_and_every_last_scalar_are_repeated_sums() {
    let mut sum = Jacobian::from(&GENERATOR);
    let mut number = Scalar::from_identifier(&[1]);
    for k in 1..80u8 {
        let affine = sum.to_affine();
        let positive = multiple_of_generator(&number);
        assert!(bool::from(positive.is(&affine)), "{k}");
        let negative = multiple_of_generator(&number.negate());
        assert!(bool::from(negative.is_negation_of(&affine)), "q - {k}");
        sum = sum.add_affine_complete(&GENERATOR);
        number = number.add(&Scalar::from_identifier(&[1]));
    }
}

#[test]
fn a_batch_is_what_one_by_one_gives() {
    for members in [1, 7, 8, 9, 16] {
        let scalars: Vec<_> = (0..members).map(|n| Scalar::from_hash(&[&[n]])).collect();
        let digits: Vec<_> = scalars.iter().map(OddDigits::of_member).collect();
        let terms: Vec<_> = digits.iter().map(|d| vec![(&*MULTIPLES, d)]).collect();
        let points = batch::to_affine(&batch::multiply(&terms, &mut batch::Workspace::default()));
        let powers = batch::powers(&POWERS, &digits.iter().collect::<Vec<_>>());
        let (_, ratios) = batch::to_affine_and_ratios(&[], &powers);
        for (scalar, (point, ratio)) in scalars.iter().zip(points.iter().zip(ratios)) {
            assert!(bool::from(multiple_of_generator(scalar).is(point)));
            assert!(power_of_generator(scalar) == ratio);
        }
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
    let w = power_of_generator(&r(&leading_zeros::SSV_WITH_ZERO_IN_W));
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
    for _ in ["unprepared", "prepared"] {
        assert_eq!(receiver.decapsulate(&data).err(), Some(DecapsulationError));
    }
}

/// SSV, R and the mask's number for an R that is a point of the TEST and one of order 4 besides.
fn with_mask(ssv: &[u8], r: &super::point::Affine, w: &Fp) -> super::EncapsulatedData {
    let mut data = r.to_octets().to_vec();
    data.extend(
        ssv.iter()
            .zip(mask(w, ssv.len()).iter())
            .map(|(s, m)| s ^ m),
    );
    super::EncapsulatedData::from_octets(&data).unwrap()
}

#[test]
fn points_with_torsion_are_refused_whatever_is_in_the_mask() {
    use super::ReceiverSecretKey;
    use super::quotient::Quotient;
    use super::torsion::tests::torsion_points;
    use roger_base::Secret;
    let vector = &vectors()["vectors"][0];
    let id = octets(&vector["identifier"]);
    let z_t = KmsPublicEncKey::from_octets(&octets(&vector["Z_T"])).unwrap();
    let rsk = Secret::try_from(octets(&vector["RSK"]).as_slice()).unwrap();
    let receiver = ReceiverSecretKey::validate(&z_t, &id, &rsk).unwrap();
    let ssv = octets(&vector["SSV"]);
    let r = Scalar::from_hash(&[&ssv, &id]);
    let point = Multiplier::new(&r, &id).point(&z_t);
    let g_r = POWERS.power(&OddDigits::of(&r));
    let accepted = |data: &super::EncapsulatedData| {
        let unprepared = receiver.decapsulate_unprepared(data).is_ok();
        receiver.prepare();
        assert_eq!(unprepared, receiver.decapsulate(data).is_ok());
        unprepared
    };
    assert!(accepted(&with_mask(&ssv, &point.to_affine(), &g_r.ratio())));
    // What the receiver may take for w: g^r times an element whose order divides 4, as numbers of F_p.
    let one = Fp::ONE;
    let of_order_four = [(one, Fp::ZERO), (one, one), (Fp::ZERO, one), (one, -one)];
    let numbers = of_order_four.map(|(real, imaginary)| {
        let factor = Quotient { real, imaginary };
        g_r.multiply(&factor).ratio()
    });
    for torsion in torsion_points() {
        let sum = point.add_affine_complete(&torsion).to_affine();
        for w in numbers.iter().chain(&[Fp::ZERO]) {
            assert!(!accepted(&with_mask(&ssv, &sum, w)));
            assert!(!accepted(&with_mask(&ssv, &torsion, w)));
        }
    }
}

/// A process chooses its backend once, so the test above runs itself again with each of them.
#[test]
fn points_with_torsion_are_refused_by_every_backend() {
    use roger_fp1024::{BACKEND_VARIABLE, Backend};
    for backend in Backend::available() {
        let mut test = std::process::Command::new(std::env::current_exe().unwrap());
        test.env(BACKEND_VARIABLE, backend.to_string());
        test.args([
            "--exact",
            "sakke::tests::points_with_torsion_are_refused_whatever_is_in_the_mask",
        ]);
        let output = test.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{backend}: {text}"
        );
    }
}
