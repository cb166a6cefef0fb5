//! Participating function: service authorisation, affiliation, and one client's part in its calls
//! (TS 24.379 cl. 6.3.2, 7.3, 9.2.2.2; TS 24.380 cl. 6.4).
//!
//! ```text
//!            REGISTER, PUBLISH ──► bindings: IMPU ↔ MCPTT ID ↔ client ↔ CSK
//!   client ──── CSK ────► ┌───────────────────────────┐ ◄──── SPK ──── controlling function
//!   XML, SRTCP            │ opens, checks, protects   │       XML, SRTCP
//!   SRTP ────────────────►│ (SRTP: octets as they are)│◄───────────── SRTP
//!                         └───────────────────────────┘
//! ```

mod affiliation;
mod agenda;
mod authorisation;
mod b2bua;
mod binding;
mod invite;
mod key_download;
mod location;
mod message;
mod originating;
mod presence;
mod register;
mod service_settings;
mod session;
mod settings;
mod subscription;
mod terminating;
mod withdrawal;

pub use location::KnownLocation;
pub use settings::{ControllingRoute, Credentials, ParticipatingSettings};

use crate::controlling::FloorControlProtection;
use crate::media::{MediaPacket, MediaPorts, MediaTransmit};
use crate::ports::{GroupDirectory, UserProfiles};
use affiliation::Affiliations;
use authorisation::BindError;
use binding::{Bindings, ClientRules, OpenedWith, open_body};
use key_download::Downloads;
use location::Locations;
use message::Messages;
use register::Registrations;
use roger_base::{ClientId, GroupId, Impu, Instant, McpttId, UnixTime};
use roger_call::answer::{asserted_identities, come_again, plain, warned};
use roger_call::body::{Body, BodyError};
use roger_call::protection::ProtectionError;
use roger_call::warning::WarningCode;
use roger_documents::location_info::LocationConfiguration;
use roger_keys::Mkfc;
use roger_media::{Counters, Discard, FloorKeyring, Flow, Side};
use roger_mikey::{Receiver, ReceiverSettings};
use roger_oidc::GrantId;
use roger_sip::application::{Application, Context, answer};
use roger_sip::endpoint::{Answer, EndpointError, Incoming, Output, RequestHandle};
use roger_sip::message::{HeaderName, Method, Request, StatusCode};
use roger_sip::subscription::EntityTag;
use roger_srtp::SrtpError;
use roger_xml::uri::{ProtectedDomains, UriTolerance};
use session::Sessions;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use subscription::{Package, Subscriptions};
use tracing::{info, warn};
use withdrawal::Withdrawals;

/// What reaches the function besides SIP.
#[derive(Clone)]
pub enum ParticipatingInput {
    /// A datagram on a media socket.
    Media(MediaPacket),
    /// A group document changed.
    GroupChanged(GroupId),
    /// Keys of a new period, other KMSs or other token keys.
    Credentials(Box<Credentials>),
    /// The authorisation of a user is withdrawn, by an administrator or because the IdM server revoked the grant:
    /// bindings, CSKs, settings, calls and affiliations go, the clients are told, and no token issued before opens
    /// this server again.
    Withdraw(McpttId),
    /// The IdM server revoked a grant: the clients that were authorised by its tokens go as by [`Self::Withdraw`], other
    /// clients of the user stay. That the tokens open nothing again is a matter of the verifier in [`Credentials`].
    GrantRevoked(GrantId),
    /// The IdM server revoked grants of a user, all or some: those clients of the user go whose grant the verifier in
    /// [`Credentials`] calls revoked.
    GrantsRevokedOf(McpttId),
    /// The clients of a user get new CSKs by key download (TS 33.180 cl. 5.8); the old ones stay where a client does
    /// not accept.
    RenewKeys(McpttId),
    /// The CSKs of a user must not be used any more (TS 33.180 cl. 5.2.4); the clients are told and upload new ones.
    RevokeKeys(McpttId),
    /// Every affiliated client of this function that does not have it yet gets the MuSiK of a group.
    ShareMulticastKey(GroupId),
    /// As before, with a new MuSiK.
    RenewMulticastKey(GroupId),
    /// The group management server's key for floor control by multicast of Release 13 clients (TS 33.179 cl. 9.4);
    /// used while the group has no MuSiK.
    MulticastFloorKey(GroupId, Mkfc),
    /// When clients are to report where they are (TS 24.379 cl. 13.2.2); those that are here already are told.
    LocationConfiguration(Box<LocationConfiguration>),
    /// A report is wanted of every client of a user now (cl. 13.2.3).
    RequestLocation(McpttId),
}

