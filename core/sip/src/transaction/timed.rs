//! Things with a deadline, kept in slots with generations and a heap of their deadlines.
//!
//! Every operation costs O(log n). Entries of the heap that no longer count are dropped when they reach
//! its top, so that the top is always the true deadline. Moving a deadline to a later time adds no entry:
//! the old entry is moved when it comes up. Thus a peer that resets a timer at will cannot grow the heap.

use super::timers::TimerName;
use core::cmp::Reverse;
use roger_base::Instant;
use std::collections::BinaryHeap;

/// Something that has a next timer.
pub(crate) trait Timed {
    fn next_timer(&self) -> Option<(Instant, TimerName)>;
}

/// Names a slot; a slot that was given to something else has another generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SlotId {
    index: u32,
    generation: u32,
}

impl SlotId {
    pub(crate) const fn as_u64(self) -> u64 {
        ((self.generation as u64) << 32) | self.index as u64
    }
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    scheduled: Option<Instant>,
    value: Option<T>,
}

/// A bounded set of timed things.
#[derive(Debug)]
pub(crate) struct TimedSet<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    heap: BinaryHeap<Reverse<(Instant, SlotId)>>,
    len: usize,
    limit: usize,
}

impl<T: Timed> TimedSet<T> {
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.min(u32::MAX as usize);
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            heap: BinaryHeap::new(),
            len: 0,
            limit,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.len >= self.limit
    }

    /// Takes the value in; gives it back when the set is full.
    pub(crate) fn insert(&mut self, value: T) -> Result<SlotId, T> {
        if self.is_full() {
            return Err(value);
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                let Ok(index) = u32::try_from(self.slots.len()) else {
                    return Err(value);
                };
                self.slots.push(Slot {
                    generation: 0,
                    scheduled: None,
                    value: None,
                });
                index
            }
        };
        let Some(slot) = self.slots.get_mut(index as usize) else {
            return Err(value);
        };
        slot.value = Some(value);
        let id = SlotId {
            index,
            generation: slot.generation,
        };
        self.len += 1;
        self.reschedule(id);
        Ok(id)
    }

    pub(crate) fn get(&self, id: SlotId) -> Option<&T> {
        let slot = self.slots.get(id.index as usize)?;
        if slot.generation == id.generation {
            slot.value.as_ref()
        } else {
            None
        }
    }

    /// Changes the value, then files it under its new deadline.
    pub(crate) fn update<R>(&mut self, id: SlotId, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        let result = change(slot.value.as_mut()?);
        self.reschedule(id);
        Some(result)
    }

    pub(crate) fn remove(&mut self, id: SlotId) -> Option<T> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.scheduled = None;
        self.free.push(id.index);
        self.len -= 1;
        self.settle();
        Some(value)
    }

    /// All values with their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SlotId, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let index = u32::try_from(index).ok()?;
            let id = SlotId {
                index,
                generation: slot.generation,
            };
            slot.value.as_ref().map(|value| (id, value))
        })
    }

    /// The earliest deadline of all.
    pub(crate) fn deadline(&self) -> Option<(Instant, TimerName)> {
        let Reverse((_, id)) = self.heap.peek()?;
        self.get(*id)?.next_timer()
    }

    /// One value whose deadline has come. The caller must change it with [`Self::update`] or remove it.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(SlotId, TimerName)> {
        let Reverse((at, id)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        let (_, name) = self.get(id)?.next_timer()?;
        self.heap.pop();
        if let Some(slot) = self.slots.get_mut(id.index as usize) {
            slot.scheduled = None;
        }
        Some((id, name))
    }

    fn reschedule(&mut self, id: SlotId) {
        if let Some(slot) = self.slots.get_mut(id.index as usize)
            && let Some((at, _)) = slot.value.as_ref().and_then(Timed::next_timer)
            && slot.scheduled.is_none_or(|scheduled| at < scheduled)
        {
            slot.scheduled = Some(at);
            self.heap.push(Reverse((at, id)));
        }
        self.settle();
    }

    /// Drops or moves entries at the top until the top is a true deadline.
    fn settle(&mut self) {
        while let Some(Reverse((at, id))) = self.heap.peek().copied() {
            let slot = self.slots.get_mut(id.index as usize);
            let live =
                slot.filter(|slot| slot.generation == id.generation && slot.scheduled == Some(at));
            let Some(slot) = live else {
                self.heap.pop();
                continue;
            };
            let next = slot.value.as_ref().and_then(Timed::next_timer);
            match next {
                Some((due, _)) if due == at => return,
                Some((due, _)) => {
                    slot.scheduled = Some(due);
                    self.heap.pop();
                    self.heap.push(Reverse((due, id)));
                }
                None => {
                    slot.scheduled = None;
                    self.heap.pop();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[derive(Debug)]
    struct Alarm(Option<u64>);

    impl Timed for Alarm {
        fn next_timer(&self) -> Option<(Instant, TimerName)> {
            self.0.map(|second| (at(second), TimerName::A))
        }
    }

    fn at(second: u64) -> Instant {
        Instant::from_origin(Duration::from_secs(second))
    }

    #[test]
    fn the_deadline_follows_every_change() {
        let mut set = TimedSet::new(10);
        let first = set.insert(Alarm(Some(5))).unwrap();
        let second = set.insert(Alarm(Some(3))).unwrap();
        assert_eq!(set.deadline(), Some((at(3), TimerName::A)));
        set.update(second, |alarm| alarm.0 = Some(9));
        assert_eq!(set.deadline(), Some((at(5), TimerName::A)));
        set.update(first, |alarm| alarm.0 = None);
        assert_eq!(set.deadline(), Some((at(9), TimerName::A)));
        set.update(first, |alarm| alarm.0 = Some(1));
        assert_eq!(set.pop_due(at(0)), None);
        assert_eq!(set.pop_due(at(1)), Some((first, TimerName::A)));
        set.remove(first);
        assert_eq!(set.deadline(), Some((at(9), TimerName::A)));
        set.remove(second);
        assert_eq!(set.deadline(), None);
    }

    #[test]
    fn an_old_id_does_not_reach_the_new_value() {
        let mut set = TimedSet::new(1);
        let old = set.insert(Alarm(None)).unwrap();
        assert!(set.insert(Alarm(None)).is_err());
        set.remove(old).unwrap();
        let new = set.insert(Alarm(Some(1))).unwrap();
        assert_ne!(old, new);
        assert!(set.get(old).is_none());
        assert!(set.remove(old).is_none());
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn pushing_a_deadline_back_does_not_grow_the_heap() {
        let mut set = TimedSet::new(10);
        let id = set.insert(Alarm(Some(5))).unwrap();
        for second in 6..10_000 {
            set.update(id, |alarm| alarm.0 = Some(second));
        }
        assert_eq!(set.heap.len(), 1);
        assert_eq!(set.deadline(), Some((at(9_999), TimerName::A)));
    }
}
