//! A recorder of talk bursts: frames in the order of time, without regard to when they came.

use crate::{FRAME_SAMPLES, SpeechFrame};
use std::collections::BTreeMap;

/// Frames kept: ten minutes.
const MAX_FRAMES: usize = 30_000;

/// Collects the frames of one burst by RTP timestamp, so that what was heard can be saved or compared.
#[derive(Debug, Default)]
pub struct BurstRecorder {
    origin: Option<u32>,
    frames: BTreeMap<i64, SpeechFrame>,
}

impl BurstRecorder {
    /// An empty recorder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the frames of a packet. A frame that is there already stays; past ten minutes nothing is added.
    pub fn insert(&mut self, timestamp: u32, frames: &[SpeechFrame]) {
        let origin = *self.origin.get_or_insert(timestamp);
        let first = i64::from(timestamp.wrapping_sub(origin).cast_signed());
        for (at, frame) in (0i64..).zip(frames) {
            if self.frames.len() >= MAX_FRAMES {
                return;
            }
            let place = first + at * FRAME_SAMPLES as i64;
            self.frames.entry(place).or_insert_with(|| frame.clone());
        }
    }

    /// Frames collected.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// True when nothing was collected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The frames in order; gaps are lost frames, at most as many as ten minutes have.
    #[must_use]
    pub fn into_frames(self) -> Vec<SpeechFrame> {
        let step = FRAME_SAMPLES as i64;
        let mut out = Vec::with_capacity(self.frames.len());
        let mut expected = None;
        for (place, frame) in self.frames {
            let missing = expected.map_or(0, |expected| (place - expected) / step);
            let room = MAX_FRAMES.saturating_sub(out.len());
            let missing = usize::try_from(missing).unwrap_or_default().min(room);
            out.extend(core::iter::repeat_n(SpeechFrame::lost(), missing));
            out.push(frame);
            expected = Some(place + step);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FrameType, Mode, Quality};

    fn frame(fill: u8) -> SpeechFrame {
        SpeechFrame::new(
            FrameType::Speech(Mode::Rate1265),
            Quality::Good,
            &[fill; 32],
        )
        .unwrap()
    }

    #[test]
    fn frames_come_out_in_order_with_their_gaps_across_the_timestamp_wrap() {
        let mut recorder = BurstRecorder::new();
        let start = u32::MAX - 500;
        recorder.insert(start.wrapping_add(640), &[frame(3), frame(4)]);
        recorder.insert(start, &[frame(1)]);
        recorder.insert(start, &[frame(9)]);
        assert_eq!(recorder.len(), 3);
        assert_eq!(
            recorder.into_frames(),
            [frame(1), SpeechFrame::lost(), frame(3), frame(4)]
        );
    }

    #[test]
    fn a_recorder_is_bounded() {
        let mut recorder = BurstRecorder::new();
        recorder.insert(0, &[frame(1)]);
        recorder.insert(0x7000_0000, &vec![frame(2); MAX_FRAMES + 10]);
        assert_eq!(recorder.len(), MAX_FRAMES);
        assert!(!recorder.is_empty());
        assert!(recorder.into_frames().len() <= 2 * MAX_FRAMES);
    }
}