/// What a participating function holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParticipatingLoad {
    /// Authorised clients, at most [`ParticipatingSettings::max_bindings`].
    pub bindings: usize,
    /// CSK messages remembered against replay, at most [`ParticipatingSettings::max_processed_key_messages`].
    pub processed_key_messages: usize,
    /// Key downloads that wait for an answer, at most a few of a binding.
    pub downloads_under_way: usize,
    /// Subscriptions, at most 8 of an identity.
    pub subscriptions: usize,
    /// Calls, at most [`ParticipatingSettings::max_sessions`].
    pub sessions: usize,
}

/// Bodies of clients that were refused, by reason. What was in them is counted, never kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RefusedBodies {
    /// A signature is wrong or missing: Warning 139.
    pub integrity: u64,
    /// Protected content does not open: Warning 140.
    pub confidentiality: u64,
    /// Sensitive content came in clear: Warning 140.
    pub in_clear: u64,
    /// Sensitive content came where it has no protected form (TS 24.379 cl. 4.8): Warning 140.
    pub misplaced: u64,
    /// Everything else.
    pub other: u64,
}

impl RefusedBodies {
    const fn count(&mut self, error: &BodyError) {
        let counter = match error {
            BodyError::PeerProtection(ProtectionError::PeerIntegrity(_)) => &mut self.integrity,
            BodyError::PeerProtection(ProtectionError::PeerInClear(_)) => &mut self.in_clear,
            BodyError::PeerProtection(ProtectionError::PeerMisplaced { .. }) => &mut self.misplaced,
            BodyError::PeerProtection(_) => &mut self.confidentiality,
            _ => &mut self.other,
        };
        *counter += 1;
    }
}

/// The participating function.
pub struct ParticipatingFunction {
    settings: ParticipatingSettings,
    rules: ClientRules,
    groups: Arc<dyn GroupDirectory>,
    profiles: Arc<dyn UserProfiles>,
    ports: Box<dyn MediaPorts>,
    receiver: Receiver,
    keys: FloorKeyring,
    registrations: Registrations,
    bindings: Bindings,
    affiliations: Affiliations,
    presence_tags: HashMap<Impu, EntityTag>,
    subscriptions: Subscriptions,
    locations: Locations,
    messages: Messages,
    refused: RefusedBodies,
    sessions: Sessions,
    downloads: Downloads,
    withdrawals: Withdrawals,
    outputs: VecDeque<MediaTransmit>,
}

impl ParticipatingFunction {
    /// A function that knows no client.
    ///
    /// # Errors
    /// [`SrtpError`] when the keys of the hop to the controlling functions cannot be derived.
    pub fn new(
        settings: ParticipatingSettings,
        groups: Arc<dyn GroupDirectory>,
        profiles: Arc<dyn UserProfiles>,
        ports: Box<dyn MediaPorts>,
    ) -> Result<Self, SrtpError> {
        let mut keys = FloorKeyring::new();
        if settings.server_floor_protection == FloorControlProtection::On {
            keys.add(settings.hop.floor_context()?);
        }
        let domains = ProtectedDomains::new(vec![settings.domain.clone()], UriTolerance::AsSent);
        let rules = ClientRules {
            protection: settings.protection,
            domains,
            coverage: settings.coverage,
        };
        let receiver = Receiver::new(ReceiverSettings {
            remembered: settings.max_processed_key_messages(),
            ..ReceiverSettings::default()
        });
        Ok(Self {
            settings,
            rules,
            groups,
            profiles,
            ports,
            receiver,
            keys,
            registrations: Registrations::default(),
            bindings: Bindings::default(),
            affiliations: Affiliations::default(),
            presence_tags: HashMap::new(),
            subscriptions: Subscriptions::default(),
            locations: Locations::default(),
            messages: Messages::default(),
            refused: RefusedBodies::default(),
            sessions: Sessions::default(),
            downloads: Downloads::default(),
            withdrawals: Withdrawals::default(),
            outputs: VecDeque::new(),
        })
    }

    /// The user and client behind a public user identity.
    #[must_use]
    pub fn bound(&self, impu: &Impu) -> Option<(&McpttId, &ClientId)> {
        let binding = self.bindings.get(impu)?;
        Some((&binding.user, &binding.client))
    }

    /// What this function holds now; each figure is bounded.
    #[must_use]
    pub fn load(&self) -> ParticipatingLoad {
        ParticipatingLoad {
            bindings: self.bindings.len(),
            processed_key_messages: self.receiver.remembered(),
            downloads_under_way: self.downloads.under_way(),
            subscriptions: self.subscriptions.len(),
            sessions: self.sessions.len(),
        }
    }

    /// Bodies of clients refused so far.
    #[must_use]
    pub const fn refused_bodies(&self) -> RefusedBodies {
        self.refused
    }

