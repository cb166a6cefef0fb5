//! Key download: keys that this server gives to a client (TS 33.180 cl. 5.8; TS 24.379 cl. 7.3).
//!
//! ```text
//! PF ── MESSAGE, application/mikey: IDRi = MDSI, IDRr = UID of the user, K = CSK or MuSiK ──► client
//!    ◄── 200 taken, or 4xx to 6xx not accepted: the old key stays
//! ```
//!
//! The client may use a new CSK before its 200 is here, so the key is taken from the moment it leaves; it is sent
//! under only after the 200. The user is hidden in IDRr, because the message crosses the SIP core.

use super::ParticipatingFunction;
use super::binding::{OfferedCsk, PREVIOUS_CSK_LIFE, PreviousCsk};
use roger_base::{GroupId, Impu, KeyId, McpttId, PurposeTag, RandomError};
use roger_call::body::{Body, Part};
use roger_call::feature::media_type;
use roger_call::request::{RequestError, Trust, finish, start};
use roger_call::service_authorisation::BoundCsk;
use roger_documents::affiliation::AffiliationStatus;
use roger_ibc::{KmsDomain, UserKeySet};
use roger_keys::{Csk, KeyMaterial, Mkfc, Musik};
use roger_media::{Discard, MulticastFloor};
use roger_mikey::create::Hiding;
use roger_mikey::{CreateError, CreateKeyDownload, CreateOptions, KeyParameters, Status};
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, RequestHandle};
use roger_sip::message::{Method, StatusCode};
use roger_srtp::{FloorContext, SrtpError};
use std::collections::{HashMap, HashSet, VecDeque};
use thiserror::Error;
use tracing::{info, warn};

/// Revoked key ids remembered; the oldest is forgotten first.
const MAX_REVOKED: usize = 65_536;

/// What a download under way brings.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Brings {
    Csk(KeyId),
    Musik(GroupId, KeyId),
    /// The word that a key is revoked; nothing depends on the answer.
    Revocation,
}

struct Flight {
    impu: Impu,
    /// That of the binding: a client that authorised anew meanwhile is not taken for one that has the MuSiK.
    order: u64,
    brings: Brings,
}

/// A MuSiK and the clients that have it, or to which it is on its way.
struct SharedMusik {
    musik: Musik,
    holders: HashSet<Impu>,
}

/// Downloads under way and what they brought.
#[derive(Default)]
pub(super) struct Downloads {
    flights: HashMap<RequestHandle, Flight>,
    musiks: HashMap<GroupId, SharedMusik>,
    pub(super) multicast: MulticastFloor,
    revoked: HashSet<KeyId>,
    revoked_order: VecDeque<KeyId>,
}

impl Downloads {
    pub(super) fn is_waiting_for(&self, handle: RequestHandle) -> bool {
        self.flights.contains_key(&handle)
    }

    pub(super) fn under_way(&self) -> usize {
        self.flights.len()
    }

    /// Whether a key id belongs to a key that was revoked.
    pub(super) fn is_revoked(&self, id: KeyId) -> bool {
        self.revoked.contains(&id)
    }

    /// A client is gone, and has no MuSiK any more.
    pub(super) fn forget(&mut self, impu: &Impu) {
        for shared in self.musiks.values_mut() {
            shared.holders.remove(impu);
        }
    }

    fn revoke(&mut self, id: KeyId) {
        if !self.revoked.insert(id) {
            return;
        }
        self.revoked_order.push_back(id);
        if self.revoked_order.len() > MAX_REVOKED
            && let Some(oldest) = self.revoked_order.pop_front()
        {
            self.revoked.remove(&oldest);
        }
    }
}

