//! What a UE heard, burst by burst.

use crate::client::{CallNumber, HeardSpeech};
use roger_audio::{BurstRecorder, Payload, PayloadFormat, SpeechFrame};

/// Bursts kept until they are taken; the oldest are dropped beyond.
const MAX_BURSTS: usize = 64;

/// One talk burst of one talker.
#[derive(Debug)]
pub struct HeardBurst {
    /// The call.
    pub call: CallNumber,
    /// Source of the talker.
    pub ssrc: u32,
    /// Frames in order, gaps filled with lost frames.
    pub frames: Vec<SpeechFrame>,
}

struct Burst {
    call: CallNumber,
    ssrc: u32,
    start: u32,
    recorder: BurstRecorder,
}

impl Burst {
    /// Whether a packet of the same source belongs here: it is not older than the beginning.
    fn holds(&self, call: CallNumber, ssrc: u32, timestamp: u32) -> bool {
        let age = timestamp.wrapping_sub(self.start).cast_signed();
        (self.call, self.ssrc) == (call, ssrc) && age >= 0
    }
}

/// Recorder of everything heard.
#[derive(Default)]
pub(super) struct Heard {
    bursts: Vec<Burst>,
}

impl Heard {
    /// A packet that the client opened. The marker begins a burst (RFC 4867 cl. 4.1); a late joiner begins with what
    /// she hears first.
    pub(super) fn packet(&mut self, call: CallNumber, speech: &HeardSpeech) {
        let Ok(payload) = Payload::unpack(&speech.payload, PayloadFormat::OctetAligned) else {
            tracing::debug!("a payload that is no speech was dropped");
            return;
        };
        let (ssrc, timestamp) = (speech.ssrc, speech.timestamp);
        let holds = |burst: &&mut Burst| burst.holds(call, ssrc, timestamp);
        let running = self.bursts.iter_mut().rev().find(holds);
        if let Some(burst) = running.filter(|burst| !speech.marker || burst.start == timestamp) {
            burst.recorder.insert(timestamp, &payload.frames);
            return;
        }
        if self.bursts.len() == MAX_BURSTS {
            self.bursts.remove(0);
        }
        let mut recorder = BurstRecorder::new();
        recorder.insert(timestamp, &payload.frames);
        self.bursts.push(Burst {
            call,
            ssrc,
            start: timestamp,
            recorder,
        });
    }

    pub(super) fn take(&mut self) -> Vec<HeardBurst> {
        let bursts = core::mem::take(&mut self.bursts);
        bursts.into_iter().map(HeardBurst::from).collect()
    }

    pub(super) fn take_of(&mut self, call: CallNumber, ssrc: u32) -> Vec<HeardBurst> {
        let wanted = |burst: &mut Burst| (burst.call, burst.ssrc) == (call, ssrc);
        let bursts = self.bursts.extract_if(.., wanted);
        bursts.map(HeardBurst::from).collect()
    }
}

impl From<Burst> for HeardBurst {
    fn from(burst: Burst) -> Self {
        Self {
            call: burst.call,
            ssrc: burst.ssrc,
            frames: burst.recorder.into_frames(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_audio::{FrameType, Mode, Quality};

    const CALL: CallNumber = CallNumber(1);

    fn frame(fill: u8) -> SpeechFrame {
        let kind = FrameType::Speech(Mode::Rate1265);
        SpeechFrame::new(kind, Quality::Good, &[fill; 32]).unwrap()
    }

    fn packet(ssrc: u32, timestamp: u32, marker: bool, fill: u8) -> HeardSpeech {
        let payload = Payload::of_frame(frame(fill));
        HeardSpeech {
            ssrc,
            sequence: 0,
            timestamp,
            marker,
            payload: payload.pack(PayloadFormat::OctetAligned).unwrap(),
        }
    }

    #[test]
    fn a_marker_begins_a_burst_and_sources_do_not_mix() {
        let mut heard = Heard::default();
        for (ssrc, timestamp, marker, fill) in [
            (1, 0, true, 1),
            (2, 5_000, true, 9),
            (1, 640, false, 3),
            (1, 320, false, 2),
            (1, 32_000, true, 4),
            (1, 32_320, false, 5),
        ] {
            heard.packet(CALL, &packet(ssrc, timestamp, marker, fill));
        }
        let bursts = heard.take();
        let frames = |ssrc: u32| {
            let of = bursts.iter().filter(move |burst| burst.ssrc == ssrc);
            of.map(|burst| burst.frames.clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            frames(1),
            [vec![frame(1), frame(2), frame(3)], vec![frame(4), frame(5)]]
        );
        assert_eq!(frames(2), [vec![frame(9)]]);
        assert!(heard.take().is_empty());
    }

    #[test]
    fn the_bursts_of_one_talker_are_taken_without_those_of_another() {
        let mut heard = Heard::default();
        for (ssrc, fill) in [(1, 1), (2, 2), (1, 3)] {
            heard.packet(CALL, &packet(ssrc, u32::from(fill) * 32_000, true, fill));
        }
        let first: Vec<_> = heard
            .take_of(CALL, 1)
            .into_iter()
            .map(|b| b.frames)
            .collect();
        assert_eq!(first, [vec![frame(1)], vec![frame(3)]]);
        assert!(heard.take_of(CallNumber(2), 2).is_empty());
        assert_eq!(heard.take().len(), 1);
    }

    #[test]
    fn a_late_joiner_begins_with_what_she_hears_first() {
        let mut heard = Heard::default();
        heard.packet(CALL, &packet(1, u32::MAX - 100, false, 1));
        heard.packet(CALL, &packet(1, 219, false, 2));
        let bursts = heard.take();
        assert_eq!(bursts.len(), 1);
        assert_eq!(bursts[0].frames, [frame(1), frame(2)]);
    }

    #[test]
    fn what_is_no_speech_leaves_no_trace() {
        let mut heard = Heard::default();
        let mut bad = packet(1, 0, true, 1);
        bad.payload = vec![0xff];
        heard.packet(CALL, &bad);
        assert!(heard.take().is_empty());
    }

    #[test]
    fn the_recorder_is_bounded() {
        let mut heard = Heard::default();
        for burst in 0..200u32 {
            heard.packet(CALL, &packet(1, burst * 64_000, true, 1));
        }
        assert_eq!(heard.take().len(), MAX_BURSTS);
    }
}
