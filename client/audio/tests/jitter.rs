//! The jitter buffer in virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use core::time::Duration;
use proptest::prelude::*;
use roger_audio::{
    Arrival, FrameType, JitterBuffer, JitterSettings, Mode, Playout, Quality, SpeechFrame,
};
use roger_base::Instant;
use roger_testkit::SeededRandom;
use std::collections::BTreeMap;

/// A frame that carries its number.
fn frame(number: u32) -> SpeechFrame {
    let octets = [number.to_be_bytes().to_vec(), vec![0; 28]].concat();
    SpeechFrame::new(FrameType::Speech(Mode::Rate1265), Quality::Good, &octets).unwrap()
}

fn number(frame: &SpeechFrame) -> Option<u32> {
    let octets = frame.octets().get(..4)?;
    Some(u32::from_be_bytes(octets.try_into().unwrap()))
}

fn at(milliseconds: u64) -> Instant {
    Instant::from_origin(Duration::from_millis(milliseconds))
}

/// A sender of one burst and the network: packets by their time of arrival.
#[derive(Default)]
struct Network(BTreeMap<u64, Vec<(u32, u32, bool, SpeechFrame)>>);

impl Network {
    fn send(&mut self, arrival: u64, ssrc: u32, n: u32, marker: bool) {
        self.0
            .entry(arrival)
            .or_default()
            .push((ssrc, n.wrapping_mul(320), marker, frame(n)));
    }

    /// Plays from `from` to `until`, in steps of 20 ms; gives what was played, with the delay at that time.
    fn play(
        &mut self,
        buffer: &mut JitterBuffer,
        from: u64,
        until: u64,
    ) -> Vec<(Playout, Duration)> {
        let mut played = Vec::new();
        for now in (from..until).step_by(20) {
            let later = self.0.split_off(&(now + 1));
            for (time, packets) in std::mem::replace(&mut self.0, later) {
                for (ssrc, timestamp, marker, frame) in packets {
                    buffer.insert(
                        at(time),
                        &Arrival {
                            ssrc,
                            timestamp,
                            marker,
                            frames: &[frame],
                        },
                    );
                }
            }
            let playout = buffer.pull(at(now));
            played.push((playout, buffer.delay()));
        }
        played
    }
}

fn numbers(played: &[(Playout, Duration)]) -> Vec<u32> {
    played
        .iter()
        .filter_map(|(playout, _)| match playout {
            Playout::Frame { frame, .. } => number(frame),
            Playout::Silent => None,
        })
        .collect()
}

#[test]
fn a_quiet_network_gives_every_frame_once_in_order_after_the_start_delay() {
    let mut network = Network::default();
    (0..100).for_each(|n| network.send(1000 + 20 * u64::from(n), 1, n, n == 0));
    let mut buffer = JitterBuffer::new(JitterSettings::default());
    let played = network.play(&mut buffer, 1000, 4000);
    assert_eq!(numbers(&played), (0..100).collect::<Vec<_>>());
    let first = played
        .iter()
        .position(|(playout, _)| *playout != Playout::Silent);
    assert_eq!(first, Some(3), "60 ms after the first packet");
    assert_eq!(
        played.last().unwrap().0,
        Playout::Silent,
        "silence after the burst"
    );
    assert_eq!(buffer.statistics().skipped, 0);
}

#[test]
fn reordered_and_repeated_packets_come_out_in_order() {
    let mut network = Network::default();
    for n in 0..50u32 {
        let swapped = n ^ 1;
        network.send(1000 + 20 * u64::from(n), 1, swapped, false);
        network.send(1005 + 20 * u64::from(n), 1, swapped, false);
    }
    let mut buffer = JitterBuffer::new(JitterSettings::default());
    assert_eq!(
        numbers(&network.play(&mut buffer, 1000, 3000)),
        (0..50).collect::<Vec<_>>()
    );
    assert_eq!(buffer.statistics().duplicate, 50);
}

