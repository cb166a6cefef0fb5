//! Service authorisation and service settings (TS 24.379 cl. 7.2.1 to 7.2.3; TS 33.180 cl. 5.4).

use super::affiliation::AffiliationState;
use super::affiliation_watch::Watches;
use super::call::Call;
use super::reporter::Reporter;
use super::{FloorControlProtection, IdentityHiding, Purpose, Refusal, UeClient, UeEvent, refused};
use roger_base::{KeyId, KeyIdError, RandomError};
use roger_call::body::{Body, BodyError, Part};
use roger_call::feature::{EXPIRES_FOREVER, media_type};
use roger_call::protection::{Protection, ProtectionError};
use roger_call::request::{RequestError, Trust, finish, start};
use roger_call::service_authorisation::BoundCsk;
use roger_documents::mcptt_info::{McpttInfo, RequestUri};
use roger_documents::poc_settings::{AnswerMode, PocSettings};
use roger_keys::Csk;
use roger_keys::signalling::XmlKeyMode;
use roger_mikey::create::{CreateOptions, Hiding};
use roger_mikey::{CreateClientServerKey, CreateError};
use roger_sip::application::Context;
use roger_sip::endpoint::EndpointError;
use roger_sip::message::{HeaderName, Method, Response, StatusCode};
use roger_sip::subscription::Publication;
use roger_srtp::{FloorContext, SrtpError};
use thiserror::Error;

#[derive(Default)]
pub(super) struct AuthorisationState {
    publication: Publication,
    /// A CSK that was sent and not yet accepted.
    pending: Option<BoundCsk>,
    attempt: Attempt,
    /// The CSK before the one in use, which still opens floor messages.
    previous: Option<KeyId>,
}

/// Which attempt at an authorisation is under way: one that fails for what the server forgot is repeated once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Attempt {
    #[default]
    First,
    /// The server has forgotten this client: what it knew before is to be told again.
    Again,
}

