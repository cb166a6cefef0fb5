//! All field backends compute the same, and wolfSSL opens it. A process chooses its backend once, so this test runs
//! itself again with each of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

use aws_lc_rs::digest;
use crypto_bigint::U1024;
use roger_base::{Random, Secret};
use roger_fp1024::{BACKEND_VARIABLE, Backend, Fp, MODULUS};
use roger_ibc::DecapsulationError;
use roger_ibc::sakke::{
    EncapsulatedData, KmsSecretEncKey, ReceiverSecretKey, Recipient, encapsulate,
    encapsulate_batch, encapsulate_batch_on,
};
use roger_testkit::{LinePeer, SeededRandom};
use std::num::NonZeroUsize;

const IDENTITIES: usize = 50;
const SECRETS: usize = 40;

/// One secret to each of the identities.
struct Round {
    ssv: Secret<16>,
    data: Vec<EncapsulatedData>,
}

/// What the seed gives: 2,000 encapsulations, as a batch.
struct Story {
    kms: KmsSecretEncKey,
    ids: Vec<[u8; 32]>,
    keys: Vec<Secret<257>>,
    rounds: Vec<Round>,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut random = SeededRandom::new(seed);
        let kms = KmsSecretEncKey::generate(&mut random).unwrap();
        let mut ids = vec![[0; 32]; IDENTITIES];
        ids.iter_mut().for_each(|id| random.fill(id).unwrap());
        let names: Vec<&[u8]> = ids.iter().map(|id| &id[..]).collect();
        let keys = kms.issue_batch(&names).into_iter().map(Result::unwrap);
        let keys: Vec<_> = keys.collect();
        let to = |id| Recipient {
            kms: kms.public(),
            id,
        };
        let recipients: Vec<_> = names.iter().copied().map(to).collect();
        let rounds = (0..SECRETS).map(|_| {
            let ssv = Secret::random(&mut random).unwrap();
            let data = encapsulate_batch(&recipients, &ssv);
            Round { ssv, data }
        });
        let rounds = rounds.collect();
        Self {
            kms,
            ids,
            keys,
            rounds,
        }
    }

    /// A hash over everything that leaves the machine or the KMS.
    fn digest(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        for key in &self.keys {
            context.update(key.expose());
        }
        for data in self.rounds.iter().flat_map(|round| &round.data) {
            context.update(data.as_octets());
        }
        hex::encode(context.finish())
    }
}

#[test]
fn two_thousand_encapsulations_are_opened() {
    let story = Story::new(31);
    for (number, (id, key)) in story.ids.iter().zip(&story.keys).enumerate() {
        assert!(*key == story.kms.issue(id).unwrap());
        let receiver = ReceiverSecretKey::validate(story.kms.public(), id, key).unwrap();
        for round in &story.rounds {
            // The first one without, the others with preparation.
            assert!(receiver.decapsulate(&round.data[number]).unwrap() == round.ssv);
        }
        let round = &story.rounds[number % SECRETS];
        assert_eq!(
            encapsulate(story.kms.public(), id, &round.ssv),
            round.data[number]
        );
    }
    println!("digest {}", story.digest());
}

/// The output of one test of this file, run by a backend; it must pass.
fn run(test: &str, backend: Backend) -> String {
    let mut run = std::process::Command::new(std::env::current_exe().unwrap());
    run.args(["--exact", test, "--nocapture"]);
    run.env(BACKEND_VARIABLE, backend.to_string());
    let output = run.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let passed = output.status.success() && text.contains("1 passed");
    assert!(passed, "{backend}: {text}");
    text
}

#[test]
fn every_backend_makes_the_same_octets() {
    let digests = Backend::available().into_iter().map(|backend| {
        let text = run("two_thousand_encapsulations_are_opened", backend);
        let line = text.lines().find(|line| line.contains("digest ")).unwrap();
        line.split("digest ").last().unwrap().to_owned()
    });
    let digests: Vec<_> = digests.collect();
    assert!(!digests.is_empty());
    assert!(
        digests.windows(2).all(|pair| pair[0] == pair[1]),
        "{digests:?}"
    );
}

