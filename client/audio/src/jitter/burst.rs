//! One talk burst in the buffer. All times are in samples of 16 kHz, RTP timestamps relative to the first.

use super::{Arrival, FRAME, JitterSettings, JitterStatistics, samples};
use crate::{FrameType, SpeechFrame};
use std::collections::{BTreeMap, VecDeque};

/// A jump of the timestamp that no network makes, two seconds: the sender started anew.
const JUMP: i64 = 2 * 16_000;
/// Frames played between two that are skipped: 20 ms given back in 100.
const FRAMES_BETWEEN_SKIPS: u32 = 4;
/// Arrivals remembered at most, whatever the history says.
const MAX_ARRIVALS: usize = 1_000;

/// What the front burst has for the next 20 ms.
#[derive(Debug)]
pub(super) enum Step {
    /// Still gathering its first frames.
    Wait,
    /// A frame.
    Play(SpeechFrame),
    /// Nothing left; the frame that fills the gap while more may come, `None` when the burst is over.
    Empty(Option<SpeechFrame>),
}

#[derive(Debug)]
pub(super) struct Burst {
    number: u64,
    ssrc: u32,
    origin: u32,
    frames: BTreeMap<i64, SpeechFrame>,
    /// Arrival and transit time, which is only meaningful against other ones.
    arrivals: VecDeque<(i64, i64)>,
    highest: i64,
    /// True once frames are played.
    playing: bool,
    /// Timestamp to play next; what is before it is late.
    next: i64,
    last_type: Option<FrameType>,
    since_skip: u32,
    empty_since: Option<i64>,
    delay: i64,
}

