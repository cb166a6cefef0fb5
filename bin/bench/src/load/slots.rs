//! Users one after the other in several slots at one time, with the clocks around them.

use super::cpu::{Clocks, Used};
use super::http::{Connecting, Connection, Target, Visit};
use crate::all_cores::joined;
use crate::error::BenchError;
use crate::system::thread_time;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How users are let loose on a server.
pub(super) struct Slots<'a> {
    pub(super) target: &'a Target,
    pub(super) connecting: Connecting,
    /// Users under way at one time.
    pub(super) count: NonZeroUsize,
    /// No user begins later.
    pub(super) seconds: f64,
}

/// What a run gave.
pub(super) struct Measured<T> {
    /// What each user got, with the user's place, in the order in which the slots were done.
    pub(super) done: Vec<(usize, T)>,
    pub(super) times: Vec<Duration>,
    pub(super) wall: Duration,
    pub(super) used: Used,
    /// CPU time of the slots.
    pub(super) generator: Duration,
}

/// What one slot did.
struct Slot<T> {
    done: Vec<(usize, T)>,
    times: Vec<Duration>,
    cpu: Duration,
}

impl Slots<'_> {
    /// Serves users until there are none or the time is over.
    ///
    /// # Errors
    /// [`BenchError`] of the first user whom something went wrong for.
    pub(super) fn run<U, T, F>(&self, users: &[U], serve: F) -> Result<Measured<T>, BenchError>
    where
        U: Sync,
        T: Send,
        F: Fn(&mut Visit<'_>, &U) -> Result<T, BenchError> + Sync,
    {
        let next = AtomicUsize::new(0);
        let clocks = Clocks::start()?;
        let start = Instant::now();
        let slots: Vec<Result<Slot<T>, BenchError>> = std::thread::scope(|scope| {
            let slot = || self.slot(users, &serve, &next, start);
            let slots: Vec<_> = (0..self.count.get()).map(|_| scope.spawn(slot)).collect();
            slots.into_iter().map(joined).collect()
        });
        let wall = start.elapsed();
        let mut measured = Measured {
            done: Vec::new(),
            times: Vec::new(),
            wall,
            used: clocks.stop()?,
            generator: Duration::ZERO,
        };
        for slot in slots {
            let slot = slot?;
            measured.done.extend(slot.done);
            measured.times.extend(slot.times);
            measured.generator += slot.cpu;
        }
        Ok(measured)
    }

    fn slot<U, T>(
        &self,
        users: &[U],
        serve: impl Fn(&mut Visit<'_>, &U) -> Result<T, BenchError>,
        next: &AtomicUsize,
        start: Instant,
    ) -> Result<Slot<T>, BenchError> {
        let begin = thread_time();
        let (mut done, mut times) = (Vec::new(), Vec::new());
        let mut kept: Option<Connection> = None;
        while start.elapsed().as_secs_f64() < self.seconds {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(user) = users.get(index) else { break };
            let start = Instant::now();
            let mut visit = Visit::begin(self.target, self.connecting, &mut kept);
            let got = serve(&mut visit, user)?;
            visit.end();
            times.push(start.elapsed());
            done.push((index, got));
        }
        if let Some(connection) = kept {
            connection.close();
        }
        let cpu = thread_time().saturating_sub(begin);
        Ok(Slot { done, times, cpu })
    }
}