/// Why a protected request could not be made.
#[derive(Debug, Error)]
pub(super) enum MakeError {
    #[error("log in first: there is no user yet")]
    NoUser,
    #[error("fetch keys first: there is no key set for the key period of now")]
    NoKeySet,
    #[error("authorise first: there is no client-server key yet")]
    NoCsk,
    #[error(transparent)]
    Mikey(#[from] CreateError),
    #[error(transparent)]
    KeyId(#[from] KeyIdError),
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Protection(#[from] ProtectionError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Build(#[from] roger_sip::message::BuildError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Srtp(#[from] SrtpError),
    #[error(transparent)]
    Sdp(#[from] roger_call::sdp::Unusable),
    #[error(transparent)]
    Ports(#[from] roger_media::NoPorts),
}

impl UeClient {
    /// A fresh CSK for a server and the I_MESSAGE that brings it there.
    pub(super) fn new_csk(
        &self,
        context: &mut Context<'_>,
        server: &str,
    ) -> Result<BoundCsk, MakeError> {
        let user = self.user.as_ref().ok_or(MakeError::NoUser)?;
        let now = context.utc.to_ntp();
        let key_set = user
            .key_sets
            .iter()
            .find(|set| set.period_number == set.domain.key_period.number_at(now))
            .ok_or(MakeError::NoKeySet)?;
        let csk = Csk::random(context.random)?;
        let message = CreateClientServerKey {
            csk: &csk,
            user: key_set,
            server,
            server_domain: &user.kms,
            parameters: None,
            now,
            options: CreateOptions {
                hiding: self.hiding(Hiding::Initiator),
                ..CreateOptions::PLAIN
            },
        }
        .build(context.random)?;
        Ok(BoundCsk::new(
            csk,
            user.mcptt_id.clone(),
            message,
            XmlKeyMode::Derived,
        ))
    }

    /// What is hidden in MIKEY messages, by the settings.
    pub(super) const fn hiding(&self, wanted: Hiding) -> Hiding {
        match self.settings.hiding {
            IdentityHiding::On => wanted,
            IdentityHiding::Off => Hiding::Nobody,
        }
    }

    /// Token, client and CSK, as REGISTER and PUBLISH carry them; with settings it is that of a PUBLISH.
    pub(super) fn authorising_body(
        &mut self,
        context: &mut Context<'_>,
        settings: Option<&PocSettings>,
    ) -> Result<Body, MakeError> {
        let csk = self.new_csk(context, self.settings.mdsi.as_str())?;
        let user = self.user.as_ref().ok_or(MakeError::NoUser)?;
        let info = McpttInfo {
            access_token: Some(user.token.clone()),
            client_id: Some(self.settings.client_id.clone()),
            ..McpttInfo::default()
        };
        let mut body = Body::new()
            .with(Part::new(media_type::MIKEY, csk.message.clone()))
            .with_document(&info);
        if let Some(settings) = settings {
            body = body.with_document(settings);
        }
        let hop = csk.sending(self.settings.protection, &self.settings.domain);
        let body = body.protected(&hop, context.random)?;
        self.authorisation.pending = Some(csk);
        Ok(body)
    }

    /// Only the settings: an authorisation in REGISTER shows no result, the answer to these does (cl. 7.2.3).
    fn settings_body(
        &self,
        context: &mut Context<'_>,
        settings: &PocSettings,
    ) -> Result<Body, MakeError> {
        let user = self.user.as_ref().ok_or(MakeError::NoUser)?;
        let csk = self
            .authorisation
            .pending
            .as_ref()
            .or(self.csk.as_ref())
            .ok_or(MakeError::NoCsk)?;
        let info = McpttInfo {
            request_uri: Some(RequestUri::from(&user.mcptt_id)),
            client_id: Some(self.settings.client_id.clone()),
            ..McpttInfo::default()
        };
        let hop = csk.sending(self.settings.protection, &self.settings.domain);
        Ok(Body::new()
            .with_document(&info)
            .with_document(settings)
            .protected(&hop, context.random)?)
    }

    /// The user wants to be authorised.
    pub(super) fn publish(&mut self, context: &mut Context<'_>) {
        self.authorisation.attempt = Attempt::First;
        self.try_publish(context);
    }

    /// The participating function does not know this client any more (Warning 141): it is authorised anew, and
    /// affiliated as before (TS 24.379 cl. 7).
    pub(super) fn authorise_again(&mut self, context: &mut Context<'_>) {
        if self.user.is_none() || self.authorisation.attempt == Attempt::Again {
            return;
        }
        self.authorisation.attempt = Attempt::Again;
        self.authorisation.pending = None;
        self.authorisation.publication = Publication::new();
        self.try_publish(context);
    }

    fn try_publish(&mut self, context: &mut Context<'_>) {
        if let Err(error) = self.send_publish(context) {
            self.tell(UeEvent::NotAuthorised(Refusal::Local(error.to_string())));
        }
    }

    fn send_publish(&mut self, context: &mut Context<'_>) -> Result<(), MakeError> {
        let settings = PocSettings {
            client_id: self.settings.client_id.clone(),
            answer_mode: Some(AnswerMode::Automatic),
            user_profile_index: Some(1),
            multiplex_support: false,
        };
        let body = match &self.authorisation.pending {
            // The REGISTER brought token and CSK.
            Some(_) => self.settings_body(context, &settings)?,
            None => self.authorising_body(context, Some(&settings))?,
        };
        self.send_publication(context, &body, EXPIRES_FOREVER)
    }

    fn send_publication(
        &mut self,
        context: &mut Context<'_>,
        body: &Body,
        expires: u32,
    ) -> Result<(), MakeError> {
        let (impu, to) = (
            self.settings.impu.as_str(),
            self.settings.participating.as_str(),
        );
        let builder = start(Method::Publish, to, impu, Trust::Preferred, context.random)?
            .header(HeaderName::EVENT, "poc-settings")
            .header(HeaderName::EXPIRES, expires.to_string());
        let mut request = finish(builder, body, context.random)?;
        self.authorisation.publication.prepare(&mut request)?;
        let (now, core) = (context.now, self.settings.core);
        let handle = context
            .endpoint
            .send_request(now, context.random, request, core)?;
        self.requests.insert(handle, Purpose::Publish);
        Ok(())
    }

    pub(super) fn on_publish_answer(&mut self, context: &mut Context<'_>, response: &Response) {
        let status = response.status();
        if status.is_provisional() {
            return;
        }
        self.authorisation
            .publication
            .on_response(context.now, response);
        if !status.is_success() {
            self.authorisation.pending = None;
            let refusal = refused(response);
            let forgotten =
                refusal.says_unknown() || status == StatusCode::CONDITIONAL_REQUEST_FAILED;
            if forgotten && self.authorisation.attempt == Attempt::First {
                return self.authorise_again(context);
            }
            self.authorisation.attempt = Attempt::First;
            self.tell(UeEvent::NotAuthorised(refusal));
            return;
        }
        if let Some(csk) = self.authorisation.pending.take()
            && let Err(error) = self.bind(csk)
        {
            self.tell(UeEvent::NotAuthorised(Refusal::Local(error.to_string())));
            return;
        }
        if self.user.is_none() {
            return;
        }
        self.tell(UeEvent::Authorised);
        self.reporter.on_log_on();
        if core::mem::take(&mut self.authorisation.attempt) == Attempt::Again {
            self.affiliate_again(context);
        }
    }

    /// No answer came: nothing is known about what was sent.
    pub(super) fn forget_attempt(&mut self) {
        self.authorisation.pending = None;
        self.authorisation.attempt = Attempt::First;
    }

    /// The CSK is in use from now on, for XML and for floor control, also of the calls that are on. The former one
    /// opens what the server sent before it knew.
    fn bind(&mut self, csk: BoundCsk) -> Result<(), SrtpError> {
        let id = csk.csk.id();
        let context = FloorContext::new(id, &csk.csk.control_key().into())?;
        self.forget_previous_floor_key();
        let old = self.csk.replace(csk);
        self.authorisation.previous = old.map(|old| old.csk.id()).filter(|old| *old != id);
        self.floor_keys.add(context);
        if self.settings.floor_protection == FloorControlProtection::On {
            for leg in self.calls.values_mut().filter_map(Call::floor_leg_mut) {
                leg.bind_key(id);
            }
        }
        Ok(())
    }

    fn forget_previous_floor_key(&mut self) {
        if let Some(previous) = self.authorisation.previous.take() {
            self.floor_keys.remove(previous);
        }
    }

    pub(super) const fn is_protected(&self) -> bool {
        !matches!(self.settings.protection, Protection::Off)
    }

    /// Leaves the MC service, erases its keys and tokens, then leaves the SIP core.
    pub(super) fn log_off(&mut self, context: &mut Context<'_>) {
        let numbers: Vec<_> = self.calls.keys().copied().collect();
        for number in numbers {
            self.hang_up(context, number);
        }
        if self.csk.is_some()
            && let Err(error) = self.send_publication(context, &Body::new(), 0)
        {
            tracing::warn!(%error, "the MC service could not be told of the log-off");
        }
        self.forget_previous_floor_key();
        if let Some(csk) = self.csk.take() {
            self.floor_keys.remove(csk.csk.id());
        }
        self.forget_attempt();
        self.stop_watching_groups(context);
        self.affiliation = AffiliationState::default();
        self.watches = Watches::default();
        self.reporter = Reporter::default();
        self.user = None;
        self.deregister(context);
    }
}
