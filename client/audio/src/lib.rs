//! Speech of a client: AMR-WB, its RTP payload format, WAV files, a jitter buffer.
//!
//! Everything speaks 16 kHz mono, frames of 20 ms: [`FRAME_SAMPLES`] samples, one [`SpeechFrame`]
//! (TS 26.179: AMR-WB is the mandatory codec).
//!
//! * [`AmrWb`] loads the codec libraries of the system at run time and makes encoders and decoders.
//! * [`Payload`] packs frames into RTP payloads and back (RFC 4867).
//! * [`read_wav`] takes any rate, mono or stereo; [`write_wav`] writes what was heard.
//! * [`JitterBuffer`] puts frames in order and in time, [`BurstRecorder`] only in order.

mod amrwb;
mod frame;
mod jitter;
mod payload;
mod pcm;
mod recorder;
mod resample;
mod wav;

pub use amrwb::{AmrWb, CodecError, Decoder, Dtx, Encoder};
pub use frame::{FrameType, Mode, Quality, SpeechFrame};
pub use jitter::{Arrival, JitterBuffer, JitterSettings, JitterStatistics, Playout};
pub use payload::{MAX_FRAMES_PER_PACKET, Payload, PayloadError, PayloadFormat};
pub use pcm::{Pcm, frames};
pub use recorder::BurstRecorder;
pub use resample::{ResampleFault, resample_to_16_khz};
pub use wav::{MAX_WAV_FRAMES, WavFault, read_wav, read_wav_from, wav_octets, write_wav};

/// Samples per second of AMR-WB.
pub const SAMPLE_RATE: u32 = 16_000;

/// Samples of a frame of 20 ms, also its step of the RTP timestamp (RFC 4867 cl. 4.1).
pub const FRAME_SAMPLES: usize = 320;
