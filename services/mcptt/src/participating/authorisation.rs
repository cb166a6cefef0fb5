//! Service authorisation: what REGISTER and PUBLISH have in common (TS 24.379 cl. 7.3.1A to 7.3.3).
//!
//! A refused request changes nothing: the binding that was there stays, with its CSK.

use super::ParticipatingFunction;
use super::binding::{Binding, OfferedCsk, OpenedWith, PREVIOUS_CSK_LIFE, PreviousCsk, open_body};
use roger_base::{ClientId, Impu, Instant, UnixTime};
use roger_call::body::Body;
use roger_call::feature::media_type;
use roger_call::protection::Protection;
use roger_call::service_authorisation::{
    AuthorisationError, Authorised, Authority, BoundCsk, authorise,
};
use roger_call::warning::WarningCode;
use roger_documents::poc_settings::PocSettings;
use roger_oidc::Resource;
use roger_sip::application::Context;
use roger_sip::subscription::EndReason;
use roger_srtp::{FloorContext, SrtpError};
use thiserror::Error;
use tracing::info;

/// Why nothing is bound.
#[derive(Debug, Error)]
pub(super) enum BindError {
    /// A check of the procedure failed.
    #[error(transparent)]
    Refused(#[from] AuthorisationError),
    /// The CSK-ID is in use or was revoked: one that is drawn afresh will not be.
    #[error("the CSK-ID is in use or revoked")]
    KeyIdInUse,
    /// The authorisation of the user was withdrawn, and the token is of the time before.
    #[error("the authorisation was withdrawn after the token was issued")]
    Withdrawn,
    /// The request does not name the client, or names two.
    #[error("the request does not name one client")]
    NoClient,
    /// The settings are those of another client.
    #[error("the settings are those of another client")]
    ForeignSettings,
    /// Another client comes under the CSK of the bound one.
    #[error("a client needs a CSK of its own")]
    ForeignKey,
    /// The user has no profile in this system.
    #[error("the user has no profile here")]
    UnknownUser,
    /// The user has as many clients as the profile allows.
    #[error("the user has too many authorised clients")]
    TooMany,
    /// This function holds as many bindings as it can.
    #[error("too many bindings")]
    Full,
    /// The keys for floor control could not be derived.
    #[error(transparent)]
    Keys(#[from] SrtpError),
}

impl BindError {
    /// The Warning code of the refusal; without one the client is told to come later.
    pub(super) const fn warning(&self) -> Option<WarningCode> {
        match self {
            Self::Refused(error) if error.is_temporary() => None,
            Self::Refused(error) => Some(error.warning()),
            Self::KeyIdInUse => Some(WarningCode::MIKEY_AUTHENTICATION_FAILED),
            Self::NoClient | Self::ForeignSettings | Self::ForeignKey => {
                Some(WarningCode::INVALID_BODY)
            }
            Self::UnknownUser | Self::Withdrawn => Some(WarningCode::SERVICE_AUTHORISATION_FAILED),
            Self::TooMany => Some(WarningCode::TOO_MANY_AUTHORISATIONS),
            Self::Full | Self::Keys(_) => None,
        }
    }
}

impl ParticipatingFunction {
    /// Whether a request repeats the CSK message of the living binding of its sender: it is not verified again.
    pub(super) fn repeats_csk(&self, impu: &Impu, body: &Body, now: UnixTime) -> bool {
        let Some(message) = body.octets(media_type::MIKEY) else {
            return false;
        };
        self.living(impu, now)
            .and_then(|binding| binding.csk.as_ref())
            .is_some_and(|csk| csk.message == message)
    }

    /// The binding of an identity, unless the client has to authorise anew: its access token is too old, or its CSK
    /// was revoked.
    pub(super) fn living(&self, impu: &Impu, now: UnixTime) -> Option<&Binding> {
        let needs_key = self.settings.protection != Protection::Off;
        self.bindings
            .get(impu)
            .filter(|binding| !binding.is_outlived(now, self.settings.token_grace))
            .filter(|binding| !needs_key || binding.csk.is_some())
    }

    /// Runs the whole procedure and binds the client.
    pub(super) fn authorise_and_bind(
        &mut self,
        context: &mut Context<'_>,
        impu: &Impu,
        body: &Body,
    ) -> Result<(), BindError> {
        let authorised = self.authorise(impu, body, context.utc)?;
        let client = authorised.client_id.clone().ok_or(BindError::NoClient)?;
        let settings = settings_of(&authorised.body, &client)?;
        self.check_room(impu, &authorised, &client)?;
        self.bind(context, impu, authorised, client, settings)
    }

    fn authorise(
        &mut self,
        impu: &Impu,
        body: &Body,
        now: UnixTime,
    ) -> Result<Authorised, AuthorisationError> {
        let (bound, with) = self.key_of(impu, body);
        let credentials = &self.settings.credentials;
        let authority = Authority {
            key_sets: &credentials.key_sets,
            domains: &credentials.kms,
            tokens: &credentials.tokens,
            resource: Resource::McpttServer,
            users: self.settings.users.as_ref(),
            protection: self.settings.protection,
            uri_domains: &self.rules.domains,
            coverage: self.settings.coverage,
            key_mode: self.settings.key_mode,
        };
        let receiver = &mut self.receiver;
        let mut authorised = authorise(body, &authority, bound.as_ref(), receiver, now)?;
        if body.part(media_type::MIKEY).is_none() {
            if with == OpenedWith::Offered {
                self.adopt_used_key(impu);
            }
            // A body that came under the former key brings none.
            let binding = self.bindings.get(impu);
            authorised.csk = binding.and_then(|binding| binding.csk.clone());
        }
        Ok(authorised)
    }

    /// The CSK with which a body is to be opened that brings none: the current one, unless the client sent before it had
    /// that, or has another already (TS 24.379 cl. 7).
    fn key_of(&self, impu: &Impu, body: &Body) -> (Option<BoundCsk>, OpenedWith) {
        let Some(binding) = self.bindings.get(impu) else {
            return (None, OpenedWith::Current);
        };
        let with = match body.part(media_type::MIKEY) {
            Some(_) => OpenedWith::Current,
            None => {
                open_body(body, binding, &self.rules).map_or(OpenedWith::Current, |(_, with)| with)
            }
        };
        let csk = match with {
            OpenedWith::Current => binding.csk.as_ref(),
            OpenedWith::Previous => binding.previous.as_ref().map(|held| &held.csk),
            OpenedWith::Offered => binding.offered.as_ref().map(|held| &held.csk),
        };
        (csk.cloned(), with)
    }

    /// The limits that an authorised user still meets.
    fn check_room(
        &self,
        impu: &Impu,
        authorised: &Authorised,
        client: &ClientId,
    ) -> Result<(), BindError> {
        let held = self.bindings.get(impu);
        let same = held
            .and_then(|binding| binding.csk.as_ref())
            .zip(authorised.csk.as_ref());
        let unchanged = same.is_some_and(|(old, new)| old.message == new.message);
        if let Some(csk) = &authorised.csk
            && !unchanged
            && (self.bindings.holds_key(csk.csk.id()) || self.downloads.is_revoked(csk.csk.id()))
        {
            return Err(BindError::KeyIdInUse);
        }
        if unchanged && held.is_some_and(|held| held.client != *client) {
            return Err(BindError::ForeignKey);
        }
        let user = &authorised.mcptt_id;
        if self.withdrawals.refuse(&authorised.token) {
            return Err(BindError::Withdrawn);
        }
        let profile = self.profiles.profile(user).ok_or(BindError::UnknownUser)?;
        let twin = self.bindings.twin_of(user, client, impu).is_some();
        let others = self.bindings.others_of(user, impu) - usize::from(twin);
        if others >= profile.max_authorisations {
            return Err(BindError::TooMany);
        }
        if held.is_none() && self.bindings.len() >= self.settings.max_bindings {
            return Err(BindError::Full);
        }
        Ok(())
    }

    fn bind(
        &mut self,
        context: &mut Context<'_>,
        impu: &Impu,
        authorised: Authorised,
        client: ClientId,
        settings: Option<PocSettings>,
    ) -> Result<(), BindError> {
        let user = authorised.mcptt_id;
        if let Some(csk) = &authorised.csk {
            self.keys.add(FloorContext::new(
                csk.csk.id(),
                &csk.csk.control_key().into(),
            )?);
        }
        // The same client that comes by another identity has left the former one.
        if let Some(twin) = self.bindings.twin_of(&user, &client, impu) {
            self.unbind(context, &twin);
        }
        let same_client = self
            .bindings
            .get(impu)
            .is_some_and(|held| held.user == user && held.client == client);
        if !same_client {
            self.unbind(context, impu);
        }
        let held = self.bindings.remove(impu);
        let previous = self.previous_key(context.now, held.as_ref(), authorised.csk.as_ref());
        let offered = self.offered_key(held.as_ref(), authorised.csk.as_ref());
        let binding = Binding {
            user,
            client,
            csk: authorised.csk,
            previous,
            offered,
            token_expires: authorised.token.expires_at,
            grant: authorised.token.grant,
            settings: settings.or_else(|| held.as_ref().and_then(|held| held.settings.clone())),
            published: held.and_then(|held| held.published),
            order: self.bindings.next_order(),
        };
        info!(%impu, "client authorised");
        self.bindings.insert(impu.clone(), binding);
        self.use_current_key(impu);
        self.notify_settings(context, impu);
        if !same_client {
            self.on_new_client(context, impu);
        }
        Ok(())
    }

    /// What is kept of the keys of the former binding; others are forgotten.
    fn previous_key(
        &mut self,
        now: Instant,
        held: Option<&Binding>,
        new: Option<&BoundCsk>,
    ) -> Option<PreviousCsk> {
        let held = held?;
        let old = held.csk.as_ref()?;
        if new.is_some_and(|new| new.csk.id() == old.csk.id()) {
            return held.previous.clone();
        }
        if let Some(older) = &held.previous {
            self.keys.remove(older.csk.csk.id());
        }
        Some(PreviousCsk {
            csk: old.clone(),
            until: now + PREVIOUS_CSK_LIFE,
        })
    }

    /// A key that the client draws itself supersedes one that was on its way to it; a token alone does not.
    fn offered_key(
        &mut self,
        held: Option<&Binding>,
        new: Option<&BoundCsk>,
    ) -> Option<OfferedCsk> {
        let id = |csk: &BoundCsk| csk.csk.id();
        let held = held?;
        let offered = held.offered.clone()?;
        if new.map(id) == held.csk.as_ref().map(id) {
            return Some(offered);
        }
        self.keys.remove(id(&offered.csk));
        None
    }

    /// Floor control of running calls goes on under a new CSK.
    pub(super) fn use_current_key(&mut self, impu: &Impu) {
        let csk = self
            .bindings
            .get(impu)
            .and_then(|binding| binding.csk.as_ref());
        if let Some(id) = csk.map(|csk| csk.csk.id()) {
            self.sessions.bind_client_key(impu, id);
        }
    }

    /// The client has used the key of a download before its answer came: it is the current one, and the former is not
    /// taken any more.
    pub(super) fn adopt_used_key(&mut self, impu: &Impu) {
        let offered = |binding: &mut Binding| Some(binding.offered.take()?.csk);
        if let Some(csk) = self.bindings.update(impu, offered).flatten() {
            let adopt = |binding: &mut Binding| binding.adopt(csk);
            if let Some(old) = self.bindings.update(impu, adopt).flatten() {
                self.keys.remove(old.csk.id());
            }
            self.use_current_key(impu);
        }
        self.forget_previous_key(impu);
    }

    /// The client has used its new key: the former one is not taken any more.
    pub(super) fn forget_previous_key(&mut self, impu: &Impu) {
        let previous = self
            .bindings
            .update(impu, |binding| binding.previous.take())
            .flatten();
        if let Some(previous) = previous {
            self.keys.remove(previous.csk.csk.id());
        }
    }

    /// Log-off: the binding goes, and with it calls, affiliations, settings and keys (TS 24.379 cl. 7.3.5).
    pub(super) fn unbind(&mut self, context: &mut Context<'_>, impu: &Impu) {
        if self.bindings.get(impu).is_none() {
            return;
        }
        self.end_sessions_of(context, impu);
        self.end_subscriptions_of(context, impu, &EndReason::Deactivated);
        self.drop_affiliations_of(context, impu);
        self.locations.forget(impu);
        let Some(binding) = self.bindings.remove(impu) else {
            return;
        };
        for id in binding.key_ids() {
            self.keys.remove(id);
        }
        self.downloads.forget(impu);
        info!(%impu, "client logged off");
    }
}

/// The settings in an authorised body; they must be those of the client that the body names.
pub(super) fn settings_of(
    body: &Body,
    client: &ClientId,
) -> Result<Option<PocSettings>, BindError> {
    let settings: Option<PocSettings> = body.document().map_err(AuthorisationError::from)?;
    if settings
        .as_ref()
        .is_some_and(|settings| settings.client_id != *client)
    {
        return Err(BindError::ForeignSettings);
    }
    Ok(settings)
}
