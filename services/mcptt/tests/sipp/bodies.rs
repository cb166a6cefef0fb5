//! The bodies that sipp sends: made by our own code, written to files.

use base64::Engine as _;
use roger_base::{ClientId, McpttId, SecretBytes, UnixTime};
use roger_call::body::{Body, Part};
use roger_call::feature::media_type;
use roger_call::protection::{Protection, SendingHop};
use roger_call::service_authorisation::BoundCsk;
use roger_documents::mcptt_info::{McpttInfo, RequestUri};
use roger_documents::poc_settings::{AnswerMode, PocSettings};
use roger_ibc::UserKeySet;
use roger_keys::Csk;
use roger_keys::signalling::XmlKeyMode;
use roger_mikey::create::Hiding;
use roger_mikey::{CreateClientServerKey, CreateOptions};
use roger_sip::message::HeaderName;
use roger_sip::multipart::MultipartBuilder;
use roger_testkit::SeededRandom;
use roger_testkit_domain::{DOMAIN, TestDomain, user};

/// A user at one UE.
pub(crate) struct Client {
    pub(crate) user: McpttId,
    pub(crate) line: String,
    pub(crate) id: ClientId,
    pub(crate) keys: UserKeySet,
}

impl Client {
    pub(crate) fn new(number: usize, name: &str, domain: &mut TestDomain, now: UnixTime) -> Self {
        let user = user(name);
        let id = format!("urn:uuid:00000000-0000-4000-8000-00000000000{number}");
        Self {
            line: format!("u700{number}"),
            id: ClientId::new(id).unwrap(),
            keys: domain.key_set_at(user.as_str(), now),
            user,
        }
    }

    /// A CSK in a message to a server, signed by this user and named as another's, or her own.
    pub(crate) fn csk(
        &self,
        owner: &McpttId,
        server: &str,
        domain: &TestDomain,
        now: UnixTime,
        random: &mut SeededRandom,
    ) -> BoundCsk {
        let csk = Csk::random(random).unwrap();
        let message = CreateClientServerKey {
            csk: &csk,
            user: &self.keys,
            server,
            server_domain: domain.kms(),
            parameters: None,
            now: now.to_ntp(),
            options: CreateOptions {
                hiding: Hiding::Initiator,
                ..CreateOptions::PLAIN
            },
        };
        let message = message.build(random).unwrap();
        BoundCsk::new(csk, owner.clone(), message, XmlKeyMode::Derived)
    }

    /// Token and settings, as an authorising PUBLISH has them.
    pub(crate) fn authorising(&self, token: &str) -> Body {
        let info = McpttInfo {
            access_token: Some(SecretBytes::new(token.as_bytes().to_vec())),
            client_id: Some(self.id.clone()),
            ..McpttInfo::default()
        };
        Body::new()
            .with_document(&info)
            .with_document(&self.poc_settings())
    }

    /// Settings alone.
    pub(crate) fn settings(&self) -> Body {
        let info = McpttInfo {
            request_uri: Some(RequestUri::from(&self.user)),
            client_id: Some(self.id.clone()),
            ..McpttInfo::default()
        };
        Body::new()
            .with_document(&info)
            .with_document(&self.poc_settings())
    }

    fn poc_settings(&self) -> PocSettings {
        PocSettings {
            client_id: self.id.clone(),
            answer_mode: Some(AnswerMode::Automatic),
            user_profile_index: Some(1),
            multiplex_support: false,
        }
    }
}

pub(crate) fn protected(
    csk: &BoundCsk,
    protection: Protection,
    body: Body,
    random: &mut SeededRandom,
) -> Body {
    let hop: SendingHop = csk.sending(protection, DOMAIN);
    body.protected(&hop, random).unwrap()
}

/// How the CSK message stands in its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Binary,
    Base64,
}

/// Boundary and octets of a body; a CSK message goes first, as often as it is given.
pub(crate) fn multipart(
    messages: &[&[u8]],
    encoding: Encoding,
    body: &Body,
    random: &mut SeededRandom,
) -> (String, Vec<u8>) {
    let mut builder = MultipartBuilder::new();
    for message in messages {
        let (name, octets) = match encoding {
            Encoding::Binary => ("binary", message.to_vec()),
            Encoding::Base64 => {
                let text = base64::engine::general_purpose::STANDARD.encode(message);
                ("base64", text.into_bytes())
            }
        };
        let headers = [(HeaderName::CONTENT_TRANSFER_ENCODING, name)];
        builder = builder.part_with(media_type::MIKEY, &headers, octets);
    }
    for part in parts(body) {
        let id = part.content_id.as_ref().map(|id| format!("<{id}>"));
        let headers: Vec<_> = id
            .iter()
            .map(|id| (HeaderName::CONTENT_ID, id.as_str()))
            .collect();
        builder = builder.part_with(&part.content_type, &headers, part.octets.to_vec());
    }
    let (content_type, octets) = builder.build(random).unwrap();
    let (_, boundary) = content_type.split_once("boundary=").unwrap();
    (boundary.trim_matches('"').to_owned(), octets)
}

/// The XML parts of a body.
fn parts(body: &Body) -> impl Iterator<Item = &Part> {
    [
        media_type::MCPTT_INFO,
        media_type::POC_SETTINGS,
        media_type::MCPTT_SIGNED,
    ]
    .into_iter()
    .filter_map(|kind| body.part(kind))
}