#[test]
fn a_lost_frame_is_concealed_in_its_place() {
    let mut network = Network::default();
    (0..20)
        .filter(|n| *n != 7)
        .for_each(|n| network.send(1000 + 20 * u64::from(n), 1, n, n == 0));
    let mut buffer = JitterBuffer::new(JitterSettings::default());
    let played = network.play(&mut buffer, 1000, 1500);
    let lost = Playout::Frame {
        frame: SpeechFrame::lost(),
        ssrc: 1,
        burst: 0,
    };
    assert_eq!(played[3 + 7].0, lost);
    assert_eq!(buffer.statistics().lost, 1);
    assert_eq!(numbers(&played).len(), 19);
}

/// 60 s of 20 % loss and 200 ms jitter, then a quiet network: the delay is back within 20 ms in 5 s.
#[test]
fn delay_taken_in_a_bad_minute_is_given_back_within_five_seconds() {
    for seed in 0..20 {
        let mut random = SeededRandom::new(seed);
        let mut network = Network::default();
        for n in 0..(10_000 / 20 + 60_000 / 20 + 10_000 / 20) as u32 {
            let sent = 20 * u64::from(n);
            let bad = (10_000..70_000).contains(&sent);
            if bad && random.next_u64() % 100 < 20 {
                continue;
            }
            let jitter = if bad { random.next_u64() % 200 } else { 0 };
            network.send(1000 + sent + jitter, 1, n, n == 0);
        }
        let mut buffer = JitterBuffer::new(JitterSettings::default());
        let calm = network.play(&mut buffer, 1000, 11_000);
        let normal = calm.last().unwrap().1;
        let bad = network.play(&mut buffer, 11_000, 71_000);
        let worst = bad.iter().map(|(_, delay)| *delay).max().unwrap();
        assert!(
            worst >= Duration::from_millis(150),
            "seed {seed}: it did wait, {worst:?}"
        );
        let heard = numbers(&bad);
        assert!(
            heard.windows(2).all(|pair| pair[0] < pair[1]),
            "seed {seed}: in order"
        );
        assert!(
            heard.len() > 2_250,
            "seed {seed}: {} of about 2400 frames heard",
            heard.len()
        );
        let after = network.play(&mut buffer, 71_000, 76_000);
        let delay = after.last().unwrap().1;
        assert!(
            delay <= normal + Duration::from_millis(20),
            "seed {seed}: {delay:?}, normal {normal:?}"
        );
        let calm = network.play(&mut buffer, 76_000, 80_000);
        assert_eq!(
            numbers(&calm).len(),
            calm.len(),
            "seed {seed}: every frame is heard again"
        );
    }
}

#[test]
fn a_new_burst_or_a_new_source_starts_afresh() {
    for (ssrc, first, marker) in [(1, 60, true), (2, 5, false), (1, 60_000, false)] {
        let mut network = Network::default();
        (0..50).for_each(|n| network.send(1000 + 20 * u64::from(n), 1, n, n == 0));
        // The next burst begins before the last frame of the first one is played.
        (0..50).for_each(|n| {
            network.send(2020 + 20 * u64::from(n), ssrc, first + n, marker && n == 0)
        });
        let mut buffer = JitterBuffer::new(JitterSettings::default());
        let played = network.play(&mut buffer, 1000, 4000);
        let expected: Vec<u32> = (0..50).chain(first..first + 50).collect();
        assert_eq!(numbers(&played), expected);
        let bursts: Vec<(u32, u64)> = played
            .iter()
            .filter_map(|(playout, _)| match playout {
                Playout::Frame { frame, ssrc, burst } if number(frame).is_some() => {
                    Some((*ssrc, *burst))
                }
                _ => None,
            })
            .collect();
        assert_eq!(bursts[..50], [(1, 0); 50]);
        assert_eq!(bursts[50..], [(ssrc, 1); 50]);
    }
}

#[test]
fn a_marker_that_was_overtaken_does_not_split_its_burst() {
    let mut network = Network::default();
    network.send(1020, 1, 1, false);
    network.send(1021, 1, 0, true);
    (2..20).for_each(|n| network.send(1000 + 20 * u64::from(n), 1, n, false));
    let mut buffer = JitterBuffer::new(JitterSettings::default());
    assert_eq!(
        numbers(&network.play(&mut buffer, 1000, 2000)),
        (0..20).collect::<Vec<_>>()
    );
}

