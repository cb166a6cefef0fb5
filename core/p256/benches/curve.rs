//! Every operation of the crate on one core. `ROGER_FP=portable` measures the other backend.
#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use roger_p256::{Backend, KeyTable, Point, PublicSum, Scalar, SenderTable};
use std::hint::black_box;

fn numbers() -> [Scalar; 3] {
    [0x5A, 0xA5, 0x3C].map(|octet| Scalar::reduce(&[octet; 32]).invert())
}

fn secret(criterion: &mut Criterion) {
    let [a, b, _] = numbers();
    Point::prepare_generator();
    let name = format!("p256_{:?}", Backend::selected()).to_lowercase();
    let mut group = criterion.benchmark_group(&name);
    group.bench_function("multiply_generator", |bench| {
        bench.iter(|| Point::multiply_generator(black_box(&a)))
    });
    let batch: Vec<Scalar> = (0..16).map(|octet| Scalar::reduce(&[octet; 32])).collect();
    group.bench_function("multiply_generator_16", |bench| {
        bench.iter(|| Point::multiply_generator_batch(black_box(&batch)))
    });
    group.bench_function("scalar_invert", |bench| {
        bench.iter(|| black_box(&a).invert())
    });
    group.bench_function("scalar_multiply", |bench| {
        bench.iter(|| black_box(&a).multiply(black_box(&b)))
    });
    group.finish();
}

fn public(criterion: &mut Criterion) {
    let [a, b, c] = numbers();
    let point = Point::multiply_generator(&c).unwrap();
    let key = KeyTable::new(&point);
    let sender = SenderTable::new(&point);
    let name = format!("p256_{:?}", Backend::selected()).to_lowercase();
    let mut group = criterion.benchmark_group(&name);
    group.bench_function("multiple", |bench| {
        bench.iter(|| PublicSum::multiple(black_box(&point), &a))
    });
    let sum = PublicSum::multiple(&point, &b);
    group.bench_function("multiple_of_sender", |bench| {
        bench.iter(|| PublicSum::multiple_of_sender(black_box(&sender), &a))
    });
    group.bench_function("add_multiple", |bench| {
        bench.iter(|| black_box(sum).add_multiple(&key, &a))
    });
    group.bench_function("to_point", |bench| bench.iter(|| black_box(sum).to_point()));
    group.bench_function("key_table", |bench| {
        bench.iter(|| KeyTable::new(black_box(&point)))
    });
    group.bench_function("sender_table", |bench| {
        bench.iter(|| SenderTable::new(black_box(&point)))
    });
    group.finish();
}

criterion_group!(benches, secret, public);
criterion_main!(benches);
