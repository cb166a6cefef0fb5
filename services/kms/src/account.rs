//! What the KMS knows of a client before it asks: the provisioning record (TS 33.180 Annex D).

use roger_base::{Random, RandomError, Secret};
use roger_documents::kms::{NamedKey, Release};
use roger_xml::key_wrap::WrapProfile;
use thiserror::Error;

/// TrK and InK of one generation. The first pair is brought to the client out of band.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// TrK: wraps keys.
    pub transport: NamedKey,
    /// InK: signs requests and responses. Absent for a client of the first release: then the TrK signs.
    pub integrity: Option<NamedKey>,
}

impl KeyPair {
    /// Draws a pair; the names carry the generation, `tk.12.user@example.org`.
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn generate(
        user_uri: &str,
        generation: u32,
        random: &mut dyn Random,
    ) -> Result<Self, RandomError> {
        let user = user_uri.split_once(':').map_or(user_uri, |(_, rest)| rest);
        let mut named = |kind: &str| {
            let key = Secret::random(random)?;
            Ok(NamedKey {
                name: format!("{kind}.{generation}.{user}"),
                key,
            })
        };
        Ok(Self {
            transport: named("tk")?,
            integrity: Some(named("ink")?),
        })
    }

    /// The level that these keys make possible.
    #[must_use]
    pub const fn level(&self) -> SecurityLevel {
        match self.integrity {
            Some(_) => SecurityLevel::IntegrityKey,
            None => SecurityLevel::TransportKey,
        }
    }

    /// The key that signs requests of this client and the answers to them.
    #[must_use]
    pub fn signer(&self) -> &NamedKey {
        self.integrity.as_ref().unwrap_or(&self.transport)
    }
}

/// How the requests of a client and its keys have to be protected (TS 33.180 Annex D); a greater one has what a lesser
/// one has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum SecurityLevel {
    /// A: TLS and access token; keys in clear, never through a proxy.
    #[default]
    TlsOnly,
    /// B: requests signed with the TrK, keys wrapped under it.
    TransportKey,
    /// C: requests signed with the InK, keys wrapped under the TrK.
    IntegrityKey,
}

/// Why a provisioning record cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AccountError {
    /// Two keys have one name: a document could not say which it means.
    #[error("two keys of the account have the same name")]
    LocalSameName,
    /// A pair to come protects less than the account demands.
    #[error("the new keys of the account protect less than it demands")]
    LocalDowngrade,
    /// The URI of the user is empty.
    #[error("an account needs the URI of its user")]
    LocalNoUser,
}

/// One client of the KMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAccount {
    /// `UserUri`: the MC service ID, or the URI of a server. One account for each.
    pub user_uri: String,
    /// Name of the TLS client certificate that authenticates a server; users have tokens instead.
    pub certificate: Option<String>,
    /// Further identities whose keys the account may fetch: a server's MDSI, PSI and GMS URI.
    pub identities: Vec<String>,
    /// The least protection that this client is served with. What its keys allow is demanded in any case.
    pub minimum_level: SecurityLevel,
    /// The release that the client speaks.
    pub release: Release,
    /// Label of wrapped keys.
    pub wrap_profile: WrapProfile,
    /// Number of the newest pair.
    pub generation: u32,
    /// The pair in use; absent when protection rests on TLS alone (security level A).
    pub current: Option<KeyPair>,
    /// A pair that was sent and not yet used: the current one stays good until it is.
    pub pending: Option<KeyPair>,
}

impl KeyAccount {
    /// A user whose keys are protected by TLS alone (security level A).
    #[must_use]
    pub fn unprotected(user_uri: impl Into<String>) -> Self {
        Self {
            user_uri: user_uri.into(),
            certificate: None,
            identities: Vec::new(),
            minimum_level: SecurityLevel::default(),
            release: Release::default(),
            wrap_profile: WrapProfile::default(),
            generation: 0,
            current: None,
            pending: None,
        }
    }

    /// A client with its first TrK and InK, to be brought to it out of band (security level C).
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn provision(
        user_uri: impl Into<String>,
        random: &mut dyn Random,
    ) -> Result<Self, RandomError> {
        let mut account = Self::unprotected(user_uri);
        account.generation = 1;
        account.current = Some(KeyPair::generate(&account.user_uri, 1, random)?);
        Ok(account)
    }

