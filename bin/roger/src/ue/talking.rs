//! A user who talks: a recording, said once or for as long as the button is down.

use super::UeCommandError;
use roger_audio::{SpeechFrame, read_wav, read_wav_from};
use roger_ue::client::CallNumber;
use roger_ue::shell::{Speech, SpeechError, Ue};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::task::{JoinError, JoinHandle};

/// The speech that ships with the program (16 kHz, mono); said by who names no file.
const OWN_SPEECH: &[u8] = include_bytes!("../../../../client/audio/assets/speech.wav");
/// Frames of one second.
pub(super) const FRAMES_PER_SECOND: f64 = 50.0;

/// A coded recording.
pub(super) struct Recording(Arc<[SpeechFrame]>);

impl Recording {
    /// Codes a WAV file, or the program's own speech.
    ///
    /// # Errors
    /// [`UeCommandError`] naming what is wrong with the file or the codec.
    pub(super) fn load(codec: &Speech, wav: Option<&Path>) -> Result<Self, UeCommandError> {
        let read = wav.map_or_else(|| read_wav_from(OWN_SPEECH), read_wav);
        let samples = read.map_err(|fault| UeCommandError::Wav {
            path: wav
                .unwrap_or(Path::new("the program's own speech"))
                .to_owned(),
            fault,
        })?;
        Ok(Self(codec.encode(&samples)?.into()))
    }

    /// Frames of the whole recording.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Begins to say it, on a task of its own.
    pub(super) fn say(&self, ue: &Arc<Ue>, call: CallNumber, length: Length) -> Talking {
        let (enough, said) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let most = match length {
            Length::Once => self.0.len(),
            Length::UntilStopped => usize::MAX,
        };
        let (ue, frames) = (Arc::clone(ue), Arc::clone(&self.0));
        let (stop, counted) = (Arc::clone(&enough), Arc::clone(&said));
        let task = tokio::spawn(async move {
            let frames = frames.iter().cycle().take(most).cloned();
            let counting = frames
                .take_while(|_| !stop.load(Ordering::Relaxed))
                .inspect(|_| {
                    counted.fetch_add(1, Ordering::Relaxed);
                });
            ue.talk(call, counting).await
        });
        Talking {
            call,
            length,
            enough,
            said,
            task,
        }
    }
}

/// How much of a recording is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// All of it, once.
    Once,
    /// Over and over, until told to stop.
    UntilStopped,
}

/// A user who is talking.
pub(super) struct Talking {
    pub(super) call: CallNumber,
    pub(super) length: Length,
    enough: Arc<AtomicBool>,
    said: Arc<AtomicUsize>,
    task: JoinHandle<Result<(), SpeechError>>,
}

impl Talking {
    /// Says no further frame.
    pub(super) fn stop(&self) {
        self.enough.store(true, Ordering::Relaxed);
    }

    /// Frames said until now.
    pub(super) fn frames(&self) -> usize {
        self.said.load(Ordering::Relaxed)
    }

    /// Waits for the last frame.
    pub(super) async fn end(&mut self) -> Result<(), TalkError> {
        Ok((&mut self.task).await??)
    }
}

/// Why talking broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum TalkError {
    #[error(transparent)]
    Speech(#[from] SpeechError),
    #[error(transparent)]
    Task(#[from] JoinError),
}

/// Frames as seconds.
#[allow(clippy::cast_precision_loss)] // a burst has some thousand frames
pub(super) fn seconds(frames: usize) -> f64 {
    frames as f64 / FRAMES_PER_SECOND
}
