//! Media sockets of a call leg; the same for servers and UEs, so they stand in `roger-media`.

pub use roger_media::{MediaPacket, MediaPorts, MediaTransmit, NoPorts, Pair, PairId};
