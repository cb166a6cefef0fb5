//! Bindings of public user identities: who is behind one, with which client and key (TS 24.379 cl. 7.3.2, 7.3.3).

use super::agenda::Agenda;
use core::time::Duration;
use roger_base::{ClientId, Impu, Instant, KeyId, McpttId, UnixTime};
use roger_call::body::{Body, BodyError};
use roger_call::protection::{Protection, ProtectionError, ReceivingHop, SendingHop};
use roger_call::service_authorisation::BoundCsk;
use roger_documents::poc_settings::PocSettings;
use roger_oidc::GrantId;
use roger_sip::subscription::EntityTag;
use roger_xml::BoundKeys;
use roger_xml::signed_body::Coverage;
use roger_xml::uri::ProtectedDomains;
use std::collections::{BTreeSet, HashMap, HashSet};

/// How long the CSK before the current one is still taken (TS 24.379 cl. 7).
pub(super) const PREVIOUS_CSK_LIFE: Duration = Duration::from_secs(300);

/// A CSK that was replaced.
#[derive(Clone)]
pub(super) struct PreviousCsk {
    pub(super) csk: BoundCsk,
    pub(super) until: Instant,
}

/// A CSK in a key download that the client has not answered yet (TS 33.180 cl. 5.8). It is taken, not sent under.
#[derive(Clone)]
pub(super) struct OfferedCsk {
    pub(super) csk: BoundCsk,
    /// Set when no answer came: the client may have the key all the same.
    pub(super) until: Option<Instant>,
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
    pub(super) offered: Option<OfferedCsk>,
    pub(super) token_expires: UnixTime,
    /// The grant that the token is of, when it says so.
    pub(super) grant: Option<GrantId>,
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

    /// How to send to this client, when a CSK is bound.
    fn sending(&self, protection: Protection, domain: &str) -> Option<SendingHop> {
        self.csk.as_ref().map(|csk| csk.sending(protection, domain))
    }

    /// Protects a body for this client. Where protection is on and no CSK is bound, as after a revocation, there is
    /// nothing to send.
    pub(super) fn protect(
        &self,
        body: Body,
        protection: Protection,
        domain: &str,
        random: &mut dyn roger_base::Random,
    ) -> Result<Body, BodyError> {
        match self.sending(protection, domain) {
            Some(hop) => Ok(body.protected(&hop, random)?),
            None if protection == Protection::Off => Ok(body),
            None => Err(ProtectionError::LocalNoKey.into()),
        }
    }

    /// When something of it is over.
    fn deadline(&self) -> Option<Instant> {
        let key = self.previous.as_ref().map(|held| held.until);
        let offered = self.offered.as_ref().and_then(|held| held.until);
        let settings = self.published.as_ref().map(|held| held.expiry);
        [key, offered, settings].into_iter().flatten().min()
    }

    /// Gives up what is over; the ids of CSKs among it.
    fn drop_outlived(&mut self, now: Instant) -> Vec<KeyId> {
        if self.published.take_if(|held| held.expiry <= now).is_some() {
            self.settings = None;
        }
        let previous = self.previous.take_if(|held| held.until <= now);
        let unanswered = |held: &mut OfferedCsk| held.until.is_some_and(|until| until <= now);
        let offered = self.offered.take_if(unanswered);
        let previous = previous.map(|held| held.csk.csk.id());
        previous
            .into_iter()
            .chain(offered.map(|held| held.csk.csk.id()))
            .collect()
    }

    /// The offered CSK is the current one from now on; gives the one it replaces.
    pub(super) fn adopt(&mut self, offered: BoundCsk) -> Option<BoundCsk> {
        self.offered = None;
        self.csk.replace(offered)
    }

    pub(super) fn key_ids(&self) -> impl Iterator<Item = KeyId> + use<> {
        let current = self.csk.as_ref().map(|csk| csk.csk.id());
        let previous = self.previous.as_ref().map(|held| held.csk.csk.id());
        let offered = self.offered.as_ref().map(|held| held.csk.csk.id());
        [current, previous, offered].into_iter().flatten()
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
    Offered,
}

/// Verifies and decrypts a body of a bound client, under its CSK, the one just replaced or the one just offered.
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
    let previous = binding.previous.as_ref().map(|held| &held.csk);
    let offered = binding.offered.as_ref().map(|held| &held.csk);
    for (csk, with) in [
        (previous, OpenedWith::Previous),
        (offered, OpenedWith::Offered),
    ] {
        if csk.is_some()
            && let Ok(opened) = body.opened(&rules.hop(csk))
        {
            return Ok((opened, with));
        }
    }
    Err(error.into())
}

