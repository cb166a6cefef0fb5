//! All tests by name.

use crate::arguments::Statistics;
use crate::{eccsi, field, leaky, sakke};
use dudect_bencher::ctbench::BenchFn;

/// What a test must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// No difference between the classes.
    ConstantTime,
    /// The difference that was put in.
    Leak,
}

/// How long an operation takes, which decides how often it can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Some microseconds.
    Field,
    /// Some ten microseconds.
    Signature,
    /// Some milliseconds.
    Pairing,
    /// Sixteen operations at once.
    Batch,
}

impl Size {
    /// Measurements of one test.
    pub(crate) fn samples(self, choice: &Statistics) -> usize {
        let samples = match self {
            Self::Field => choice.field_samples,
            Self::Signature => choice.signature_samples,
            Self::Pairing => choice.pairing_samples,
            Self::Batch => choice.pairing_samples / 5,
        };
        if choice.quick { samples / 10 } else { samples }
    }
}

/// A comparison of two classes of inputs.
#[derive(Clone, Copy)]
pub(crate) struct TimingTest {
    pub(crate) name: &'static str,
    pub(crate) size: Size,
    pub(crate) expectation: Expectation,
    /// The two classes, for the table.
    pub(crate) classes: &'static str,
    pub(crate) run: BenchFn,
}

/// Every test, in the order of the report.
pub(crate) fn all() -> impl Iterator<Item = TimingTest> {
    let groups = [field::TESTS, sakke::TESTS, eccsi::TESTS, leaky::TESTS];
    groups.into_iter().flatten().copied()
}

/// The test of a name.
pub(crate) fn find(name: &str) -> Option<TimingTest> {
    all().find(|test| test.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_name_stands_for_one_test() {
        let names: HashSet<_> = all().map(|test| test.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(names.iter().all(|name| find(name).is_some()));
    }

    #[test]
    fn every_size_has_a_leak_that_must_be_found() {
        for size in [Size::Field, Size::Signature, Size::Pairing] {
            let leaks = |test: &TimingTest| test.expectation == Expectation::Leak;
            assert!(all().any(|test| test.size == size && leaks(&test)));
            assert!(all().any(|test| test.size == size && !leaks(&test)));
        }
    }
}
