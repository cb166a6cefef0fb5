//! Settings of the controlling function.

use crate::server_hop::ServerHop;
use roger_base::ServerUri;
use roger_floor::server::ServerTimers;
use roger_sip::endpoint::Target;

/// Whether floor control between servers is protected (`<allow-floor-control-protection>`; absent means yes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FloorControlProtection {
    /// SRTCP under the SPK.
    #[default]
    On,
    /// Plain RTCP.
    Off,
}

/// Settings of the controlling function.
#[derive(Clone)]
pub struct ControllingSettings {
    /// PSI of this function.
    pub psi: ServerUri,
    /// Host name in Warning headers.
    pub host: String,
    /// Host and port of Contact, such as `192.0.2.7:5060;transport=tcp`.
    pub contact: String,
    /// The SIP core, by which every request outside a dialog goes.
    pub core: Target,
    /// PSI of the participating function that serves the members.
    pub participating: ServerUri,
    /// Keys of the hop to it.
    pub hop: ServerHop,
    /// Floor control between servers.
    pub floor_protection: FloorControlProtection,
    /// Timers of the floor control server.
    pub floor_timers: ServerTimers,
    /// Most calls at a time; further ones are refused with 500 and Retry-After.
    pub max_calls: usize,
}
