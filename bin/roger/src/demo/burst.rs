//! Talk bursts: what is said, and what each listener heard of it.

use super::{DemoError, StoryError};
use roger_audio::{SpeechFrame, read_wav, read_wav_from};
use roger_ue::client::CallNumber;
use roger_ue::shell::{HeardBurst, Speech, Ue};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The speech that ships with the program (16 kHz, mono).
const OWN_SPEECH: &[u8] = include_bytes!("../../../../client/audio/assets/speech.wav");

/// Samples of the longest burst: well below the 30 s that the floor control server allows.
const LONGEST: usize = 20 * 16_000;

/// The voice of the demo: a codec and something to say.
pub(super) struct Voice {
    pub(super) codec: Speech,
    samples: Vec<i16>,
}

impl Voice {
    /// Speech from a WAV file, or the program's own.
    ///
    /// # Errors
    /// [`DemoError`] naming what is wrong with the file or the codec.
    pub(super) fn load(wav: Option<&Path>) -> Result<Self, DemoError> {
        let samples = match wav {
            Some(path) => read_wav(path).map_err(|fault| DemoError::Wav {
                path: path.to_owned(),
                fault,
            })?,
            None => read_wav_from(OWN_SPEECH).map_err(|fault| DemoError::Wav {
                path: "the program's own speech".into(),
                fault,
            })?,
        };
        Ok(Self {
            codec: Speech::load()?,
            samples,
        })
    }

    /// Seconds of the recording.
    pub(super) fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(roger_audio::SAMPLE_RATE)
    }

    /// The recording over and over, coded, at most 20 s.
    pub(super) fn long(&self) -> Result<Vec<SpeechFrame>, StoryError> {
        let samples: Vec<i16> = self.samples.iter().copied().cycle().take(LONGEST).collect();
        Ok(self.codec.encode(&samples)?)
    }

    /// The beginning of the recording, repeated when it is shorter than that.
    pub(super) fn short(&self, seconds: usize) -> Result<Vec<SpeechFrame>, StoryError> {
        let wanted = seconds * roger_audio::SAMPLE_RATE as usize;
        let samples: Vec<i16> = self.samples.iter().copied().cycle().take(wanted).collect();
        Ok(self.codec.encode(&samples)?)
    }
}

/// Tells a talker that enough was said.
#[derive(Clone, Default)]
pub(super) struct Enough(Arc<AtomicBool>);

impl Enough {
    pub(super) fn say(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn said(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Says frames until there are no more, or until it is enough and at least `least` were said; gives what was said.
pub(super) async fn talk(
    ue: &Ue,
    call: CallNumber,
    frames: Vec<SpeechFrame>,
    least: usize,
    enough: &Enough,
) -> Result<Vec<SpeechFrame>, StoryError> {
    let mut said = Vec::with_capacity(frames.len());
    let go_on = frames
        .into_iter()
        .enumerate()
        .take_while(|(number, _)| *number < least || !enough.said())
        .map(|(_, frame)| frame)
        .inspect(|frame| said.push(frame.clone()));
    ue.talk(call, go_on).await?;
    Ok(said)
}

/// A burst with everything that was heard of it.
pub(super) struct SaidBurst {
    /// For people: where and by whom.
    pub(super) title: String,
    pub(super) frames: Vec<SpeechFrame>,
    pub(super) heard: Vec<HeardCopy>,
}

/// What one listener heard of a burst.
pub(super) struct HeardCopy {
    pub(super) listener: String,
    /// Whether the listener came when the burst was on, and so hears only its end.
    pub(super) late: bool,
    pub(super) frames: Vec<SpeechFrame>,
}

impl HeardCopy {
    /// Takes what a UE heard in one call: one burst is expected, more are joined so that the comparison fails.
    pub(super) fn take(ue: &Ue, listener: &str, call: CallNumber, late: bool) -> Self {
        let bursts = ue.take_heard();
        let of_call = bursts.into_iter().filter(|burst| burst.call == call);
        Self {
            listener: listener.to_owned(),
            late,
            frames: of_call.flat_map(|burst: HeardBurst| burst.frames).collect(),
        }
    }
}
