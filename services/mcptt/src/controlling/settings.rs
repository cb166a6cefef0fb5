//! Settings of the controlling function.

use crate::server_hop::ServerHop;
use roger_base::ServerUri;
use roger_documents::service_config::ServiceConfiguration;
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

impl FloorControlProtection {
    /// What the flag of the service configuration says; absent means on (TS 24.484 cl. 8.4.2.6).
    #[must_use]
    pub const fn of_flag(allowed: Option<bool>) -> Self {
        match allowed {
            None | Some(true) => Self::On,
            Some(false) => Self::Off,
        }
    }
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

impl ControllingSettings {
    /// Takes over what the service configuration says of protection. XML between servers is a matter of [`ServerHop`],
    /// made with [`Protection::of_servers`](roger_call::protection::Protection::of_servers).
    pub const fn follow(&mut self, configuration: &ServiceConfiguration) {
        let allowed = configuration.floor_control_between_servers;
        self.floor_protection = FloorControlProtection::of_flag(allowed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_means_on() {
        use FloorControlProtection::{Off, On};
        for (flag, expected) in [(None, On), (Some(true), On), (Some(false), Off)] {
            assert_eq!(FloorControlProtection::of_flag(flag), expected);
        }
    }
}
