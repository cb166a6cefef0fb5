//! Speech as samples.

use crate::FRAME_SAMPLES;

/// One frame of samples.
pub type Pcm = [i16; FRAME_SAMPLES];

/// Cuts samples into frames; the last one is filled with silence.
pub fn frames(samples: &[i16]) -> impl Iterator<Item = Pcm> + '_ {
    samples.chunks(FRAME_SAMPLES).map(|chunk| {
        let mut frame = [0; FRAME_SAMPLES];
        frame
            .iter_mut()
            .zip(chunk)
            .for_each(|(to, from)| *to = *from);
        frame
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_frame_is_filled_with_silence() {
        let samples = vec![7; 321];
        let frames: Vec<Pcm> = frames(&samples).collect();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0], [7; 320]);
        assert_eq!((frames[1][0], frames[1][1]), (7, 0));
    }
}
