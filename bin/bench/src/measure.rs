//! Figures on one core: short slices, ours and the peer's in turn, in CPU time.
//!
//! A disturbance hits neighbouring slices of both sides alike, so the ratio is taken in each round; medians keep
//! single bad slices out.

use crate::crossing::{self, PeerInput};
use crate::domain::Domain;
use crate::error::BenchError;
use crate::operation::{Operation, PeerOperation};
use crate::operations::{Bulk, Workload, workload};
use crate::peer::Peer;
use crate::system::thread_time;
use core::num::NonZeroUsize;
use core::time::Duration;

/// Slices of each side.
const ROUNDS: usize = 11;

/// Figures on one core.
pub(crate) struct OneCore {
    pub(crate) per_s: f64,
    pub(crate) peer_per_s: Option<f64>,
    pub(crate) ratio: Option<f64>,
}

/// Measures an operation for about `seconds` of CPU time on each side. This thread and the peer stay on one core.
pub(crate) fn measure(
    operation: Operation,
    domain: &Domain,
    peer: Option<&mut Peer>,
    seconds: f64,
) -> Result<OneCore, BenchError> {
    let mut ours = workload(operation, domain, Bulk::lasting(seconds, NonZeroUsize::MIN))?;
    let mut theirs = match (peer, operation.of_peer()) {
        (Some(peer), Some(operation)) => Some(Theirs::new(peer, operation, domain)?),
        _ => None,
    };
    let slice = seconds / ROUNDS as f64;
    let our_calls = calibrate(slice, |calls| timed(&mut *ours, calls))?;
    let their_calls = match &mut theirs {
        Some(theirs) => calibrate(slice, |calls| theirs.timed(calls))?,
        None => 0,
    };
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let our_figure = timed(&mut *ours, our_calls)?.per_s();
        let their_figure = match &mut theirs {
            Some(theirs) => Some(theirs.timed(their_calls)?.per_s()),
            None => None,
        };
        rounds.push((our_figure, their_figure));
    }
    let ratios = rounds.iter().filter_map(|(own, peer)| Some(own / (*peer)?));
    Ok(OneCore {
        per_s: median(rounds.iter().map(|(own, _)| *own)).unwrap_or_default(),
        peer_per_s: median(rounds.iter().filter_map(|(_, peer)| *peer)),
        ratio: median(ratios),
    })
}

/// Operations and the CPU time they took.
struct Slice {
    operations: usize,
    time: Duration,
}

impl Slice {
    fn per_s(&self) -> f64 {
        self.operations as f64 / seconds_of(self.time)
    }
}

/// Never nothing, however coarse the clock.
fn seconds_of(time: Duration) -> f64 {
    time.max(Duration::from_nanos(1)).as_secs_f64()
}

fn timed(workload: &mut dyn Workload, calls: usize) -> Result<Slice, BenchError> {
    workload.prepare(calls)?;
    let start = thread_time();
    workload.run()?;
    Ok(Slice {
        operations: calls * workload.size(),
        time: thread_time().saturating_sub(start),
    })
}

/// The peer with the inputs of one operation.
struct Theirs<'a> {
    peer: &'a mut Peer,
    operation: PeerOperation,
    domain: &'a Domain,
    inputs: Vec<PeerInput>,
}

impl<'a> Theirs<'a> {
    fn new(
        peer: &'a mut Peer,
        operation: PeerOperation,
        domain: &'a Domain,
    ) -> Result<Self, BenchError> {
        let inputs = crossing::load(operation, domain, peer)?;
        Ok(Self {
            peer,
            operation,
            domain,
            inputs,
        })
    }

    fn timed(&mut self, calls: usize) -> Result<Slice, BenchError> {
        let run = self.peer.run(self.operation, calls)?;
        crossing::check(self.operation, self.domain, &self.inputs, calls, &run)?;
        Ok(Slice {
            operations: calls,
            time: run.time,
        })
    }
}

/// Calls that fill a slice; the first ones also warm up.
fn calibrate(
    slice: f64,
    mut timed: impl FnMut(usize) -> Result<Slice, BenchError>,
) -> Result<usize, BenchError> {
    let mut calls = 1;
    loop {
        let taken = seconds_of(timed(calls)?.time);
        let wanted = slice / taken;
        if wanted < 2.0 {
            return Ok(((calls as f64 * wanted) as usize).max(1));
        }
        // Cautious, since the first calls may be slow for reasons of their own.
        calls = (calls as f64 * wanted.min(16.0)).ceil() as usize;
    }
}

fn median(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Slice, calibrate, median};
    use core::time::Duration;

    /// A second of calls that take a millisecond each, and the first one half a second.
    #[test]
    fn a_slice_is_filled_and_slow_first_calls_do_not_count() {
        let mut first = true;
        let calls = calibrate(1.0, |calls| {
            let extra = if core::mem::take(&mut first) { 400 } else { 0 };
            Ok(Slice {
                operations: calls,
                time: Duration::from_millis(calls as u64 + extra),
            })
        });
        assert_eq!(calls.unwrap(), 1000);
    }

    #[test]
    fn a_call_longer_than_the_slice_is_made_once() {
        let long = |operations| {
            let time = Duration::from_secs(2);
            Ok(Slice { operations, time })
        };
        assert_eq!(calibrate(1.0, long).unwrap(), 1);
    }

    #[test]
    fn a_median_ignores_one_bad_slice() {
        assert_eq!(median([5.0, 1000.0, 4.0].into_iter()), Some(5.0));
        assert_eq!(median([].into_iter()), None);
    }
}
