//! What waits a short while for its owner to come back: bounded, expiring, given out once.

use core::time::Duration;
use roger_base::UnixTime;
use roger_oidc::{Subject, TokenDigest};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How long something waits.
const LIFE: Duration = Duration::from_secs(600);
/// Most things that wait at one time; one more is not kept, and its owner begins again.
const MAX: usize = 1000;

struct Waiting<T> {
    owner: Subject,
    thing: T,
    until: UnixTime,
}

/// Things that wait, one for each owner, by the digest of what the owner holds.
pub(crate) struct Shelf<T>(Mutex<HashMap<TokenDigest, Waiting<T>>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Shelf<T> {
    /// Keeps a thing in place of the owner's one before.
    pub(crate) fn put(&self, key: TokenDigest, owner: Subject, thing: T, now: UnixTime) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, other| now < other.until && other.owner != owner);
        if all.len() < MAX {
            let until = now + LIFE;
            all.insert(
                key,
                Waiting {
                    owner,
                    thing,
                    until,
                },
            );
        }
    }

    /// Gives a thing with its owner, once.
    pub(crate) fn take(&self, key: &TokenDigest, now: UnixTime) -> Option<(Subject, T)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = all.remove(key).filter(|own| now < own.until)?;
        Some((waiting.owner, waiting.thing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(number: usize) -> (TokenDigest, Subject) {
        let name = format!("owner {number}");
        (
            TokenDigest::of(name.as_bytes()),
            Subject::new(name).unwrap(),
        )
    }

    #[test]
    fn a_thing_is_given_once_and_not_after_its_time() {
        let (shelf, (key, alice)) = (Shelf::default(), owner(1));
        shelf.put(key, alice.clone(), 7, UnixTime(1000));
        assert_eq!(shelf.take(&key, UnixTime(1599)), Some((alice.clone(), 7)));
        assert_eq!(shelf.take(&key, UnixTime(1599)), None);
        shelf.put(key, alice, 8, UnixTime(1000));
        assert_eq!(shelf.take(&key, UnixTime(1600)), None);
    }

    #[test]
    fn a_second_thing_takes_the_place_of_the_first_and_a_flood_does_not_grow() {
        let (shelf, (key, alice)) = (Shelf::default(), owner(1));
        shelf.put(key, alice.clone(), 1, UnixTime(1000));
        let (other, _) = owner(2);
        shelf.put(other, alice, 2, UnixTime(1000));
        assert!(shelf.take(&key, UnixTime(1000)).is_none());
        for number in 0..3 * MAX {
            let (key, owner) = owner(number);
            shelf.put(key, owner, 0, UnixTime(1000));
        }
        assert_eq!(shelf.0.lock().unwrap().len(), MAX);
    }
}
