//! Media held until somebody answers, so that the first syllable is heard.

use super::LegId;
use core::time::Duration;
use roger_base::Instant;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bounds of what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldSettings {
    /// Packets, 50 a second.
    pub max_packets: usize,
    /// Octets.
    pub max_octets: usize,
}

impl Default for HoldSettings {
    /// 30 seconds of speech, longer than any call is left unanswered.
    fn default() -> Self {
        Self {
            max_packets: 1_500,
            max_octets: 512 * 1024,
        }
    }
}

/// A packet of a talker.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) leg: LegId,
    pub(super) octets: Arc<[u8]>,
}

#[derive(Debug)]
pub(super) struct Hold {
    settings: HoldSettings,
    packets: VecDeque<(Instant, Held)>,
    octets: usize,
    /// How much later everything goes out than it came; `None` before the release.
    shift: Option<Duration>,
}

impl Hold {
    pub(super) const fn new(settings: HoldSettings) -> Self {
        Self {
            settings,
            packets: VecDeque::new(),
            octets: 0,
            shift: None,
        }
    }

    /// Keeps a packet; false when there is no room.
    pub(super) fn push(&mut self, now: Instant, held: Held) -> bool {
        let octets = self.octets + held.octets.len();
        if self.packets.len() >= self.settings.max_packets || octets > self.settings.max_octets {
            return false;
        }
        self.octets = octets;
        self.packets.push_back((now, held));
        true
    }

    pub(super) fn release(&mut self, now: Instant) {
        let first = self.packets.front().map_or(now, |(came, _)| *came);
        self.shift.get_or_insert_with(|| now.since(first));
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let (came, _) = self.packets.front()?;
        Some(*came + self.shift?)
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Held> {
        if self.deadline()? > now {
            return None;
        }
        let (_, held) = self.packets.pop_front()?;
        self.octets = self.octets.saturating_sub(held.octets.len());
        Some(held)
    }

    /// True when released and empty: the stream has caught up.
    pub(super) fn is_over(&self) -> bool {
        self.shift.is_some() && self.packets.is_empty()
    }
}
