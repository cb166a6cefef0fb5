//! Every check of a verification, through a prepared sender, and its sharing of work.

use super::*;

fn kpak(vector: &Value) -> KmsPublicAuthKey {
    KmsPublicAuthKey::from_octets(&octets(&vector["KPAK"])).unwrap()
}

fn prepared(vector: &Value) -> PreparedSender {
    let pvt = Pvt::from_octets(&octets(&vector["PVT"])).unwrap();
    kpak(vector)
        .prepare_sender(&octets(&vector["ID"]), &pvt)
        .unwrap()
}

fn signature(vector: &Value) -> Signature {
    Signature::from_octets(&octets(&vector["SIG"])).unwrap()
}

#[test]
fn published_signatures_verify_by_a_prepared_sender() {
    for vector in positive() {
        let sender = prepared(&vector);
        assert_eq!(sender.pvt().as_octets()[..], octets(&vector["PVT"]));
        let message = octets(&vector["M"]);
        assert_eq!(sender.verify(&message, &signature(&vector)), Ok(()));
        assert!(sender.memory_octets() < 65_536);
    }
}

#[test]
fn negative_vectors_are_refused_by_a_prepared_sender() {
    let right = &positive()[0];
    for vector in vectors()["negative"].as_array().unwrap() {
        let expected = match vector["name"].as_str().unwrap() {
            "s = 0" | "r = 0" => SignatureError::OutOfRange,
            "PVT not on curve (last octet changed)" => SignatureError::OtherPvt,
            _ => SignatureError::Mismatch,
        };
        let mut wanted = right.clone();
        for name in ["KPAK", "ID"] {
            wanted[name] = vector[name].clone();
        }
        let result = prepared(&wanted).verify(&octets(&vector["M"]), &signature(vector));
        assert_eq!(result, Err(expected), "{}", vector["name"]);
    }
}

#[test]
fn every_changed_octet_is_refused() {
    let vector = &positive()[0];
    let sender = prepared(vector);
    let (id, message) = (octets(&vector["ID"]), octets(&vector["M"]));
    let right = octets(&vector["SIG"]);
    for position in 0..right.len() {
        for change in [1, 0x80, 0xFF] {
            let mut wrong = right.clone();
            wrong[position] ^= change;
            let wrong = Signature::from_octets(&wrong).unwrap();
            assert!(sender.verify(&message, &wrong).is_err());
            assert!(kpak(vector).verify(&id, &message, &wrong).is_err());
            if position >= 64 {
                let result = sender.verify(&message, &wrong);
                assert_eq!(result, Err(SignatureError::OtherPvt));
            }
        }
    }
    let result = sender.verify(b"another message", &signature(vector));
    assert_eq!(result, Err(SignatureError::Mismatch));
}

#[test]
fn numbers_from_q_or_p_on_are_refused_by_a_prepared_sender() {
    let vector = &positive()[0];
    let [p, q] = ["p", "q"].map(|name| array(&vectors()[name]));
    let cases = [
        (32, q, SignatureError::OutOfRange),
        (32, [0xFF; 32], SignatureError::OutOfRange),
        (0, p, SignatureError::OutOfRange),
        (0, [0xFF; 32], SignatureError::OutOfRange),
        // r = q is an element of F_p, but a signature with it would not depend on Y.
        (0, q, SignatureError::Mismatch),
    ];
    for (start, number, expected) in cases {
        let mut wrong = octets(&vector["SIG"]);
        wrong[start..start + 32].copy_from_slice(&number);
        let wrong = Signature::from_octets(&wrong).unwrap();
        let result = prepared(vector).verify(&octets(&vector["M"]), &wrong);
        assert_eq!(result, Err(expected));
    }
}

#[test]
fn another_identity_or_kms_prepared_with_the_same_pvt_is_refused() {
    let vector = &positive()[0];
    let pvt = Pvt::from_octets(&octets(&vector["PVT"])).unwrap();
    let message = octets(&vector["M"]);
    let other_id = kpak(vector).prepare_sender(b"somebody else", &pvt).unwrap();
    let other_kms = KmsPublicAuthKey::from_octets(&GENERATOR_OCTETS).unwrap();
    let other_kms = other_kms.prepare_sender(&octets(&vector["ID"]), &pvt);
    for sender in [other_id, other_kms.unwrap()] {
        let result = sender.verify(&message, &signature(vector));
        assert_eq!(result, Err(SignatureError::Mismatch));
    }
}

#[test]
fn clones_of_a_kpak_share_one_table() {
    let first = kpak(&positive()[0]);
    let clone = first.clone();
    first.prepare();
    assert!(core::ptr::eq(first.table(), clone.table()));
    assert_eq!(first, clone);
}