    /// Packets of one flow in the calls of a client, newest call first.
    #[must_use]
    pub fn media_counters(&self, impu: &Impu, side: Side, flow: Flow) -> Vec<Counters> {
        let sessions = self.sessions.of_impu(impu).into_iter().rev();
        sessions
            .filter_map(|id| self.sessions.get(id)?.relay.as_ref())
            .map(|relay| relay.counters(side, flow))
            .collect()
    }

    /// One packet that carries a floor message to all clients of a group that have its key for multicast.
    ///
    /// # Errors
    /// [`Discard`] without a valid key, or when the message is none.
    pub fn multicast_floor(
        &mut self,
        group: &GroupId,
        message: &[u8],
        now: UnixTime,
    ) -> Result<Vec<u8>, Discard> {
        self.downloads.multicast.send(group, message, now)
    }

    // Requests ----------------------------------------------------------------------------------------------

    fn on_request(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        // Asserted identities are believed of the core only.
        if incoming.flow.peer.ip() != self.settings.core.peer().ip() {
            return answer(context, incoming, plain(request, StatusCode::FORBIDDEN));
        }
        match request.method() {
            Method::Register => return self.on_register(context, incoming),
            Method::Bye => return self.on_bye(context, incoming),
            Method::Options => return answer(context, incoming, plain(request, StatusCode::OK)),
            _ => {}
        }
        let Some(impu) = self.sender(request) else {
            return answer(context, incoming, plain(request, StatusCode::FORBIDDEN));
        };
        match (request.method(), incoming.dialog) {
            (Method::Invite, None) if self.settings.is_controlling(impu.as_str()) => {
                self.on_terminating_invite(context, incoming, &impu)
            }
            (Method::Invite, None) => self.on_originating_invite(context, incoming, &impu),
            // Renegotiation of a running call comes with emergency calls.
            (Method::Invite, Some(_)) => answer(
                context,
                incoming,
                plain(request, StatusCode::NOT_ACCEPTABLE_HERE),
            ),
            (Method::Publish, _) => match event(request).as_str() {
                "poc-settings" => self.on_settings(context, incoming, &impu),
                "presence" => self.on_presence(context, incoming, &impu),
                _ => answer(context, incoming, plain(request, StatusCode::BAD_EVENT)),
            },
            (Method::Message, None) => self.on_message(context, incoming, &impu),
            (Method::Subscribe, _) => match event(request).as_str() {
                "presence" => self.on_subscribe(context, incoming, &impu, Package::Presence),
                "poc-settings" => self.on_subscribe(context, incoming, &impu, Package::Settings),
                _ => answer(context, incoming, plain(request, StatusCode::BAD_EVENT)),
            },
            _ => answer(
                context,
                incoming,
                plain(request, StatusCode::METHOD_NOT_ALLOWED),
            ),
        }
    }

    /// Whom the core asserts: of two identities of one sender the bound one.
    fn sender(&self, request: &Request) -> Option<Impu> {
        let mut asserted = asserted_identities(request.headers());
        let bound = |impu: &Impu| self.bindings.get(impu).is_some();
        let place = asserted.iter().position(bound).unwrap_or(0);
        (place < asserted.len()).then(|| asserted.swap_remove(place))
    }

    /// Opens the body of a request other than service authorisation; gives the user and the client too.
    fn open_from_client(
        &mut self,
        now: UnixTime,
        impu: &Impu,
        body: &Body,
    ) -> Result<(Body, McpttId, ClientId), WarningCode> {
        let binding = self.living(impu, now).ok_or(WarningCode::USER_UNKNOWN)?;
        let (opened, with) = match open_body(body, binding, &self.rules) {
            Ok(opened) => opened,
            Err(error) => {
                info!(%impu, %error, "body refused");
                self.refused.count(&error);
                return Err(error.warning());
            }
        };
        let (user, client) = (binding.user.clone(), binding.client.clone());
        match with {
            OpenedWith::Current => self.forget_previous_key(impu),
            OpenedWith::Offered => self.adopt_used_key(impu),
            OpenedWith::Previous => {}
        }
        Ok((opened, user, client))
    }

    fn refuse(
        &self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        warning: WarningCode,
    ) -> Result<(), EndpointError> {
        info!(%warning, "request refused");
        answer(
            context,
            incoming,
            warned(&incoming.request, warning, &self.settings.host),
        )
    }

