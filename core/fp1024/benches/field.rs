//! The field's operations, one at a time in a dependent chain.
#![allow(missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use roger_fp1024::Fp;
use std::hint::black_box;

fn operations(criterion: &mut Criterion) {
    let mut limbs = [0x0123_4567_89AB_CDEF; 16];
    let a = Fp::from_limbs(limbs);
    limbs.reverse();
    let b = Fp::from_limbs(limbs.map(|limb| limb ^ 0x0F0F));
    let mut group = criterion.benchmark_group("fp1024");
    group.bench_function("mul", |bencher| {
        bencher.iter(|| black_box(&a) * black_box(&b))
    });
    group.bench_function("square", |bencher| bencher.iter(|| black_box(&a).square()));
    group.bench_function("add", |bencher| {
        bencher.iter(|| black_box(&a) + black_box(&b))
    });
    group.bench_function("sub", |bencher| {
        bencher.iter(|| black_box(&a) - black_box(&b))
    });
    group.bench_function("invert", |bencher| bencher.iter(|| black_box(&a).invert()));
    group.finish();
}

criterion_group!(benches, operations);
criterion_main!(benches);
