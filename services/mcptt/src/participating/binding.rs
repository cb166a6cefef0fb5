//! Bindings of public user identities: who is behind one, with which client and key (TS 24.379 cl. 7.3.2, 7.3.3).

use core::time::Duration;
use roger_base::{ClientId, Impu, Instant, KeyId, McpttId, UnixTime};
use roger_call::body::{Body, BodyError};
use roger_call::protection::{Protection, ReceivingHop, SendingHop};
use roger_call::service_authorisation::BoundCsk;
use roger_documents::poc_settings::PocSettings;
use roger_sip::subscription::EntityTag;
use roger_xml::BoundKeys;
use roger_xml::signed_body::Coverage;
use roger_xml::uri::ProtectedDomains;
use std::collections::BTreeMap;

/// How long the CSK before the current one is still taken (spec file 21 clause 9).
pub(super) const PREVIOUS_CSK_LIFE: Duration = Duration::from_secs(300);

/// A CSK that was replaced.
#[derive(Clone)]
pub(super) struct PreviousCsk {
    pub(super) csk: BoundCsk,
    pub(super) until: Instant,
}

/// A publication of a client (RFC 3903).
#[derive(Debug, Clone)]
pub(super) struct Published {
    pub(super) tag: EntityTag,
    pub(super) expiry: Instant,
}

/// One client of one user behind a public user identity.
#[derive(Clone)]
pub(super) struct Binding {
    pub(super) user: McpttId,
    pub(super) client: ClientId,
    pub(super) csk: Option<BoundCsk>,
    pub(super) previous: Option<PreviousCsk>,
    pub(super) token_expires: UnixTime,
    pub(super) settings: Option<PocSettings>,
    /// The publication of the settings.
    pub(super) published: Option<Published>,
    /// Counts authorisations, so that the newest client of a user is known.
    pub(super) order: u64,
}

impl Binding {
    /// Whether the client has to authorise anew before it asks for anything.
    pub(super) fn is_outlived(&self, now: UnixTime, grace: Duration) -> bool {
        now >= self.token_expires + grace
    }

    /// How to send to this client; nothing is protected where no CSK is bound, which only happens when protection is
    /// off.
    pub(super) fn sending(&self, protection: Protection, domain: &str) -> Option<SendingHop> {
        self.csk.as_ref().map(|csk| csk.sending(protection, domain))
    }

    /// Protects a body for this client.
    pub(super) fn protect(
        &self,
        body: Body,
        protection: Protection,
        domain: &str,
        random: &mut dyn roger_base::Random,
    ) -> Result<Body, BodyError> {
        match self.sending(protection, domain) {
            Some(hop) => Ok(body.protected(&hop, random)?),
            None => Ok(body),
        }
    }

    fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        let current = self.csk.as_ref().map(|csk| csk.csk.id());
        let previous = self.previous.as_ref().map(|held| held.csk.csk.id());
        current.into_iter().chain(previous)
    }
}

/// What a client's body must look like.
#[derive(Clone)]
pub(super) struct ClientRules {
    pub(super) protection: Protection,
    pub(super) domains: ProtectedDomains,
    pub(super) coverage: Coverage,
}

impl ClientRules {
    fn hop(&self, csk: Option<&BoundCsk>) -> ReceivingHop {
        ReceivingHop {
            keys: csk.map_or_else(BoundKeys::none, |csk| {
                BoundKeys::one(csk.xml_keys().clone())
            }),
            domains: self.domains.clone(),
            protection: self.protection,
            coverage: self.coverage,
        }
    }
}

/// Which of the keys of a binding opened a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenedWith {
    Current,
    Previous,
}

/// Verifies and decrypts a body of a bound client, under its CSK or the one just replaced.
///
/// # Errors
/// [`BodyError`] of the current key.
pub(super) fn open_body(
    body: &Body,
    binding: &Binding,
    rules: &ClientRules,
) -> Result<(Body, OpenedWith), BodyError> {
    let error = match body.opened(&rules.hop(binding.csk.as_ref())) {
        Ok(opened) => return Ok((opened, OpenedWith::Current)),
        Err(error) => error,
    };
    if let Some(previous) = &binding.previous
        && let Ok(opened) = body.opened(&rules.hop(Some(&previous.csk)))
    {
        return Ok((opened, OpenedWith::Previous));
    }
    Err(error.into())
}

/// All bindings, by public user identity.
#[derive(Default)]
pub(super) struct Bindings {
    by_impu: BTreeMap<Impu, Binding>,
    next_order: u64,
}

impl Bindings {
    pub(super) fn get(&self, impu: &Impu) -> Option<&Binding> {
        self.by_impu.get(impu)
    }

    pub(super) fn get_mut(&mut self, impu: &Impu) -> Option<&mut Binding> {
        self.by_impu.get_mut(impu)
    }

    pub(super) fn len(&self) -> usize {
        self.by_impu.len()
    }

    pub(super) const fn next_order(&mut self) -> u64 {
        self.next_order += 1;
        self.next_order
    }

    pub(super) fn insert(&mut self, impu: Impu, binding: Binding) {
        self.by_impu.insert(impu, binding);
    }

    pub(super) fn remove(&mut self, impu: &Impu) -> Option<Binding> {
        self.by_impu.remove(impu)
    }

    /// The clients of a user, newest first.
    pub(super) fn of_user(&self, user: &McpttId) -> Vec<(&Impu, &Binding)> {
        let mut found: Vec<_> = self
            .by_impu
            .iter()
            .filter(|(_, binding)| binding.user == *user)
            .collect();
        found.sort_by_key(|(_, binding)| core::cmp::Reverse(binding.order));
        found
    }

    /// How many other identities are bound to a user.
    pub(super) fn others_of(&self, user: &McpttId, impu: &Impu) -> usize {
        self.by_impu
            .iter()
            .filter(|(other, binding)| binding.user == *user && *other != impu)
            .count()
    }

    /// Whether another identity has bound the same client instance of the same user.
    pub(super) fn twin_of(&self, user: &McpttId, client: &ClientId, impu: &Impu) -> Option<Impu> {
        self.by_impu
            .iter()
            .find(|(other, binding)| {
                binding.user == *user && binding.client == *client && *other != impu
            })
            .map(|(other, _)| other.clone())
    }

    /// Whether a key id is one of those in use.
    pub(super) fn holds_key(&self, id: KeyId) -> bool {
        self.by_impu
            .values()
            .any(|binding| binding.key_ids().any(|held| held == id))
    }

    /// Gives up previous CSKs whose time is over; their ids.
    pub(super) fn drop_outlived_keys(&mut self, now: Instant) -> Vec<KeyId> {
        let mut dropped = Vec::new();
        for binding in self.by_impu.values_mut() {
            if let Some(previous) = binding.previous.take_if(|held| held.until <= now) {
                dropped.push(previous.csk.csk.id());
            }
        }
        dropped
    }

    /// Removes settings whose publication ended.
    pub(super) fn drop_expired_settings(&mut self, now: Instant) {
        for binding in self.by_impu.values_mut() {
            if binding
                .published
                .take_if(|held| held.expiry <= now)
                .is_some()
            {
                binding.settings = None;
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let keys = self
            .by_impu
            .values()
            .filter_map(|binding| binding.previous.as_ref().map(|held| held.until));
        let settings = self
            .by_impu
            .values()
            .filter_map(|binding| binding.published.as_ref().map(|held| held.expiry));
        keys.chain(settings).min()
    }
}
