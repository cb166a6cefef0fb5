//! The UE with its sockets: log-in and keys over HTTPS, [`UeClient`] on real SIP and media sockets, speech in and out.
//!
//! ```text
//!   user ── log_in, fetch_keys ──► IdM, KMS (HTTPS) ──► UeInput::User ──┐
//!   user ── input, talk ────────────────────────────────────────────────┤
//!                                                                        ▼
//!   SIP core ◄── SIP over TCP ──► Node<UeClient> ──► UeEvent ──► user, recorder of what is heard
//!   servers  ◄── RTP, floor (UDP) ──►   │
//!   GMS      ◄── HTTPS GET ◄── DocumentChanged ── and back ── GroupKeys ──► UeClient
//! ```

mod config;
mod documents;
mod group_document;
mod heard;
mod key_provisioning;
mod session;
mod sip_sockets;
mod speech;

pub use config::{GroupManagementAccess, IdmAccess, KmsAccess, Local, SipTap, Taps, UeConfig};
pub use group_document::GroupDocumentError;
pub use heard::HeardBurst;
pub use key_provisioning::{KeyProvisioning, KeyProvisioningError};
pub use session::SessionSecrets;
pub use speech::{Speech, SpeechError};

use crate::client::{CallNumber, Position, UeClient, UeEvent, UeInput, UeOutput};
use documents::Documents;
use heard::Heard;
use roger_adapter_http::{
    ClientTls, HttpsClient, HttpsClientError, IdmClientError, OsRandom, TlsError,
};
use roger_adapter_rtp::{LegSender, LegSockets, MediaPorts};
use roger_adapter_sip::{SipHandle, SipNode, StartError, TransportSettings};
use roger_audio::SpeechFrame;
use roger_base::{GroupId, McpttId, RandomError};
use roger_documents::group::GroupDocument;
use roger_media::MediaPacket;
use roger_oidc::AccessToken;
use roger_sip::application::Node;
use roger_sip::endpoint::{Endpoint, Role, Settings};
use session::Session;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Events that may wait for the user of a UE.
const EVENTS: usize = 16_384;

