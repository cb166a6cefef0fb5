//! SIP core and participating function on real sockets.

use roger_adapter_sip::{SipHandle, SipNode, TransportSettings};
use roger_base::{GroupId, Impu, McpttId, Random, RandomError, SecretBytes, ServerUri, UnixTime};
use roger_call::protection::Protection;
use roger_call::service_authorisation::UserDirectory;
use roger_documents::group::GroupDocument;
use roger_keys::Spk;
use roger_keys::signalling::XmlKeyMode;
use roger_mcptt::ServerHop;
use roger_mcptt::controlling::FloorControlProtection;
use roger_mcptt::media::{MediaPorts, NoPorts, Pair, PairId};
use roger_mcptt::participating::{Credentials, ParticipatingFunction, ParticipatingSettings};
use roger_mcptt::ports::{DirectoryUnavailable, GroupDirectory, UserProfile, UserProfiles};
use roger_media::AddressRule;
use roger_mikey::Signer;
use roger_sip::application::Node;
use roger_sip::endpoint::{Endpoint, Role, Settings, Target};
use roger_sipcore::{
    ApplicationServer, Authentication, CoreSettings, MemorySubscribers, Service, SipCore,
    Subscriber, TrustedPeer,
};
use roger_testkit::SeededRandom;
use roger_testkit_domain::{DOMAIN, TestDomain, user};
use roger_xml::signed_body::Coverage;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const NAMES: [&str; 3] = ["alice", "bob", "mallory"];
const PF: &str = "sip:mcptt-pf@mcptt.example.org";
/// The core, the participating function and sipp have addresses of their own, because the core trusts by address.
const CORE_IP: &str = "127.0.0.1";
const PF_IP: &str = "127.0.0.2";

/// Randomness of a node.
struct NodeRandom(SeededRandom);

impl Random for NodeRandom {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        self.0.fill(buffer)
    }
}

struct Users;

impl UserDirectory for Users {
    fn user_of(&self, signer: &Signer) -> Option<McpttId> {
        let mut users = NAMES.into_iter().map(user);
        users.find(|user| signer.is(user.as_str()))
    }
}

impl UserProfiles for Users {
    fn profile(&self, wanted: &McpttId) -> Option<Arc<UserProfile>> {
        let known = NAMES.into_iter().map(user).any(|user| user == *wanted);
        known.then(|| Arc::new(UserProfile::ordinary()))
    }
}

struct NoGroups;

impl GroupDirectory for NoGroups {
    fn group(&self, _: &GroupId) -> Result<Option<Arc<GroupDocument>>, DirectoryUnavailable> {
        Ok(None)
    }
}

struct NoMedia;

impl MediaPorts for NoMedia {
    fn open(&mut self) -> Result<Pair, NoPorts> {
        Err(NoPorts("no calls here".to_owned()))
    }

    fn close(&mut self, _: PairId) {}
}

pub(crate) fn utc() -> UnixTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixTime(now.as_secs())
}

/// Both servers; they stop when this is dropped.
pub(crate) struct Servers {
    pub(crate) core: SocketAddr,
    core_node: SipHandle<SipCore<MemorySubscribers>>,
    participating: SipHandle<Node<ParticipatingFunction>>,
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.core_node.stop();
        self.participating.stop();
    }
}

/// A free address; nobody else takes it so soon.
pub(crate) fn free(ip: &str) -> SocketAddr {
    let ip: IpAddr = ip.parse().unwrap();
    let listener = TcpListener::bind((ip, 0)).unwrap();
    listener.local_addr().unwrap()
}

impl Servers {
    pub(crate) async fn start(domain: &mut TestDomain) -> Self {
        let (core, pf) = (free(CORE_IP), free(PF_IP));
        let mut random = SeededRandom::new(u64::from(core.port()));
        let function = ParticipatingFunction::new(
            pf_settings(domain, core, pf, &mut random),
            Arc::new(NoGroups),
            Arc::new(Users),
            Box::new(NoMedia),
        );
        let node = Node::new(
            function.unwrap(),
            Endpoint::new(Settings::new(Role::UserAgent)),
        );
        let participating = start(node, pf, 1).await;
        let subscribers: MemorySubscribers = (0..NAMES.len()).map(subscriber).collect();
        let sip_core = SipCore::new(core_settings(pf), subscribers, &mut random).unwrap();
        let core_node = start(sip_core, core, 2).await;
        Self {
            core,
            core_node,
            participating,
        }
    }

    /// Who is behind a line.
    pub(crate) fn bound(&self, line: &str) -> Option<McpttId> {
        let impu = impu(line);
        let function = |node: &mut Node<ParticipatingFunction>| {
            node.application()
                .bound(&impu)
                .map(|(user, _)| user.clone())
        };
        self.participating.with(|node, _, _| function(node))
    }
}

async fn start<E>(element: E, at: SocketAddr, seed: u64) -> SipHandle<E>
where
    E: roger_sip::endpoint::Element + Send + 'static,
    E::Event: Send,
{
    let random = NodeRandom(SeededRandom::new(seed << 32 | u64::from(at.port())));
    let (handle, mut events) = SipNode::start(element, TransportSettings::at(at), Box::new(random))
        .await
        .unwrap();
    // Nobody asks for what they say.
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    handle
}

fn impu(line: &str) -> Impu {
    Impu::new(format!("sip:{line}@ims.example.org")).unwrap()
}

fn subscriber(number: usize) -> Subscriber {
    Subscriber {
        username: format!("private-{number}"),
        identities: vec![impu(&format!("u700{number}"))],
        password: SecretBytes::new(vec![1; 8]),
    }
}

fn core_settings(pf: SocketAddr) -> CoreSettings {
    let identity = || ServerUri::new(PF).unwrap();
    let target = Target::tcp(pf);
    let mut settings = CoreSettings::new("ims.example.org");
    settings.authentication = Authentication::None;
    settings.trusted = vec![TrustedPeer::Address(pf.ip())];
    settings.services = vec![Service {
        identity: identity(),
        target,
    }];
    settings.application_servers = vec![ApplicationServer {
        identity: identity(),
        target,
        feature_tag: "+g.3gpp.mcptt".into(),
    }];
    settings
}

fn pf_settings(
    domain: &mut TestDomain,
    core: SocketAddr,
    pf: SocketAddr,
    random: &mut SeededRandom,
) -> ParticipatingSettings {
    let spk = Spk::random(random).unwrap();
    let now = utc();
    ParticipatingSettings {
        psi: ServerUri::new(PF).unwrap(),
        host: "pf1.mcptt.example.org".to_owned(),
        contact: format!("{pf};transport=tcp"),
        core: Target::tcp(core),
        controlling: Vec::new(),
        hop: ServerHop::new(spk, DOMAIN, DOMAIN, Protection::Full),
        server_floor_protection: FloorControlProtection::On,
        domain: DOMAIN.to_owned(),
        protection: Protection::Full,
        coverage: Coverage::EveryXmlPart,
        key_mode: XmlKeyMode::Derived,
        private_floor_protection: FloorControlProtection::On,
        client_addresses: AddressRule::FollowAuthenticated,
        credentials: Credentials {
            key_sets: vec![domain.key_set_at(DOMAIN, now)],
            kms: vec![domain.kms().clone()],
            tokens: domain.verifier(),
        },
        users: Arc::new(Users),
        token_grace: ParticipatingSettings::TOKEN_GRACE,
        max_bindings: 100,
        max_sessions: 10,
    }
}
