//! Certificates and nodes that listen for TLS and WebSocket.

use super::{Node, loopback, user_agent_with};
use rcgen::{CertificateParams, KeyPair, SanType};
use roger_adapter_sip::TransportSettings;
use roger_adapter_tls::{ClientCertificates, ClientTls, DevelopmentCa, ServerIdentity, ServerTls};
use roger_base::UnixTime;
use roger_sip::endpoint::{Target, Transport};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub fn now() -> UnixTime {
    UnixTime(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs(),
    )
}

pub fn authority() -> DevelopmentCa {
    DevelopmentCa::generate(now()).unwrap()
}

/// Everything at loopback; certificates for 127.0.0.1 and the names.
pub fn listening(ca: &DevelopmentCa, names: &[&str]) -> TransportSettings {
    with_identity(ca, ca.issue(names, now()).unwrap())
}

pub fn with_identity(ca: &DevelopmentCa, own: ServerIdentity) -> TransportSettings {
    let mut settings = TransportSettings::at(loopback());
    settings.tls = Some(loopback());
    settings.ws = Some(loopback());
    settings.wss = Some(loopback());
    settings.server_tls = Some(ServerTls::new(own).unwrap());
    settings.client_tls = Some(trusting(ca));
    settings
}

pub fn trusting(ca: &DevelopmentCa) -> ClientTls {
    ClientTls::new(&[ca.certificate().clone()]).unwrap()
}

pub fn demanding(ca: &DevelopmentCa, own: ServerIdentity) -> ServerTls {
    let clients = ClientCertificates::Required(vec![ca.certificate().clone()]);
    ServerTls::with_client_certificates(own, &clients).unwrap()
}

/// A node that opens connections and listens for none.
pub async fn silent(ca: &DevelopmentCa) -> Node {
    let mut settings = TransportSettings::silent();
    settings.client_tls = Some(trusting(ca));
    user_agent_with(settings).await
}

pub fn target(node: &Node, transport: Transport) -> Target {
    let peer = node.0.address(transport).unwrap();
    Target::Address { transport, peer }
}

/// For a name at the address of a node.
pub fn named(from: &Node, to: &Node, transport: Transport, name: &str) -> Target {
    Target::Server {
        transport,
        peer: to.0.address(transport).unwrap(),
        name: from.0.server_name(name).unwrap(),
    }
}

/// A self-signed certificate with the given alternative names, and an authority that is the same.
pub fn self_signed(names: Vec<SanType>) -> (ServerIdentity, ClientTls) {
    let mut params = CertificateParams::new(Vec::default()).unwrap();
    params.subject_alt_names = names;
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let identity =
        ServerIdentity::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
            .unwrap();
    let trusting = ClientTls::new(&[certificate.der().clone()]).unwrap();
    (identity, trusting)
}

pub async fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect(what);
}
