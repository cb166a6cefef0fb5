//! The replay list (RFC 3711 cl. 3.3.2).

use crate::SrtpError;

/// Indices remembered below and with the highest one. TS 33.180 cl. 7.5 asks for at least 64.
pub const REPLAY_WINDOW: u64 = 128;

/// A sliding window: bit `n` tells whether `highest - n` was accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReplayWindow {
    highest: u64,
    seen: u128,
}

impl ReplayWindow {
    /// Starts with the first index accepted.
    pub(crate) const fn starting_at(index: u64) -> Self {
        Self {
            highest: index,
            seen: 1,
        }
    }

    pub(crate) const fn highest(&self) -> u64 {
        self.highest
    }

    /// Says whether the index may be accepted, changing nothing.
    pub(crate) const fn check(&self, index: u64) -> Result<(), SrtpError> {
        if index > self.highest {
            return Ok(());
        }
        let behind = self.highest - index;
        if behind >= REPLAY_WINDOW {
            return Err(SrtpError::PeerTooOld {
                index,
                highest: self.highest,
            });
        }
        if self.seen >> behind & 1 == 1 {
            return Err(SrtpError::PeerReplay(index));
        }
        Ok(())
    }

    /// Notes an index that was checked and authenticated.
    pub(crate) fn accept(&mut self, index: u64) {
        if index > self.highest {
            let shift = u32::try_from(index - self.highest).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(shift).unwrap_or(0) | 1;
            self.highest = index;
            return;
        }
        let behind = u32::try_from(self.highest - index).unwrap_or(u32::MAX);
        self.seen |= 1u128.checked_shl(behind).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn the_edge_of_the_window_is_128() {
        let mut window = ReplayWindow::starting_at(1000);
        assert!(window.check(1000 - 127).is_ok());
        assert!(matches!(
            window.check(1000 - 128),
            Err(SrtpError::PeerTooOld { .. })
        ));
        window.accept(1000 - 127);
        assert_eq!(window.check(1000 - 127), Err(SrtpError::PeerReplay(873)));
    }

    #[test]
    fn a_jump_of_a_whole_window_forgets_nothing_it_must_keep() {
        let mut window = ReplayWindow::starting_at(0);
        window.accept(127);
        assert_eq!(window.check(0), Err(SrtpError::PeerReplay(0)));
        window.accept(128);
        assert!(matches!(window.check(0), Err(SrtpError::PeerTooOld { .. })));
        window.accept(u64::from(u32::MAX) * 8);
        assert!(window.check(u64::from(u32::MAX) * 8 - 1).is_ok());
    }

    proptest! {
        /// Model: a set of everything accepted and the highest of it.
        #[test]
        fn behaves_as_a_set_with_a_floor(start in 0u64..1000, steps in prop::collection::vec(0u64..1200, 0..400)) {
            let mut window = ReplayWindow::starting_at(start);
            let mut model = HashSet::from([start]);
            let mut highest = start;
            for index in steps {
                let expected = index + REPLAY_WINDOW > highest && !model.contains(&index);
                prop_assert_eq!(window.check(index).is_ok(), expected);
                if expected {
                    window.accept(index);
                    model.insert(index);
                    highest = highest.max(index);
                }
            }
        }
    }
}