/// Why a key was not sent.
#[derive(Debug, Error)]
enum DownloadError {
    #[error("the client is not bound")]
    NotBound,
    #[error("no CSK is bound")]
    NoCsk,
    #[error("a key is on its way already")]
    UnderWay,
    #[error("there is no key set of this server for the key period of now")]
    NoKeySet,
    #[error("there is no KMS for the user")]
    NoKms,
    #[error(transparent)]
    Mikey(#[from] CreateError),
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error(transparent)]
    Srtp(#[from] SrtpError),
    #[error(transparent)]
    Multicast(#[from] Discard),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

impl ParticipatingFunction {
    // CSK ---------------------------------------------------------------------------------------------------

    /// Every client of a user gets a new CSK.
    pub(super) fn renew_keys(&mut self, context: &mut Context<'_>, user: &McpttId) {
        for impu in self.bindings.identities_of(user) {
            if let Err(error) = self.offer_csk(context, &impu) {
                warn!(%impu, %error, "no new CSK for a client");
            }
        }
    }

    fn offer_csk(&mut self, context: &mut Context<'_>, impu: &Impu) -> Result<(), DownloadError> {
        let binding = self.bindings.get(impu).ok_or(DownloadError::NotBound)?;
        let held = binding.csk.as_ref().ok_or(DownloadError::NoCsk)?;
        if binding.offered.is_some() {
            return Err(DownloadError::UnderWay);
        }
        let (owner, owner_kms) = (held.owner.clone(), held.owner_kms.clone());
        let in_use = |id| self.bindings.holds_key(id) || self.downloads.is_revoked(id);
        let csk = Csk::random_unused(context.random, in_use)?;
        let floor = FloorContext::new(csk.id(), &csk.control_key().into())?;
        let (id, material) = (csk.id(), csk.material().clone());
        let brings = Brings::Csk(id);
        let message = self.send_download(context, impu, &material, None, brings)?;
        let csk =
            BoundCsk::new(csk, owner, message, self.settings.key_mode).with_owner_kms(owner_kms);
        self.keys.add(floor);
        self.sessions.offer_client_key(impu, id);
        self.bindings.update(impu, |binding| {
            binding.offered = Some(OfferedCsk { csk, until: None });
        });
        Ok(())
    }

    /// The client has taken its new CSK.
    fn adopt_key(&mut self, context: &Context<'_>, impu: &Impu, id: KeyId) {
        let until = context.now + PREVIOUS_CSK_LIFE;
        let older = self.bindings.update(impu, |binding| {
            let offered = binding.offered.take_if(|held| held.csk.csk.id() == id)?;
            let old = binding.adopt(offered.csk);
            let previous = old.map(|csk| PreviousCsk { csk, until });
            core::mem::replace(&mut binding.previous, previous)
        });
        if let Some(older) = older.flatten() {
            self.keys.remove(older.csk.csk.id());
        }
        self.use_current_key(impu);
    }

    /// The client refused the key, or nothing is known of it: then it is taken for as long as an old key is.
    fn on_csk_not_taken(
        &mut self,
        context: &Context<'_>,
        impu: &Impu,
        id: KeyId,
        status: Option<StatusCode>,
    ) {
        let until = context.now + PREVIOUS_CSK_LIFE;
        let refused = self.bindings.update(impu, |binding| {
            let offered = binding.offered.as_mut();
            let offered = offered.filter(|held| held.csk.csk.id() == id)?;
            if status.is_none() {
                offered.until = Some(until);
                return None;
            }
            binding.offered.take()
        });
        if refused.flatten().is_some() {
            self.keys.remove(id);
        }
    }

    /// The CSKs of a user are not used any more; its clients stay bound and upload new ones.
    pub(super) fn revoke_keys(&mut self, context: &mut Context<'_>, user: &McpttId) {
        for impu in self.bindings.identities_of(user) {
            self.send_revocation(context, &impu);
            let ids = self.bindings.update(&impu, |binding| {
                let ids: Vec<KeyId> = binding.key_ids().collect();
                (binding.csk, binding.previous, binding.offered) = (None, None, None);
                ids
            });
            for id in ids.into_iter().flatten() {
                self.keys.remove(id);
                self.downloads.revoke(id);
            }
            info!(%impu, "CSK revoked");
        }
    }

    /// Tells a client that its CSK is revoked: the same key under the same id, with that status.
    pub(super) fn send_revocation(&mut self, context: &mut Context<'_>, impu: &Impu) {
        let csk = self
            .bindings
            .get(impu)
            .and_then(|binding| binding.csk.as_ref());
        let Some(material) = csk.map(|csk| csk.csk.material().clone()) else {
            return;
        };
        self.downloads.revoke(material.id());
        let parameters = KeyParameters {
            status: Status::REVOKED,
            ..KeyParameters::new(PurposeTag::Csk)
        };
        let brings = Brings::Revocation;
        if let Err(error) = self.send_download(context, impu, &material, Some(&parameters), brings)
        {
            warn!(%impu, %error, "a client could not be told that its CSK is revoked");
        }
    }

    // Multicast ---------------------------------------------------------------------------------------------

    /// A new MuSiK for a group, to all its clients.
    pub(super) fn renew_musik(&mut self, context: &mut Context<'_>, group: &GroupId) {
        self.downloads.musiks.remove(group);
        self.share_musik(context, group);
    }

    /// The MuSiK of a group, to those of its affiliated clients that do not have it.
    pub(super) fn share_musik(&mut self, context: &mut Context<'_>, group: &GroupId) {
        if let Err(error) = self.ensure_musik(context, group) {
            warn!(%error, "no MuSiK for a group");
            return;
        }
        for impu in self.clients_of(group) {
            if let Err(error) = self.offer_musik(context, &impu, group) {
                warn!(%impu, %error, "no MuSiK for a client");
            }
        }
    }

    fn ensure_musik(
        &mut self,
        context: &mut Context<'_>,
        group: &GroupId,
    ) -> Result<(), DownloadError> {
        if self.downloads.musiks.contains_key(group) {
            return Ok(());
        }
        let used = &self.downloads.musiks;
        let in_use = |id| used.values().any(|shared| shared.musik.id() == id);
        let musik = Musik::random_unused(context.random, in_use)?;
        let floor = FloorContext::for_musik(&musik)?;
        let groups = core::slice::from_ref(group);
        self.downloads.multicast.add(floor, groups, None)?;
        let shared = SharedMusik {
            musik,
            holders: HashSet::new(),
        };
        self.downloads.musiks.insert(group.clone(), shared);
        Ok(())
    }

    fn offer_musik(
        &mut self,
        context: &mut Context<'_>,
        impu: &Impu,
        group: &GroupId,
    ) -> Result<(), DownloadError> {
        let Some(shared) = self.downloads.musiks.get(group) else {
            return Ok(());
        };
        if shared.holders.contains(impu) {
            return Ok(());
        }
        let material = shared.musik.material().clone();
        let parameters = KeyParameters {
            groups: Some(vec![group.clone()]),
            ..KeyParameters::new(PurposeTag::Musik)
        };
        let brings = Brings::Musik(group.clone(), material.id());
        self.send_download(context, impu, &material, Some(&parameters), brings)?;
        if let Some(shared) = self.downloads.musiks.get_mut(group) {
            shared.holders.insert(impu.clone());
        }
        Ok(())
    }

    /// The clients of this function that are affiliated to a group.
    fn clients_of(&self, group: &GroupId) -> Vec<Impu> {
        let affiliated = |user: &McpttId, client: &roger_base::ClientId| {
            let tuples = self.affiliations.tuples_of(user);
            let own = tuples.iter().filter(|tuple| tuple.client == *client);
            own.flat_map(|tuple| &tuple.affiliations).any(|found| {
                found.group == *group && found.status == Some(AffiliationStatus::Affiliated)
            })
        };
        let bindings = self.bindings.iter();
        let mut found: Vec<Impu> = bindings
            .filter(|(_, binding)| affiliated(&binding.user, &binding.client))
            .map(|(impu, _)| impu.clone())
            .collect();
        found.sort_unstable();
        found
    }

    pub(super) fn take_mkfc(&mut self, group: &GroupId, mkfc: &Mkfc) {
        let groups = core::slice::from_ref(group);
        let added = FloorContext::for_mkfc(mkfc)
            .map_err(Discard::LocalProtection)
            .and_then(|floor| self.downloads.multicast.add(floor, groups, None));
        if let Err(error) = added {
            warn!(%error, "an MKFC was not taken");
        }
    }

    // Any key -----------------------------------------------------------------------------------------------

    /// Makes the message and sends it; gives its octets.
    fn send_download(
        &mut self,
        context: &mut Context<'_>,
        impu: &Impu,
        key: &KeyMaterial,
        parameters: Option<&KeyParameters>,
        brings: Brings,
    ) -> Result<Vec<u8>, DownloadError> {
        let binding = self.bindings.get(impu).ok_or(DownloadError::NotBound)?;
        let (order, now) = (binding.order, context.utc.to_ntp());
        let message = CreateKeyDownload {
            key,
            server: self.own_key_set(context)?,
            user: &binding.user,
            user_domain: self.kms_of(binding.csk.as_ref())?,
            parameters,
            now,
            options: CreateOptions {
                hiding: Hiding::Responder,
                ..CreateOptions::PLAIN
            },
        }
        .build(context.random)?;
        let body = Body::new().with(Part::new(media_type::MIKEY, message.clone()));
        let (to, from) = (impu.as_str(), self.settings.psi.as_str());
        let builder = start(Method::Message, to, from, Trust::Asserted, context.random)?;
        let request = finish(builder, &body, context.random)?;
        let core = self.settings.core;
        let handle = context
            .endpoint
            .send_request(context.now, context.random, request, core)?;
        let flight = Flight {
            impu: impu.clone(),
            order,
            brings,
        };
        self.downloads.flights.insert(handle, flight);
        Ok(message)
    }

    /// The identity that signs: the MDSI.
    fn own_key_set(&self, context: &Context<'_>) -> Result<&UserKeySet, DownloadError> {
        let now = context.utc.to_ntp();
        let mut sets = self.settings.credentials.key_sets.iter();
        sets.find(|set| set.period_number == set.domain.key_period.number_at(now))
            .ok_or(DownloadError::NoKeySet)
    }

    /// The KMS of the user; of a client that never sent a CSK it is not known, and the first one is taken.
    fn kms_of(&self, csk: Option<&BoundCsk>) -> Result<&KmsDomain, DownloadError> {
        let named = csk.and_then(|csk| csk.owner_kms.as_ref());
        let mut known = self.settings.credentials.kms.iter();
        known
            .find(|domain| named.is_none_or(|named| domain.kms_uri == *named))
            .ok_or(DownloadError::NoKms)
    }

    /// The answer to a download; `None` when there was none.
    pub(super) fn on_download_answered(
        &mut self,
        context: &Context<'_>,
        handle: RequestHandle,
        status: Option<StatusCode>,
    ) {
        if status.is_some_and(StatusCode::is_provisional) {
            return;
        }
        let Some(flight) = self.downloads.flights.remove(&handle) else {
            return;
        };
        let taken = status.is_some_and(StatusCode::is_success);
        let impu = flight.impu;
        let binding = self.bindings.get(&impu);
        let current = binding.is_some_and(|binding| binding.order == flight.order);
        info!(%impu, taken, current, "key download answered");
        match flight.brings {
            // Whether it is still the key on offer, its id tells.
            Brings::Csk(id) if taken => self.adopt_key(context, &impu, id),
            Brings::Csk(id) => self.on_csk_not_taken(context, &impu, id, status),
            Brings::Musik(group, id) if !taken || !current => {
                let shared = self.downloads.musiks.get_mut(&group);
                if let Some(shared) = shared.filter(|shared| shared.musik.id() == id) {
                    shared.holders.remove(&impu);
                }
            }
            Brings::Musik(..) | Brings::Revocation => {}
        }
    }
}
