//! SIP core, participating and controlling functions, group management server: each a node on its own address.

use super::addresses::{Addresses, MEDIA_PORTS};
use super::directories::{Groups, Users};
use super::domain::{Domain, GMS_HOST, MC_DOMAIN};
use super::http_servers::tap;
use super::sip_core::RunningCore;
use super::{SystemError, SystemOptions};
use core::net::SocketAddr;
use roger_adapter_http::{
    Clock as _, DevelopmentCa, GmsFrontEnd, HttpsServer, OsRandom, ServerLimits, ServerTls,
    SystemClock, service,
};
use roger_adapter_rtp::{LegSender, LegSockets, MediaPorts, PortRange, Tap, TapScope};
use roger_adapter_sip::{SipHandle, SipNode, TransportSettings};
use roger_adapter_store::Store;
use roger_base::{GroupId, McpttId, ServerUri, WireTap};
use roger_call::protection::Protection;
use roger_floor::server::ServerTimers;
use roger_gms::{GroupManagement, GroupServer, GroupServerInput, GroupServerSettings};
use roger_ibc::{KmsDomain, UserKeySet};
use roger_keys::Spk;
use roger_keys::signalling::XmlKeyMode;
use roger_mcptt::ServerHop;
use roger_mcptt::controlling::{
    ControllingFunction, ControllingInput, ControllingSettings, FloorControlProtection,
};
use roger_mcptt::media::{MediaPacket, MediaTransmit};
use roger_mcptt::participating::{
    ControllingRoute, Credentials, KnownLocation, ParticipatingFunction, ParticipatingInput,
    ParticipatingSettings,
};
use roger_media::AddressRule;
use roger_oidc::AccessTokenVerifier;
use roger_sip::application::{Application, Node};
use roger_sip::endpoint::{Endpoint, Role, Settings, Target};
use roger_xml::signed_body::Coverage;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What the SIP servers need to know.
pub(super) struct Wiring<'a> {
    pub(super) addresses: &'a Addresses,
    pub(super) domain: &'a Domain,
    pub(super) options: &'a SystemOptions,
    pub(super) store: &'a Store,
    pub(super) ca: &'a DevelopmentCa,
    pub(super) tokens: AccessTokenVerifier,
    pub(super) kms: KmsDomain,
    pub(super) users: Arc<Users>,
    pub(super) spk: &'a Spk,
    pub(super) participating_keys: Vec<UserKeySet>,
    pub(super) group_management_keys: Vec<UserKeySet>,
}

/// The running SIP servers.
pub(super) struct SipServers {
    pub(super) group_management: HttpsServer,
    pub(super) participating: Handle<ParticipatingFunction>,
    core: RunningCore,
    stops: Vec<Box<dyn Fn() + Send + Sync>>,
    tasks: Vec<JoinHandle<()>>,
}

impl SipServers {
    pub(super) fn locations_of(&self, user: &McpttId) -> Vec<KnownLocation> {
        self.participating.with(|node, _, _| {
            let known = node.application().locations_of(user).into_iter();
            known.cloned().collect()
        })
    }