/// A point of y² = x³ - 3x that is not infinity.
type Point = [Fp; 2];

/// The sum of two points with different x.
fn sum([x, y]: &Point, [other_x, other_y]: &Point) -> Point {
    let slope = (other_y - y) * (other_x - x).invert();
    let sum_x = slope.square() - x - other_x;
    [sum_x, slope * (x - sum_x) - y]
}

fn decode(octets: &[u8]) -> Point {
    let coordinate = |from| Fp::from_octets(octets[from..from + 128].try_into().unwrap()).unwrap();
    [coordinate(1), coordinate(129)]
}

fn encode([x, y]: &Point) -> Vec<u8> {
    [&[4], &x.to_octets()[..], &y.to_octets()[..]].concat()
}

/// a^((p + 1) / 4), the square root of a square.
fn square_root(a: &Fp) -> Fp {
    let q = U1024::from_words(MODULUS).wrapping_add(&U1024::ONE);
    let q = q.shr_vartime(2);
    let bits = (0..1022).rev().map(|bit| q.bit_vartime(bit));
    bits.fold(Fp::ONE, |power, bit| {
        if bit {
            power.square() * a
        } else {
            power.square()
        }
    })
}

/// The point of order 2 and the two of order 4, whose tangents go through it: x² = -3.
fn torsion_points() -> [Point; 3] {
    let three = Fp::ONE.double() + Fp::ONE;
    let root = square_root(&-three);
    let points = [root, -root].map(|x| [x, square_root(&(x * (x.square() - three)))]);
    let on_curve = |[x, y]: &&Point| y.square() == x * (x.square() - three);
    let [x, y] = *points.iter().find(on_curve).unwrap();
    [[Fp::ZERO, Fp::ZERO], [x, y], [x, -y]]
}

#[test]
fn points_of_other_orders_are_refused() {
    let mut random = SeededRandom::new(33);
    let kms = KmsSecretEncKey::generate(&mut random).unwrap();
    let ssv = Secret::random(&mut random).unwrap();
    let id = [8; 32];
    let rsk = kms.issue(&id).unwrap();
    let receiver = ReceiverSecretKey::validate(kms.public(), &id, &rsk).unwrap();
    let data = encapsulate(kms.public(), &id, &ssv);
    let (r, h) = data.as_octets().split_at(257);
    let r = decode(r);
    let mut wrong = torsion_points().to_vec();
    wrong.extend(torsion_points().map(|torsion| sum(&r, &torsion)));
    // Of order q, but another one; and of order 4q without anything of R.
    let other = decode(encapsulate(kms.public(), &[9; 32], &ssv).as_octets());
    wrong.extend([[r[0], -r[1]], sum(&r, &other), other]);
    wrong.extend(torsion_points().map(|torsion| sum(&other, &torsion)));
    for preparation in ["none", "all"] {
        for point in &wrong {
            let data = [&encode(point), h].concat();
            let data = EncapsulatedData::from_octets(&data).unwrap();
            let unprepared = receiver.decapsulate_unprepared(&data);
            assert_eq!(unprepared.err(), Some(DecapsulationError));
            if preparation == "all" {
                assert_eq!(receiver.decapsulate(&data).err(), Some(DecapsulationError));
            }
        }
        assert!(receiver.decapsulate_unprepared(&data).unwrap().expose() == ssv.expose());
        receiver.prepare();
        assert!(receiver.decapsulate(&data).unwrap() == ssv);
    }
}

#[test]
fn every_backend_refuses_points_of_other_orders() {
    for backend in Backend::available() {
        run("points_of_other_orders_are_refused", backend);
    }
}

#[test]
fn wolfssl_opens_two_thousand_encapsulations() {
    let story = Story::new(31);
    let Some(mut peer) = LinePeer::wolfssl() else {
        return;
    };
    let z_t = story.kms.to_secret();
    let kms: &[&[u8]] = &[z_t.expose(), story.kms.public().as_octets()];
    assert_eq!(peer.ask("enc", kms), "ok");
    for round in &story.rounds {
        for ((id, key), data) in story.ids.iter().zip(&story.keys).zip(&round.data) {
            let answer = peer.ask("decapsulate", &[id, key.expose(), data.as_octets()]);
            assert_eq!(answer, hex::encode(round.ssv.expose()));
        }
    }
}

