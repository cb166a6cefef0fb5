//! Service authorisation and service settings (TS 24.379 cl. 7.2.1 to 7.2.3; TS 33.180 cl. 5.4).

use super::affiliation::AffiliationState;
use super::affiliation_watch::Watches;
use super::call::Call;
use super::{
    FloorControlProtection, IdentityHiding, Purpose, Refusal, UeClient, UeEvent, UeUser, refused,
};
use core::time::Duration;
use roger_base::{Instant, KeyId, KeyIdError, RandomError};
use roger_call::body::{Body, BodyError, Part};
use roger_call::feature::{EXPIRES_FOREVER, media_type};
use roger_call::protection::{Protection, ProtectionError};
use roger_call::request::{RequestError, finish};
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

/// How long the CSK before the one in use still opens what the server sent under it (TS 24.379 cl. 7).
const PREVIOUS_CSK_LIFE: Duration = Duration::from_secs(300);
/// A server that asks for more patience is asked again after this time.
const MOST_PATIENCE: Duration = Duration::from_secs(3600);

pub(super) struct AuthorisationState {
    publication: Publication,
    /// A CSK that was sent and not yet accepted.
    pending: Option<BoundCsk>,
    attempt: Attempt,
    /// The CSK before the one in use, and until when it is taken.
    previous: Option<(BoundCsk, Instant)>,
    /// The server said that it cannot now and when to come again.
    retry_at: Option<Instant>,
    /// The token of this user was refused (Warning 101): it is not sent again.
    token_refused: bool,
    answer_mode: AnswerMode,
}

impl Default for AuthorisationState {
    fn default() -> Self {
        Self {
            publication: Publication::new(),
            pending: None,
            attempt: Attempt::First,
            previous: None,
            retry_at: None,
            token_refused: false,
            answer_mode: AnswerMode::Automatic,
        }
    }
}

impl AuthorisationState {
    /// When something has to be done without anybody asking.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let refresh = self.publication.deadline().map(|(at, _)| at);
        let previous = self.previous.as_ref().map(|(_, until)| *until);
        [refresh, previous, self.retry_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Keys besides the one in use under which the server may still, or already, send.
    pub(super) fn other_keys(&self) -> impl Iterator<Item = &BoundCsk> {
        let previous = self.previous.as_ref().map(|(csk, _)| csk);
        previous.into_iter().chain(&self.pending)
    }
}

/// Which attempt at an authorisation is under way: one that fails for what the server forgot is repeated once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Attempt {
    #[default]
    First,
    /// The server has forgotten this client: what it knew before is to be told again.
    Again,
}

/// What a refusal asks of the client before it comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    None,
    /// The server does not know it.
    Authorise,
    /// The server has another CSK, as when the answer to a key download was lost for too long.
    RenewKey,
}

impl Remedy {
    pub(super) fn of(refusal: &Refusal) -> Self {
        match refusal {
            _ if refusal.says_unknown() => Self::Authorise,
            _ if refusal.says_not_opened() => Self::RenewKey,
            _ => Self::None,
        }
    }
}

/// Why a protected request could not be made.
#[derive(Debug, Error)]
pub(super) enum MakeError {
    #[error("log in first: there is no user yet")]
    NoUser,
    #[error("the server refused the access token: log in again")]
    TokenRefused,
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

impl MakeError {
    /// Whether what came is protected with a key that this client does not have.
    pub(super) const fn names_unknown_key(&self) -> bool {
        matches!(self, Self::Protection(error) if error.names_unknown_key())
    }
}

impl UeClient {
    /// Does what a refusal asks for.
    pub(super) fn apply(&mut self, context: &mut Context<'_>, remedy: Remedy) {
        match remedy {
            Remedy::None => {}
            Remedy::Authorise => self.authorise_again(context),
            Remedy::RenewKey => {
                self.renew_key(context);
            }
        }
    }

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
        if self.authorisation.token_refused {
            return Err(MakeError::TokenRefused);
        }
        let csk = match self.new_csk(context, self.settings.mdsi.as_str()) {
            // Without key material of the KMS only a system that protects nothing can be used (cl. 7.2.1).
            Err(MakeError::NoKeySet) if self.needs_no_csk() => None,
            made => Some(made?),
        };
        let user = self.user.as_ref().ok_or(MakeError::NoUser)?;
        let info = McpttInfo {
            access_token: Some(user.token.clone()),
            client_id: Some(self.settings.client_id.clone()),
            ..McpttInfo::default()
        };
        let mut body = Body::new().with_document(&info);
        if let Some(settings) = settings {
            body = body.with_document(settings);
        }
        let Some(csk) = csk else {
            return Ok(body);
        };
        let body = body.with(Part::new(media_type::MIKEY, csk.message.clone()));
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
        let csk = self.authorisation.pending.as_ref().or(self.csk.as_ref());
        let info = McpttInfo {
            request_uri: Some(RequestUri::from(&user.mcptt_id)),
            client_id: Some(self.settings.client_id.clone()),
            ..McpttInfo::default()
        };
        let body = Body::new().with_document(&info).with_document(settings);
        match csk {
            Some(csk) => {
                let hop = csk.sending(self.settings.protection, &self.settings.domain);
                Ok(body.protected(&hop, context.random)?)
            }
            None if self.is_protected() => Err(MakeError::NoCsk),
            None => Ok(body),
        }
    }

