//! RFC 6507 Appendix A and its relatives, the negative ones included. Here because v and j are not given from outside.

mod prepared_sender;
mod rare_points;

use super::group::{Point, Scalar};
use super::*;
use crate::error::{KeyError, SignatureError};
use roger_base::Secret;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/eccsi.json")).unwrap()
}

fn octets(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn array(value: &Value) -> [u8; 32] {
    octets(value).try_into().unwrap()
}

fn positive() -> Vec<Value> {
    vectors()["vectors"].as_array().unwrap().clone()
}

fn ksak(vector: &Value) -> KmsSecretAuthKey {
    KmsSecretAuthKey::from_secret(&Secret::new(array(&vector["KSAK"]))).unwrap()
}

#[test]
fn the_generator_is_the_published_one() {
    assert_eq!(GENERATOR_OCTETS[..], octets(&vectors()["G"]));
    assert!(Point::from_octets(&GENERATOR_OCTETS).is_ok());
}

#[test]
fn kms_makes_the_published_keys() {
    for vector in positive() {
        let ksak = ksak(&vector);
        assert_eq!(ksak.public().as_octets()[..], octets(&vector["KPAK"]));
        let (ssk, pvt) = ksak.issue_with_octets(&octets(&vector["ID"]), &array(&vector["v"]));
        assert_eq!(ssk.expose()[..], octets(&vector["SSK"]));
        assert_eq!(pvt.as_octets()[..], octets(&vector["PVT"]));
        let hs = hash_of_identity(ksak.public(), &octets(&vector["ID"]), &pvt);
        assert_eq!(hs[..], octets(&vector["HS"]));
    }
}

fn signing_key(vector: &Value) -> SigningKey {
    let kpak = KmsPublicAuthKey::from_octets(&octets(&vector["KPAK"])).unwrap();
    let pvt = Pvt::from_octets(&octets(&vector["PVT"])).unwrap();
    let ssk = Secret::new(array(&vector["SSK"]));
    SigningKey::validate(&kpak, &octets(&vector["ID"]), &ssk, &pvt).unwrap()
}

#[test]
fn user_makes_the_published_signature() {
    for vector in positive() {
        let key = signing_key(&vector);
        let signature = key.sign_with_octets(&octets(&vector["M"]), &array(&vector["j"]));
        assert_eq!(signature.as_octets()[..], octets(&vector["SIG"]));
        let he = hash_of_message(
            &array(&vector["HS"]),
            &array(&vector["r"]),
            &octets(&vector["M"]),
        );
        assert_eq!(he[..], octets(&vector["HE"]));
    }
}

#[test]
fn the_published_y_is_the_verifiers() {
    let vector = &positive()[0];
    let kpak = KmsPublicAuthKey::from_octets(&octets(&vector["KPAK"])).unwrap();
    let pvt = Pvt::from_octets(&octets(&vector["PVT"])).unwrap();
    let hs = Scalar::reduce(&array(&vector["HS"]));
    let y = kpak.point.add_multiple_vartime(&hs, &pvt.point).unwrap();
    assert_eq!(y.to_octets()[..], octets(&vector["verify_Y"]));
}

fn verify(vector: &Value) -> Result<(), SignatureError> {
    let kpak = KmsPublicAuthKey::from_octets(&octets(&vector["KPAK"])).unwrap();
    let signature = Signature::from_octets(&octets(&vector["SIG"]))?;
    kpak.verify(&octets(&vector["ID"]), &octets(&vector["M"]), &signature)
}

#[test]
fn published_signatures_verify() {
    for vector in positive() {
        assert_eq!(verify(&vector), Ok(()));
    }
}

#[test]
fn negative_vectors_are_refused() {
    let all = vectors();
    let negative = all["negative"].as_array().unwrap();
    assert_eq!(negative.len(), 6);
    for vector in negative {
        let expected = match vector["name"].as_str().unwrap() {
            "s = 0" | "r = 0" => SignatureError::OutOfRange,
            "PVT not on curve (last octet changed)" => SignatureError::Pvt(PointError::NotOnCurve),
            _ => SignatureError::Mismatch,
        };
        assert_eq!(verify(vector), Err(expected), "{}", vector["name"]);
    }
}

/// The first positive vector with part of the signature replaced.
fn verify_with(start: usize, replacement: &[u8]) -> Result<(), SignatureError> {
    let mut vector = positive()[0].clone();
    let mut signature = octets(&vector["SIG"]);
    signature[start..start + replacement.len()].copy_from_slice(replacement);
    vector["SIG"] = hex::encode(signature).into();
    verify(&vector)
}

#[test]
fn numbers_from_q_or_p_on_are_refused() {
    let [p, q] = ["p", "q"].map(|name| array(&vectors()[name]));
    assert_eq!(verify_with(32, &q), Err(SignatureError::OutOfRange));
    assert_eq!(
        verify_with(32, &[0xFF; 32]),
        Err(SignatureError::OutOfRange)
    );
    assert_eq!(verify_with(0, &p), Err(SignatureError::OutOfRange));
    assert_eq!(verify_with(0, &[0xFF; 32]), Err(SignatureError::OutOfRange));
    let unreduced = Err(SignatureError::Pvt(PointError::NotReduced));
    assert_eq!(verify_with(65, &p), unreduced);
    assert_eq!(verify_with(97, &[0xFF; 32]), unreduced);
    assert_eq!(
        verify_with(64, &[0x02]),
        Err(SignatureError::Pvt(PointError::Prefix(2)))
    );
    assert_eq!(
        verify_with(64, &[0x00]),
        Err(SignatureError::Pvt(PointError::Prefix(0)))
    );
}

#[test]
fn an_r_between_q_and_p_counts_unreduced() {
    // q is an element of F_p: in range for r, not a reason to refuse, but not this signature's r either.
    let q = array(&vectors()["q"]);
    assert_eq!(verify_with(0, &q), Err(SignatureError::Mismatch));
}

#[test]
fn lengths_other_than_129_are_refused() {
    for length in [0, 1, 32, 64, 128, 130, 258] {
        let error = Signature::from_octets(&vec![4; length]).err();
        assert_eq!(error, Some(SignatureError::Length(length)));
    }
    for length in [0, 1, 33, 64, 66] {
        let error = Pvt::from_octets(&vec![4; length]).err();
        assert_eq!(
            error,
            Some(PointError::Length {
                wanted: 65,
                given: length
            })
        );
    }
}

#[test]
fn a_key_pair_of_another_identity_kms_or_ssk_is_refused() {
    let vector = &positive()[0];
    let kpak = KmsPublicAuthKey::from_octets(&octets(&vector["KPAK"])).unwrap();
    let pvt = Pvt::from_octets(&octets(&vector["PVT"])).unwrap();
    let id = octets(&vector["ID"]);
    let validate = |kpak: &KmsPublicAuthKey, id: &[u8], ssk: [u8; 32], pvt: &Pvt| {
        SigningKey::validate(kpak, id, &Secret::new(ssk), pvt).err()
    };
    let ssk = array(&vector["SSK"]);
    assert_eq!(validate(&kpak, &id, ssk, &pvt), None);
    let mismatch = Some(KeyError::SigningKeyMismatch);
    assert_eq!(validate(&kpak, b"somebody else", ssk, &pvt), mismatch);
    let other_pvt = Pvt::from_octets(kpak.as_octets()).unwrap();
    assert_eq!(validate(&kpak, &id, ssk, &other_pvt), mismatch);
    let other_kpak = KmsPublicAuthKey::from_octets(pvt.as_octets()).unwrap();
    assert_eq!(validate(&other_kpak, &id, ssk, &pvt), mismatch);
    let mut wrong = ssk;
    wrong[31] ^= 1;
    assert_eq!(validate(&kpak, &id, wrong, &pvt), mismatch);
    let range = Some(KeyError::Ssk(crate::SecretRangeError));
    assert_eq!(validate(&kpak, &id, [0; 32], &pvt), range);
    assert_eq!(validate(&kpak, &id, array(&vectors()["q"]), &pvt), range);
}

#[test]
fn a_master_secret_out_of_range_is_refused() {
    assert!(KmsSecretAuthKey::from_secret(&Secret::new([0; 32])).is_err());
    assert!(KmsSecretAuthKey::from_secret(&Secret::new(array(&vectors()["q"]))).is_err());
}

struct Stuck(u8);

impl roger_base::Random for Stuck {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), roger_base::RandomError> {
        buffer.fill(self.0);
        Ok(())
    }
}

#[test]
fn a_stuck_source_of_randomness_ends_in_an_error() {
    assert!(KmsSecretAuthKey::generate(&mut Stuck(0)).is_err());
    assert!(KmsSecretAuthKey::generate(&mut Stuck(0xFF)).is_err());
    assert!(
        signing_key(&positive()[0])
            .sign(b"m", &mut Stuck(0xFF))
            .is_err()
    );
    assert!(crate::sakke::KmsSecretEncKey::generate(&mut Stuck(0)).is_err());
    assert!(crate::sakke::KmsSecretEncKey::generate(&mut Stuck(0xFF)).is_err());
}
