//! RFC 6508 Appendix A and its relatives, the negative ones included.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use roger_base::Secret;
use roger_ibc::sakke::{
    EncapsulatedData, KmsPublicEncKey, KmsSecretEncKey, ReceiverSecretKey, Recipient, SED_OCTETS,
    encapsulate, encapsulate_batch,
};
use roger_ibc::{DecapsulationError, KeyError, PointError};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/sakke.json")).unwrap()
}

fn octets(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn master(vector: &Value) -> KmsSecretEncKey {
    let short = octets(&vector["z_T"]);
    let mut z_t = [0; 128];
    z_t[128 - short.len()..].copy_from_slice(&short);
    KmsSecretEncKey::from_secret(&Secret::new(z_t)).unwrap()
}

fn secret<const N: usize>(value: &Value) -> Secret<N> {
    Secret::try_from(octets(value).as_slice()).unwrap()
}

fn receiver(vector: &Value) -> ReceiverSecretKey {
    let z_t = KmsPublicEncKey::from_octets(&octets(&vector["Z_T"])).unwrap();
    let id = octets(&vector["identifier"]);
    ReceiverSecretKey::validate(&z_t, &id, &secret(&vector["RSK"])).unwrap()
}

#[test]
fn kms_makes_the_published_public_key_and_rsk() {
    for vector in vectors()["vectors"].as_array().unwrap() {
        let master = master(vector);
        assert_eq!(master.public().as_octets()[..], octets(&vector["Z_T"]));
        let rsk = master.issue(&octets(&vector["identifier"])).unwrap();
        assert_eq!(rsk.expose()[..], octets(&vector["RSK"]));
        assert!(KmsSecretEncKey::from_secret(&master.to_secret()).is_ok());
    }
}

#[test]
fn sender_makes_the_published_data() {
    for vector in vectors()["vectors"].as_array().unwrap() {
        let z_t = KmsPublicEncKey::from_octets(&octets(&vector["Z_T"])).unwrap();
        let id = octets(&vector["identifier"]);
        let ssv = secret(&vector["SSV"]);
        let data = encapsulate(&z_t, &id, &ssv);
        assert_eq!(data.as_octets(), octets(&vector["SED"]));
        assert_eq!(data.as_octets().len(), SED_OCTETS);
        let recipient = Recipient { kms: &z_t, id: &id };
        assert_eq!(
            encapsulate_batch(&[recipient; 2], &ssv),
            [data.clone(), data]
        );
    }
}

#[test]
fn receiver_opens_the_published_data() {
    for vector in vectors()["vectors"].as_array().unwrap() {
        let data = EncapsulatedData::from_octets(&octets(&vector["SED"])).unwrap();
        let receiver = receiver(vector);
        for _ in ["unprepared", "prepared"] {
            let ssv = receiver.decapsulate(&data).unwrap();
            assert_eq!(ssv.expose()[..], octets(&vector["SSV"]));
        }
        let ssv = receiver.decapsulate_unprepared(&data).unwrap();
        assert_eq!(ssv.expose(), octets(&vector["SSV"]));
        assert_eq!(receiver.to_secret().expose()[..], octets(&vector["RSK"]));
    }
}

#[test]
fn negative_vectors_are_refused() {
    let all = vectors();
    let negative = all["negative"].as_array().unwrap();
    assert_eq!(negative.len(), 4);
    for vector in negative {
        let positive = all["vectors"].as_array().unwrap();
        let base = positive
            .iter()
            .find(|v| v["name"] == vector["base"])
            .unwrap();
        let receiver = receiver(base);
        for kind in ["unprepared", "prepared"] {
            let data = EncapsulatedData::from_octets(&octets(&vector["SED"]));
            let opened = data.and_then(|data| receiver.decapsulate(&data));
            let name = &vector["name"];
            assert_eq!(opened.err(), Some(DecapsulationError), "{name}, {kind}");
            receiver.prepare();
        }
    }
}

#[test]
fn every_changed_octet_of_the_data_is_refused() {
    let vector = &vectors()["vectors"][1];
    let receiver = receiver(vector);
    let good = octets(&vector["SED"]);
    for position in [0, 1, 64, 128, 129, 200, 256, 257, 260, 272] {
        let mut bad = good.clone();
        bad[position] ^= 0x10;
        let data = EncapsulatedData::from_octets(&bad).unwrap();
        assert!(receiver.decapsulate(&data).is_err(), "octet {position}");
    }
}

#[test]
fn a_point_of_order_two_in_the_data_is_refused() {
    let receiver = receiver(&vectors()["vectors"][0]);
    let mut data = vec![0; SED_OCTETS];
    data[0] = 4; // (0, 0) is on the curve and has order 2
    let data = EncapsulatedData::from_octets(&data).unwrap();
    for _ in ["unprepared", "prepared"] {
        assert!(receiver.decapsulate(&data).is_err());
    }
}

#[test]
fn a_negated_point_in_the_data_is_refused() {
    let vector = &vectors()["vectors"][0];
    let mut data = octets(&vector["SED"]);
    let p = octets(&vectors()["parameter_set"]["p"]);
    let mut borrow = 0i16;
    for i in (0..128).rev() {
        let digit = i16::from(p[i]) - i16::from(data[129 + i]) - borrow;
        data[129 + i] = digit.rem_euclid(256) as u8;
        borrow = i16::from(digit < 0);
    }
    let data = EncapsulatedData::from_octets(&data).unwrap();
    assert!(receiver(vector).decapsulate(&data).is_err());
}

#[test]
fn lengths_other_than_the_announced_one_are_refused() {
    for octets in [0, 1, 257, 272, 274, 769, 1000] {
        assert!(EncapsulatedData::from_octets(&vec![4; octets]).is_err());
    }
    assert!(EncapsulatedData::of_length(&[4; 257], 0).is_err());
    assert!(EncapsulatedData::of_length(&[4; 257 + 513], 513).is_err());
    assert!(EncapsulatedData::of_length(&[4; 257 + 512], 512).is_ok());
}

#[test]
fn a_public_key_is_checked() {
    let good = octets(&vectors()["vectors"][0]["Z_T"]);
    let check = |octets: &[u8]| KmsPublicEncKey::from_octets(octets).err();
    assert_eq!(check(&good), None);
    let length = |given| Some(PointError::Length { wanted: 257, given });
    assert_eq!(check(&good[..256]), length(256));
    assert_eq!(check(&[]), length(0));
    let mut bad = good.clone();
    bad[0] = 2;
    assert_eq!(check(&bad), Some(PointError::Prefix(2)));
    bad = good.clone();
    bad[256] ^= 1;
    assert_eq!(check(&bad), Some(PointError::NotOnCurve));
    bad = good.clone();
    bad[1..129].copy_from_slice(&[0xFF; 128]);
    assert_eq!(check(&bad), Some(PointError::NotReduced));
    bad = vec![0; 257];
    bad[0] = 4;
    assert_eq!(check(&bad), Some(PointError::WrongOrder));
}

#[test]
fn a_non_canonical_coordinate_is_refused() {
    // x = 0 is on the curve; x = p is the same residue and must not be taken for it.
    let mut bad = vec![4];
    bad.extend(octets(&vectors()["parameter_set"]["p"]));
    bad.extend([0; 128]);
    let error = KmsPublicEncKey::from_octets(&bad).err();
    assert_eq!(error, Some(PointError::NotReduced));
}

#[test]
fn an_rsk_of_another_identifier_or_kms_is_refused() {
    let vector = &vectors()["vectors"][0];
    let z_t = KmsPublicEncKey::from_octets(&octets(&vector["Z_T"])).unwrap();
    let rsk: Secret<257> = secret(&vector["RSK"]);
    let validate = |kms: &KmsPublicEncKey, id: &[u8], rsk: &Secret<257>| {
        ReceiverSecretKey::validate(kms, id, rsk).err()
    };
    let id = octets(&vector["identifier"]);
    assert_eq!(validate(&z_t, &id, &rsk), None);
    let mismatch = Some(KeyError::ReceiverKeyMismatch);
    assert_eq!(validate(&z_t, b"somebody else", &rsk), mismatch);
    let p = &vectors()["parameter_set"];
    let generator = [vec![4], octets(&p["Px"]), octets(&p["Py"])].concat();
    let other = KmsPublicEncKey::from_octets(&generator).unwrap();
    assert_eq!(validate(&other, &id, &rsk), mismatch);
    let generator = Secret::try_from(generator.as_slice()).unwrap();
    assert_eq!(validate(&z_t, &id, &generator), mismatch);
    let mut off = *rsk.expose();
    off[200] ^= 1;
    let off_curve = Some(KeyError::Rsk(PointError::NotOnCurve));
    assert_eq!(validate(&z_t, &id, &Secret::new(off)), off_curve);
    let mut two_torsion = [0; 257];
    two_torsion[0] = 4;
    let order = Some(KeyError::Rsk(PointError::WrongOrder));
    assert_eq!(validate(&z_t, &id, &Secret::new(two_torsion)), order);
}

#[test]
fn master_secrets_out_of_range_are_refused() {
    let refused = |octets| KmsSecretEncKey::from_secret(&Secret::new(octets)).is_err();
    let mut small = [0; 128];
    assert!(refused(small));
    small[127] = 1;
    assert!(refused(small));
    small[127] = 2;
    assert!(!refused(small));
    let q = octets(&vectors()["parameter_set"]["q"]);
    let mut q: [u8; 128] = q.try_into().unwrap();
    assert!(refused(q));
    q[127] -= 1;
    assert!(!refused(q));
}

#[test]
fn secrets_of_1_to_512_octets_come_back_with_their_leading_zeros() {
    use roger_ibc::sakke::{SecretLengthOutOfRange, encapsulate_octets};
    let vector = &vectors()["vectors"][1];
    let receiver = receiver(vector);
    let z_t = KmsPublicEncKey::from_octets(&octets(&vector["Z_T"])).unwrap();
    let id = octets(&vector["identifier"]);
    for length in [
        1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 255, 256, 257, 480, 511, 512,
    ] {
        let mut ssv = vec![0xA5; length];
        ssv[0] = 0;
        let data = encapsulate_octets(&z_t, &id, &ssv).unwrap();
        assert_eq!(data.as_octets().len(), 257 + length);
        let received = EncapsulatedData::of_length(data.as_octets(), length).unwrap();
        assert_eq!(
            receiver.decapsulate_octets(&received).unwrap().expose(),
            ssv
        );
        let as_sixteen = receiver.decapsulate(&received);
        assert_eq!(as_sixteen.is_ok(), length == 16);
    }
    for length in [0, 513, 4096] {
        let error = encapsulate_octets(&z_t, &id, &vec![1; length]).err();
        assert_eq!(error, Some(SecretLengthOutOfRange(length)));
    }
}

#[test]
fn secrets_of_any_length_agree_with_an_independent_computation() {
    use roger_ibc::sakke::encapsulate_octets;
    let vector = &vectors()["vectors"][1];
    let receiver = receiver(vector);
    let z_t = KmsPublicEncKey::from_octets(&octets(&vector["Z_T"])).unwrap();
    let id = octets(&vector["identifier"]);
    let all: Value = serde_json::from_str(include_str!("vectors/sakke-any-length.json")).unwrap();
    let all = all["vectors"].as_array().unwrap();
    assert_eq!(all.len(), 25);
    for case in all {
        let (ssv, sed) = (octets(&case["SSV"]), octets(&case["SED"]));
        let data = encapsulate_octets(&z_t, &id, &ssv).unwrap();
        assert_eq!(data.as_octets(), sed, "{} octets", case["octets"]);
        assert_eq!(receiver.decapsulate_octets(&data).unwrap().expose(), ssv);
    }
}
