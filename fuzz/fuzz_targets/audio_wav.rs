#![no_main]
//! WAV files: an error or samples, never a panic.
use libfuzzer_sys::fuzz_target;
use roger_audio::read_wav_from;

fuzz_target!(|data: &[u8]| {
    let _ = read_wav_from(data);
});