#[test]
fn pauses_of_the_sender_are_comfort_noise_and_not_loss() {
    let sid = SpeechFrame::new(FrameType::Sid, Quality::Good, &[1; 5]).unwrap();
    let mut buffer = JitterBuffer::new(JitterSettings::default());
    let mut played = Vec::new();
    for step in 0..100u64 {
        let now = at(1000 + 20 * step);
        let timestamp = 320 * step as u32;
        // Speech, then a SID frame every 160 ms.
        match step {
            0..20 => buffer.insert(
                now,
                &Arrival {
                    ssrc: 1,
                    timestamp,
                    marker: step == 0,
                    frames: &[frame(step as u32)],
                },
            ),
            _ if step % 8 == 4 => {
                buffer.insert(
                    now,
                    &Arrival {
                        ssrc: 1,
                        timestamp,
                        marker: false,
                        frames: std::slice::from_ref(&sid),
                    },
                );
            }
            _ => {}
        }
        played.push(buffer.pull(now));
    }
    let kinds: Vec<FrameType> = played
        .iter()
        .filter_map(|playout| match playout {
            Playout::Frame { frame, .. } => Some(frame.frame_type()),
            Playout::Silent => None,
        })
        .collect();
    let pause = &kinds[40..];
    assert!(
        pause
            .iter()
            .all(|kind| matches!(kind, FrameType::Sid | FrameType::NoData)),
        "{pause:?}"
    );
    assert!(pause.contains(&FrameType::Sid) && pause.contains(&FrameType::NoData));
}

#[test]
fn late_frames_are_dropped_and_counted() {
    let mut network = Network::default();
    (0..20)
        .filter(|n| *n != 5)
        .for_each(|n| network.send(1000 + 20 * u64::from(n), 1, n, n == 0));
    network.send(1300, 1, 5, false);
    let mut buffer = JitterBuffer::new(JitterSettings::default());
    let heard = numbers(&network.play(&mut buffer, 1000, 2000));
    assert!(!heard.contains(&5));
    assert_eq!(buffer.statistics().late, 1);
}

#[test]
fn the_buffer_is_bounded() {
    let settings = JitterSettings::default();
    let mut buffer = JitterBuffer::new(settings);
    let many = vec![frame(1); 500];
    buffer.insert(
        at(0),
        &Arrival {
            ssrc: 1,
            timestamp: 0,
            marker: true,
            frames: &many,
        },
    );
    assert_eq!(buffer.statistics().overflow, 400);
    for ssrc in 2..20 {
        buffer.insert(
            at(0),
            &Arrival {
                ssrc,
                timestamp: 0,
                marker: true,
                frames: &[frame(1)],
            },
        );
    }
    assert_eq!(
        buffer.statistics().overflow,
        400 + 100 + 14,
        "the oldest bursts are dropped"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever arrives: within a burst, frames come out in order and never twice.
    #[test]
    fn never_twice_and_never_backwards(
        packets in prop::collection::vec((0u64..3000, 0u32..3, any::<u16>(), any::<bool>()), 0..300),
    ) {
        let mut network = Network::default();
        for (time, ssrc, n, marker) in packets {
            network.send(time, ssrc, u32::from(n % 200), marker);
        }
        let mut buffer = JitterBuffer::new(JitterSettings::default());
        let mut last: BTreeMap<u64, u32> = BTreeMap::new();
        for (playout, _) in network.play(&mut buffer, 0, 6000) {
            let Playout::Frame { frame, burst, .. } = playout else { continue };
            let Some(n) = number(&frame) else { continue };
            prop_assert!(last.get(&burst).is_none_or(|last| *last < n));
            last.insert(burst, n);
        }
    }

    #[test]
    fn hostile_timestamps_never_panic(
        packets in prop::collection::vec((any::<u32>(), any::<u32>(), any::<bool>(), 0u64..200), 0..200),
    ) {
        let mut buffer = JitterBuffer::new(JitterSettings::default());
        let mut now = 0;
        for (ssrc, timestamp, marker, pause) in packets {
            now += pause;
            buffer.insert(at(now), &Arrival { ssrc: ssrc % 3, timestamp, marker, frames: &[frame(1)] });
            let _ = buffer.pull(at(now));
        }
    }
}