    /// A user logged in, or the shell has a fresh token or keys of a new period for her. A fresh token of a user who
    /// is authorised is told to the server at once, before the former one ends (TS 24.379 cl. 7.2.2); another user
    /// begins with nothing of the former.
    pub(super) fn take_user(&mut self, context: &mut Context<'_>, user: UeUser) {
        let same_user = |held: &UeUser| held.mcptt_id == user.mcptt_id;
        let same_token = |held: &UeUser| held.token == user.token;
        let other = self.user.as_ref().is_some_and(|held| !same_user(held));
        if other {
            self.leave_service(context);
        }
        let fresh = !self.user.as_ref().is_some_and(same_token);
        self.user = Some(user);
        if !fresh {
            return;
        }
        self.authorisation.token_refused = false;
        if self.is_authorised() && self.authorisation.pending.is_none() {
            self.publish(context);
        }
    }

    /// Whether the token at hand was refused, so that another log-in is needed.
    pub(super) const fn is_token_refused(&self) -> bool {
        self.authorisation.token_refused
    }

    /// Whether the server took this client and nothing was heard to the contrary.
    fn is_authorised(&self) -> bool {
        self.csk.is_some() || self.authorisation.publication.tag().is_some()
    }

    /// The user chooses how calls are answered: settings only, where the server knows the client (cl. 7.2.3).
    pub(super) fn set_answer_mode(&mut self, context: &mut Context<'_>, mode: AnswerMode) {
        self.authorisation.answer_mode = mode;
        if !self.is_authorised() {
            return;
        }
        self.authorisation.attempt = Attempt::First;
        let settings = self.poc_settings();
        let sent = self
            .settings_body(context, &settings)
            .and_then(|body| self.send_publication(context, &body));
        self.tell_failure(sent);
    }

    fn poc_settings(&self) -> PocSettings {
        PocSettings {
            client_id: self.settings.client_id.clone(),
            answer_mode: Some(self.authorisation.answer_mode),
            user_profile_index: Some(1),
            multiplex_support: false,
        }
    }

    fn tell_failure(&mut self, result: Result<(), MakeError>) {
        if let Err(error) = result {
            self.tell(UeEvent::NotAuthorised(Refusal::Local(error.to_string())));
        }
    }

    /// What is due: the server asked to come again, the publication ends, the former key is over.
    pub(super) fn on_authorisation_timeouts(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        let over = |(_, until): &mut (BoundCsk, Instant)| *until <= now;
        if let Some((csk, _)) = self.authorisation.previous.take_if(over) {
            self.floor_keys.remove(csk.csk.id());
        }
        if self
            .authorisation
            .retry_at
            .take_if(|at| *at <= now)
            .is_some()
        {
            self.try_publish(context);
        } else if self.authorisation.publication.handle(now) {
            let sent = self.send_publication(context, &Body::new());
            self.tell_failure(sent);
        }
    }

    /// The user wants to be authorised.
    pub(super) fn publish(&mut self, context: &mut Context<'_>) {
        self.authorisation.attempt = Attempt::First;
        self.try_publish(context);
    }

    /// The CSK in use was revoked; the server still knows the client (TS 33.180 cl. 5.2.4).
    pub(super) fn upload_fresh_csk(&mut self, context: &mut Context<'_>) {
        self.authorisation.pending = None;
        self.publish(context);
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
        self.authorisation.retry_at = None;
        let sent = self.send_publish(context);
        self.tell_failure(sent);
    }

    fn send_publish(&mut self, context: &mut Context<'_>) -> Result<(), MakeError> {
        let settings = self.poc_settings();
        let body = match &self.authorisation.pending {
            // The REGISTER brought token and CSK.
            Some(_) => self.settings_body(context, &settings)?,
            None => self.authorising_body(context, Some(&settings))?,
        };
        self.send_publication(context, &body)
    }

    fn send_publication(
        &mut self,
        context: &mut Context<'_>,
        body: &Body,
    ) -> Result<(), MakeError> {
        self.send_to_settings(context, body, EXPIRES_FOREVER, Purpose::Publish)
    }

    fn send_log_off(&mut self, context: &mut Context<'_>) -> Result<(), MakeError> {
        self.send_to_settings(context, &Body::new(), 0, Purpose::LogOff)
    }

