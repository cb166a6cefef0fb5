//! Any sample rate to 16 kHz.

use crate::SAMPLE_RATE;
use rubato::{
    Fft, FixedSync, Resampler, WindowFunction, audioadapter::Adapter,
    audioadapter_buffers::direct::InterleavedSlice,
};
use thiserror::Error;

/// Rates taken, in Hz: telephony and below to studio.
const RATES: core::ops::RangeInclusive<u32> = 4_000..=192_000;
/// Samples of output in one block of the resampler: a sharp filter, at any input rate.
const BLOCK: usize = 1024;

/// Why samples could not be resampled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResampleFault {
    /// The rate is outside 4 to 192 kHz.
    #[error("sample rate {0} Hz, from {min} to {max} possible", min = RATES.start(), max = RATES.end())]
    PeerRate(u32),
    /// The resampling library refused.
    #[error("resampling failed: {0}")]
    Local(String),
}

/// Mono samples between -1 and 1 at `rate` Hz, as 16-bit samples at 16 kHz. At 16 kHz they are only rounded.
///
/// # Errors
/// [`ResampleFault::PeerRate`] for a rate outside 4 to 192 kHz.
pub fn resample_to_16_khz(samples: &[f32], rate: u32) -> Result<Vec<i16>, ResampleFault> {
    if !RATES.contains(&rate) {
        return Err(ResampleFault::PeerRate(rate));
    }
    if rate == SAMPLE_RATE {
        return Ok(samples.iter().copied().map(to_16_bits).collect());
    }
    let local = |error: &dyn core::fmt::Display| ResampleFault::Local(error.to_string());
    let (from, to) = (rate as usize, SAMPLE_RATE as usize);
    let block = (from * BLOCK).div_ceil(to);
    let window = WindowFunction::BlackmanHarris2;
    let mut resampler = Fft::<f32>::new_custom(from, to, block, 1, 1, window, FixedSync::Input)
        .map_err(|error| local(&error))?;
    let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|error| local(&error))?;
    let output = resampler
        .process_all(&input, samples.len(), None)
        .map_err(|error| local(&error))?;
    let frames = output.frames();
    Ok((0..frames)
        .map(|frame| to_16_bits(output.read_sample(0, frame).unwrap_or_default()))
        .collect())
}

/// Rounds to 16 bits; what is out of range is clipped, what is no number is silence.
fn to_16_bits(sample: f32) -> i16 {
    // A cast from float to integer saturates and takes NaN for 0.
    (sample * 32_768.0).round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hertz: f64, seconds: f64) -> Vec<f32> {
        let count = (f64::from(rate) * seconds) as u32;
        let phase = |n: u32| core::f64::consts::TAU * hertz * f64::from(n) / f64::from(rate);
        (0..count).map(|n| 0.5 * phase(n).sin() as f32).collect()
    }

    /// Amplitude and phase of a tone in the samples, and the root mean square of all else, away from the edges.
    fn analyse(samples: &[i16], hertz: f64) -> (f64, f64, f64) {
        // 12,800 samples hold a whole number of periods of a tone of 1000 Hz.
        let phase = |n: usize| core::f64::consts::TAU * hertz * n as f64 / f64::from(SAMPLE_RATE);
        let middle: Vec<(f64, f64)> = (1600..14_400)
            .map(|n| (f64::from(samples[n]) / 32_768.0, phase(n)))
            .collect();
        let scale = 2.0 / middle.len() as f64;
        let sine = scale
            * middle
                .iter()
                .map(|(sample, phase)| sample * phase.sin())
                .sum::<f64>();
        let cosine = scale
            * middle
                .iter()
                .map(|(sample, phase)| sample * phase.cos())
                .sum::<f64>();
        let rest = middle
            .iter()
            .map(|(s, p)| (s - sine * p.sin() - cosine * p.cos()).powi(2));
        let rest = (rest.sum::<f64>() / middle.len() as f64).sqrt();
        (sine.hypot(cosine), cosine.atan2(sine), rest)
    }

    #[test]
    fn a_tone_stays_the_same_tone_at_every_usual_rate() {
        for rate in [
            8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000, 44_101,
        ] {
            let samples = resample_to_16_khz(&tone(rate, 1000.0, 1.0), rate).unwrap();
            assert!(
                samples.len().abs_diff(16_000) <= 2,
                "{rate}: {} samples",
                samples.len()
            );
            let (amplitude, phase, rest) = analyse(&samples, 1000.0);
            assert!(
                (amplitude - 0.5).abs() < 0.005,
                "{rate}: amplitude {amplitude}"
            );
            assert!(
                phase.abs() < 0.4,
                "{rate}: shifted by more than a sample, {phase}"
            );
            assert!(rest < 0.001, "{rate}: distortion {rest}");
        }
    }

    #[test]
    fn what_16_khz_cannot_carry_is_filtered_out() {
        let samples = resample_to_16_khz(&tone(48_000, 12_000.0, 1.0), 48_000).unwrap();
        let loudest = samples[1600..14_400]
            .iter()
            .map(|sample| sample.unsigned_abs())
            .max();
        assert!(loudest < Some(200), "{loudest:?}");
    }

    #[test]
    fn at_16_khz_samples_are_kept_exactly() {
        let all: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let floats: Vec<f32> = all
            .iter()
            .map(|sample| f32::from(*sample) / 32_768.0)
            .collect();
        assert_eq!(resample_to_16_khz(&floats, 16_000).unwrap(), all);
    }

    #[test]
    fn loud_samples_are_clipped_and_nonsense_is_silence() {
        let samples = [2.0, -2.0, f32::NAN, f32::INFINITY];
        assert_eq!(
            resample_to_16_khz(&samples, 16_000).unwrap(),
            [32_767, -32_768, 0, 32_767]
        );
    }

    #[test]
    fn absurd_rates_are_refused() {
        for rate in [0, 3_999, 192_001, u32::MAX] {
            assert_eq!(
                resample_to_16_khz(&[0.0; 10], rate),
                Err(ResampleFault::PeerRate(rate))
            );
        }
    }
}
