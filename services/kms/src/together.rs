//! Key sets asked for at the same time are made together, several times as fast as one by one.
//!
//! Who asks while nobody makes any begins at once, with what waits; who asks meanwhile waits for the next batch. A lone
//! request therefore never waits, and under load batches grow by themselves.

use core::num::NonZeroUsize;
use roger_ibc::{IssueError, IssuedKeys, KmsMaster};
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

/// Most sets of one batch: what the batch of RSKs takes at one time.
const TOGETHER: usize = 64;
/// One of so many cores makes key sets; the others have the rest of the requests to do.
const CORES_OF_A_MAKER: usize = 4;

/// What waits and what is made under one pair of master secrets.
pub(crate) struct Together {
    desk: Mutex<Desk>,
    changed: Condvar,
    /// Batches that are made at one time.
    makers: usize,
}

impl Default for Together {
    fn default() -> Self {
        let makers = available_parallelism().map_or(1, NonZeroUsize::get) / CORES_OF_A_MAKER;
        Self {
            desk: Mutex::default(),
            changed: Condvar::new(),
            makers: makers.max(1),
        }
    }
}

#[derive(Default)]
struct Desk {
    next: u64,
    waiting: Vec<Order>,
    making: usize,
    made: HashMap<u64, Result<IssuedKeys, IssueError>>,
}

struct Order {
    ticket: u64,
    identity: String,
    period: u64,
}

/// A batch that is being made. Whatever becomes of it, everybody who waits for it gets an answer.
struct Batch<'a> {
    together: &'a Together,
    orders: Vec<Order>,
    results: Vec<Result<IssuedKeys, IssueError>>,
}

impl Together {
    /// The set of an identity and key period, made and confirmed as by [`KmsMaster::issue`].
    pub(crate) fn issue(
        &self,
        master: &KmsMaster,
        identity: &str,
        period: u64,
    ) -> Result<IssuedKeys, IssueError> {
        let mut desk = self.desk();
        let ticket = desk.order(identity, period);
        loop {
            if let Some(result) = desk.made.remove(&ticket) {
                return result;
            }
            if desk.making < self.makers && !desk.waiting.is_empty() {
                let orders = desk.take();
                desk.making += 1;
                drop(desk);
                Batch::new(self, orders).make(master);
                desk = self.desk();
            } else {
                desk = self.wait(desk);
            }
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, desk: MutexGuard<'a, Desk>) -> MutexGuard<'a, Desk> {
        let desk = self.changed.wait(desk);
        desk.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn order(&mut self, identity: &str, period: u64) -> u64 {
        let ticket = self.next;
        self.next = self.next.wrapping_add(1);
        self.waiting.push(Order {
            ticket,
            identity: identity.to_owned(),
            period,
        });
        ticket
    }

    /// The next batch: the oldest order, and others of its key period.
    fn take(&mut self) -> Vec<Order> {
        let period = self.waiting.first().map(|order| order.period);
        let mut batch = Vec::new();
        let mut rest = Vec::new();
        for order in self.waiting.drain(..) {
            if Some(order.period) == period && batch.len() < TOGETHER {
                batch.push(order);
            } else {
                rest.push(order);
            }
        }
        self.waiting = rest;
        batch
    }
}

impl<'a> Batch<'a> {
    const fn new(together: &'a Together, orders: Vec<Order>) -> Self {
        Self {
            together,
            orders,
            results: Vec::new(),
        }
    }

    fn make(mut self, master: &KmsMaster) {
        let identities: Vec<&str> = self.orders.iter().map(|order| &*order.identity).collect();
        let period = self.orders.first().map_or(0, |order| order.period);
        self.results = match identities.as_slice() {
            [only] => vec![master.issue(only, period)],
            several => match master.issue_batch(several, period) {
                Ok(sets) => sets.into_iter().map(Ok).collect(),
                // Who cannot be served must not take the others along.
                Err(_) => several.iter().map(|id| master.issue(id, period)).collect(),
            },
        };
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut desk = self.together.desk();
        desk.making -= 1;
        let mut results = self.results.drain(..);
        for order in &self.orders {
            // None are left when making them broke off.
            let failed = Err(IssueError::LocalKeys(roger_ibc::KeyError::UidMismatch));
            desk.made
                .insert(order.ticket, results.next().unwrap_or(failed));
        }
        self.together.changed.notify_all();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use roger_base::KmsUri;
    use roger_ibc::uid::KeyPeriod;
    use roger_testkit::SeededRandom;
    use std::sync::Barrier;

    fn master() -> KmsMaster {
        let period = KeyPeriod::new(2_592_000, 0).unwrap();
        let uri = KmsUri::new("kms.example.org").unwrap();
        KmsMaster::generate(uri, period, &mut SeededRandom::new(1)).unwrap()
    }

    #[test]
    fn everybody_gets_the_set_that_alone_would_be_made() {
        let (master, together, start) = (master(), Together::default(), Barrier::new(24));
        std::thread::scope(|scope| {
            for user in 0..24_u64 {
                let (master, together, start) = (&master, &together, &start);
                scope.spawn(move || {
                    let (identity, period) = (format!("sip:{user}@x.example"), 1500 + user % 2);
                    start.wait();
                    let set = together.issue(master, &identity, period).unwrap();
                    let alone = master.issue(&identity, period).unwrap();
                    assert_eq!((&set.identity, set.period_number), (&identity, period));
                    assert!(set.rsk == alone.rsk && set.ssk == alone.ssk);
                });
            }
        });
        let desk = together.desk();
        assert!(desk.waiting.is_empty() && desk.made.is_empty());
        assert_eq!(desk.making, 0);
    }

    #[test]
    fn a_batch_has_one_key_period_and_a_bound() {
        let mut desk = Desk::default();
        for place in 0..100 {
            desk.order("sip:a@x.example", 7 + place % 2);
        }
        let first = desk.take();
        assert_eq!(first.len(), 50);
        assert!(first.iter().all(|order| order.period == 7));
        assert_eq!(desk.take().len(), 50);
        for _ in 0..100 {
            desk.order("sip:a@x.example", 7);
        }
        assert_eq!(desk.take().len(), TOGETHER);
        assert_eq!(desk.take().len(), 100 - TOGETHER);
    }

    #[test]
    fn who_waits_for_a_batch_that_breaks_off_gets_an_error() {
        let together = Together::default();
        let ticket = together.desk().order("sip:a@x.example", 7);
        let orders = together.desk().take();
        together.desk().making += 1;
        drop(Batch::new(&together, orders));
        let mut desk = together.desk();
        assert!(matches!(desk.made.remove(&ticket), Some(Err(_))));
        assert_eq!(desk.making, 0);
    }
}