    /// A client of the first release with its first TrK, to be brought to it out of band (security level B).
    ///
    /// # Errors
    /// [`RandomError`] when the source fails.
    pub fn provision_rel13(
        user_uri: impl Into<String>,
        random: &mut dyn Random,
    ) -> Result<Self, RandomError> {
        let mut account = Self::provision(user_uri, random)?;
        account.release = Release::Rel13;
        if let Some(pair) = &mut account.current {
            pair.integrity = None;
        }
        Ok(account)
    }

    /// Checks what a record has to keep, before it is stored.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn check(&self) -> Result<(), AccountError> {
        if self.user_uri.is_empty() {
            return Err(AccountError::LocalNoUser);
        }
        if self
            .pending
            .as_ref()
            .is_some_and(|pair| pair.level() < self.demanded_level())
        {
            return Err(AccountError::LocalDowngrade);
        }
        let pairs = [&self.current, &self.pending].into_iter().flatten();
        let keys = pairs
            .flat_map(|pair| [Some(&pair.transport), pair.integrity.as_ref()])
            .flatten();
        let mut names: Vec<&str> = keys.map(|key| key.name.as_str()).collect();
        names.sort_unstable();
        if names
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a == b))
        {
            return Err(AccountError::LocalSameName);
        }
        Ok(())
    }

    /// The level that a request of this client has to have: what its keys allow, and never less than the minimum.
    #[must_use]
    pub fn demanded_level(&self) -> SecurityLevel {
        let allowed = self
            .current
            .as_ref()
            .map_or_else(SecurityLevel::default, KeyPair::level);
        allowed.max(self.minimum_level)
    }

    /// Whether the account may fetch the keys of an identity: its own, or one bound to it. Octet by octet.
    #[must_use]
    pub fn may_have(&self, identity: &str) -> bool {
        self.user_uri == identity || self.identities.iter().any(|own| own == identity)
    }

    /// The pair whose signing key has this name, current or pending.
    pub(crate) fn pair_of_signer(&self, name: &str) -> Option<&KeyPair> {
        let pairs = [&self.current, &self.pending].into_iter().flatten();
        pairs.into_iter().find(|pair| pair.signer().name == name)
    }

    /// The TrK of this name among the pairs that the client is known to have.
    pub(crate) fn adopted_transport_key(&self, name: &str) -> Option<&NamedKey> {
        self.current
            .as_ref()
            .map(|pair| &pair.transport)
            .filter(|key| key.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_testkit::SeededRandom;

    #[test]
    fn names_tell_generation_and_user() {
        let account =
            KeyAccount::provision("sip:alice@mc.example", &mut SeededRandom::new(1)).unwrap();
        let pair = account.current.as_ref().unwrap();
        assert_eq!(pair.transport.name, "tk.1.alice@mc.example");
        assert_eq!(pair.signer().name, "ink.1.alice@mc.example");
        assert!(pair.transport.key != pair.signer().key);
        assert_eq!(account.check(), Ok(()));
    }

    #[test]
    fn two_keys_of_one_name_are_refused() {
        let mut account = KeyAccount::provision("sip:a@b", &mut SeededRandom::new(1)).unwrap();
        account.pending = account.current.clone();
        assert_eq!(account.check(), Err(AccountError::LocalSameName));
        assert_eq!(
            KeyAccount::unprotected("").check(),
            Err(AccountError::LocalNoUser)
        );
    }

    #[test]
    fn a_client_of_the_first_release_has_a_trk_and_no_ink() {
        let account = KeyAccount::provision_rel13("sip:a@b", &mut SeededRandom::new(1)).unwrap();
        let pair = account.current.as_ref().unwrap();
        assert!(pair.integrity.is_none() && pair.signer() == &pair.transport);
        assert_eq!(account.demanded_level(), SecurityLevel::TransportKey);
    }

    #[test]
    fn new_keys_never_protect_less_than_the_old_ones() {
        let mut account = KeyAccount::provision("sip:a@b", &mut SeededRandom::new(1)).unwrap();
        account.order_renewal(&mut SeededRandom::new(2)).unwrap();
        assert_eq!(account.check(), Ok(()));
        account.pending.as_mut().unwrap().integrity = None;
        assert_eq!(account.check(), Err(AccountError::LocalDowngrade));
    }

    #[test]
    fn identities_are_compared_octet_by_octet() {
        let mut account = KeyAccount::unprotected("sip:pf@mc.example");
        account.identities.push("mc.example".into());
        assert!(account.may_have("mc.example") && account.may_have("sip:pf@mc.example"));
        assert!(!account.may_have("MC.example") && !account.may_have("sip:alice@mc.example"));
    }
}
