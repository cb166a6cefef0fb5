//! Speech from one client to another in virtual time: codec, payload, SRTP, distribution, jitter buffer, codec.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use core::net::SocketAddr;
use core::time::Duration;
use roger_audio::{
    AmrWb, Arrival, BurstRecorder, Dtx, JitterBuffer, JitterSettings, Mode, Payload, PayloadFormat,
    Pcm, Playout, SpeechFrame, frames, read_wav,
};
use roger_base::{Instant, KeyId, Secret};
use roger_keys::{Gmk, Rand};
use roger_media::{
    AddressRule, Direction, Distribution, DistributionInput, DistributionOutput, FloorRule, LegId,
    LegSettings, RemoteAddress,
};
use roger_srtp::{
    GroupKeys, GroupMki, GroupReceiver, MasterKey, Profile, RtpStream, SenderContext,
};
use roger_testkit::SeededRandom;
use std::path::Path;

const TALKER: LegId = LegId(0);
const LISTENER: LegId = LegId(1);

struct Member(Gmk);

impl GroupKeys for Member {
    fn may_receive(&self, gmk_id: KeyId) -> bool {
        gmk_id == self.0.id()
    }
    fn media_key(&self, mki: GroupMki) -> Option<MasterKey> {
        Some(self.0.media_key(mki.guk_id).into())
    }
}

fn address(leg: LegId) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 6000 + leg.0 as u16))
}

fn at(milliseconds: u64) -> Instant {
    Instant::from_origin(Duration::from_millis(milliseconds))
}

fn call() -> Distribution {
    let mut call = Distribution::new(FloorRule::Controlled);
    for leg in [TALKER, LISTENER] {
        let remote = RemoteAddress::new(address(leg), AddressRule::Pinned);
        call.add_leg(
            leg,
            LegSettings {
                remote,
                direction: Direction::SendReceive,
            },
        );
    }
    call.permit(TALKER).unwrap();
    call
}

fn forwarded(call: &mut Distribution) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| call.poll())
        .filter_map(|output| match output {
            DistributionOutput::Send { octets, .. } => Some(octets.to_vec()),
            DistributionOutput::Event(_) => None,
        })
        .collect()
}

fn decode(codec: &AmrWb, coded: &[SpeechFrame]) -> Vec<Pcm> {
    let mut decoder = codec.decoder().unwrap();
    coded.iter().map(|frame| decoder.decode(frame)).collect()
}

/// What is heard equals the codec's own decode of what was sent, sample for sample, recorded or played.
#[test]
fn what_is_heard_is_what_was_said() {
    let codec = match AmrWb::load() {
        Ok(codec) => codec,
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{error}");
            eprintln!("skipped: {error}");
            return;
        }
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/speech.wav");
    let speech: Vec<Pcm> = frames(&read_wav(&path).unwrap()).collect();
    for format in [
        PayloadFormat::BandwidthEfficient,
        PayloadFormat::OctetAligned,
    ] {
        let gmk = Gmk::new(
            Secret::new([1; 16]),
            KeyId::from(0x0123_4567),
            Rand::new(&[2; 16]).unwrap(),
        )
        .unwrap();
        let mut random = SeededRandom::new(3);
        let mut stream = RtpStream::new(96, &mut random).unwrap();
        let mut sender = SenderContext::for_gmk(&gmk, KeyId::from(0x08C4_4583)).unwrap();
        let member = Member(gmk);
        let mut call = call();
        let mut receiver = GroupReceiver::new(Profile::GROUP).unwrap();
        let mut encoder = codec.encoder(Mode::Rate2385, Dtx::Off).unwrap();
        let mut buffer = JitterBuffer::new(JitterSettings::default());
        let mut recorder = BurstRecorder::new();
        let (mut said, mut played) = (Vec::new(), Vec::new());
        for (step, samples) in (0u64..).zip(speech.iter().map(Some).chain([None; 10])) {
            let now = at(20 * step);
            if let Some(samples) = samples {
                let frame = encoder.encode(samples).unwrap();
                said.push(frame.clone());
                let packet = stream.packet(&Payload::of_frame(frame).pack(format).unwrap(), 320);
                let octets = sender.protect_rtp(&packet).unwrap();
                let input = DistributionInput::Rtp {
                    leg: TALKER,
                    source: address(TALKER),
                    octets: &octets,
                };
                call.handle(now, &input).unwrap();
            }
            for octets in forwarded(&mut call) {
                let opened = receiver.unprotect_rtp(&member, &octets).unwrap();
                let payload = Payload::unpack(opened.payload().unwrap(), format).unwrap();
                let fields = opened.header.fields();
                let (ssrc, timestamp, marker) = (fields.ssrc, fields.timestamp, fields.marker);
                buffer.insert(
                    now,
                    &Arrival {
                        ssrc,
                        timestamp,
                        marker,
                        frames: &payload.frames,
                    },
                );
                recorder.insert(timestamp, &payload.frames);
            }
            if let Playout::Frame { frame, .. } = buffer.pull(now) {
                played.push(frame);
            }
        }
        let heard = recorder.into_frames();
        assert_eq!(heard, said);
        assert!(decode(&codec, &heard) == decode(&codec, &said));
        assert!(decode(&codec, &played[..said.len()]) == decode(&codec, &said));
    }
}