/// Why a UE did not start, log in or get its keys.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UeError {
    /// TLS cannot be set up.
    #[error(transparent)]
    LocalTls(#[from] TlsError),
    /// No HTTPS client, or no answer.
    #[error(transparent)]
    Http(#[from] HttpsClientError),
    /// The SIP address cannot be bound.
    #[error(transparent)]
    LocalSip(#[from] StartError),
    /// The log-in failed.
    #[error("log-in: {0}")]
    Login(#[from] IdmClientError),
    /// The keys were not had.
    #[error("keys: {0}")]
    Keys(#[from] KeyProvisioningError),
    /// Something needs a user who has logged in.
    #[error("log in first")]
    LocalNotLoggedIn,
    /// No randomness.
    #[error(transparent)]
    LocalRandom(#[from] RandomError),
}

/// A running UE; it stops when this is dropped.
pub struct Ue {
    inner: Arc<Inner>,
    tasks: Vec<JoinHandle<()>>,
}

/// What the tasks of a UE share.
struct Inner {
    sip: SipHandle<Node<UeClient>>,
    http: HttpsClient,
    session: Session,
    /// Root of the group management server's documents, with a slash at its end.
    xcap_root: String,
    heard: Mutex<Heard>,
}

impl Inner {
    fn input(&self, input: UeInput) {
        self.sip
            .with(|node, clocks, random| node.input(clocks, random, input));
    }
}

impl Ue {
    /// Binds the sockets; registers nothing yet. Events come out of the receiver; when its user does not take them
    /// for long, the newest are dropped.
    ///
    /// # Errors
    /// [`UeError`] when an address cannot be bound or TLS not be set up.
    pub async fn start(config: UeConfig) -> Result<(Self, mpsc::Receiver<UeEvent>), UeError> {
        let tls = ClientTls::new(&config.authority)?;
        let sip_tls = tls.clone();
        let hosts: Vec<_> = config
            .hosts
            .iter()
            .map(|(name, at)| (name.as_str(), *at))
            .collect();
        let http = HttpsClient::new(tls, &hosts)?;
        let ports = MediaPorts::new(
            config.local.sip.ip(),
            config.local.media,
            config.taps.media.clone(),
        );
        let (sockets, sender, packets) = LegSockets::new(ports);
        let mut settings = config.settings;
        let (core, domain) = (settings.core, settings.sip_domain.clone());
        let contact = sip_sockets::contact_transport(core).parameter();
        settings.contact = format!("{};transport={contact}", config.local.sip);
        let client = UeClient::new(settings, config.sip_password, Box::new(sockets));
        let endpoint = Endpoint::new(Settings::new(Role::UserAgent));
        let mut transport = TransportSettings {
            udp: None,
            ..TransportSettings::at(config.local.sip)
        };
        if let Some(SipTap { tap, scope }) = &config.taps.sip {
            transport.tap = Some(Arc::clone(tap));
            transport.tap_scope = *scope;
        }
        let node = Node::new(client, endpoint);
        let transport = sip_sockets::towards(core, &domain, sip_tls, transport);
        let (sip, outputs) = SipNode::start(node, transport, Box::new(OsRandom)).await?;
        let session = Session::new(config.idm, config.kms, http.clone());
        let inner = Arc::new(Inner {
            sip,
            http,
            session,
            xcap_root: config.group_management.xcap_root.clone(),
            heard: Mutex::default(),
        });
        if let Some(configuration) = config.service_configuration {
            inner.input(UeInput::ServiceConfiguration(Box::new(configuration)));
        }
        let (events, receiver) = mpsc::channel(EVENTS);
        let (documents, changes) = Documents::new(config.group_management);
        let tasks = vec![
            tokio::spawn(deliver_media(Arc::clone(&inner), packets)),
            tokio::spawn(carry_out(
                Arc::clone(&inner),
                outputs,
                Rim {
                    sender,
                    events,
                    documents: documents.clone(),
                },
            )),
            tokio::spawn(documents.run(Arc::clone(&inner), changes)),
            tokio::spawn(session::keep_fresh(Arc::clone(&inner))),
        ];
        Ok((Self { inner, tasks }, receiver))
    }

    /// Logs in at the IdM server with the log-in name and password of the user (TS 33.180 cl. 5.1.2.3).
    ///
    /// # Errors
    /// [`UeError::Login`] naming the step that failed.
    pub async fn log_in(&self, username: &str, password: &str) -> Result<McpttId, UeError> {
        self.inner.session.log_in(username, password).await
    }

    /// Fetches KMS certificate and key sets of the user who logged in, checks them, and hands user, token and keys to
    /// the client (TS 33.180 cl. 5.3).
    ///
    /// # Errors
    /// [`UeError`]; nothing is changed then.
    pub async fn fetch_keys(&self) -> Result<(), UeError> {
        let user = self.inner.session.fetch_keys().await?;
        self.inner.input(user);
        Ok(())
    }

    /// The document of a group, as far as the user may read it (TS 24.481 cl. 6.2.4.1).
    ///
    /// # Errors
    /// [`GroupDocumentError`], which tells a group that does not exist from one whose member the user is not.
    pub async fn group_document(
        &self,
        group: &GroupId,
    ) -> Result<GroupDocument, GroupDocumentError> {
        group_document::fetch(&self.inner, group).await
    }

    /// Hands an input to the client.
    pub fn input(&self, input: UeInput) {
        self.inner.input(input);
    }

    /// Says where this UE is, as the platform found out; once is enough until it moves. The client reports it when its
    /// configuration or a question of the server wants it (TS 24.379 cl. 13.3), and never before.
    pub fn set_position(&self, position: Position) {
        self.inner.input(UeInput::Position(position));
    }

    /// Looks at the client, such as at the keys it holds.
    pub fn look<R>(&self, look: impl FnOnce(&UeClient) -> R) -> R {
        self.inner.sip.with(|node, _, _| look(node.application()))
    }

    /// The session of the user, for a program that shows or proves something about its secrets.
    pub async fn secrets(&self) -> Option<SessionSecrets> {
        self.inner.session.secrets().await
    }

    /// The access token held now.
    pub async fn access_token(&self) -> Option<AccessToken> {
        self.inner.session.access_token().await
    }

    /// Says frames, one every 20 ms, until there are no more. Whether they are sent is decided by the floor:
    /// [`UeInput::Speech`].
    ///
    /// # Errors
    /// [`SpeechError::LocalPayload`] for a frame that does not go into a packet.
    pub async fn talk<I>(&self, call: CallNumber, frames: I) -> Result<(), SpeechError>
    where
        I: IntoIterator<Item = SpeechFrame>,
    {
        speech::talk(&self.inner, call, frames.into_iter()).await
    }

    /// The talk bursts heard since the last call of this function, in the order in which they began.
    #[must_use]
    pub fn take_heard(&self) -> Vec<HeardBurst> {
        self.inner
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// As [`Self::take_heard`], of one talker in one call; what others say is left where it is.
    #[must_use]
    pub fn take_heard_of(&self, call: CallNumber, ssrc: u32) -> Vec<HeardBurst> {
        self.inner
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take_of(call, ssrc)
    }

    /// Leaves the MC service and the SIP core, and forgets tokens and keys; the sockets stay until [`Self::stop`].
    pub async fn log_off(&self) {
        self.inner.input(UeInput::LogOff);
        self.inner.session.forget().await;
    }

    /// Closes every socket. [`Self::log_off`] is polite before it.
    pub fn stop(&self) {
        self.inner.sip.stop();
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for Ue {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn deliver_media(inner: Arc<Inner>, mut packets: mpsc::Receiver<MediaPacket>) {
    while let Some(packet) = packets.recv().await {
        inner.input(UeInput::Media(packet));
    }
}

/// Where the outputs of a client go.
struct Rim {
    sender: LegSender,
    events: mpsc::Sender<UeEvent>,
    documents: Documents,
}

async fn carry_out(inner: Arc<Inner>, mut outputs: mpsc::Receiver<UeOutput>, rim: Rim) {
    while let Some(output) = outputs.recv().await {
        match output {
            UeOutput::Media(transmit) => rim.sender.send(&transmit),
            UeOutput::Event(event) => tell(&inner, &rim, event),
        }
    }
}

fn tell(inner: &Inner, rim: &Rim, event: UeEvent) {
    match &event {
        UeEvent::Speech(call, speech) => inner
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .packet(*call, speech),
        UeEvent::DocumentChanged { url, etag } => rim.documents.changed(url, etag.as_deref()),
        _ => {}
    }
    if rim.events.try_send(event).is_err() {
        tracing::warn!("an event of a UE was dropped: its user does not keep up");
    }
}
