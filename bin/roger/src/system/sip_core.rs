//! The SIP core of a system: the embedded one, or Kamailio, told the same of users and servers.

use super::addresses::Addresses;
use super::domain::{Domain, IMS_DOMAIN};
use super::sip_options::SipTransport;
use super::sip_servers::Wiring;
use super::{SipCoreKind, SystemError};
use core::net::SocketAddr;
use roger_adapter_http::OsRandom;
use roger_adapter_kamailio::{Kamailio, KamailioSettings};
use roger_adapter_sip::{SipHandle, SipNode};
use roger_base::ServerUri;
use roger_sip::endpoint::Target;
use roger_sipcore::{
    ApplicationServer, CoreEvent, CoreSettings, MemorySubscribers, Service, SipCore, TrustedPeer,
};
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
        let transport = self.transport(self.addresses.sip_core());
        let (handle, events) = SipNode::start(core, transport, Box::new(OsRandom)).await?;
        let log = tokio::spawn(log_events(events));
        Ok(RunningCore::Embedded(handle, log))
    }

    async fn start_kamailio(
        &self,
        subscribers: &MemorySubscribers,
    ) -> Result<RunningCore, SystemError> {
        let transport = self.options.sip.transport;
        let settings = kamailio_settings(self.domain, self.addresses, transport, subscribers);
        let started = tokio::task::spawn_blocking(move || Kamailio::start(&settings)).await;
        let kamailio = started.map_err(SystemError::configuration)??;
        Ok(RunningCore::Kamailio(kamailio))
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
