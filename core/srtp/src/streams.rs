//! What a receiver remembers of the streams under one key: a replay window for each SSRC, bounded.

use crate::{SrtpError, replay::ReplayWindow};
use std::collections::HashMap;

/// Streams remembered under one key. Only authenticated packets make one, so a stranger cannot fill the
/// table; past the limit the stream that was silent longest is forgotten.
pub(crate) const MAX_STREAMS_PER_KEY: usize = 1024;

struct Stream {
    window: ReplayWindow,
    used: u64,
}

/// Replay windows by SSRC.
#[derive(Default)]
pub(crate) struct Streams {
    by_ssrc: HashMap<u32, Stream>,
    clock: u64,
}

impl Streams {
    pub(crate) fn highest(&self, ssrc: u32) -> Option<u64> {
        self.by_ssrc
            .get(&ssrc)
            .map(|stream| stream.window.highest())
    }

    /// Says whether the index may be accepted, changing nothing.
    pub(crate) fn check(&self, ssrc: u32, index: u64) -> Result<(), SrtpError> {
        self.by_ssrc
            .get(&ssrc)
            .map_or(Ok(()), |stream| stream.window.check(index))
    }

    /// Notes an index that was checked and authenticated.
    pub(crate) fn accept(&mut self, ssrc: u32, index: u64) {
        self.clock += 1;
        if let Some(stream) = self.by_ssrc.get_mut(&ssrc) {
            stream.window.accept(index);
            stream.used = self.clock;
            return;
        }
        if self.by_ssrc.len() >= MAX_STREAMS_PER_KEY {
            self.forget_longest_silent();
        }
        self.by_ssrc.insert(
            ssrc,
            Stream {
                window: ReplayWindow::starting_at(index),
                used: self.clock,
            },
        );
    }

    fn forget_longest_silent(&mut self) {
        let silent = self
            .by_ssrc
            .iter()
            .min_by_key(|(_, stream)| stream.used)
            .map(|(ssrc, _)| *ssrc);
        if let Some(ssrc) = silent {
            self.by_ssrc.remove(&ssrc);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_bounded_and_keeps_the_busy_streams() {
        let mut streams = Streams::default();
        streams.accept(0, 1);
        for ssrc in 1..2 * MAX_STREAMS_PER_KEY as u32 {
            streams.accept(ssrc, 1);
            streams.accept(0, u64::from(ssrc) + 1);
        }
        assert_eq!(streams.by_ssrc.len(), MAX_STREAMS_PER_KEY);
        assert!(streams.highest(0).is_some());
        assert!(streams.highest(1).is_none());
    }
}
