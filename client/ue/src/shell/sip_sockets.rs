//! Sockets of a UE's SIP: what the way to its core asks for.

use roger_adapter_http::ClientTls;
use roger_adapter_sip::TransportSettings;
use roger_sip::endpoint::{Target, Transport};

/// The `transport` of the UE's Contact. Over UDP a REGISTER with a token would not fit.
pub(super) const fn contact_transport(core: Target) -> Transport {
    match core.transport() {
        Transport::Udp => Transport::Tcp,
        other => other,
    }
}

/// The same sockets, able to reach the core: by TLS its certificate must show the SIP domain (RFC 5922).
pub(super) fn towards(
    core: Target,
    domain: &str,
    authorities: ClientTls,
    mut sockets: TransportSettings,
) -> TransportSettings {
    sockets.client_tls = Some(authorities);
    sockets.peer_names.insert(core.peer(), domain.to_owned());
    if contact_transport(core) != Transport::Tcp {
        // Nobody connects to a UE that is reached by the flow of its registration.
        sockets.source = sockets.tcp.take().map(|at| at.ip());
    }
    sockets
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_adapter_http::Clock as _;
    use roger_adapter_http::{DevelopmentCa, SystemClock};

    #[test]
    fn a_ue_by_tls_listens_for_nothing_and_asks_for_the_domain() {
        let ca = DevelopmentCa::generate(SystemClock.now()).unwrap();
        let peer = "127.0.0.1:5061".parse().unwrap();
        for (transport, listens) in [
            (Transport::Tcp, true),
            (Transport::Tls, false),
            (Transport::Ws, false),
        ] {
            let authorities = ClientTls::new(&[ca.certificate().clone()]).unwrap();
            let core = Target::Address { transport, peer };
            let sockets = TransportSettings::at("127.0.0.2:5060".parse().unwrap());
            let sockets = towards(core, "ims.example.org", authorities, sockets);
            assert_eq!(sockets.tcp.is_some(), listens, "{transport}");
            let source = (!listens).then(|| "127.0.0.2".parse().unwrap());
            assert_eq!(
                sockets.source, source,
                "it leaves from the address that it was given"
            );
            assert_eq!(sockets.peer_names[&peer], "ims.example.org");
            assert!(sockets.client_tls.is_some());
            assert_eq!(contact_transport(core), transport);
        }
        assert_eq!(contact_transport(Target::udp(peer)), Transport::Tcp);
    }
}
