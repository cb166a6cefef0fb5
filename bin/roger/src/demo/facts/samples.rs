//! What was heard equals the codec's own decode of what was said, sample for sample.

use super::{Checked, Violation};
use crate::demo::burst::{HeardCopy, SaidBurst};
use roger_audio::SpeechFrame;
use roger_ue::shell::{Speech, SpeechError};

/// Decodes a burst from its beginning.
type Decode<'a> = dyn Fn(&[SpeechFrame]) -> Result<Vec<i16>, SpeechError> + 'a;

/// Compares every copy with its burst.
pub(super) fn check(bursts: &[SaidBurst], codec: &Speech) -> Checked {
    compare(bursts, &|frames| codec.decode(frames))
}

fn compare(bursts: &[SaidBurst], decode: &Decode<'_>) -> Checked {
    let (mut copies, mut samples) = (0, 0);
    for burst in bursts {
        if burst.heard.is_empty() {
            return Err(Violation::of(format!("nobody heard {}", burst.title)));
        }
        for copy in &burst.heard {
            samples += same(burst, copy, decode)?;
            copies += 1;
        }
        control(burst, decode)?;
    }
    if copies == 0 {
        return Err(Violation::of("nothing was said"));
    }
    Ok(format!(
        "{} bursts, {copies} listeners, {samples} samples compared",
        bursts.len()
    ))
}

/// A listener who came late hears the end of the burst; the others hear all of it.
fn expected<'b>(burst: &'b SaidBurst, copy: &HeardCopy) -> &'b [SpeechFrame] {
    let skipped = if copy.late {
        burst.frames.len().saturating_sub(copy.frames.len())
    } else {
        0
    };
    burst.frames.get(skipped..).unwrap_or_default()
}

fn same(burst: &SaidBurst, copy: &HeardCopy, decode: &Decode<'_>) -> Result<usize, Violation> {
    let failed = |error: SpeechError| Violation::of(error.to_string());
    let heard = decode(&copy.frames).map_err(failed)?;
    let said = decode(expected(burst, copy)).map_err(failed)?;
    if heard.is_empty() || heard != said {
        return Err(Violation::of(format!(
            "{} heard {} frames of {} otherwise than they were said ({})",
            copy.listener,
            copy.frames.len(),
            burst.frames.len(),
            burst.title
        )));
    }
    Ok(heard.len())
}

/// Control: a copy with two frames exchanged is told from the original.
fn control(burst: &SaidBurst, decode: &Decode<'_>) -> Result<(), Violation> {
    let mut frames = burst.frames.clone();
    let middle = frames.len() / 2;
    let other = frames
        .iter()
        .position(|frame| Some(frame) != frames.get(middle));
    let Some(other) = other else {
        return Err(Violation::of(
            "control: every frame of the burst is the same",
        ));
    };
    frames.swap(middle, other);
    let wrong = HeardCopy {
        listener: "nobody".to_owned(),
        late: false,
        frames,
    };
    match same(burst, &wrong, decode) {
        Err(_) => Ok(()),
        Ok(_) => Err(Violation::of(
            "control: altered speech is not told from the original",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_audio::{FrameType, Mode, Quality};

    fn frame(fill: u8) -> SpeechFrame {
        SpeechFrame::new(
            FrameType::Speech(Mode::Rate1265),
            Quality::Good,
            &[fill; 32],
        )
        .unwrap()
    }

    fn burst(heard: Vec<(bool, &[u8])>) -> SaidBurst {
        let frames = |fills: &[u8]| fills.iter().copied().map(frame).collect();
        let copy = |(late, fills)| HeardCopy {
            listener: "bob".to_owned(),
            late,
            frames: frames(fills),
        };
        SaidBurst {
            title: "group".to_owned(),
            frames: frames(&[1, 2, 3, 4]),
            heard: heard.into_iter().map(copy).collect(),
        }
    }

    /// A codec that gives one sample a frame.
    fn judge(burst: SaidBurst) -> Checked {
        let decode = |frames: &[SpeechFrame]| {
            Ok(frames
                .iter()
                .map(|frame| i16::from(frame.octets()[0]))
                .collect())
        };
        compare(&[burst], &decode)
    }

    #[test]
    fn whole_and_late_copies_pass() {
        assert!(judge(burst(vec![(false, &[1, 2, 3, 4]), (true, &[3, 4])])).is_ok());
    }

    #[test]
    fn a_wrong_or_missing_frame_is_found() {
        for heard in [
            (false, &[1, 2, 9, 4][..]),
            (false, &[1, 2, 3]),
            (false, &[2, 1, 3, 4]),
            (true, &[2, 3]),
            (true, &[]),
            (false, &[]),
        ] {
            assert!(
                judge(burst(vec![(false, &[1, 2, 3, 4]), heard])).is_err(),
                "{heard:?}"
            );
        }
        assert!(judge(burst(vec![])).is_err());
        assert!(compare(&[], &|_| Ok(Vec::new())).is_err());
    }
}
