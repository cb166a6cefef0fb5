//! 500 random identities crossed with wolfSSL in both directions, and the rare cases where a coordinate, a scalar
//! or a hash begins with a zero octet, which some implementations drop: they are searched for until they occur.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod leading_zeros;

use aws_lc_rs::digest;
use roger_base::{KmsUri, Random, Secret};
use roger_ibc::eccsi::{KmsSecretAuthKey, Pvt, Signature, SigningKey};
use roger_ibc::sakke::{EncapsulatedData, KmsSecretEncKey, ReceiverSecretKey, encapsulate};
use roger_ibc::uid::{KeyPeriod, Uid, uid};
use roger_testkit::{LinePeer, SeededRandom};

const IDENTITIES: u64 = 500;
const DOMAINS: u64 = 5;

fn octets(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    digest::digest(&digest::SHA256, &parts.concat())
        .as_ref()
        .to_vec()
}

/// An identity nobody chose, in a key period nobody chose.
fn random_uid(random: &mut SeededRandom) -> Uid {
    let identity = format!("sip:{:x}@mcptt.example.org", random.next_u64());
    let kms = KmsUri::new("kms.example.org").unwrap();
    let period = KeyPeriod::new(2_592_000, 86_400).unwrap();
    uid(&identity, &kms, period, random.next_u64() % 2000)
}

fn random_message(random: &mut SeededRandom) -> Vec<u8> {
    let mut message = vec![0; (random.next_u64() % 700) as usize];
    random.fill(&mut message).unwrap();
    message
}

struct Eccsi {
    peer: LinePeer,
    kms: KmsSecretAuthKey,
    random: SeededRandom,
}

impl Eccsi {
    fn start(seed: u64) -> Option<Self> {
        let mut random = SeededRandom::new(seed);
        let kms = KmsSecretAuthKey::generate(&mut random).unwrap();
        let mut eccsi = Self {
            peer: LinePeer::wolfssl()?,
            kms,
            random,
        };
        eccsi.tell_kms();
        Some(eccsi)
    }

    fn change_kms(&mut self) {
        self.kms = KmsSecretAuthKey::generate(&mut self.random).unwrap();
        self.tell_kms();
    }

    fn tell_kms(&mut self) {
        let ksak = self.kms.to_secret();
        let answer = self
            .peer
            .ask("auth", &[ksak.expose(), self.kms.public().as_octets()]);
        assert_eq!(answer, "ok");
    }

    fn issue(&mut self, id: &[u8]) -> (Secret<32>, Pvt) {
        self.kms.issue(id, &mut self.random).unwrap()
    }

    /// Our keys and our signature, checked by wolfSSL.
    fn check_ours(
        &mut self,
        id: &[u8],
        ssk: &Secret<32>,
        pvt: &Pvt,
        message: &[u8],
        signature: &Signature,
    ) {
        let pair: &[&[u8]] = &[id, ssk.expose(), pvt.as_octets()];
        assert!(self.peer.agrees("check-pair", pair));
        assert!(
            self.peer
                .agrees("verify", &[id, signature.as_octets(), message])
        );
        let other = [message, b"!"].concat();
        assert!(
            !self
                .peer
                .agrees("verify", &[id, signature.as_octets(), &other])
        );
    }

    /// A signature of wolfSSL, checked by us.
    fn theirs(&mut self, id: &[u8], ssk: &[u8], pvt: &[u8], message: &[u8]) -> Vec<u8> {
        let octets = octets(&self.peer.ask("sign", &[id, ssk, pvt, message]));
        let signature = Signature::from_octets(&octets).unwrap();
        assert_eq!(self.kms.public().verify(id, message, &signature), Ok(()));
        let other = [message, b"!"].concat();
        assert!(self.kms.public().verify(id, &other, &signature).is_err());
        octets
    }

    /// Keys of wolfSSL, checked by us.
    fn their_pair(&mut self, id: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let answer = self.peer.ask("pair", &[id]);
        let (ssk, pvt) = answer.split_once(' ').unwrap();
        let (ssk, pvt) = (octets(ssk), octets(pvt));
        let secret = Secret::try_from(ssk.as_slice()).unwrap();
        let point = Pvt::from_octets(&pvt).unwrap();
        assert!(SigningKey::validate(self.kms.public(), id, &secret, &point).is_ok());
        (ssk, pvt)
    }

    fn hs(&self, id: &[u8], pvt: &[u8]) -> Vec<u8> {
        sha256(&[
            &leading_zeros::P256_GENERATOR,
            self.kms.public().as_octets(),
            id,
            pvt,
        ])
    }
}

