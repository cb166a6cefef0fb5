//! Figures on all cores, in wall time.

use crate::domain::Domain;
use crate::error::BenchError;
use crate::operation::Operation;
use crate::operations::{Bulk, Parallel, Workload, parallel, workload};
use crate::system::cores;
use core::num::NonZeroUsize;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Operations a second of all cores together, measured for about `seconds`.
pub(crate) fn measure(
    operation: Operation,
    domain: &Domain,
    per_s_on_one: f64,
    seconds: f64,
) -> Result<f64, BenchError> {
    let cores = cores();
    let (callers, threads) = match parallel(operation) {
        Parallel::Inside => (NonZeroUsize::MIN, cores),
        Parallel::Callers => (cores, NonZeroUsize::MIN),
    };
    let bulk = Bulk::lasting(seconds, threads);
    let wanted = per_s_on_one * threads.get() as f64 * seconds;
    let start = Barrier::new(callers.get());
    let results: Vec<Result<(usize, Duration), BenchError>> = std::thread::scope(|scope| {
        let caller = || one_caller(workload(operation, domain, bulk), wanted, &start);
        let callers: Vec<_> = (0..callers.get()).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().map(joined).collect()
    });
    let (mut operations, mut longest) = (0, Duration::from_nanos(1));
    for result in results {
        let (made, taken) = result?;
        operations += made;
        longest = longest.max(taken);
    }
    Ok(operations as f64 / longest.as_secs_f64())
}

/// Operations made and the time for them.
fn one_caller(
    workload: Result<Box<dyn Workload + '_>, BenchError>,
    wanted: f64,
    start: &Barrier,
) -> Result<(usize, Duration), BenchError> {
    let prepared = workload.and_then(|mut workload| {
        let calls = ((wanted / workload.size() as f64) as usize).max(1);
        workload.prepare(calls)?;
        Ok((workload, calls))
    });
    // Everybody passes here, also who failed: nobody waits for ever.
    start.wait();
    let (mut workload, calls) = prepared?;
    let begin = Instant::now();
    workload.run()?;
    Ok((calls * workload.size(), begin.elapsed()))
}

pub(crate) fn joined<T>(
    thread: std::thread::ScopedJoinHandle<'_, Result<T, BenchError>>,
) -> Result<T, BenchError> {
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
