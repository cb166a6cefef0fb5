//! Every operation of the crate on one core, with the inputs of the baselines: a 32-octet UID, a 16-octet secret,
//! a 400-octet message.
#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use roger_base::{KmsUri, Secret};
use roger_ibc::eccsi::{Pvt, SigningKey};
use roger_ibc::sakke::{
    KmsSecretEncKey, ReceiverSecretKey, Recipient, encapsulate, encapsulate_batch,
};
use roger_ibc::uid::KeyPeriod;
use roger_ibc::{KmsMaster, UserKeySet};
use roger_testkit::SeededRandom;
use std::hint::black_box;

const BATCH: usize = 64;

fn kms() -> (KmsMaster, SeededRandom) {
    let mut random = SeededRandom::new(1);
    let uri = KmsUri::new("kms.example.org").unwrap();
    let period = KeyPeriod::new(2_592_000, 0).unwrap();
    (
        KmsMaster::generate(uri, period, &mut random).unwrap(),
        random,
    )
}

fn sakke(criterion: &mut Criterion) {
    let (kms, mut random) = kms();
    let domain = kms.domain();
    let keys = kms.issue("sip:alice@example.org", 1).unwrap();
    let id = keys.uid.as_octets();
    let user = UserKeySet::validate(domain, &keys).unwrap();
    let ssv = Secret::<16>::random(&mut random).unwrap();
    let data = encapsulate(&domain.enc, id, &ssv);
    let master = KmsSecretEncKey::from_secret(&kms.to_secrets().1).unwrap();

    let mut group = criterion.benchmark_group("sakke");
    group.throughput(Throughput::Elements(1));
    group.bench_function("encapsulate", |b| {
        b.iter(|| encapsulate(&domain.enc, black_box(id), &ssv))
    });
    group.bench_function("decapsulate", |b| {
        b.iter(|| user.receiver.decapsulate(black_box(&data)).unwrap())
    });
    group.bench_function("decapsulate_unprepared", |b| {
        b.iter(|| {
            let receiver = &user.receiver;
            receiver.decapsulate_unprepared(black_box(&data)).unwrap()
        });
    });
    group.bench_function("rsk", |b| b.iter(|| master.issue(black_box(id)).unwrap()));
    group.bench_function("rsk_validate", |b| {
        b.iter(|| ReceiverSecretKey::validate(&domain.enc, black_box(id), &keys.rsk).unwrap());
    });
    let ids = [(); BATCH].map(|()| *Secret::<32>::random(&mut random).unwrap().expose());
    let ids = ids.each_ref().map(<[u8; 32]>::as_slice);
    let recipients = ids.map(|id| Recipient {
        kms: &domain.enc,
        id,
    });
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("encapsulate_batch", |b| {
        b.iter(|| encapsulate_batch(black_box(&recipients), &ssv));
    });
    group.bench_function("rsk_batch", |b| {
        b.iter(|| master.issue_batch(black_box(&ids)));
    });
    group.finish();
}

fn eccsi(criterion: &mut Criterion) {
    let (kms, mut random) = kms();
    let domain = kms.domain();
    let keys = kms.issue("sip:alice@example.org", 1).unwrap();
    let id = keys.uid.as_octets();
    let pvt = Pvt::from_octets(&keys.pvt).unwrap();
    let key = SigningKey::validate(&domain.auth, id, &keys.ssk, &pvt).unwrap();
    let message = [0x5A; 400];
    let signature = key.sign(&message, &mut random).unwrap();
    let master = roger_ibc::eccsi::KmsSecretAuthKey::from_secret(&kms.to_secrets().0).unwrap();

    let mut group = criterion.benchmark_group("eccsi");
    group.throughput(Throughput::Elements(1));
    group.bench_function("eccsi_pair", |b| {
        b.iter(|| master.issue(black_box(id), &mut random).unwrap())
    });
    group.bench_function("eccsi_pair_validate", |b| {
        b.iter(|| SigningKey::validate(&domain.auth, black_box(id), &keys.ssk, &pvt).unwrap());
    });
    let mut random = SeededRandom::new(2);
    group.bench_function("eccsi_sign", |b| {
        b.iter(|| key.sign(black_box(&message), &mut random).unwrap())
    });
    group.bench_function("eccsi_verify", |b| {
        b.iter(|| {
            domain
                .auth
                .verify(id, black_box(&message), &signature)
                .unwrap()
        });
    });
    let sender = domain.auth.prepare_sender(id, &pvt).unwrap();
    group.bench_function("eccsi_verify_prepared", |b| {
        b.iter(|| sender.verify(black_box(&message), &signature).unwrap());
    });
    group.bench_function("eccsi_prepare_sender", |b| {
        b.iter(|| domain.auth.prepare_sender(black_box(id), &pvt).unwrap());
    });
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("eccsi_pair_batch", |b| {
        b.iter(|| {
            master
                .issue_batch(black_box(&[id.as_slice(); BATCH]), &mut random)
                .unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, sakke, eccsi);
criterion_main!(benches);