#[test]
fn eccsi_of_500_identities_crosses_with_wolfssl() {
    let Some(mut eccsi) = Eccsi::start(11) else {
        return;
    };
    for number in 0..IDENTITIES {
        if number % (IDENTITIES / DOMAINS) == 0 {
            eccsi.change_kms();
        }
        let id = random_uid(&mut eccsi.random).0;
        let message = random_message(&mut eccsi.random);
        let (ssk, pvt) = eccsi.issue(&id);
        let key = SigningKey::validate(eccsi.kms.public(), &id, &ssk, &pvt).unwrap();
        let signature = key.sign(&message, &mut eccsi.random).unwrap();
        eccsi.check_ours(&id, &ssk, &pvt, &message, &signature);
        eccsi.theirs(&id, ssk.expose(), pvt.as_octets(), &message);
        let (ssk, pvt) = eccsi.their_pair(&id);
        eccsi.theirs(&id, &ssk, &pvt, &message);
    }
}

/// Issues keys until `wanted` holds for (SSK, PVT, HS), then crosses them.
fn cross_issued(eccsi: &mut Eccsi, wanted: impl Fn(&[u8], &[u8], &[u8]) -> bool) {
    let id = random_uid(&mut eccsi.random).0;
    let (ssk, pvt) = loop {
        let (ssk, pvt) = eccsi.issue(&id);
        if wanted(
            ssk.expose(),
            pvt.as_octets(),
            &eccsi.hs(&id, pvt.as_octets()),
        ) {
            break (ssk, pvt);
        }
    };
    let key = SigningKey::validate(eccsi.kms.public(), &id, &ssk, &pvt).unwrap();
    let signature = key.sign(b"message", &mut eccsi.random).unwrap();
    eccsi.check_ours(&id, &ssk, &pvt, b"message", &signature);
    eccsi.theirs(&id, ssk.expose(), pvt.as_octets(), b"message");
}

#[test]
fn eccsi_keys_with_leading_zeros_cross_with_wolfssl() {
    let Some(mut eccsi) = Eccsi::start(12) else {
        return;
    };
    cross_issued(&mut eccsi, |ssk, _, _| ssk[0] == 0);
    cross_issued(&mut eccsi, |_, pvt, _| pvt[1] == 0);
    cross_issued(&mut eccsi, |_, pvt, _| pvt[33] == 0);
    cross_issued(&mut eccsi, |_, _, hs| hs[0] == 0);
    let id = random_uid(&mut eccsi.random).0;
    for octet in [0, 33] {
        // wolfSSL issues until its SSK, then a coordinate of its PVT, begins with zero.
        let (ssk, pvt) = loop {
            let (ssk, pvt) = eccsi.their_pair(&id);
            if [ssk.as_slice(), &pvt[1..]].concat()[octet] == 0 {
                break (ssk, pvt);
            }
        };
        eccsi.theirs(&id, &ssk, &pvt, b"message");
    }
}

#[test]
fn eccsi_signatures_with_leading_zeros_cross_with_wolfssl() {
    let Some(mut eccsi) = Eccsi::start(13) else {
        return;
    };
    let id = random_uid(&mut eccsi.random).0;
    let (ssk, pvt) = eccsi.issue(&id);
    let hs = eccsi.hs(&id, pvt.as_octets());
    let key = SigningKey::validate(eccsi.kms.public(), &id, &ssk, &pvt).unwrap();
    type Wanted = fn(&[u8], &[u8]) -> bool;
    let cases: [Wanted; 3] = [
        |sig, _| sig[0] == 0,
        |sig, _| sig[32] == 0,
        |_, he| he[0] == 0,
    ];
    for wanted in cases {
        let ours = loop {
            let signature = key.sign(b"message", &mut eccsi.random).unwrap();
            let octets = signature.as_octets();
            if wanted(octets, &sha256(&[&hs, &octets[..32], b"message"])) {
                break signature;
            }
        };
        eccsi.check_ours(&id, &ssk, &pvt, b"message", &ours);
        loop {
            let theirs = eccsi.theirs(&id, ssk.expose(), pvt.as_octets(), b"message");
            if wanted(&theirs, &sha256(&[&hs, &theirs[..32], b"message"])) {
                break;
            }
        }
    }
}

struct Sakke {
    peer: LinePeer,
    kms: KmsSecretEncKey,
    random: SeededRandom,
}