    fn send_to_settings(
        &mut self,
        context: &mut Context<'_>,
        body: &Body,
        expires: u32,
        purpose: Purpose,
    ) -> Result<(), MakeError> {
        let builder = self
            .request(context, Method::Publish)?
            .header(HeaderName::EVENT, "poc-settings")
            .header(HeaderName::EXPIRES, expires.to_string());
        let mut request = finish(builder, body, context.random)?;
        self.authorisation.publication.prepare(&mut request)?;
        let (now, core) = (context.now, self.settings.core);
        let handle = context
            .endpoint
            .send_request(now, context.random, request, core)?;
        self.requests.insert(handle, purpose);
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
            let settings_only = self.authorisation.pending.take().is_none();
            let refusal = refused(response);
            let forgotten = refusal.says_unknown()
                || status == StatusCode::CONDITIONAL_REQUEST_FAILED
                || (settings_only && refusal.says_not_opened());
            if forgotten && self.authorisation.attempt == Attempt::First {
                return self.authorise_again(context);
            }
            self.authorisation.attempt = Attempt::First;
            self.authorisation.token_refused |= refusal.says_bad_token();
            self.authorisation.retry_at = come_again(context.now, response);
            self.tell(UeEvent::NotAuthorised(refusal));
            return;
        }
        if let Some(csk) = self.authorisation.pending.take()
            && let Err(error) = self.bind(context.now, csk)
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

    /// The server withdrew the authorisation: nothing of it is used any more, and the token is not shown again.
    pub(super) fn on_withdrawn(&mut self) {
        self.forget_attempt();
        self.forget_previous_key();
        if let Some(csk) = self.csk.take() {
            self.floor_keys.remove(csk.csk.id());
        }
        self.multicast_keys.clear();
        self.affiliation = AffiliationState::default();
        self.reporter.forget_user();
        self.authorisation.publication = Publication::new();
        self.authorisation.token_refused = true;
        let withdrawn = "the MC service withdrew the authorisation: log in again".to_owned();
        self.tell(UeEvent::NotAuthorised(Refusal::Local(withdrawn)));
    }

    /// The CSK is in use from now on, for XML and for floor control, also of the calls that are on. The former one
    /// opens what the server sent before it knew.
    pub(super) fn bind(&mut self, now: Instant, csk: BoundCsk) -> Result<(), SrtpError> {
        let id = csk.csk.id();
        let context = FloorContext::new(id, &csk.csk.control_key().into())?;
        self.forget_previous_key();
        let old = self.csk.replace(csk).filter(|old| old.csk.id() != id);
        self.authorisation.previous = old.map(|old| (old, now + PREVIOUS_CSK_LIFE));
        self.floor_keys.add(context);
        if self.settings.floor_protection == FloorControlProtection::On {
            for leg in self.calls.values_mut().filter_map(Call::floor_leg_mut) {
                leg.bind_key(id);
            }
        }
        Ok(())
    }

    fn forget_previous_key(&mut self) {
        if let Some((previous, _)) = self.authorisation.previous.take() {
            self.floor_keys.remove(previous.csk.id());
        }
    }

    /// A CSK must not be used any more; says whether it was the one in use.
    pub(super) fn drop_csk(&mut self, id: KeyId) -> bool {
        let is_it = |csk: &mut BoundCsk| csk.csk.id() == id;
        let is_previous = |(csk, _): &mut (BoundCsk, Instant)| csk.csk.id() == id;
        self.authorisation.previous.take_if(is_previous);
        self.authorisation.pending.take_if(is_it);
        let current = self.csk.take_if(is_it).is_some();
        self.floor_keys.remove(id);
        current
    }

    /// Whether neither XML nor floor control is protected here.
    fn needs_no_csk(&self) -> bool {
        !self.is_protected() && self.settings.floor_protection == FloorControlProtection::Off
    }

    pub(super) const fn is_protected(&self) -> bool {
        !matches!(self.settings.protection, Protection::Off)
    }

    /// Leaves the MC service and erases its keys and tokens; the UE stays registered for its other services.
    pub(super) fn log_off_from_mcptt(&mut self, context: &mut Context<'_>) {
        self.leave_service(context);
        self.register_without_mcptt(context);
    }

    /// Leaves the MC service, erases its keys and tokens, then leaves the SIP core.
    pub(super) fn log_off(&mut self, context: &mut Context<'_>) {
        self.leave_service(context);
        self.deregister(context);
    }

    /// Ends the calls, tells the server, and erases every key and token of the user.
    fn leave_service(&mut self, context: &mut Context<'_>) {
        let numbers: Vec<_> = self.calls.keys().copied().collect();
        for number in numbers {
            self.hang_up(context, number);
        }
        if self.is_authorised()
            && let Err(error) = self.send_log_off(context)
        {
            tracing::warn!(%error, "the MC service could not be told of the log-off");
        }
        self.forget_previous_key();
        if let Some(csk) = self.csk.take() {
            self.floor_keys.remove(csk.csk.id());
        }
        self.multicast_keys.clear();
        self.authorisation = AuthorisationState::default();
        self.stop_watching_groups(context);
        self.stop_watching_settings(context);
        self.affiliation = AffiliationState::default();
        self.watches = Watches::default();
        self.reporter.forget_user();
        self.user = None;
    }
}

/// When to come again after a 5xx or 408 that says so.
pub(super) fn come_again(now: Instant, response: &Response) -> Option<Instant> {
    let status = response.status();
    if !matches!(status.as_u16(), 408 | 500..=599) {
        return None;
    }
    let seconds = response.headers().retry_after().ok().flatten()?;
    let patience = Duration::from_secs(u64::from(seconds.max(1)));
    Some(now + patience.min(MOST_PATIENCE))
}
