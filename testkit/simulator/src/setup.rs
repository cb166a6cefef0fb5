//! What a system is made of.

use crate::directory::{Groups, Users, lock};
use crate::host::{HostId, Machine};
use crate::ports::{MemoryPorts, Sockets};
use crate::{CONTROLLING, IMS_DOMAIN, PARTICIPATING};
use core::time::Duration;
use roger_base::{ClientId, GroupId, Impu, McpttId, Mdsi, SecretBytes, ServerUri};
use roger_call::protection::Protection;
use roger_documents::group::{GroupDocument, Member};
use roger_documents::group_rule::{GroupAction, GroupRule, RuleScope};
use roger_gms::memory::{MemoryRepository, SingleKms};
use roger_gms::{GroupManagement, GroupServer, GroupServerSettings};
use roger_keys::Spk;
use roger_keys::signalling::XmlKeyMode;
use roger_mcptt::ServerHop;
use roger_mcptt::controlling::{ControllingFunction, ControllingSettings};
use roger_mcptt::participating::{
    ControllingRoute, Credentials, ParticipatingFunction, ParticipatingSettings,
};
use roger_media::AddressRule;
use roger_sip::application::{Application, Node};
use roger_sip::endpoint::{Element, Endpoint, Role, Settings, Target, Transport};
use roger_sipcore::{
    ApplicationServer, CoreSettings, MemorySubscribers, Service, SipCore, Subscriber, TrustedPeer,
};
use roger_testkit::SeededRandom;
use roger_testkit_domain::{DOMAIN, GMS, TestDomain, user};
use roger_ue::client::{FloorControlProtection, IdentityHiding, UeClient, UeSettings};
use roger_xml::signed_body::Coverage;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

pub(crate) const CORE: HostId = HostId(0);
pub(crate) const PF: HostId = HostId(1);
pub(crate) const CF: HostId = HostId(2);
pub(crate) const MANAGEMENT: HostId = HostId(3);
pub(crate) const FIRST_UE: usize = 4;

/// Which system to build.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Seed of all randomness.
    pub seed: u64,
    /// Users who have a UE, by name.
    pub users: Vec<&'static str>,
    /// Protection of XML on every hop.
    pub protection: Protection,
    /// Floor control of clients and between servers.
    pub floor_protection: FloorControlProtection,
    /// Hidden identities in MIKEY messages.
    pub hiding: IdentityHiding,
}

impl Setup {
    /// A system with everything protected.
    #[must_use]
    pub fn new(seed: u64, users: &[&'static str]) -> Self {
        Self {
            seed,
            users: users.to_vec(),
            protection: Protection::Full,
            floor_protection: FloorControlProtection::On,
            hiding: IdentityHiding::On,
        }
    }

    fn server_floor(&self) -> roger_mcptt::controlling::FloorControlProtection {
        match self.floor_protection {
            FloorControlProtection::On => roger_mcptt::controlling::FloorControlProtection::On,
            FloorControlProtection::Off => roger_mcptt::controlling::FloorControlProtection::Off,
        }
    }
}

/// A prearranged group of these users, who may start and join calls.
#[must_use]
pub fn group_document(group: &GroupId, members: &[&str]) -> GroupDocument {
    let mut document = GroupDocument::new(group.clone());
    document.members = members.iter().map(|name| Member::new(user(name))).collect();
    document.invite_members = Some(true);
    document.rules = vec![GroupRule {
        id: "members".to_owned(),
        scope: RuleScope::ListMembers,
        allowed: vec![GroupAction::InitiateConference, GroupAction::JoinHandling],
    }];
    document
}

pub(crate) const fn ip(host: HostId) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, host.0 as u8 + 1))
}

pub(crate) const fn sip_address(host: HostId) -> SocketAddr {
    SocketAddr::new(ip(host), 5060)
}

fn contact(host: HostId) -> String {
    format!("{};transport=tcp", sip_address(host))
}

