//! SIP core and participating function, each at an address of its own on loopback, joined by TCP.

use super::domain::{Domain, IMS_DOMAIN, MC_DOMAIN, subscriber, user};
use crate::error::BenchError;
use crate::system::OsRandom;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use roger_adapter_sip::{SipHandle, SipNode, TransportSettings};
use roger_base::{GroupId, McpttId};
use roger_call::protection::Protection;
use roger_call::user_index::UserIndex;
use roger_documents::group::GroupDocument;
use roger_keys::Spk;
use roger_keys::signalling::XmlKeyMode;
use roger_mcptt::ServerHop;
use roger_mcptt::controlling::FloorControlProtection;
use roger_mcptt::media::{MediaPorts, NoPorts, Pair, PairId};
use roger_mcptt::participating::{
    Credentials, ParticipatingFunction, ParticipatingLoad, ParticipatingSettings,
};
use roger_mcptt::ports::{DirectoryUnavailable, GroupDirectory, UserProfile, UserProfiles};
use roger_media::AddressRule;
use roger_oidc::AccessTokenVerifier;
use roger_sip::application::Node;
use roger_sip::endpoint::{Endpoint, Role, Settings, Target};
use roger_sipcore::{
    ApplicationServer, CoreSettings, MemorySubscribers, Service, SipCore, TrustedPeer,
};
use roger_xml::signed_body::Coverage;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::Receiver;

const CORE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 13));
const PARTICIPATING: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 14));
/// Feature tag in the Contact of an MCPTT client (TS 24.379 cl. 7.2.1).
const MCPTT_FEATURE: &str = "+g.3gpp.mcptt";

/// The running servers.
pub(super) struct Servers {
    /// Where UEs connect to.
    pub(super) core: SocketAddr,
    participating: SipHandle<Node<ParticipatingFunction>>,
    sip_core: SipHandle<SipCore<MemorySubscribers>>,
    runtime: Option<Runtime>,
}

impl Servers {
    /// Starts them for so many clients.
    pub(super) fn start(
        domain: &Domain,
        tokens: AccessTokenVerifier,
        clients: usize,
    ) -> Result<Self, BenchError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(crate::system::cores().get())
            .enable_all()
            .build()
            .map_err(BenchError::system("threads of the servers"))?;
        let participating_at = free_port(PARTICIPATING)?;
        let core = core(domain, participating_at, clients)?;
        let (sip_core, events) = runtime
            .block_on(SipNode::start(core, transport(CORE, 0), Box::new(OsRandom)))
            .map_err(BenchError::wrong("SIP core"))?;
        runtime.spawn(drain(events));
        let no_address = || BenchError::wrong("SIP core")("no address");
        let core = sip_core.tcp_address().ok_or_else(no_address)?;
        let function = participating(domain, tokens, core, participating_at, clients)?;
        let node = Node::new(function, Endpoint::new(Settings::new(Role::UserAgent)));
        let at = transport(PARTICIPATING, participating_at.port());
        let (participating, outputs) = runtime
            .block_on(SipNode::start(node, at, Box::new(OsRandom)))
            .map_err(BenchError::wrong("participating function"))?;
        runtime.spawn(drain(outputs));
        Ok(Self {
            core,
            participating,
            sip_core,
            runtime: Some(runtime),
        })
    }

    /// What the participating function holds.
    pub(super) fn load(&self) -> ParticipatingLoad {
        self.participating
            .with(|node, _, _| node.application().load())
    }

    /// Identities registered at the core.
    pub(super) fn registrations(&self) -> usize {
        self.sip_core.with(|core, _, _| core.registrations())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.participating.stop();
        self.sip_core.stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn transport(ip: IpAddr, port: u16) -> TransportSettings {
    TransportSettings {
        udp: None,
        ..TransportSettings::at(SocketAddr::new(ip, port))
    }
}

/// A port that nobody has just now.
fn free_port(ip: IpAddr) -> Result<SocketAddr, BenchError> {
    let listener = std::net::TcpListener::bind((ip, 0));
    let at = listener.and_then(|listener| listener.local_addr());
    at.map_err(BenchError::system("port on loopback"))
}

/// Nobody reads the events: they are for logs.
async fn drain<T>(mut events: Receiver<T>) {
    while events.recv().await.is_some() {}
}

fn core(
    domain: &Domain,
    participating: SocketAddr,
    clients: usize,
) -> Result<SipCore<MemorySubscribers>, BenchError> {
    let mut settings = CoreSettings::new(IMS_DOMAIN);
    settings.trusted = vec![TrustedPeer::Address(PARTICIPATING)];
    settings.services = vec![Service {
        identity: domain.participating.clone(),
        target: Target::tcp(participating),
    }];
    settings.application_servers = vec![ApplicationServer {
        identity: domain.participating.clone(),
        target: Target::tcp(participating),
        feature_tag: MCPTT_FEATURE.to_owned(),
    }];
    settings.max_registrations = clients;
    let subscribers: MemorySubscribers = (0..clients).map(subscriber).collect::<Result<_, _>>()?;
    Ok(SipCore::<MemorySubscribers>::new(
        settings,
        subscribers,
        &mut OsRandom,
    )?)
}

fn participating(
    domain: &Domain,
    tokens: AccessTokenVerifier,
    core: SocketAddr,
    at: SocketAddr,
    clients: usize,
) -> Result<ParticipatingFunction, BenchError> {
    let users: Vec<McpttId> = (0..clients).map(user).collect::<Result<_, _>>()?;
    let settings = ParticipatingSettings {
        psi: domain.participating.clone(),
        host: MC_DOMAIN.to_owned(),
        contact: format!("{at};transport=tcp"),
        core: Target::tcp(core),
        controlling: Vec::new(),
        hop: ServerHop::new(
            Spk::random(&mut OsRandom)?,
            domain.mdsi.as_str(),
            MC_DOMAIN,
            Protection::Full,
        ),
        server_floor_protection: FloorControlProtection::On,
        domain: MC_DOMAIN.to_owned(),
        protection: Protection::Full,
        coverage: Coverage::EveryXmlPart,
        key_mode: XmlKeyMode::Derived,
        private_floor_protection: FloorControlProtection::On,
        client_addresses: AddressRule::Pinned,
        credentials: Credentials {
            key_sets: vec![domain.server.clone()],
            kms: vec![domain.master.domain().clone()],
            tokens,
        },
        users: Arc::new(UserIndex::new(users)),
        token_grace: ParticipatingSettings::TOKEN_GRACE,
        max_bindings: clients,
        max_sessions: 1,
    };
    let directory = Arc::new(Everybody(Arc::new(UserProfile::ordinary())));
    ParticipatingFunction::new(settings, directory.clone(), directory, Box::new(NoMedia))
        .map_err(BenchError::wrong("participating function"))
}

/// Every user has the ordinary profile; there are no groups.
struct Everybody(Arc<UserProfile>);

impl UserProfiles for Everybody {
    fn profile(&self, _: &McpttId) -> Option<Arc<UserProfile>> {
        Some(Arc::clone(&self.0))
    }
}

impl GroupDirectory for Everybody {
    fn group(&self, _: &GroupId) -> Result<Option<Arc<GroupDocument>>, DirectoryUnavailable> {
        Ok(None)
    }
}

/// Nobody calls.
struct NoMedia;

impl MediaPorts for NoMedia {
    fn open(&mut self) -> Result<Pair, NoPorts> {
        Err(NoPorts("nobody calls here".to_owned()))
    }

    fn close(&mut self, _: PairId) {}
}
