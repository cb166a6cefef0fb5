//! Talk bursts: what was said, and what each listener heard of it.

use roger_audio::SpeechFrame;
use roger_ue::client::CallNumber;
use roger_ue::shell::{HeardBurst, Ue};

/// A burst with everything that was heard of it.
pub(super) struct SaidBurst {
    /// For people: where and by whom.
    pub(super) title: String,
    pub(super) frames: Vec<SpeechFrame>,
    pub(super) heard: Vec<HeardCopy>,
}

/// What one listener heard of a burst.
pub(super) struct HeardCopy {
    pub(super) listener: String,
    /// Whether the listener came when the burst was on, and so hears only its end.
    pub(super) late: bool,
    pub(super) frames: Vec<SpeechFrame>,
}

impl HeardCopy {
    /// Takes what a UE heard in one call: one burst is expected, more are joined so that the comparison fails.
    pub(super) fn take(ue: &Ue, listener: &str, call: CallNumber, late: bool) -> Self {
        let bursts = ue.take_heard();
        let of_call = bursts.into_iter().filter(|burst| burst.call == call);
        Self {
            listener: listener.to_owned(),
            late,
            frames: of_call.flat_map(|burst: HeardBurst| burst.frames).collect(),
        }
    }
}