    /// Closes every SIP socket.
    pub(super) fn stop(&self) {
        self.core.stop();
        self.stops.iter().for_each(|stop| stop());
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

type Handle<A> = SipHandle<Node<A>>;

impl Wiring<'_> {
    /// Starts them all: first the core, then those behind it.
    pub(super) async fn start(&self) -> Result<SipServers, SystemError> {
        let management = Arc::new(Mutex::new(GroupManagement::new(
            self.options.group_settings(self.xcap_root()),
            Arc::new(self.store.clone()),
            Arc::new(roger_gms::memory::SingleKms(self.kms.clone())),
            self.group_management_keys.clone(),
        )));
        let core = self.start_core().await?;
        let (controlling, media) = self.start_controlling(&management).await?;
        let mut tasks = Vec::from(media);
        let (participating, media) = self.start_participating(&management).await?;
        tasks.extend(media);
        self.configure_locations(&participating);
        let (gms, changed) = self.start_group_server(&management).await?;
        let (told, also) = (controlling.clone(), participating.clone());
        tasks.push(tokio::spawn(pass_on_changes(changed, told, also)));
        let group_management = self.start_xcap(management, gms.clone()).await?;
        let stopped = participating.clone();
        let stops: Vec<Box<dyn Fn() + Send + Sync>> = vec![
            Box::new(move || controlling.stop()),
            Box::new(move || stopped.stop()),
            Box::new(move || gms.stop()),
        ];
        Ok(SipServers {
            group_management,
            participating,
            core,
            stops,
            tasks,
        })
    }

    pub(super) fn xcap_root(&self) -> String {
        format!("https://{GMS_HOST}:{}/xcap/", self.addresses.gms().port())
    }

    fn core_target(&self) -> Target {
        self.options
            .sip
            .transport
            .to_server(self.addresses.sip_core())
    }

    pub(super) fn transport(&self, address: SocketAddr) -> TransportSettings {
        let tap = self.options.capture.clone();
        TransportSettings {
            tap: tap.map(|capture| Arc::new(capture) as Arc<dyn WireTap>),
            tap_scope: self.options.sip.core.tap_scope(),
            ..TransportSettings::at(address)
        }
    }

    /// XML protection between UEs and servers.
    const fn client_protection(&self) -> Protection {
        let configuration = &self.options.service_configuration;
        Protection::of_flags(configuration.confidentiality, configuration.integrity)
    }

    fn hop(&self) -> ServerHop {
        let p0 = self.domain.mdsi.as_str();
        let allowed = self.options.service_configuration.between_servers;
        let protection = Protection::of_servers(allowed);
        ServerHop::new(self.spk.clone(), p0, MC_DOMAIN, protection)
    }

    fn media_ports(&self, at: SocketAddr) -> Result<Legs, SystemError> {
        let (first, last) = MEDIA_PORTS;
        let tap = match &self.options.capture {
            Some(capture) => Tap::new(Arc::new(capture.clone()), TapScope::Sent),
            None => Tap::default(),
        };
        let ports = MediaPorts::new(at.ip(), PortRange::new(first, last)?, tap);
        Ok(LegSockets::new(ports))
    }

    async fn start_controlling(
        &self,
        management: &Arc<Mutex<GroupManagement>>,
    ) -> Result<(Handle<ControllingFunction>, [JoinHandle<()>; 2]), SystemError> {
        let at = self.addresses.controlling();
        let mut settings = ControllingSettings {
            psi: self.domain.controlling.clone(),
            host: host(&self.domain.controlling),
            contact: self.options.sip.transport.server_contact(at),
            core: self.core_target(),
            participating: self.domain.participating.clone(),
            hop: self.hop(),
            floor_protection: FloorControlProtection::On,
            floor_timers: ServerTimers::default(),
            max_calls: 1_000,
        };
        settings.follow(&self.options.service_configuration);
        let (sockets, sender, packets) = self.media_ports(at)?;
        let function = ControllingFunction::new(
            settings,
            Arc::new(Groups(Arc::clone(management))),
            Arc::clone(&self.users) as _,
            Box::new(sockets),
        )?;
        let (handle, outputs) = self.start_node(function, at).await?;
        let media = [
            tokio::spawn(send_media(outputs, sender)),
            tokio::spawn(take_media(handle.clone(), packets, ControllingInput::Media)),
        ];
        Ok((handle, media))
    }

    async fn start_participating(
        &self,
        management: &Arc<Mutex<GroupManagement>>,
    ) -> Result<(Handle<ParticipatingFunction>, [JoinHandle<()>; 2]), SystemError> {
        let at = self.addresses.participating();
        let mut settings = ParticipatingSettings {
            psi: self.domain.participating.clone(),
            host: host(&self.domain.participating),
            contact: self.options.sip.transport.server_contact(at),
            core: self.core_target(),
            controlling: vec![ControllingRoute {
                domain: MC_DOMAIN.to_owned(),
                controlling: self.domain.controlling.clone(),
            }],
            hop: self.hop(),
            server_floor_protection: FloorControlProtection::On,
            domain: MC_DOMAIN.to_owned(),
            protection: self.client_protection(),
            coverage: Coverage::EveryXmlPart,
            key_mode: XmlKeyMode::Derived,
            private_floor_protection: FloorControlProtection::On,
            client_addresses: AddressRule::Pinned,
            credentials: Credentials {
                key_sets: self.participating_keys.clone(),
                kms: vec![self.kms.clone()],
                tokens: self.tokens.clone(),
            },
            users: Arc::clone(&self.users) as _,
            token_grace: ParticipatingSettings::TOKEN_GRACE,
            max_bindings: 10_000,
            max_sessions: 2_000,
        };
        settings.follow(&self.options.service_configuration);
        let (sockets, sender, packets) = self.media_ports(at)?;
        let function = ParticipatingFunction::new(
            settings,
            Arc::new(Groups(Arc::clone(management))),
            Arc::clone(&self.users) as _,
            Box::new(sockets),
        )?;
        let (handle, outputs) = self.start_node(function, at).await?;
        let media = [
            tokio::spawn(send_media(outputs, sender)),
            tokio::spawn(take_media(
                handle.clone(),
                packets,
                ParticipatingInput::Media,
            )),
        ];
        Ok((handle, media))
    }

    fn configure_locations(&self, participating: &Handle<ParticipatingFunction>) {
        let Some(configuration) = self.options.location_reports.clone() else {
            return;
        };
        let input = ParticipatingInput::LocationConfiguration(Box::new(configuration));
        participating.with(|node, clocks, random| node.input(clocks, random, input));
    }

    async fn start_group_server(
        &self,
        management: &Arc<Mutex<GroupManagement>>,
    ) -> Result<(Handle<GroupServer>, mpsc::Receiver<GroupId>), SystemError> {
        let settings = GroupServerSettings {
            identity: self.domain.group_management.clone(),
            host: GMS_HOST.to_owned(),
            domain: MC_DOMAIN.to_owned(),
            protection: self.client_protection(),
            key_sets: self.group_management_keys.clone(),
            kms: vec![self.kms.clone()],
            tokens: self.tokens.clone(),
            users: Arc::clone(&self.users) as _,
        };
        let server = GroupServer::new(settings, Arc::clone(management));
        self.start_node(server, self.addresses.gms_sip()).await
    }

    async fn start_xcap(
        &self,
        management: Arc<Mutex<GroupManagement>>,
        sip: Handle<GroupServer>,
    ) -> Result<HttpsServer, SystemError> {
        let changed = move || {
            sip.with(|node, clocks, random| {
                node.input(clocks, random, GroupServerInput::DocumentsChanged);
            });
        };
        let front = GmsFrontEnd {
            management,
            tokens: self.tokens.clone(),
            root: "/xcap/".to_owned(),
            clock: Arc::new(SystemClock),
            changed: Box::new(changed),
        };
        let tls = ServerTls::new(self.ca.issue(&[GMS_HOST], SystemClock.now())?)?;
        let router = service::mount(Arc::new(front));
        let (at, limits) = (self.addresses.gms(), ServerLimits::default());
        Ok(HttpsServer::start(at, tls, router, limits, tap(self.options)).await?)
    }

    async fn start_node<A>(
        &self,
        application: A,
        at: SocketAddr,
    ) -> Result<(Handle<A>, mpsc::Receiver<A::Output>), SystemError>
    where
        A: Application + Send + 'static,
        A::Output: Send + 'static,
    {
        let node = Node::new(application, Endpoint::new(Settings::new(Role::UserAgent)));
        Ok(SipNode::start(node, self.transport(at), Box::new(OsRandom)).await?)
    }
}

type Legs = (LegSockets, LegSender, mpsc::Receiver<MediaPacket>);

/// Host name of a server for its Warning headers.
fn host(uri: &ServerUri) -> String {
    let text = uri.as_str();
    text.rsplit_once('@')
        .or_else(|| text.split_once(':'))
        .map_or(text, |(_, host)| host)
        .to_owned()
}

async fn send_media(mut outputs: mpsc::Receiver<MediaTransmit>, sender: LegSender) {
    while let Some(transmit) = outputs.recv().await {
        sender.send(&transmit);
    }
}

async fn take_media<A>(
    handle: Handle<A>,
    mut packets: mpsc::Receiver<MediaPacket>,
    input: fn(MediaPacket) -> A::Input,
) where
    A: Application + Send + 'static,
    A::Output: Send + 'static,
{
    while let Some(packet) = packets.recv().await {
        handle.with(|node, clocks, random| node.input(clocks, random, input(packet)));
    }
}

/// A group document changed: both functions look at it again.
async fn pass_on_changes(
    mut changed: mpsc::Receiver<GroupId>,
    controlling: Handle<ControllingFunction>,
    participating: Handle<ParticipatingFunction>,
) {
    while let Some(group) = changed.recv().await {
        let for_controlling = ControllingInput::GroupChanged(group.clone());
        controlling.with(|node, clocks, random| node.input(clocks, random, for_controlling));
        let for_participating = ParticipatingInput::GroupChanged(group);
        participating.with(|node, clocks, random| node.input(clocks, random, for_participating));
    }
}
