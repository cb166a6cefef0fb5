//! Sockets that are listened on, and the name of a node that listens on none.

use crate::node::StartError;
use crate::settings::TransportSettings;
use crate::udp;
use roger_base::{Random, RandomError};
use roger_sip::endpoint::Transport;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, UdpSocket};

/// A host name for Via and Contact that leads nowhere (RFC 7118 5.2, RFC 2606).
pub(crate) fn nowhere(random: &mut dyn Random) -> Result<String, RandomError> {
    let mut octets = [0; 6];
    random.fill(&mut octets)?;
    let name: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    Ok(format!("h{name}.invalid"))
}

/// Transports that we can open and do not listen for. TCP needs a listener: peers answer to its address.
pub(crate) fn opened_only(
    settings: &TransportSettings,
    addresses: &BTreeMap<Transport, SocketAddr>,
) -> Vec<Transport> {
    let secure = settings.client_tls.is_some();
    [
        (Transport::Tls, secure),
        (Transport::Ws, true),
        (Transport::Wss, secure),
    ]
    .into_iter()
    .filter(|(transport, can)| *can && !addresses.contains_key(transport))
    .map(|(transport, _)| transport)
    .collect()
}

/// Sockets that are listened on.
pub(crate) struct Bound {
    pub(crate) udp: Option<UdpSocket>,
    pub(crate) listeners: Vec<(Transport, TcpListener)>,
}

pub(crate) async fn bind(settings: &TransportSettings) -> Result<Bound, StartError> {
    let (udp, tcp) = bind_pair(settings).await?;
    let mut listeners: Vec<_> = tcp
        .into_iter()
        .map(|listener| (Transport::Tcp, listener))
        .collect();
    let others = [
        (Transport::Tls, settings.tls),
        (Transport::Ws, settings.ws),
        (Transport::Wss, settings.wss),
    ];
    for (transport, address) in others {
        let Some(address) = address else { continue };
        if transport.is_secure() && settings.server_tls.is_none() {
            return Err(StartError::LocalNoCertificate(transport));
        }
        let listener = TcpListener::bind(address)
            .await
            .map_err(refused(transport, address))?;
        listeners.push((transport, listener));
    }
    Ok(Bound { udp, listeners })
}

fn refused(transport: Transport, address: SocketAddr) -> impl FnOnce(io::Error) -> StartError {
    move |source| StartError::LocalBind {
        transport,
        address,
        source,
    }
}

/// Binds UDP and TCP; with port 0 for both, TCP takes the port that UDP was given.
async fn bind_pair(
    settings: &TransportSettings,
) -> Result<(Option<UdpSocket>, Option<TcpListener>), StartError> {
    const ATTEMPTS: usize = 8;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let udp = match settings.udp {
            Some(address) => Some(udp::bind(address).map_err(refused(Transport::Udp, address))?),
            None => None,
        };
        let Some(mut address) = settings.tcp else {
            return Ok((udp, None));
        };
        let same = udp.as_ref().and_then(|socket| socket.local_addr().ok());
        let free = address.port() == 0;
        if free && let Some(same) = same {
            address.set_port(same.port());
        }
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok((udp, Some(listener))),
            Err(_) if free && attempt < ATTEMPTS => {}
            Err(source) => return Err(refused(Transport::Tcp, address)(source)),
        }
    }
}
