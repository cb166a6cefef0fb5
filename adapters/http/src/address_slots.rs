//! How many connections one address has.

use crate::rate_limit::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections by address. Holds no more entries than there are connections.
#[derive(Clone)]
pub(crate) struct AddressSlots {
    most: usize,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// The place of one connection; dropping it frees the place.
pub(crate) struct AddressSlot {
    address: IpAddr,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl AddressSlots {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            taken: Arc::default(),
        }
    }

    /// A place for a connection; `None` when its address has enough.
    pub(crate) fn take(&self, address: IpAddr) -> Option<AddressSlot> {
        let address = network(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let now = taken.get(&address).copied().unwrap_or_default();
        if now >= self.most {
            return None;
        }
        taken.insert(address, now + 1);
        Some(AddressSlot {
            address,
            taken: Arc::clone(&self.taken),
        })
    }
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.address) {
            Some(now) if *now > 1 => *now -= 1,
            _ => {
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_connection_ends_and_nothing_is_left_behind() {
        let slots = AddressSlots::new(2);
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = slots.take(one).unwrap();
        let second = slots.take(one).unwrap();
        assert!(slots.take(one).is_none());
        assert!(slots.take(other).is_some());
        drop(first);
        assert!(slots.take(one).is_some());
        drop(second);
        assert!(slots.taken.lock().unwrap().is_empty());
    }
}
