//! Options of a system that concern its SIP: which core, which transport, which protection.

use super::addresses::{SIP_TLS_PORT, SIP_WS_PORT, SIP_WSS_PORT};
use clap::{Args, ValueEnum};
use core::net::SocketAddr;
use roger_adapter_sip::TapScope;
use roger_call::protection::Protection;
use roger_sip::endpoint::{Target, Transport};
use serde::{Deserialize, Serialize};

/// How SIP is set up; the same for `roger demo` and `roger dev`.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct SipOptions {
    /// The SIP core between UEs and servers: the embedded one, or Kamailio in its place.
    #[arg(long = "sip-core", value_enum, value_name = "CORE", default_value_t = SipCoreKind::Embedded)]
    pub(crate) core: SipCoreKind,
    /// Transport of SIP.
    #[arg(long = "sip-transport", value_enum, value_name = "TRANSPORT", default_value_t = SipTransport::Tcp)]
    pub(crate) transport: SipTransport,
    /// Encryption and signatures of the XML in SIP, on every hop. `off` is there to show what they hide.
    #[arg(long, value_enum, value_name = "ON|OFF", default_value_t = SignallingProtection::On)]
    pub(crate) signalling_protection: SignallingProtection,
}

/// Which program is the SIP core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SipCoreKind {
    /// The one of this program.
    Embedded,
    /// Kamailio as a child process (Debian package kamailio).
    Kamailio,
}

/// What SIP travels over. A UE is always on a stream: it is known by the flow of its REGISTER, and a REGISTER with a
/// token does not fit a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SipTransport {
    /// TCP everywhere.
    Tcp,
    /// UDP between core and servers where a message fits, TCP where not (RFC 3261 18.1.1) and for UEs.
    Udp,
    /// TLS between UEs and core, TCP behind it.
    Tls,
    /// WebSocket between UEs and core (RFC 7118), TCP behind it.
    Ws,
    /// WebSocket inside TLS between UEs and core, TCP behind it.
    Wss,
}

/// XML protection on every hop (TS 24.484 cl. 8.4.2.6; absent means on).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SignallingProtection {
    /// Confidentiality and integrity.
    On,
    /// Neither.
    Off,
}

impl SipCoreKind {
    /// For people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Kamailio => "Kamailio",
        }
    }

    /// What our taps have to see: a core of another program has none.
    pub(crate) const fn tap_scope(self) -> TapScope {
        match self {
            Self::Embedded => TapScope::Sent,
            Self::Kamailio => TapScope::SentAndReceived,
        }
    }
}

impl SipTransport {
    /// Way between the core and a server.
    pub(crate) const fn to_server(self, at: SocketAddr) -> Target {
        match self {
            Self::Udp => Target::udp(at),
            Self::Tcp | Self::Tls | Self::Ws | Self::Wss => Target::tcp(at),
        }
    }

    /// Way from a UE to the core, whose address among servers is given.
    pub(crate) const fn for_ue(self, core: SocketAddr) -> Target {
        let (transport, port) = match self {
            Self::Tcp | Self::Udp => return Target::tcp(core),
            Self::Tls => (Transport::Tls, SIP_TLS_PORT),
            Self::Ws => (Transport::Ws, SIP_WS_PORT),
            Self::Wss => (Transport::Wss, SIP_WSS_PORT),
        };
        let peer = SocketAddr::new(core.ip(), port);
        Target::Address { transport, peer }
    }

    /// Host, port and transport in the Contact of a server.
    pub(crate) fn server_contact(self, at: SocketAddr) -> String {
        let transport = self.to_server(at).transport().parameter();
        format!("{at};transport={transport}")
    }
}

impl SignallingProtection {
    /// For the settings of servers and UEs.
    pub(crate) const fn protection(self) -> Protection {
        match self {
            Self::On => Protection::Full,
            Self::Off => Protection::Off,
        }
    }
}
