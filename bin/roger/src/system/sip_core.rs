//! The SIP core of a system: the embedded one, or Kamailio, told the same of users and servers.

use super::addresses::Addresses;
use super::domain::{Domain, IMS_DOMAIN};
use super::sip_options::SipTransport;
use super::sip_servers::Wiring;
use super::{SipCoreKind, SystemError};
use core::net::SocketAddr;
use roger_adapter_http::{Clock as _, OsRandom, ServerTls, SystemClock};
use roger_adapter_kamailio::{Kamailio, KamailioSettings, TlsSettings};
use roger_adapter_sip::{SipHandle, SipNode, TransportSettings};
use roger_base::ServerUri;
use roger_sip::endpoint::{Target, Transport};
use roger_sipcore::{
    ApplicationServer, CoreEvent, CoreSettings, MemorySubscribers, Service, SipCore, TrustedPeer,
};
use std::path::Path;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Feature tag in the Contact of an MCPTT client (TS 24.379 cl. 7.2.1).
const MCPTT_FEATURE: &str = "+g.3gpp.mcptt";

/// A core that serves.
pub(super) enum RunningCore {
    Embedded(SipHandle<SipCore<MemorySubscribers>>, JoinHandle<()>),
    /// It ends when this is dropped.
    Kamailio(#[expect(dead_code, reason = "held so that it runs")] Kamailio),
}

impl RunningCore {
    /// Closes the sockets of the embedded one.
    pub(super) fn stop(&self) {
        if let Self::Embedded(handle, log) = self {
            handle.stop();
            log.abort();
        }
    }
}

impl Wiring<'_> {
    /// Starts the core that was asked for.
    pub(super) async fn start_core(&self) -> Result<RunningCore, SystemError> {
        let subscribers = self.store.subscribers()?;
        match self.options.sip.core {
            SipCoreKind::Embedded => self.start_embedded(subscribers).await,
            SipCoreKind::Kamailio => self.start_kamailio(&subscribers).await,
        }
    }

    async fn start_embedded(
        &self,
        subscribers: MemorySubscribers,
    ) -> Result<RunningCore, SystemError> {
        let mut settings = CoreSettings::new(IMS_DOMAIN);
        for (identity, at) in servers(self.domain, self.addresses) {
            settings.trusted.push(TrustedPeer::Address(at.ip()));
            let target = self.options.sip.transport.to_server(at);
            settings.services.push(Service { identity, target });
        }
        settings
            .application_servers
            .push(application_server(self.domain, self.addresses));
        let core = SipCore::new(settings, subscribers, &mut OsRandom)?;
        let transport = self.core_transport()?;
        let (handle, events) = SipNode::start(core, transport, Box::new(OsRandom)).await?;
        let log = tokio::spawn(log_events(events));
        Ok(RunningCore::Embedded(handle, log))
    }

    /// Sockets for servers, and for UEs where those come by another transport.
    fn core_transport(&self) -> Result<TransportSettings, SystemError> {
        let at = self.addresses.sip_core();
        let mut sockets = self.transport(at);
        let for_ues = self.options.sip.transport.for_ue(at);
        let listens = match for_ues.transport() {
            Transport::Tls => &mut sockets.tls,
            Transport::Ws => &mut sockets.ws,
            Transport::Wss => &mut sockets.wss,
            // The servers' sockets do.
            _ => return Ok(sockets),
        };
        *listens = Some(for_ues.peer());
        let certificate = self.ca.issue(&[IMS_DOMAIN], SystemClock.now())?;
        sockets.server_tls = Some(ServerTls::new(certificate)?);
        Ok(sockets)
    }

    async fn start_kamailio(
        &self,
        subscribers: &MemorySubscribers,
    ) -> Result<RunningCore, SystemError> {
        let transport = self.options.sip.transport;
        let mut settings = kamailio_settings(self.domain, self.addresses, transport, subscribers);
        // The files of its certificate are there as long as it begins: later it does not read them.
        let folder = tempfile::tempdir().map_err(SystemError::Folder)?;
        self.open_kamailio_to_ues(&mut settings, folder.path())?;
        let started = tokio::task::spawn_blocking(move || Kamailio::start(&settings)).await;
        let kamailio = started.map_err(SystemError::configuration)??;
        Ok(RunningCore::Kamailio(kamailio))
    }

    /// The same as [`Self::core_transport`] does for the embedded one.
    fn open_kamailio_to_ues(
        &self,
        settings: &mut KamailioSettings,
        folder: &Path,
    ) -> Result<(), SystemError> {
        let for_ues = self.options.sip.transport.for_ue(settings.address);
        let (transport, address) = (for_ues.transport(), for_ues.peer());
        settings.websocket = transport.is_websocket();
        if transport == Transport::Ws {
            settings.ue_address = Some(address);
        }
        if transport.is_secure() {
            let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
            let issued = self.ca.issue(&[IMS_DOMAIN], SystemClock.now())?;
            let written = issued.write_pem(&certificate, &key);
            written.map_err(SystemError::Folder)?;
            settings.tls = Some(TlsSettings {
                address,
                certificate,
                key,
            });
        }
        Ok(())
    }
}

fn kamailio_settings(
    domain: &Domain,
    addresses: &Addresses,
    transport: SipTransport,
    subscribers: &MemorySubscribers,
) -> KamailioSettings {
    let told = application_server(domain, addresses);
    let mut settings = KamailioSettings::new(IMS_DOMAIN, addresses.sip_core(), told);
    for (identity, at) in servers(domain, addresses) {
        settings.add_server(identity, transport.to_server(at));
    }
    settings.subscribers = subscribers.iter().cloned().collect();
    settings
}

/// The servers behind the core, with their PSIs.
fn servers(domain: &Domain, addresses: &Addresses) -> [(ServerUri, SocketAddr); 3] {
    [
        (domain.participating.clone(), addresses.participating()),
        (domain.controlling.clone(), addresses.controlling()),
        (domain.group_management.clone(), addresses.gms_sip()),
    ]
}

/// Who hears of registrations. A complete REGISTER does not fit a datagram.
fn application_server(domain: &Domain, addresses: &Addresses) -> ApplicationServer {
    ApplicationServer {
        identity: domain.participating.clone(),
        target: Target::tcp(addresses.participating()),
        feature_tag: MCPTT_FEATURE.to_owned(),
    }
}

async fn log_events(mut events: mpsc::Receiver<CoreEvent>) {
    while let Some(event) = events.recv().await {
        tracing::info!(?event, "SIP core");
    }
}
