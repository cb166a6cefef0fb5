//! Repositories in memory, for simulators and tests: the same contracts as a store, gone with the process.

use super::{
    Client, ClientRegistry, ClientRepository, CodeGrant, GrantOwner, GrantRepository, PutOutcome,
    Redemption, RefreshGrant, RegistrationPermit, Rotation, StoreError,
};
use crate::{GrantId, OauthClientId, Revocations, TokenDigest};
use roger_base::UnixTime;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};

/// Clients, codes, refresh tokens and revoked grants.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    clients: HashMap<OauthClientId, Client>,
    codes: HashMap<TokenDigest, (CodeGrant, Use)>,
    refresh: HashMap<TokenDigest, (RefreshGrant, Use)>,
    revoked: HashSet<GrantId>,
    permits: HashMap<TokenDigest, RegistrationPermit>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Fresh,
    Used,
}

impl MemoryStore {
    /// Registers a client, replacing one of the same id.
    ///
    /// # Errors
    /// [`StoreError`] when another thread failed while it held the store.
    pub fn add_client(&self, client: Client) -> Result<(), StoreError> {
        self.state()?.clients.insert(client.id.clone(), client);
        Ok(())
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        self.state
            .lock()
            .map_err(|_| StoreError::LocalUnavailable("the store in memory is poisoned".to_owned()))
    }
}

impl ClientRepository for MemoryStore {
    fn client(&self, id: &OauthClientId) -> Result<Option<Client>, StoreError> {
        Ok(self.state()?.clients.get(id).cloned())
    }
}

impl ClientRegistry for MemoryStore {
    fn keep_client(&self, client: &Client) -> Result<(), StoreError> {
        self.add_client(client.clone())
    }

    fn remove_client(&self, id: &OauthClientId) -> Result<(), StoreError> {
        self.state()?.clients.remove(id);
        Ok(())
    }

    fn put_permit(
        &self,
        token: &TokenDigest,
        permit: &RegistrationPermit,
    ) -> Result<(), StoreError> {
        self.state()?.permits.insert(*token, *permit);
        Ok(())
    }

    fn use_permit(&self, token: &TokenDigest, now: UnixTime) -> Result<bool, StoreError> {
        let mut state = self.state()?;
        let permit = state.permits.get_mut(token);
        let permit = permit.filter(|permit| permit.uses > 0 && now < permit.expires_at);
        Ok(permit.map(|permit| permit.uses -= 1).is_some())
    }
}

impl GrantRepository for MemoryStore {
    fn put_code(&self, code: &TokenDigest, grant: &CodeGrant) -> Result<(), StoreError> {
        self.state()?
            .codes
            .insert(*code, (grant.clone(), Use::Fresh));
        Ok(())
    }

    fn redeem_code(&self, code: &TokenDigest) -> Result<Redemption, StoreError> {
        let mut state = self.state()?;
        let Some((grant, usage)) = state.codes.get_mut(code) else {
            return Ok(Redemption::Unknown);
        };
        Ok(match core::mem::replace(usage, Use::Used) {
            Use::Fresh => Redemption::Fresh(Box::new(grant.clone())),
            Use::Used => Redemption::Replayed(grant.grant.clone()),
        })
    }

    fn put_refresh(
        &self,
        token: &TokenDigest,
        grant: &RefreshGrant,
    ) -> Result<PutOutcome, StoreError> {
        let mut state = self.state()?;
        if state.revoked.contains(&grant.grant) {
            return Ok(PutOutcome::GrantRevoked);
        }
        state.refresh.insert(*token, (grant.clone(), Use::Fresh));
        Ok(PutOutcome::Stored)
    }

    fn refresh(&self, token: &TokenDigest) -> Result<Option<RefreshGrant>, StoreError> {
        Ok(self
            .state()?
            .refresh
            .get(token)
            .map(|(grant, _)| grant.clone()))
    }

    fn rotate_refresh(&self, old: &TokenDigest, new: &TokenDigest) -> Result<Rotation, StoreError> {
        let mut state = self.state()?;
        let Some((grant, usage)) = state.refresh.get(old).cloned() else {
            return Ok(Rotation::Unknown);
        };
        if state.revoked.contains(&grant.grant) {
            return Ok(Rotation::GrantRevoked);
        }
        if usage == Use::Used {
            return Ok(Rotation::Reused);
        }
        state.refresh.insert(*old, (grant.clone(), Use::Used));
        state.refresh.insert(*new, (grant, Use::Fresh));
        Ok(Rotation::Rotated)
    }

    fn revoke_grant(&self, grant: &GrantId) -> Result<(), StoreError> {
        self.state()?.revoked.insert(grant.clone());
        Ok(())
    }

    fn revoke_grants_of(&self, owner: &GrantOwner) -> Result<(), StoreError> {
        let mut state = self.state()?;
        let State {
            codes,
            refresh,
            revoked,
            ..
        } = &mut *state;
        let codes = codes.values().map(|(code, _)| {
            let owns = owner.owns(code.session.as_ref(), &code.subject, &code.client_id);
            owns.then(|| code.grant.clone())
        });
        let tokens = refresh.values().map(|(token, _)| {
            let owns = owner.owns(token.session.as_ref(), &token.subject, &token.client_id);
            owns.then(|| token.grant.clone())
        });
        revoked.extend(codes.chain(tokens).flatten());
        Ok(())
    }

    fn is_revoked(&self, grant: &GrantId) -> Result<bool, StoreError> {
        Ok(self.state()?.revoked.contains(grant))
    }
}

impl Revocations for MemoryStore {
    fn is_revoked(&self, grant: &GrantId) -> bool {
        GrantRepository::is_revoked(self, grant).unwrap_or(true)
    }
}