impl Burst {
    pub(super) fn new(number: u64, packet: &Arrival<'_>) -> Self {
        Self {
            number,
            ssrc: packet.ssrc,
            origin: packet.timestamp,
            frames: BTreeMap::new(),
            arrivals: VecDeque::new(),
            highest: i64::MIN,
            playing: false,
            // Packets that were overtaken by the first may still come.
            next: -JUMP,
            last_type: None,
            since_skip: 0,
            empty_since: None,
            delay: 0,
        }
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    pub(super) const fn delay(&self) -> i64 {
        self.delay
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    fn place(&self, timestamp: u32) -> i64 {
        i64::from(timestamp.wrapping_sub(self.origin).cast_signed())
    }

    /// True when the packet belongs to this burst and does not begin a new one.
    pub(super) fn takes(&self, packet: &Arrival<'_>) -> bool {
        let place = self.place(packet.timestamp);
        let begins = packet.marker && place > self.highest;
        let near = place.saturating_sub(self.highest).abs() <= JUMP;
        packet.ssrc == self.ssrc && near && !begins
    }

    pub(super) fn insert(
        &mut self,
        now: i64,
        packet: &Arrival<'_>,
        settings: &JitterSettings,
        statistics: &mut JitterStatistics,
    ) {
        let first = self.place(packet.timestamp);
        self.note_arrival(now, now - first, settings);
        for (at, frame) in (0i64..).zip(packet.frames) {
            let place = first + at * FRAME;
            self.highest = self.highest.max(place);
            if place < self.next {
                statistics.late += 1;
            } else if self.frames.contains_key(&place) {
                statistics.duplicate += 1;
            } else if self.frames.len() >= settings.max_frames {
                statistics.overflow += 1;
            } else {
                self.frames.insert(place, frame.clone());
            }
        }
    }

    fn note_arrival(&mut self, now: i64, transit: i64, settings: &JitterSettings) {
        self.arrivals.push_back((now, transit));
        let oldest = now - samples(settings.history);
        while self.arrivals.len() > MAX_ARRIVALS
            || self.arrivals.front().is_some_and(|(at, _)| *at < oldest)
        {
            self.arrivals.pop_front();
        }
    }

    pub(super) fn step(
        &mut self,
        now: i64,
        settings: &JitterSettings,
        statistics: &mut JitterStatistics,
    ) -> Step {
        if !self.playing && !self.start(now, settings) {
            return if self.frames.is_empty() {
                Step::Empty(None)
            } else {
                Step::Wait
            };
        }
        if self.frames.is_empty() {
            return self.step_empty(now, settings, statistics);
        }
        self.empty_since = None;
        self.give_delay_back(now, settings, statistics);
        let Some(frame) = self.take_next() else {
            return Step::Play(self.step_missing(now, settings, statistics));
        };
        self.delay = self.delay_at(now);
        self.next += FRAME;
        self.since_skip += 1;
        self.last_type = Some(frame.frame_type());
        statistics.played += 1;
        Step::Play(frame)
    }

    /// Begins to play when the first frame has waited long enough.
    fn start(&mut self, now: i64, settings: &JitterSettings) -> bool {
        let Some((first, _)) = self.frames.first_key_value() else {
            return false;
        };
        let first = *first;
        let fastest = self.fastest_transit().unwrap_or(now - first);
        if now - first - fastest < samples(settings.start_delay) {
            return false;
        }
        self.next = first;
        self.playing = true;
        self.since_skip = 0;
        true
    }

    fn fastest_transit(&self) -> Option<i64> {
        self.arrivals.iter().map(|(_, transit)| *transit).min()
    }

    /// The frame whose time has come; timestamps off the 20 ms grid are taken where they fall.
    fn take_next(&mut self) -> Option<SpeechFrame> {
        let (place, _) = self.frames.range(..self.next + FRAME).next()?;
        let place = *place;
        self.frames.remove(&place)
    }

    /// Nothing is there. In a pause of the sender time goes on; otherwise waiting gains delay, up to the most.
    fn step_empty(
        &mut self,
        now: i64,
        settings: &JitterSettings,
        statistics: &mut JitterStatistics,
    ) -> Step {
        let since = *self.empty_since.get_or_insert(now);
        if now - since >= samples(settings.end_of_burst) {
            self.end();
            return Step::Empty(None);
        }
        let pause = self.is_pause();
        if pause || self.delay_at(now) + FRAME > samples(settings.max_delay) {
            self.next += FRAME;
            statistics.lost += u64::from(!pause);
        } else {
            statistics.stretched += 1;
        }
        Step::Empty(Some(self.filler()))
    }

    /// The frame is missing, later ones are there: wait once more when the jitter asks for it.
    fn step_missing(
        &mut self,
        now: i64,
        settings: &JitterSettings,
        statistics: &mut JitterStatistics,
    ) -> SpeechFrame {
        if !self.is_pause() && self.delay_at(now) + FRAME <= self.target(settings) {
            statistics.stretched += 1;
        } else {
            self.next += FRAME;
            statistics.lost += u64::from(!self.is_pause());
        }
        self.filler()
    }

    /// Skips what need not be played while the delay is more than one frame over the aim: missing frames
    /// freely, others only now and then, because each is heard.
    fn give_delay_back(
        &mut self,
        now: i64,
        settings: &JitterSettings,
        statistics: &mut JitterStatistics,
    ) {
        while self.frames.len() > 1 && self.delay_at(now) > self.target(settings) + FRAME {
            let missing = self.frames.range(..self.next + FRAME).next().is_none();
            if missing {
                statistics.lost += u64::from(!self.is_pause());
            } else if self.since_skip >= FRAMES_BETWEEN_SKIPS {
                self.take_next();
                self.since_skip = 0;
                statistics.skipped += 1;
            } else {
                return;
            }
            self.next += FRAME;
        }
    }

    /// How long a frame of timestamp `next` has waited, had it come as fast as the fastest.
    fn delay_at(&self, now: i64) -> i64 {
        self.fastest_transit()
            .map_or(0, |fastest| now - self.next - fastest)
    }

    /// The delay that the jitter of the last seconds asks for.
    fn target(&self, settings: &JitterSettings) -> i64 {
        let transits = self.arrivals.iter().map(|(_, transit)| *transit);
        let (fastest, slowest) = (
            transits.clone().min().unwrap_or(0),
            transits.max().unwrap_or(0),
        );
        (slowest - fastest + FRAME).clamp(samples(settings.min_delay), samples(settings.max_delay))
    }

    fn is_pause(&self) -> bool {
        matches!(self.last_type, Some(FrameType::Sid | FrameType::NoData))
    }

    fn filler(&self) -> SpeechFrame {
        if self.is_pause() {
            SpeechFrame::no_data()
        } else {
            SpeechFrame::lost()
        }
    }

    /// The burst is over; should more come, it waits as at the start.
    fn end(&mut self) {
        self.playing = false;
        self.empty_since = None;
        self.last_type = None;
        self.arrivals.clear();
        self.delay = 0;
    }
}
