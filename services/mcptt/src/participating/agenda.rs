//! When something is due, by key: the next time is known without a look at everybody.

use core::hash::Hash;
use roger_base::Instant;
use std::collections::{BTreeSet, HashMap};

/// At most one time for each key.
#[derive(Debug)]
pub(super) struct Agenda<K> {
    times: HashMap<K, Instant>,
    queue: BTreeSet<(Instant, K)>,
}

impl<K> Default for Agenda<K> {
    fn default() -> Self {
        Self {
            times: HashMap::new(),
            queue: BTreeSet::new(),
        }
    }
}

impl<K: Clone + Eq + Hash + Ord> Agenda<K> {
    /// Sets, moves or removes the time of a key.
    pub(super) fn set(&mut self, key: &K, at: Option<Instant>) {
        let former = match at {
            Some(at) => self.times.insert(key.clone(), at),
            None => self.times.remove(key),
        };
        if former == at {
            return;
        }
        if let Some(former) = former {
            self.queue.remove(&(former, key.clone()));
        }
        if let Some(at) = at {
            self.queue.insert((at, key.clone()));
        }
    }

    /// The next time.
    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Keys whose time has come, earliest first; they stay until set anew.
    pub(super) fn due(&self, now: Instant) -> Vec<K> {
        let due = self.queue.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, key)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn at(second: u64) -> Instant {
        Instant::from_origin(Duration::from_secs(second))
    }

    #[test]
    fn each_key_has_one_time() {
        let mut agenda = Agenda::default();
        agenda.set(&"a", Some(at(5)));
        agenda.set(&"b", Some(at(3)));
        agenda.set(&"a", Some(at(2)));
        agenda.set(&"a", Some(at(2)));
        assert_eq!(agenda.next(), Some(at(2)));
        assert_eq!(agenda.due(at(2)), ["a"]);
        assert_eq!(agenda.due(at(9)), ["a", "b"]);
        agenda.set(&"a", None);
        agenda.set(&"c", None);
        assert_eq!(agenda.due(at(9)), ["b"]);
        agenda.set(&"b", None);
        assert_eq!(agenda.next(), None);
    }
}
