//! The voice of a UE without a sound device: a recording, coded and said at the pace of a microphone.

use roger_audio::{SAMPLE_RATE, SpeechFrame, WavFault, read_wav, read_wav_from};
use roger_ue::client::CallNumber;
use roger_ue::shell::{Speech, SpeechError, Ue};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use thiserror::Error;

/// The speech that ships with the program (16 kHz, mono).
const OWN_SPEECH: &[u8] = include_bytes!("../../../../client/audio/assets/speech.wav");

/// Seconds of the longest burst: below the 30 s that the floor control server allows.
const LONGEST_SECONDS: usize = 20;

/// Why there is nothing to say.
#[derive(Debug, Error)]
pub(super) enum VoiceError {
    /// The file cannot be used.
    #[error("{}: {fault}", path.display())]
    Wav {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: WavFault,
    },
    /// The codec is missing or failed.
    #[error(transparent)]
    Speech(#[from] SpeechError),
}

/// A codec and something to say.
pub(super) struct Voice {
    pub(super) codec: Speech,
    samples: Vec<i16>,
}

impl Voice {
    /// Speech from a WAV file, or the program's own.
    ///
    /// # Errors
    /// [`VoiceError`] naming what is wrong with the file or the codec.
    pub(super) fn load(wav: Option<&Path>) -> Result<Self, VoiceError> {
        let path = wav.unwrap_or(Path::new("the program's own speech"));
        let failed = |fault| VoiceError::Wav {
            path: path.to_owned(),
            fault,
        };
        let samples = match wav {
            Some(path) => read_wav(path).map_err(failed)?,
            None => read_wav_from(OWN_SPEECH).map_err(failed)?,
        };
        Ok(Self {
            codec: Speech::load()?,
            samples,
        })
    }

    /// Seconds of the recording.
    pub(super) fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(SAMPLE_RATE)
    }

    /// The recording over and over, 20 s in all, coded.
    pub(super) fn long(&self) -> Result<Vec<SpeechFrame>, SpeechError> {
        self.coded(LONGEST_SECONDS * SAMPLE_RATE as usize)
    }

    /// The beginning of the recording, repeated when it is shorter than that.
    pub(super) fn short(&self, seconds: usize) -> Result<Vec<SpeechFrame>, SpeechError> {
        self.coded(seconds * SAMPLE_RATE as usize)
    }

    fn coded(&self, samples: usize) -> Result<Vec<SpeechFrame>, SpeechError> {
        let samples: Vec<i16> = self.samples.iter().copied().cycle().take(samples).collect();
        self.codec.encode(&samples)
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
) -> Result<Vec<SpeechFrame>, SpeechError> {
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
