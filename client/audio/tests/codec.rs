//! AMR-WB by the system's libraries. Without them these tests are skipped with a message, under CI=true they fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use roger_audio::{AmrWb, Dtx, FrameType, Mode, Pcm, SpeechFrame, frames, read_wav};
use std::path::Path;

fn codec() -> Option<AmrWb> {
    match AmrWb::load() {
        Ok(codec) => Some(codec),
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{error}");
            eprintln!("skipped: {error}");
            None
        }
    }
}

fn speech() -> Vec<Pcm> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/speech.wav");
    frames(&read_wav(&path).unwrap()).collect()
}

fn encode(codec: &AmrWb, mode: Mode, dtx: Dtx, speech: &[Pcm]) -> Vec<SpeechFrame> {
    let mut encoder = codec.encoder(mode, dtx).unwrap();
    speech
        .iter()
        .map(|samples| encoder.encode(samples).unwrap())
        .collect()
}

fn decode(codec: &AmrWb, coded: &[SpeechFrame]) -> Vec<i16> {
    let mut decoder = codec.decoder().unwrap();
    coded
        .iter()
        .flat_map(|frame| decoder.decode(frame))
        .collect()
}

fn energy(samples: &[i16]) -> f64 {
    samples
        .iter()
        .map(|sample| f64::from(*sample).powi(2))
        .sum::<f64>()
        / samples.len() as f64
}

/// Best normalised correlation of two signals over delays of up to 20 ms.
fn likeness(one: &[i16], other: &[i16]) -> f64 {
    let scale = (energy(one) * energy(other)).sqrt() * one.len() as f64;
    (0..320)
        .step_by(4)
        .map(|delay| {
            let product = one
                .iter()
                .zip(&other[delay..])
                .map(|(a, b)| f64::from(*a) * f64::from(*b));
            product.sum::<f64>() / scale
        })
        .fold(0.0, f64::max)
}

#[test]
fn every_mode_carries_speech() {
    let Some(codec) = codec() else { return };
    let speech = speech();
    let original: Vec<i16> = speech.iter().flatten().copied().collect();
    for mode in Mode::ALL {
        let coded = encode(&codec, mode, Dtx::Off, &speech);
        assert!(
            coded
                .iter()
                .all(|frame| frame.frame_type() == FrameType::Speech(mode)),
            "{mode:?}"
        );
        let heard = decode(&codec, &coded);
        assert_eq!(heard.len(), original.len());
        let likeness = likeness(&original, &heard);
        let least = if mode == Mode::Rate660 { 0.7 } else { 0.8 };
        assert!(likeness > least, "{mode:?}: likeness {likeness:.3}");
        println!("{mode:?}: likeness {likeness:.3}");
    }
}

#[test]
fn two_decoders_agree_sample_for_sample() {
    let Some(codec) = codec() else { return };
    let coded = encode(&codec, Mode::Rate2385, Dtx::Off, &speech());
    assert_eq!(decode(&codec, &coded), decode(&codec.clone(), &coded));
}

#[test]
fn the_mode_can_change_between_frames() {
    let Some(codec) = codec() else { return };
    let mut encoder = codec.encoder(Mode::Rate660, Dtx::Off).unwrap();
    for (samples, mode) in speech().iter().zip(Mode::ALL.iter().cycle()) {
        encoder.set_mode(*mode);
        assert_eq!(
            encoder.encode(samples).unwrap().frame_type(),
            FrameType::Speech(*mode)
        );
    }
}

#[test]
fn silence_becomes_comfort_noise_with_dtx() {
    let Some(codec) = codec() else { return };
    let coded = encode(&codec, Mode::Rate1265, Dtx::On, &[[0; 320]; 100]);
    let sids = coded
        .iter()
        .filter(|frame| frame.frame_type() == FrameType::Sid)
        .count();
    let pauses = coded
        .iter()
        .filter(|frame| frame.frame_type() == FrameType::NoData)
        .count();
    assert!(
        sids >= 8 && pauses >= 60,
        "{sids} SID, {pauses} without data"
    );
    assert!(
        energy(&decode(&codec, &coded)) < 10_000.0,
        "comfort noise is soft"
    );
}

#[test]
fn lost_frames_are_concealed_and_then_fade() {
    let Some(codec) = codec() else { return };
    let mut coded = encode(&codec, Mode::Rate1265, Dtx::Off, &speech());
    let whole = decode(&codec, &coded);
    coded[60] = SpeechFrame::lost();
    let concealed = decode(&codec, &coded);
    let gap = 60 * 320..61 * 320;
    assert_ne!(whole[gap.clone()], concealed[gap]);
    coded.truncate(40);
    coded.extend(vec![SpeechFrame::lost(); 40]);
    let faded = decode(&codec, &coded);
    assert!(
        energy(&faded[70 * 320..]) < energy(&whole) / 10.0,
        "a long loss goes silent"
    );
}

#[test]
fn no_data_before_any_speech_is_quiet() {
    let Some(codec) = codec() else { return };
    for frame in [SpeechFrame::no_data(), SpeechFrame::lost()] {
        assert!(energy(&decode(&codec, &vec![frame; 10])) < 100.0);
    }
}

#[test]
fn coders_may_move_to_another_thread() {
    let Some(codec) = codec() else { return };
    let mut encoder = codec.encoder(Mode::Rate1265, Dtx::Off).unwrap();
    drop(codec);
    let coded = std::thread::spawn(move || encoder.encode(&[100; 320]).unwrap())
        .join()
        .unwrap();
    assert_eq!(coded.octets().len(), 32);
}
