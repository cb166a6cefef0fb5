//! The field's operations: one element in a dependent chain, and eight at once.
#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use roger_fp1024::{Backend, ENTRIES, Fp, Fp8, Table};
use std::hint::black_box;

fn elements() -> (Fp, Fp) {
    let mut limbs = [0x0123_4567_89AB_CDEF; 16];
    let a = Fp::from_limbs(limbs);
    limbs.reverse();
    (a, Fp::from_limbs(limbs.map(|limb| limb ^ 0x0F0F)))
}

fn single(criterion: &mut Criterion) {
    let (a, b) = elements();
    let mut group = criterion.benchmark_group(format!("fp1024/{}", Backend::selected()));
    group.bench_function("mul", |bencher| {
        bencher.iter(|| black_box(&a) * black_box(&b))
    });
    group.bench_function("square", |bencher| bencher.iter(|| black_box(&a).square()));
    group.bench_function("sum_of_products", |bencher| {
        bencher.iter(|| Fp::sum_of_products([(black_box(&a), black_box(&b)), (&b, &a)]))
    });
    group.bench_function("add", |bencher| {
        bencher.iter(|| black_box(&a) + black_box(&b))
    });
    group.bench_function("sub", |bencher| {
        bencher.iter(|| black_box(&a) - black_box(&b))
    });
    group.bench_function("invert", |bencher| bencher.iter(|| black_box(&a).invert()));
    group.finish();
}

fn eight(criterion: &mut Criterion) {
    let (a, b) = elements();
    let (a, b) = (Fp8::splat(&a), Fp8::splat(&b));
    let mut group = criterion.benchmark_group(format!("fp1024/{}/eight", Backend::selected()));
    group.throughput(Throughput::Elements(8));
    group.bench_function("mul", |bencher| {
        bencher.iter(|| black_box(&a) * black_box(&b))
    });
    group.bench_function("square", |bencher| bencher.iter(|| black_box(&a).square()));
    group.bench_function("sum_of_products", |bencher| {
        bencher.iter(|| Fp8::sum_of_products([(black_box(&a), black_box(&b)), (&b, &a)]))
    });
    group.bench_function("add", |bencher| {
        bencher.iter(|| black_box(&a) + black_box(&b))
    });
    group.bench_function("sub", |bencher| {
        bencher.iter(|| black_box(&a) - black_box(&b))
    });
    let tables = Table::from_lanes(&[a; ENTRIES]);
    let index = [0, 5, 10, 15, 16, 21, 26, 31];
    group.bench_function("pick_in_lanes", |bencher| {
        bencher.iter(|| tables[0].pick_in_lanes(black_box(&index)))
    });
    group.bench_function("pick_from_each", |bencher| {
        bencher.iter(|| Table::pick_from_each(tables.each_ref(), black_box(&index)))
    });
    group.finish();
}

criterion_group!(benches, single, eight);
criterion_main!(benches);