impl Sakke {
    fn start(seed: u64) -> Option<Self> {
        let mut random = SeededRandom::new(seed);
        let kms = KmsSecretEncKey::generate(&mut random).unwrap();
        let mut sakke = Self {
            peer: LinePeer::wolfssl()?,
            kms,
            random,
        };
        sakke.tell_kms();
        Some(sakke)
    }

    fn tell_kms(&mut self) {
        let z_t = self.kms.to_secret();
        let answer = self
            .peer
            .ask("enc", &[z_t.expose(), self.kms.public().as_octets()]);
        assert_eq!(answer, "ok");
    }

    /// RSK from both sides checked by both, one secret encapsulated by both and opened by both.
    fn cross(&mut self, id: &[u8], ssv: &Secret<16>) {
        self.peer.send("rsk", &[id]);
        let rsk = self.kms.issue(id).unwrap();
        assert_eq!(
            self.peer.receive(),
            hex::encode(rsk.expose()),
            "RSK of {}",
            hex::encode(id)
        );
        self.peer.send("check-rsk", &[id, rsk.expose()]);
        let receiver = ReceiverSecretKey::validate(self.kms.public(), id, &rsk).unwrap();
        assert_eq!(self.peer.receive(), "1");

        self.peer.send("encapsulate", &[id, ssv.expose()]);
        let ours = encapsulate(self.kms.public(), id, ssv);
        let theirs = EncapsulatedData::from_octets(&octets(&self.peer.receive())).unwrap();
        assert_eq!(ours, theirs);
        self.peer
            .send("decapsulate", &[id, rsk.expose(), ours.as_octets()]);
        assert!(receiver.decapsulate(&theirs).unwrap() == *ssv);
        assert_eq!(self.peer.receive(), hex::encode(ssv.expose()));
    }
}

#[test]
fn sakke_of_500_identities_crosses_with_wolfssl() {
    let Some(mut sakke) = Sakke::start(21) else {
        return;
    };
    for number in 0..IDENTITIES {
        if number % (IDENTITIES / DOMAINS) == 0 {
            sakke.kms = KmsSecretEncKey::generate(&mut sakke.random).unwrap();
            sakke.tell_kms();
        }
        let id = random_uid(&mut sakke.random).0;
        let mut ssv = *Secret::<16>::random(&mut sakke.random).unwrap().expose();
        ssv[..(number % 17) as usize].fill(0);
        sakke.cross(&id, &Secret::new(ssv));
    }
}

#[test]
fn sakke_with_leading_zeros_crosses_with_wolfssl() {
    let Some(mut sakke) = Sakke::start(22) else {
        return;
    };
    let mut id = random_uid(&mut sakke.random).0;
    // x of R, y of R, H, and the mask.
    type Wanted = fn(&[u8], &[u8]) -> bool;
    let in_data: [Wanted; 4] = [
        |data, _| data[1] == 0,
        |data, _| data[129] == 0,
        |data, _| data[257] == 0,
        |data, ssv| data[257] == ssv[0],
    ];
    let mut missing: Vec<Wanted> = in_data.to_vec();
    while !missing.is_empty() {
        let ssv = Secret::<16>::random(&mut sakke.random).unwrap();
        let data = encapsulate(sakke.kms.public(), &id, &ssv);
        let before = missing.len();
        missing.retain(|wanted| !wanted(data.as_octets(), ssv.expose()));
        if missing.len() < before {
            sakke.cross(&id, &ssv);
        }
    }
    // x and y of the RSK, and the UID itself.
    let in_key: [Wanted; 3] = [
        |rsk, _| rsk[1] == 0,
        |rsk, _| rsk[129] == 0,
        |_, id| id[0] == 0,
    ];
    let mut missing: Vec<Wanted> = in_key.to_vec();
    while !missing.is_empty() {
        id = random_uid(&mut sakke.random).0;
        let rsk = sakke.kms.issue(&id).unwrap();
        let before = missing.len();
        missing.retain(|wanted| !wanted(rsk.expose(), &id));
        if missing.len() < before {
            sakke.cross(&id, &Secret::new([5; 16]));
        }
    }
}

#[test]
fn sakke_with_leading_zeros_inside_crosses_with_wolfssl() {
    let Some(mut sakke) = Sakke::start(23) else {
        return;
    };
    for ssv in [
        leading_zeros::SSV_WITH_ZERO_IN_W,
        leading_zeros::SSV_WITH_ZERO_IN_R,
        leading_zeros::SSV_WITH_ZERO_IN_HASH_OF_SSV,
    ] {
        sakke.cross(leading_zeros::IDENTIFIER, &Secret::new(ssv));
    }
}
