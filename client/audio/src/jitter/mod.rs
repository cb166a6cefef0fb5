//! A jitter buffer: frames in order and in time, one for each source (TS 26.114 cl. 8).
//!
//! Frames wait until the buffer holds the delay that the network's jitter of the last seconds asks for.
//! When more waiting is needed, a missing frame is concealed without moving on; when less, a frame is
//! skipped now and then, so that delay taken in a bad moment is given back within seconds.
//! Every talk burst starts afresh with a small delay: at the marker bit, a new SSRC, or a long gap.

mod burst;

use crate::{FRAME_SAMPLES, SAMPLE_RATE, SpeechFrame};
use burst::{Burst, Step};
use core::time::Duration;
use roger_base::Instant;
use std::collections::VecDeque;

/// Bursts that may wait for their turn; past it the oldest is dropped.
const MAX_BURSTS: usize = 4;

/// Delays and bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JitterSettings {
    /// Wait of the first frame of a burst: 40 to 60 ms within the 300 ms mouth to ear.
    pub start_delay: Duration,
    /// Least delay aimed at.
    pub min_delay: Duration,
    /// Most delay taken.
    pub max_delay: Duration,
    /// How far back arrivals are remembered.
    pub history: Duration,
    /// Silence after which a burst is over and the next frame waits anew.
    pub end_of_burst: Duration,
    /// Frames held at most.
    pub max_frames: usize,
}

impl Default for JitterSettings {
    fn default() -> Self {
        Self {
            start_delay: Duration::from_millis(60),
            min_delay: Duration::from_millis(40),
            max_delay: Duration::from_millis(300),
            history: Duration::from_secs(2),
            end_of_burst: Duration::from_millis(500),
            max_frames: 100,
        }
    }
}

/// What happened, for logs and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JitterStatistics {
    /// Frames played.
    pub played: u64,
    /// Frames that never came.
    pub lost: u64,
    /// Frames that came after their time.
    pub late: u64,
    /// Frames that came twice.
    pub duplicate: u64,
    /// Frames left out to give delay back.
    pub skipped: u64,
    /// Frames put in to gain delay.
    pub stretched: u64,
    /// Frames refused because the buffer was full, or dropped with an old burst.
    pub overflow: u64,
}

/// What to play for the next 20 ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Playout {
    /// Nobody talks: no frame for the decoder.
    Silent,
    /// Decode this; lost frames are [`SpeechFrame::lost`], pauses of the sender [`SpeechFrame::no_data`].
    Frame {
        /// The frame.
        frame: SpeechFrame,
        /// Source of the burst.
        ssrc: u32,
        /// Number of the burst; a new one starts with a fresh decoder.
        burst: u64,
    },
}

/// The buffer of one source or of one call whose talkers take turns.
#[derive(Debug)]
pub struct JitterBuffer {
    settings: JitterSettings,
    bursts: VecDeque<Burst>,
    next_number: u64,
    statistics: JitterStatistics,
}

impl JitterBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new(settings: JitterSettings) -> Self {
        Self {
            settings,
            bursts: VecDeque::new(),
            next_number: 0,
            statistics: JitterStatistics::default(),
        }
    }

    /// Takes the frames of a packet, 20 ms apart from its timestamp on.
    pub fn insert(&mut self, now: Instant, packet: &Arrival<'_>) {
        let now = samples(now.since_origin());
        if let Some(burst) = self
            .bursts
            .iter_mut()
            .rev()
            .find(|burst| burst.takes(packet))
        {
            burst.insert(now, packet, &self.settings, &mut self.statistics);
            return;
        }
        if self.bursts.len() == MAX_BURSTS {
            let dropped = self.bursts.pop_front().map_or(0, |burst| burst.len());
            self.statistics.overflow += dropped as u64;
        }
        let mut burst = Burst::new(self.next_number, packet);
        self.next_number += 1;
        burst.insert(now, packet, &self.settings, &mut self.statistics);
        self.bursts.push_back(burst);
    }

    /// What to play now; call it every 20 ms.
    pub fn pull(&mut self, now: Instant) -> Playout {
        let now = samples(now.since_origin());
        loop {
            let another_waits = self.bursts.len() > 1;
            let Some(burst) = self.bursts.front_mut() else {
                return Playout::Silent;
            };
            match burst.step(now, &self.settings, &mut self.statistics) {
                Step::Wait => return Playout::Silent,
                Step::Play(frame) => {
                    return Playout::Frame {
                        frame,
                        ssrc: burst.ssrc(),
                        burst: burst.number(),
                    };
                }
                Step::Empty(_) if another_waits => {
                    self.bursts.pop_front();
                }
                Step::Empty(None) => return Playout::Silent,
                Step::Empty(Some(frame)) => {
                    return Playout::Frame {
                        frame,
                        ssrc: burst.ssrc(),
                        burst: burst.number(),
                    };
                }
            }
        }
    }

    /// Delay of the frame played last, over the fastest packet of the last seconds; zero in silence.
    #[must_use]
    pub fn delay(&self) -> Duration {
        let delay = self.bursts.front().map_or(0, Burst::delay);
        Duration::from_micros(
            u64::try_from(delay).unwrap_or_default() * 1_000_000 / u64::from(SAMPLE_RATE),
        )
    }

    /// What happened so far.
    #[must_use]
    pub const fn statistics(&self) -> JitterStatistics {
        self.statistics
    }
}

/// What a packet brings to the buffer.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Source.
    pub ssrc: u32,
    /// RTP timestamp of the first frame, 16 kHz.
    pub timestamp: u32,
    /// Marker bit: the first packet of a burst.
    pub marker: bool,
    /// Its frames.
    pub frames: &'a [SpeechFrame],
}

/// Time in samples, the unit of RTP timestamps.
fn samples(time: Duration) -> i64 {
    let rate = u128::from(SAMPLE_RATE);
    i64::try_from(time.as_micros() * rate / 1_000_000).unwrap_or(i64::MAX / 4)
}

/// One frame, in samples.
const FRAME: i64 = FRAME_SAMPLES as i64;
