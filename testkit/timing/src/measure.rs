//! How a test measures: inputs of both classes in random order, made beforehand and timed from the same place in
//! memory.

use crate::outcome::Failure;
use crate::registry;
use dudect_bencher::ctbench::{BenchMetadata, BenchName, BenchOpts, run_benches_console};
use dudect_bencher::rand::Rng;
use dudect_bencher::{BenchRng, Class, CtRunner};
use std::hint::black_box;
use std::sync::OnceLock;

/// Measurements of this process; dudect's benchmarks are functions without arguments of their own.
static SAMPLES: OnceLock<usize> = OnceLock::new();

/// Inputs that are made before they are timed. They are gone through at once, so that making the next ones, which
/// depends on the class, does not come between two measurements.
const BLOCK: usize = 100;

/// Which of the two populations an input belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The fixed input, or what the test says.
    Fixed,
    /// A new random one each time.
    Random,
}

impl Side {
    fn draw(random: &mut BenchRng) -> Self {
        if random.next_u32() & 1 == 0 {
            Self::Fixed
        } else {
            Self::Random
        }
    }

    const fn class(self) -> Class {
        match self {
            Self::Fixed => Class::Left,
            Self::Random => Class::Right,
        }
    }

    /// One of two things.
    pub(crate) fn choose<T>(self, fixed: T, random: T) -> T {
        match self {
            Self::Fixed => fixed,
            Self::Random => random,
        }
    }
}

/// Measures an operation on inputs of both classes, with `prepare` making each block's inputs one by one.
pub(crate) fn compare<I: Clone, T>(
    runner: &mut CtRunner,
    random: &mut BenchRng,
    mut prepare: impl FnMut(Side, &mut BenchRng) -> I,
    operation: impl Fn(&I) -> T,
) {
    compare_in_blocks(
        runner,
        random,
        BLOCK,
        |random| {
            let mut one = |_| {
                let side = Side::draw(random);
                (side, prepare(side, random))
            };
            (0..BLOCK).map(&mut one).collect()
        },
        operation,
    );
}

/// The same where the inputs of a block are made together.
pub(crate) fn compare_in_blocks<I: Clone, T>(
    runner: &mut CtRunner,
    random: &mut BenchRng,
    block: usize,
    mut prepare: impl FnMut(&mut BenchRng) -> Vec<(Side, I)>,
    operation: impl Fn(&I) -> T,
) {
    let samples = SAMPLES.get().copied().unwrap_or(BLOCK);
    for _ in 0..samples.div_ceil(block) {
        let inputs = prepare(random);
        // Tables, caches and predictors are warm again before the first measurement.
        if let Some((_, first)) = inputs.first() {
            black_box(operation(first));
        }
        for (side, input) in inputs {
            // Both classes are read from the same place, just written: the cache cannot tell them apart.
            let input = black_box(input.clone());
            runner.run_one(side.class(), || operation(&input));
        }
    }
}

/// The two sides in random order, as often as said in all.
pub(crate) fn sides(random: &mut BenchRng, count: usize) -> Vec<Side> {
    (0..count).map(|_| Side::draw(random)).collect()
}

/// Runs one test here; dudect prints its result.
pub(crate) fn run(name: &str, samples: usize) -> Result<(), Failure> {
    let test = registry::find(name).ok_or_else(|| Failure::UnknownTest(name.to_owned()))?;
    SAMPLES.get_or_init(|| samples);
    let benchmark = BenchMetadata {
        name: BenchName(test.name),
        seed: None,
        benchfn: test.run,
    };
    run_benches_console(BenchOpts::default(), vec![benchmark])?;
    Ok(())
}
