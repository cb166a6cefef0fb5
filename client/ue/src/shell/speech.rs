//! Speech for a call: coding, and saying it at the pace of a microphone.

use super::Inner;
use crate::client::{CallNumber, UeInput};
use core::time::Duration;
use roger_audio::{
    AmrWb, CodecError, Dtx, Mode, Payload, PayloadError, PayloadFormat, Pcm, SpeechFrame, frames,
};
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Time of one frame.
const FRAME_TIME: Duration = Duration::from_millis(20);
/// From the last frame to the end of a burst. Media and floor control take different sockets: a Floor Release sent at
/// once overtakes the last packets, which are then dropped as sent without the floor (TS 24.380 cl. 6.3.5.3.8).
const LAST_PACKETS: Duration = Duration::from_millis(100);
/// The rate of the talkers of this program.
const MODE: Mode = Mode::Rate2385;

/// Why speech was not coded or said.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpeechError {
    /// The codec is missing or failed.
    #[error(transparent)]
    LocalCodec(#[from] CodecError),
    /// A frame does not go into a packet.
    #[error(transparent)]
    LocalPayload(#[from] PayloadError),
}

/// The codec of the system, ready to code and decode whole bursts.
pub struct Speech(AmrWb);

impl Speech {
    /// Loads the codec.
    ///
    /// # Errors
    /// [`SpeechError::LocalCodec`] naming the library that is missing.
    pub fn load() -> Result<Self, SpeechError> {
        Ok(Self(AmrWb::load()?))
    }

    /// Codes samples at 16 kHz.
    ///
    /// # Errors
    /// [`SpeechError::LocalCodec`].
    pub fn encode(&self, samples: &[i16]) -> Result<Vec<SpeechFrame>, SpeechError> {
        let mut encoder = self.0.encoder(MODE, Dtx::Off)?;
        let coded: Result<Vec<_>, CodecError> = frames(samples)
            .map(|frame: Pcm| encoder.encode(&frame))
            .collect();
        Ok(coded?)
    }

    /// Decodes one burst from its beginning.
    ///
    /// # Errors
    /// [`SpeechError::LocalCodec`].
    pub fn decode(&self, burst: &[SpeechFrame]) -> Result<Vec<i16>, SpeechError> {
        let mut decoder = self.0.decoder()?;
        Ok(burst
            .iter()
            .flat_map(|frame| decoder.decode(frame))
            .collect())
    }
}

/// Says the frames; when it returns, the floor may be released without a loss.
pub(super) async fn talk(
    inner: &Inner,
    call: CallNumber,
    burst: impl Iterator<Item = SpeechFrame>,
) -> Result<(), SpeechError> {
    let mut clock = interval(FRAME_TIME);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for frame in burst {
        clock.tick().await;
        let payload = Payload::of_frame(frame).pack(PayloadFormat::OctetAligned)?;
        inner.input(UeInput::Speech(call, payload));
    }
    sleep(LAST_PACKETS).await;
    Ok(())
}