/// All bindings, by public user identity.
#[derive(Default)]
pub(super) struct Bindings {
    by_impu: HashMap<Impu, Binding>,
    by_user: HashMap<McpttId, BTreeSet<Impu>>,
    /// Key ids in use.
    keys: HashSet<KeyId>,
    agenda: Agenda<Impu>,
    next_order: u64,
}

impl Bindings {
    pub(super) fn get(&self, impu: &Impu) -> Option<&Binding> {
        self.by_impu.get(impu)
    }

    /// All identities that are bound, in order.
    pub(super) fn identities(&self) -> Vec<Impu> {
        let mut identities: Vec<Impu> = self.by_impu.keys().cloned().collect();
        identities.sort_unstable();
        identities
    }

    pub(super) fn len(&self) -> usize {
        self.by_impu.len()
    }

    pub(super) const fn next_order(&mut self) -> u64 {
        self.next_order += 1;
        self.next_order
    }

    pub(super) fn insert(&mut self, impu: Impu, binding: Binding) {
        self.remove(&impu);
        self.keys.extend(binding.key_ids());
        self.agenda.set(&impu, binding.deadline());
        let user = self.by_user.entry(binding.user.clone()).or_default();
        user.insert(impu.clone());
        self.by_impu.insert(impu, binding);
    }

    pub(super) fn remove(&mut self, impu: &Impu) -> Option<Binding> {
        let binding = self.by_impu.remove(impu)?;
        for id in binding.key_ids() {
            self.keys.remove(&id);
        }
        self.agenda.set(impu, None);
        if let Some(user) = self.by_user.get_mut(&binding.user) {
            user.remove(impu);
            if user.is_empty() {
                self.by_user.remove(&binding.user);
            }
        }
        Some(binding)
    }

    /// Changes what a binding holds, but not its user.
    pub(super) fn update<R>(
        &mut self,
        impu: &Impu,
        change: impl FnOnce(&mut Binding) -> R,
    ) -> Option<R> {
        let binding = self.by_impu.get_mut(impu)?;
        for id in binding.key_ids() {
            self.keys.remove(&id);
        }
        let result = change(binding);
        self.keys.extend(binding.key_ids());
        self.agenda.set(impu, binding.deadline());
        Some(result)
    }

    fn all_of(&self, user: &McpttId) -> impl Iterator<Item = (&Impu, &Binding)> {
        let identities = self.by_user.get(user).into_iter().flatten();
        identities.filter_map(|impu| Some((impu, self.by_impu.get(impu)?)))
    }

    /// The clients of a user, newest first.
    pub(super) fn of_user(&self, user: &McpttId) -> Vec<(&Impu, &Binding)> {
        let mut found: Vec<_> = self.all_of(user).collect();
        found.sort_by_key(|(_, binding)| core::cmp::Reverse(binding.order));
        found
    }

    /// How many other identities are bound to a user.
    pub(super) fn others_of(&self, user: &McpttId, impu: &Impu) -> usize {
        self.all_of(user)
            .filter(|(other, _)| *other != impu)
            .count()
    }

    /// Another identity that has bound the same client instance of the same user.
    pub(super) fn twin_of(&self, user: &McpttId, client: &ClientId, impu: &Impu) -> Option<Impu> {
        self.all_of(user)
            .find(|(other, binding)| binding.client == *client && *other != impu)
            .map(|(other, _)| other.clone())
    }

    /// Whether a key id is one of those in use.
    pub(super) fn holds_key(&self, id: KeyId) -> bool {
        self.keys.contains(&id)
    }

    /// The public user identities of a user.
    pub(super) fn identities_of(&self, user: &McpttId) -> Vec<Impu> {
        let identities = self.by_user.get(user).into_iter().flatten();
        identities.cloned().collect()
    }

    /// Every binding, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Impu, &Binding)> {
        self.by_impu.iter()
    }

    /// Gives up CSKs and settings whose time is over; the ids of the CSKs.
    pub(super) fn drop_outlived(&mut self, now: Instant) -> Vec<KeyId> {
        let due = self.agenda.due(now).into_iter();
        due.filter_map(|impu| self.update(&impu, |binding| binding.drop_outlived(now)))
            .flatten()
            .collect()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.agenda.next()
    }
}