#[test]
fn any_number_of_receivers_and_threads_gives_the_same() {
    let mut random = SeededRandom::new(32);
    let kms = KmsSecretEncKey::generate(&mut random).unwrap();
    let other = KmsSecretEncKey::generate(&mut random).unwrap();
    let ssv = Secret::random(&mut random).unwrap();
    // Receivers of two KMSs, among them one whose identifier is the number zero.
    let ids: Vec<[u8; 32]> = (0..50u8)
        .map(|n| if n == 21 { [0; 32] } else { [n; 32] })
        .collect();
    let recipients: Vec<_> = (0..)
        .zip(&ids)
        .map(|(n, id)| Recipient {
            kms: if n % 3 == 0 { &other } else { &kms }.public(),
            id,
        })
        .collect();
    let singly: Vec<_> = recipients
        .iter()
        .map(|to| encapsulate(to.kms, to.id, &ssv))
        .collect();
    for count in [0, 1, 3, 4, 8, 15, 16, 17, 40, 50] {
        let some = &recipients[..count];
        assert_eq!(encapsulate_batch(some, &ssv), singly[..count]);
        for threads in [1, 2, 7] {
            let threads = NonZeroUsize::new(threads).unwrap();
            assert_eq!(encapsulate_batch_on(threads, some, &ssv), singly[..count]);
        }
    }
    let zero = kms.issue(&[0; 32]).unwrap();
    let receiver = ReceiverSecretKey::validate(kms.public(), &[0; 32], &zero).unwrap();
    for _ in 0..2 {
        assert!(
            receiver
                .decapsulate(&encapsulate(kms.public(), &[0; 32], &ssv))
                .unwrap()
                == ssv
        );
    }
}

/// A KMS that nobody should trust chose its z_T so that a point becomes infinity for one identifier: that receiver
/// gets nothing of use, the others of the batch lose nothing.
#[test]
fn a_degenerate_receiver_harms_no_other() {
    let mut random = SeededRandom::new(33);
    let kms = KmsSecretEncKey::generate(&mut random).unwrap();
    let ssv = Secret::random(&mut random).unwrap();
    let mut id = [0; 128];
    // q - z_T, octet by octet; z_T + b = 0 modulo q.
    let q = hex::decode(concat!(
        "265EAEC7C2958FF69971846636B4195E905B0338672D20986FA6B8D62CF8068B",
        "BD02AAC9F8BF03C6C8A1CC354C69672C39E46CE7FDF222864D5B49FD2999A9B4",
        "389B1921CC9AD335144AB173595A07386DABFD2A0C614AA0A9F3CF14870F026A",
        "A7E535ABD5A5C7C7FF38FA08E2615F6C203177C42B1EB3A1D99B601EBFAA17FB",
    ))
    .unwrap();
    let z_t = kms.to_secret();
    let mut borrow = 0i16;
    for i in (0..128).rev() {
        let digit = i16::from(q[i]) - i16::from(z_t.expose()[i]) - borrow;
        id[i] = digit.rem_euclid(256) as u8;
        borrow = i16::from(digit < 0);
    }
    assert!(kms.issue(&id).is_err());
    assert!(kms.issue_batch(&[&[1], &id, &[2]])[1].is_err());
    assert!(kms.issue_batch(&[&[1], &id, &[2]])[2].as_ref().unwrap() == &kms.issue(&[2]).unwrap());
    let ids: [&[u8]; 6] = [&[1], &[2], &id, &[3], &[4], &[5]];
    let recipients = ids.map(|id| Recipient {
        kms: kms.public(),
        id,
    });
    let data = encapsulate_batch(&recipients, &ssv);
    for (number, to) in recipients.iter().enumerate() {
        let single = encapsulate(to.kms, to.id, &ssv);
        assert!(number == 2 || data[number] == single, "{number}");
    }
}
