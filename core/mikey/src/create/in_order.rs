//! Work on several threads whose results come in the order of the work.

use core::num::NonZeroUsize;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

/// Pieces begun and not yet taken for each thread: one under work, one waiting.
pub(super) const IN_FLIGHT_PER_THREAD: usize = 2;

/// Where the pieces come from and where the results go; used on the caller's thread alone.
pub(super) trait Ends {
    /// What is worked on.
    type Piece: Send;
    /// What comes of it.
    type Made: Send;
    /// Why no more results are taken.
    type Stop;

    /// The next piece; `None`, also when asked again, after the last one.
    fn next(&mut self) -> Option<Self::Piece>;

    /// Takes the result of the next piece.
    ///
    /// # Errors
    /// Ends the run.
    fn take(&mut self, made: Self::Made) -> Result<(), Self::Stop>;
}

struct Job<T, R> {
    piece: T,
    done: SyncSender<R>,
}

impl<T, R> Job<T, R> {
    fn run(self, work: impl Fn(T) -> R) {
        // Nobody waits for the result any more when the run was stopped.
        let _ = self.done.send(work(self.piece));
    }
}

type Queue<T, R> = Mutex<Receiver<Job<T, R>>>;

/// Does `work` on every piece and hands the results over in the order of the pieces.
///
/// The caller's thread works too while the result whose turn it is is missing; others are started only when
/// there is more than one piece. At most [`IN_FLIGHT_PER_THREAD`]
/// pieces per thread are begun and not yet taken.
///
/// # Errors
/// The first error of [`Ends::take`].
pub(super) fn in_order<E: Ends>(
    threads: NonZeroUsize,
    ends: &mut E,
    work: impl Fn(E::Piece) -> E::Made + Sync,
) -> Result<(), E::Stop> {
    let (jobs, queue) = channel();
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        // Dropped at the end of this closure, which ends the other threads.
        let jobs = jobs;
        let mut in_flight = VecDeque::new();
        let mut others = 0;
        let most = threads.get().saturating_mul(IN_FLIGHT_PER_THREAD);
        loop {
            while in_flight.len() < most
                && let Some(piece) = ends.next()
            {
                if !in_flight.is_empty() && others + 1 < threads.get() {
                    // A piece more than the threads there are. Without a new one they do the work.
                    let _ = Builder::new().spawn_scoped(scope, || work_off(&queue, &work));
                    others += 1;
                }
                let (done, result) = sync_channel(1);
                in_flight.push_back(result);
                // The other end lives as long as this function.
                let _ = jobs.send(Job { piece, done });
            }
            let Some(result) = in_flight.pop_front() else {
                return Ok(());
            };
            // No result: the thread panicked, and the scope does the same.
            let Some(result) = wait(&result, &queue, &work) else {
                return Ok(());
            };
            if let Err(error) = ends.take(result) {
                discard(&queue);
                return Err(error);
            }
        }
    })
}

/// Works until no more jobs can come.
fn work_off<T, R>(queue: &Queue<T, R>, work: impl Fn(T) -> R) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else {
            return;
        };
        job.run(&work);
    }
}

/// Waits for a result and works meanwhile.
fn wait<T, R>(result: &Receiver<R>, queue: &Queue<T, R>, work: impl Fn(T) -> R) -> Option<R> {
    loop {
        match result.try_recv() {
            Ok(result) => return Some(result),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => {}
        }
        // A queue that is locked is empty or about to be worked off by another thread.
        let job = queue
            .try_lock()
            .ok()
            .and_then(|queue| queue.try_recv().ok());
        match job {
            Some(job) => job.run(&work),
            None => return result.recv().ok(),
        }
    }
}

/// Forgets the jobs that nobody has begun.
fn discard<T, R>(queue: &Queue<T, R>) {
    if let Ok(queue) = queue.try_lock() {
        queue.try_iter().for_each(drop);
    }
}