/// Public user identity of the UE of this number: it says nothing about its user.
pub(crate) fn impu(host: HostId) -> Impu {
    Impu::new(format!("sip:line-{:04x}@{IMS_DOMAIN}", 0x5a10 + host.0)).unwrap()
}

pub(crate) fn client_id(host: HostId) -> ClientId {
    ClientId::new(format!("urn:uuid:00000000-0000-4000-8000-{:012x}", host.0)).unwrap()
}

fn sip_username(host: HostId) -> String {
    format!("private-{}@{IMS_DOMAIN}", host.0)
}

fn sip_password(host: HostId) -> SecretBytes {
    SecretBytes::new(format!("line password {}", host.0).into_bytes())
}

fn server(uri: &str) -> ServerUri {
    ServerUri::new(uri).unwrap()
}

/// Builds the machines one after the other.
pub(crate) struct Builder<'a> {
    pub(crate) setup: &'a Setup,
    pub(crate) domain: TestDomain,
    pub(crate) random: SeededRandom,
    pub(crate) users: Users,
    pub(crate) management: Arc<Mutex<GroupManagement>>,
    pub(crate) sockets: Sockets,
    pub(crate) hop: ServerHop,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(setup: &'a Setup) -> Self {
        let mut domain = TestDomain::new(setup.seed);
        let mut random = SeededRandom::new(setup.seed ^ 0x5EED);
        let users = Users::default();
        let ordinary = roger_mcptt::ports::UserProfile::ordinary;
        for name in &setup.users {
            lock(&users.0).profiles.insert(user(name), ordinary());
        }
        let mut settings = roger_gms::Settings::new(format!("https://gms.{DOMAIN}/xcap/"));
        settings.administrators.insert(user(crate::ADMINISTRATOR));
        let kms = Arc::new(SingleKms(domain.kms().clone()));
        let repository = Arc::new(MemoryRepository::default());
        let management = GroupManagement::new(settings, repository, kms, vec![domain.key_set(GMS)]);
        let spk = Spk::random(&mut random).unwrap();
        Self {
            hop: ServerHop::new(spk, DOMAIN, DOMAIN, setup.protection),
            setup,
            domain,
            random,
            users,
            management: Arc::new(Mutex::new(management)),
            sockets: Sockets::default(),
        }
    }

    fn ports(&self, host: HostId) -> Box<MemoryPorts> {
        Box::new(MemoryPorts {
            host,
            ip: ip(host),
            sockets: self.sockets.clone(),
            next: 1,
        })
    }

    pub(crate) fn core(&mut self) -> Machine {
        let mut settings = CoreSettings::new(IMS_DOMAIN);
        settings.trusted = [PF, CF, MANAGEMENT]
            .map(|host| TrustedPeer::Address(ip(host)))
            .to_vec();
        settings.services = [(PARTICIPATING, PF), (CONTROLLING, CF), (GMS, MANAGEMENT)]
            .map(|(psi, host)| Service {
                identity: server(psi),
                target: Target::tcp(sip_address(host)),
            })
            .to_vec();
        settings.application_servers = vec![ApplicationServer {
            identity: server(PARTICIPATING),
            target: Target::tcp(sip_address(PF)),
            feature_tag: "+g.3gpp.mcptt".to_owned(),
        }];
        let subscribers: MemorySubscribers = (0..self.setup.users.len())
            .map(|number| HostId(FIRST_UE + number))
            .map(|host| Subscriber {
                username: sip_username(host),
                identities: vec![impu(host)],
                password: sip_password(host),
            })
            .collect();
        let mut core = SipCore::new(settings, subscribers, &mut self.random).unwrap();
        Element::bound(&mut core, Transport::Tcp, sip_address(CORE));
        Machine::Core(Box::new(core))
    }

    pub(crate) fn participating(&mut self) -> Machine {
        let key_sets = vec![
            self.domain.key_set(DOMAIN),
            self.domain.key_set(PARTICIPATING),
        ];
        let credentials = Credentials {
            key_sets,
            kms: vec![self.domain.kms().clone()],
            tokens: self.domain.verifier(),
        };
        let settings = ParticipatingSettings {
            psi: server(PARTICIPATING),
            host: format!("pf.{DOMAIN}"),
            contact: contact(PF),
            core: Target::tcp(sip_address(CORE)),
            controlling: vec![ControllingRoute {
                domain: DOMAIN.to_owned(),
                controlling: server(CONTROLLING),
            }],
            hop: self.hop.clone(),
            server_floor_protection: self.setup.server_floor(),
            domain: DOMAIN.to_owned(),
            protection: self.setup.protection,
            coverage: Coverage::EveryXmlPart,
            key_mode: XmlKeyMode::Derived,
            private_floor_protection: self.setup.server_floor(),
            client_addresses: AddressRule::Pinned,
            credentials,
            users: Arc::new(self.users.clone()),
            token_grace: ParticipatingSettings::TOKEN_GRACE,
            max_bindings: 100,
            max_sessions: 100,
        };
        let (groups, profiles) = (Groups(Arc::clone(&self.management)), self.users.clone());
        let function = ParticipatingFunction::new(
            settings,
            Arc::new(groups),
            Arc::new(profiles),
            self.ports(PF),
        );
        Machine::Participating(Box::new(node(function.unwrap(), PF)))
    }

    pub(crate) fn controlling(&self) -> Machine {
        let settings = ControllingSettings {
            psi: server(CONTROLLING),
            host: format!("cf.{DOMAIN}"),
            contact: contact(CF),
            core: Target::tcp(sip_address(CORE)),
            participating: server(PARTICIPATING),
            hop: self.hop.clone(),
            floor_protection: self.setup.server_floor(),
            floor_timers: roger_floor::server::ServerTimers::default(),
            max_calls: 100,
        };
        let (groups, profiles) = (Groups(Arc::clone(&self.management)), self.users.clone());
        let function = ControllingFunction::new(
            settings,
            Arc::new(groups),
            Arc::new(profiles),
            self.ports(CF),
        );
        Machine::Controlling(Box::new(node(function.unwrap(), CF)))
    }

    pub(crate) fn management(&mut self) -> Machine {
        let settings = GroupServerSettings {
            identity: server(GMS),
            host: format!("gms.{DOMAIN}"),
            domain: DOMAIN.to_owned(),
            protection: self.setup.protection,
            key_sets: vec![self.domain.key_set(GMS)],
            kms: vec![self.domain.kms().clone()],
            tokens: self.domain.verifier(),
            users: Arc::new(self.users.clone()),
        };
        let server = GroupServer::new(settings, Arc::clone(&self.management));
        Machine::Management(Box::new(node(server, MANAGEMENT)))
    }

    pub(crate) fn ue(&self, host: HostId) -> Machine {
        let settings = UeSettings {
            impu: impu(host),
            sip_username: sip_username(host),
            sip_domain: IMS_DOMAIN.to_owned(),
            core: Target::tcp(sip_address(CORE)),
            contact: contact(host),
            client_id: client_id(host),
            participating: server(PARTICIPATING),
            mdsi: Mdsi::new(DOMAIN).unwrap(),
            group_management: server(GMS),
            domain: DOMAIN.to_owned(),
            protection: self.setup.protection,
            floor_protection: self.setup.floor_protection,
            hiding: self.setup.hiding,
            registration_life: Duration::from_secs(3600),
        };
        let client = UeClient::new(settings, sip_password(host), self.ports(host));
        Machine::Ue(Box::new(node(client, host)))
    }
}

fn node<A: Application>(application: A, host: HostId) -> Node<A> {
    Node::new(application, bare(host))
}

pub(crate) fn bare(host: HostId) -> Endpoint {
    Endpoint::new(Settings::new(Role::UserAgent).with_sent_by(Transport::Tcp, sip_address(host)))
}

/// The user by the name that a test gives her.
pub(crate) fn mcptt_id(name: &str) -> McpttId {
    user(name)
}
