//! What a test says, and what can go wrong.

use thiserror::Error;

/// dudect's threshold: a |t| of this size is no chance.
pub(crate) const LEAK: f64 = 4.5;

/// "Far above" the threshold, where a leak was put in on purpose.
pub(crate) const FOUND: f64 = 10.0;

/// Why the examination did not succeed.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// No test has this name.
    #[error("there is no test {0}")]
    UnknownTest(String),
    /// No test, or no backend, was chosen.
    #[error("nothing was chosen to run")]
    NothingToDo,
    /// A test broke.
    #[error("{test} with ROGER_FP={backend} broke:\n{output}")]
    Broken {
        /// Its name.
        test: String,
        /// The backend it ran with.
        backend: String,
        /// What it printed.
        output: String,
    },
    /// Times that differ, or leaks that were not found.
    #[error("{leaks} with |t| of {LEAK} or more, {missed} leaks put in on purpose not found")]
    Statistics {
        /// Operations that should take constant time.
        leaks: usize,
        /// Operations that leak on purpose.
        missed: usize,
    },
    /// Code that no line of the list permits.
    #[error("{unknown} places in the code are not on the list")]
    Code {
        /// Places.
        unknown: usize,
    },
    /// A line of the list that cannot be read.
    #[error("the list of public places, line {line}: {text}")]
    List {
        /// Its number.
        line: usize,
        /// Itself.
        text: String,
    },
    /// A program of binutils failed.
    #[error("{program} failed: {reason}")]
    Tool {
        /// Its name.
        program: &'static str,
        /// What it said.
        reason: String,
    },
    /// A file or a process could not be had.
    #[error(transparent)]
    Machine(#[from] std::io::Error),
}

/// The greatest t of dudect's line for one test; `None` when there is no such line, or no number in it.
pub(crate) fn greatest_t(output: &str) -> Option<f64> {
    let (_, rest) = output.rsplit_once("max t = ")?;
    let (number, _) = rest.split_once(',')?;
    let t: f64 = number.trim().parse().ok()?;
    (!t.is_nan()).then_some(t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_line_of_dudect() {
        let line =
            "bench a ... : n == +0.010M, max t = -1.23456, max tau = -0.01, (5/tau)^2 = 16\n";
        assert_eq!(greatest_t(line), Some(-1.23456));
    }

    #[test]
    fn takes_nothing_for_a_result_that_is_none() {
        assert_eq!(greatest_t("bench a ... "), None);
        assert_eq!(greatest_t("max t = +NaN, max tau"), None);
        let boundless = greatest_t("max t = +inf, max tau");
        assert_eq!(boundless, Some(f64::INFINITY));
    }
}