    fn refuse_binding(
        &self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
        error: &BindError,
    ) -> Result<(), EndpointError> {
        info!(%impu, %error, "service authorisation refused");
        match error.warning() {
            Some(warning) => self.refuse(context, incoming, warning),
            None => refuse_until_later(context, incoming, StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// Refuses a call for want of resources of this server.
    fn refuse_for_now(context: &mut Context<'_>, incoming: &Incoming) -> Result<(), EndpointError> {
        refuse_until_later(context, incoming, StatusCode::SERVER_INTERNAL_ERROR)
    }

    // Answers -----------------------------------------------------------------------------------------------

    fn on_response(
        &mut self,
        context: &mut Context<'_>,
        answer: &Answer,
    ) -> Result<(), EndpointError> {
        if let Some(id) = self.sessions.by_request(answer.handle) {
            return self.on_invite_answered(context, id, answer);
        }
        self.on_other_answer(context, answer.handle, Some(answer.response.status()));
        Self::on_stray_answer(context, answer)
    }

    fn on_failed(
        &mut self,
        context: &mut Context<'_>,
        handle: RequestHandle,
    ) -> Result<(), EndpointError> {
        if let Some(id) = self.sessions.by_request(handle) {
            return self.on_invite_failed(context, id);
        }
        self.on_other_answer(context, handle, None);
        Ok(())
    }

    fn on_other_answer(
        &mut self,
        context: &mut Context<'_>,
        handle: RequestHandle,
        status: Option<StatusCode>,
    ) {
        if self.downloads.is_waiting_for(handle) {
            self.on_download_answered(context, handle, status);
        } else if self.affiliations.is_waiting_for(handle) {
            self.on_announced(context, handle, status);
        } else if let Some(purpose) = self.messages.answered(handle, status) {
            self.on_message_answered(context, purpose, status);
        } else {
            self.on_notified(context, handle, status);
        }
    }
}

/// Package of the Event header, without parameters.
fn event(request: &Request) -> String {
    let event = request
        .headers()
        .text(HeaderName::EVENT)
        .unwrap_or_default();
    let package = event.split(';').next().unwrap_or_default();
    package.trim().to_owned()
}

fn refuse_until_later(
    context: &mut Context<'_>,
    incoming: &Incoming,
    status: StatusCode,
) -> Result<(), EndpointError> {
    answer(context, incoming, come_again(&incoming.request, status))
}

impl Application for ParticipatingFunction {
    type Input = ParticipatingInput;
    type Output = MediaTransmit;

    fn on_sip(&mut self, context: &mut Context<'_>, event: Output) {
        let result = match event {
            Output::Incoming(incoming) => self.on_request(context, &incoming),
            Output::Response(answer) => self.on_response(context, &answer),
            Output::Failed { handle, .. } => self.on_failed(context, handle),
            Output::Cancelled { transaction, .. } | Output::ServerFailed { transaction, .. } => {
                self.on_cancelled(context, transaction);
                Ok(())
            }
            Output::NoAck { dialog } => {
                self.on_no_ack(context, dialog);
                Ok(())
            }
            Output::DialogEnded { dialog } => {
                self.subscriptions.remove(dialog);
                self.on_dialog_ended(context, dialog);
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(error) = result {
            warn!(%error, "a SIP event could not be served");
        }
    }

    fn on_input(&mut self, context: &mut Context<'_>, input: ParticipatingInput) {
        match input {
            ParticipatingInput::Media(packet) => self.on_media(context, &packet),
            ParticipatingInput::GroupChanged(group) => self.on_group_changed(context, &group),
            ParticipatingInput::Credentials(credentials) => {
                self.settings.credentials = *credentials;
            }
            ParticipatingInput::Withdraw(user) => self.withdraw(context, &user),
            ParticipatingInput::GrantRevoked(grant) => self.on_grant_revoked(context, &grant),
            ParticipatingInput::GrantsRevokedOf(user) => self.on_grants_revoked(context, &user),
            ParticipatingInput::RenewKeys(user) => self.renew_keys(context, &user),
            ParticipatingInput::RevokeKeys(user) => self.revoke_keys(context, &user),
            ParticipatingInput::ShareMulticastKey(group) => self.share_musik(context, &group),
            ParticipatingInput::RenewMulticastKey(group) => self.renew_musik(context, &group),
            ParticipatingInput::MulticastFloorKey(group, mkfc) => self.take_mkfc(&group, &mkfc),
            ParticipatingInput::LocationConfiguration(configuration) => {
                self.configure_locations(context, *configuration);
            }
            ParticipatingInput::RequestLocation(user) => self.request_location(context, &user),
        }
    }

    fn on_timeout(&mut self, context: &mut Context<'_>) {
        for id in self.bindings.drop_outlived(context.now) {
            self.keys.remove(id);
        }
        self.give_up_registrations(context);
        self.announce(context);
        self.expire_subscriptions(context);
        self.send_due_configurations(context);
        self.locations.forget_old_requests(context.now);
    }

    fn poll(&mut self) -> Option<MediaTransmit> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        [
            self.registrations.deadline(),
            self.bindings.deadline(),
            self.affiliations.deadline(),
            self.subscriptions.deadline(),
            self.locations.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
