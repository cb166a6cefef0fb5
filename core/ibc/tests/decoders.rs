//! Decoders: what they accept they give back octet by octet, and nothing makes them panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use proptest::prelude::*;
use roger_base::Secret;
use roger_ibc::eccsi::{KmsPublicAuthKey, KmsSecretAuthKey, Pvt, Signature, SigningKey};
use roger_ibc::sakke::{EncapsulatedData, KmsPublicEncKey, KmsSecretEncKey, ReceiverSecretKey};
use roger_testkit::SeededRandom;

/// Octets near the lengths that matter, most with the right first octet.
fn hostile(length: usize) -> impl Strategy<Value = Vec<u8>> {
    let size = prop_oneof![Just(length), 0..2 * length];
    let octet = prop_oneof![any::<u8>(), Just(0), Just(0xFF)];
    (
        size.prop_flat_map(move |size| prop::collection::vec(octet.clone(), size)),
        any::<bool>(),
    )
        .prop_map(|(mut octets, legal)| {
            if let (true, Some(first)) = (legal, octets.first_mut()) {
                *first = 4;
            }
            octets
        })
}

proptest! {
    #[test]
    fn eccsi_points_are_round(seed in any::<u64>()) {
        let kms = KmsSecretAuthKey::generate(&mut SeededRandom::new(seed)).unwrap();
        let octets = kms.public().as_octets();
        let decoded = KmsPublicAuthKey::from_octets(octets).unwrap();
        prop_assert_eq!(decoded.as_octets(), octets);
        let decoded = Pvt::from_octets(octets).unwrap();
        prop_assert_eq!(decoded.as_octets(), octets);
    }

    #[test]
    fn signatures_and_data_are_round(octets in prop::collection::vec(any::<u8>(), 129..800)) {
        let signature = Signature::from_octets(&octets[..129]).unwrap();
        prop_assert_eq!(signature.as_octets().as_slice(), &octets[..129]);
        if octets.len() > 257 && octets.len() <= 257 + 512 {
            let data = EncapsulatedData::of_length(&octets, octets.len() - 257).unwrap();
            prop_assert_eq!(data.as_octets(), octets.as_slice());
        }
    }

    #[test]
    fn hostile_eccsi_octets_are_refused(point in hostile(65), signature in hostile(129)) {
        if let Ok(pvt) = Pvt::from_octets(&point) {
            prop_assert_eq!(pvt.as_octets().as_slice(), point);
        }
        let kms = KmsSecretAuthKey::generate(&mut SeededRandom::new(1)).unwrap();
        if let Ok(signature) = Signature::from_octets(&signature) {
            prop_assert!(kms.public().verify(b"id", b"message", &signature).is_err());
        }
    }

    #[test]
    fn hostile_sakke_octets_are_refused(point in hostile(257), data in hostile(273)) {
        prop_assert!(KmsPublicEncKey::from_octets(&point).is_err());
        let kms = KmsSecretEncKey::generate(&mut SeededRandom::new(2)).unwrap();
        if let Ok(rsk) = Secret::try_from(point.as_slice()) {
            prop_assert!(ReceiverSecretKey::validate(kms.public(), b"id", &rsk).is_err());
        }
        prop_assert_eq!(EncapsulatedData::from_octets(&data).is_ok(), data.len() == 273);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn sakke_points_are_round(seed in any::<u64>()) {
        let kms = KmsSecretEncKey::generate(&mut SeededRandom::new(seed)).unwrap();
        let octets = kms.public().as_octets();
        let decoded = KmsPublicEncKey::from_octets(octets).unwrap();
        prop_assert_eq!(decoded.as_octets(), octets);
    }

    #[test]
    fn any_identifier_and_message_sign_and_verify(
        id in prop::collection::vec(any::<u8>(), 0..200),
        message in prop::collection::vec(any::<u8>(), 0..1000),
        seed in any::<u64>(),
    ) {
        let mut random = SeededRandom::new(seed);
        let kms = KmsSecretAuthKey::generate(&mut random).unwrap();
        let (ssk, pvt) = kms.issue(&id, &mut random).unwrap();
        let key = SigningKey::validate(kms.public(), &id, &ssk, &pvt).unwrap();
        let signature = key.sign(&message, &mut random).unwrap();
        prop_assert_eq!(kms.public().verify(&id, &message, &signature), Ok(()));
    }

    #[test]
    fn any_identifier_and_secret_encapsulate_and_open(
        id in prop::collection::vec(any::<u8>(), 0..200),
        ssv in prop::collection::vec(any::<u8>(), 1..=512),
        seed in any::<u64>(),
    ) {
        let kms = KmsSecretEncKey::generate(&mut SeededRandom::new(seed)).unwrap();
        let rsk = kms.issue(&id).unwrap();
        let receiver = ReceiverSecretKey::validate(kms.public(), &id, &rsk).unwrap();
        let data = roger_ibc::sakke::encapsulate_octets(kms.public(), &id, &ssv).unwrap();
        let opened = receiver.decapsulate_octets(&data).unwrap();
        prop_assert_eq!(opened.expose(), ssv.as_slice());
    }
}
