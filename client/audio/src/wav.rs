//! WAV files.

use crate::{ResampleFault, SAMPLE_RATE, resample_to_16_khz};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::{
    fs::File,
    io::{BufReader, Cursor, Read, Seek, Write},
    path::Path,
};
use thiserror::Error;

/// Longest file taken, in sample frames: 20 minutes at 16 kHz, 7 at 48 kHz.
pub const MAX_WAV_FRAMES: usize = 20_000_000;

/// Why a WAV file could not be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WavFault {
    /// The file is no WAV file, or breaks off.
    #[error("not a readable WAV file: {0}")]
    PeerMalformed(String),
    /// The file has a compressed or odd sample format.
    #[error(
        "WAV samples of {bits} bits ({format}): 8, 16, 24, 32 bits integer or 32 bits float can be read"
    )]
    PeerFormat {
        /// Bits of a sample.
        bits: u16,
        /// `integer` or `float`.
        format: &'static str,
    },
    /// More than two channels.
    #[error("WAV file with {0} channels: mono or stereo can be read")]
    PeerChannels(u16),
    /// No samples.
    #[error("the WAV file has no samples")]
    PeerEmpty,
    /// More samples than [`MAX_WAV_FRAMES`].
    #[error("the WAV file is longer than {MAX_WAV_FRAMES} samples a channel")]
    PeerTooLong,
    /// The sample rate cannot be converted.
    #[error(transparent)]
    Resample(#[from] ResampleFault),
    /// The file system refused.
    #[error("WAV file: {0}")]
    LocalIo(#[from] std::io::Error),
}

/// Reads a WAV file of any usual rate, mono or stereo, 8 to 32 bits or float, as 16 kHz mono.
///
/// # Errors
/// [`WavFault`] saying what is wrong with the file.
pub fn read_wav(path: &Path) -> Result<Vec<i16>, WavFault> {
    read_wav_from(BufReader::new(File::open(path)?))
}

/// As [`read_wav`], from any reader.
///
/// # Errors
/// [`WavFault`] saying what is wrong with the file.
pub fn read_wav_from(reader: impl Read) -> Result<Vec<i16>, WavFault> {
    read_bounded(reader, MAX_WAV_FRAMES)
}

fn read_bounded(reader: impl Read, max_frames: usize) -> Result<Vec<i16>, WavFault> {
    let mut reader = WavReader::new(reader).map_err(malformed)?;
    let spec = reader.spec();
    if !matches!(spec.channels, 1 | 2) {
        return Err(WavFault::PeerChannels(spec.channels));
    }
    let samples = match (spec.sample_format, spec.bits_per_sample) {
        (SampleFormat::Int, bits @ (8 | 16 | 24 | 32)) => {
            let full_scale = (1u64 << (bits - 1)) as f64;
            let samples = reader.samples::<i32>();
            mix_down(
                samples.map(|sample| sample.map(|s| (f64::from(s) / full_scale) as f32)),
                spec.channels,
                max_frames,
            )?
        }
        (SampleFormat::Float, 32) => mix_down(reader.samples::<f32>(), spec.channels, max_frames)?,
        (SampleFormat::Int, bits) => {
            return Err(WavFault::PeerFormat {
                bits,
                format: "integer",
            });
        }
        (SampleFormat::Float, bits) => {
            return Err(WavFault::PeerFormat {
                bits,
                format: "float",
            });
        }
    };
    if samples.is_empty() {
        return Err(WavFault::PeerEmpty);
    }
    Ok(resample_to_16_khz(&samples, spec.sample_rate)?)
}

fn malformed(error: hound::Error) -> WavFault {
    match error {
        hound::Error::IoError(error) if error.kind() != std::io::ErrorKind::Other => {
            WavFault::PeerMalformed(error.to_string())
        }
        other => WavFault::PeerMalformed(other.to_string()),
    }
}

/// The mean of the channels, bounded.
fn mix_down(
    mut samples: impl Iterator<Item = hound::Result<f32>>,
    channels: u16,
    max_frames: usize,
) -> Result<Vec<f32>, WavFault> {
    let mut mono = Vec::new();
    while let Some(first) = samples.next() {
        if mono.len() == max_frames {
            return Err(WavFault::PeerTooLong);
        }
        let mut sum = first.map_err(malformed)?;
        for _ in 1..channels {
            let missing = || WavFault::PeerMalformed("the last sample lacks a channel".to_owned());
            sum += samples.next().ok_or_else(missing)?.map_err(malformed)?;
        }
        mono.push(sum / f32::from(channels));
    }
    Ok(mono)
}

const OUR_FORMAT: WavSpec = WavSpec {
    channels: 1,
    sample_rate: SAMPLE_RATE,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};

/// Writes 16 kHz mono samples with 16 bits.
///
/// # Errors
/// [`WavFault::LocalIo`].
pub fn write_wav(path: &Path, samples: &[i16]) -> Result<(), WavFault> {
    std::fs::write(path, wav_octets(samples)?)?;
    Ok(())
}

/// The octets of the file that [`write_wav`] writes.
///
/// # Errors
/// [`WavFault::PeerTooLong`] when the samples do not fit a WAV file.
pub fn wav_octets(samples: &[i16]) -> Result<Vec<u8>, WavFault> {
    let mut octets = Cursor::new(Vec::new());
    write_to(&mut octets, samples)?;
    Ok(octets.into_inner())
}

fn write_to(out: impl Write + Seek, samples: &[i16]) -> Result<(), WavFault> {
    let fault = |error: hound::Error| match error {
        hound::Error::IoError(error) => WavFault::LocalIo(error),
        _ => WavFault::PeerTooLong,
    };
    let mut writer = WavWriter::new(out, OUR_FORMAT).map_err(fault)?;
    samples
        .iter()
        .try_for_each(|sample| writer.write_sample(*sample))
        .map_err(fault)?;
    writer.finalize().map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file<S: hound::Sample + Copy>(spec: WavSpec, samples: &[S]) -> Vec<u8> {
        let mut octets = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut octets, spec).unwrap();
        samples
            .iter()
            .for_each(|sample| writer.write_sample(*sample).unwrap());
        writer.finalize().unwrap();
        octets.into_inner()
    }

    fn spec(
        channels: u16,
        sample_rate: u32,
        bits_per_sample: u16,
        sample_format: SampleFormat,
    ) -> WavSpec {
        WavSpec {
            channels,
            sample_rate,
            bits_per_sample,
            sample_format,
        }
    }

    fn read(octets: &[u8]) -> Result<Vec<i16>, WavFault> {
        read_wav_from(octets)
    }

    #[test]
    fn every_sample_format_gives_the_same_speech() {
        let int = SampleFormat::Int;
        for bits in [8u16, 16, 24, 32] {
            let scale = 1i32 << (bits - 2);
            let octets = file(spec(1, 16_000, bits, int), &[scale, -scale, 0]);
            assert_eq!(read(&octets).unwrap(), [16_384, -16_384, 0], "{bits} bits");
        }
        let octets = file(
            spec(1, 16_000, 32, SampleFormat::Float),
            &[0.5f32, -0.5, 0.0],
        );
        assert_eq!(read(&octets).unwrap(), [16_384, -16_384, 0]);
    }

    #[test]
    fn stereo_becomes_the_mean() {
        let octets = file(
            spec(2, 16_000, 16, SampleFormat::Int),
            &[100i16, 300, -100, -300],
        );
        assert_eq!(read(&octets).unwrap(), [200, -200]);
    }

    #[test]
    fn other_rates_keep_the_duration() {
        for (rate, channels) in [(8_000, 1), (44_100, 2), (48_000, 2)] {
            let samples = vec![1000i16; rate as usize * usize::from(channels)];
            let heard = read(&file(spec(channels, rate, 16, SampleFormat::Int), &samples)).unwrap();
            assert!(heard.len().abs_diff(16_000) <= 2, "{rate}: {}", heard.len());
            assert!(heard[8_000].abs_diff(1000) < 10, "{rate}: {}", heard[8_000]);
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heard.wav");
        let samples: Vec<i16> = (0..5000)
            .map(|n| (n * 13 % 65_536 - 32_768) as i16)
            .collect();
        write_wav(&path, &samples).unwrap();
        assert_eq!(read_wav(&path).unwrap(), samples);
        assert!(matches!(
            write_wav(&folder.path().join("no/where.wav"), &samples),
            Err(WavFault::LocalIo(_))
        ));
        assert!(matches!(
            read_wav(&folder.path().join("none.wav")),
            Err(WavFault::LocalIo(_))
        ));
    }

    #[test]
    fn every_refusal_has_its_reason() {
        let int = SampleFormat::Int;
        let three = file(spec(3, 16_000, 16, int), &[0i16; 3]);
        assert!(matches!(read(&three), Err(WavFault::PeerChannels(3))));
        assert!(matches!(
            read(&file::<i16>(spec(1, 16_000, 16, int), &[])),
            Err(WavFault::PeerEmpty)
        ));
        let fast = file(spec(1, 200_000, 16, int), &[0i16; 3]);
        assert!(matches!(
            read(&fast),
            Err(WavFault::Resample(ResampleFault::PeerRate(200_000)))
        ));
        assert!(matches!(
            read(b"RIFF, but no more"),
            Err(WavFault::PeerMalformed(_))
        ));
        assert!(matches!(read(b""), Err(WavFault::PeerMalformed(_))));
        let whole = file(spec(1, 16_000, 16, int), &[0i16; 100]);
        assert!(matches!(
            read(&whole[..100]),
            Err(WavFault::PeerMalformed(_))
        ));
        let mut compressed = whole.clone();
        compressed[20] = 2;
        assert!(matches!(read(&compressed), Err(WavFault::PeerMalformed(_))));
    }

    #[test]
    fn a_file_that_never_ends_is_cut_off() {
        let mut head = file(spec(1, 16_000, 8, SampleFormat::Int), &[0i8]);
        head.truncate(40);
        head.extend(u32::MAX.to_le_bytes());
        let endless = head.chain(std::io::repeat(0x80).take(100_000));
        assert!(matches!(
            read_bounded(endless, 1000),
            Err(WavFault::PeerTooLong)
        ));
    }

    #[test]
    fn the_speech_of_the_demo_is_ready_to_use() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/speech.wav");
        let samples = read_wav(&path).unwrap();
        assert!(
            (48_000..80_000).contains(&samples.len()),
            "{}",
            samples.len()
        );
        assert!(std::fs::metadata(path).unwrap().len() < 150_000);
        assert!(
            samples.iter().any(|sample| sample.unsigned_abs() > 8_000),
            "it is loud enough"
        );
    }

    proptest! {
        #[test]
        fn noise_after_a_good_head_never_panics(cut in 0usize..60, noise in prop::collection::vec(any::<u8>(), 0..200)) {
            let head = file(spec(1, 16_000, 16, SampleFormat::Int), &[0i16; 8]);
            let octets = [&head[..cut.min(head.len())], noise.as_slice()].concat();
            let _ = read(&octets);
        }
    }
}
