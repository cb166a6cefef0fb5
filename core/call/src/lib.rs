//! MCPTT call control (TS 24.379) on top of SIP: SDP, bodies and their protection, Warning codes.

pub mod answer;
pub mod body;
pub mod feature;
pub mod protection;
pub mod request;
pub mod sdp;
pub mod service_authorisation;
pub mod user_index;
pub mod warning;
