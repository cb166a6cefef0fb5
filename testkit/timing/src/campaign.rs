//! All tests in all backends, each in a process of its own, and the table of their results.

use crate::arguments::Statistics;
use crate::outcome::{FOUND, Failure, LEAK, greatest_t};
use crate::registry::{self, Expectation, TimingTest};
use roger_fp1024::{BACKEND_VARIABLE, Backend};
use std::process::Command;
use std::time::Instant;

/// What the tests of one operation gave: the greatest t of each backend.
struct Row {
    test: TimingTest,
    samples: usize,
    t: Vec<f64>,
}

impl Row {
    fn passed(&self) -> bool {
        self.t
            .iter()
            .all(|t| is_expected(self.test.expectation, *t))
    }
}

fn is_expected(expectation: Expectation, t: f64) -> bool {
    match expectation {
        Expectation::ConstantTime => t.abs() < LEAK,
        Expectation::Leak => t.abs() >= FOUND,
    }
}

/// Runs what is chosen, with a line for each test and a table at the end.
pub(crate) fn run(choice: &Statistics) -> Result<(), Failure> {
    let backends = backends(choice);
    let tests: Vec<_> = registry::all()
        .filter(|test| test.name.contains(&choice.only))
        .collect();
    if tests.is_empty() || backends.is_empty() {
        return Err(Failure::NothingToDo);
    }
    let mut rows = Vec::with_capacity(tests.len());
    for test in tests {
        let samples = test.size.samples(choice);
        let each = backends
            .iter()
            .map(|backend| run_one(&test, samples, backend));
        let t = each.collect::<Result<_, _>>()?;
        rows.push(Row { test, samples, t });
    }
    print_table(&rows, &backends);
    let failed = |expectation: Expectation| {
        let of_kind = rows
            .iter()
            .filter(|row| row.test.expectation == expectation);
        of_kind.filter(|row| !row.passed()).count()
    };
    let (leaks, missed) = (failed(Expectation::ConstantTime), failed(Expectation::Leak));
    if leaks + missed > 0 {
        return Err(Failure::Statistics { leaks, missed });
    }
    Ok(())
}

fn backends(choice: &Statistics) -> Vec<String> {
    let available = Backend::available()
        .into_iter()
        .map(|backend| backend.to_string());
    let wanted = |name: &String| choice.backend.as_ref().is_none_or(|only| only == name);
    available.filter(wanted).collect()
}

fn run_one(test: &TimingTest, samples: usize, backend: &str) -> Result<f64, Failure> {
    let start = Instant::now();
    let t = measure(test, samples, backend)?;
    let verdict = match (test.expectation, is_expected(test.expectation, t)) {
        (Expectation::ConstantTime, true) => "constant",
        (Expectation::ConstantTime, false) => "LEAK",
        (Expectation::Leak, true) => "leak found",
        (Expectation::Leak, false) => "LEAK NOT FOUND",
    };
    println!(
        "{:27} {backend:9} {samples:>8} samples  max t {t:>+10.2}  {verdict} ({:.0} s)",
        test.name,
        start.elapsed().as_secs_f64(),
    );
    if verdict == "LEAK" {
        // What is real grows with the root of the number of measurements; what is chance does not come again.
        let again = measure(test, 4 * samples, backend)?;
        println!(
            "{:27} {backend:9} {:>8} samples  max t {again:>+10.2}  once more",
            "",
            4 * samples
        );
    }
    Ok(t)
}

fn measure(test: &TimingTest, samples: usize, backend: &str) -> Result<f64, Failure> {
    let output = Command::new(std::env::current_exe()?)
        .args(["one", test.name, "--samples", &samples.to_string()])
        .env(BACKEND_VARIABLE, backend)
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let t = output
        .status
        .success()
        .then(|| greatest_t(&printed))
        .flatten();
    t.ok_or_else(|| Failure::Broken {
        test: test.name.to_owned(),
        backend: backend.to_owned(),
        output: format!("{printed}{}", String::from_utf8_lossy(&output.stderr)),
    })
}

/// The table of docs/constant-time.md.
fn print_table(rows: &[Row], backends: &[String]) {
    println!(
        "\n| operation | classes | samples | {} |",
        backends.join(" | ")
    );
    println!("|---|---|---|{}", "---|".repeat(backends.len()));
    for row in rows {
        let t: Vec<_> = row.t.iter().map(|t| format!("{:.2}", t.abs())).collect();
        println!(
            "| `{}` | {} | {} | {} |",
            row.test.name,
            row.test.classes,
            row.samples,
            t.join(" | "),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_itself_is_a_leak() {
        assert!(is_expected(Expectation::ConstantTime, -4.49));
        assert!(!is_expected(Expectation::ConstantTime, -4.5));
        assert!(!is_expected(Expectation::ConstantTime, f64::INFINITY));
    }

    #[test]
    fn a_leak_put_in_must_be_seen_clearly() {
        assert!(!is_expected(Expectation::Leak, 5.0));
        assert!(is_expected(Expectation::Leak, -200.0));
    }
}
