//! Renewal of TrK and InK: sent under the current TrK, in force from the first request that uses them
//! (TS 33.180 Annex D, inferred).

use crate::account::{KeyAccount, KeyPair};
use crate::refusal::Refusal;
use roger_base::Random;
use roger_documents::kms::{NamedKey, NewKey, Release};

impl KeyAccount {
    /// Orders a new pair: it goes out with the next answer and replaces the current one when it is first used.
    /// A pair that is on its way already stays the one.
    ///
    /// # Errors
    /// [`roger_base::RandomError`] when the source fails.
    pub fn order_renewal(
        &mut self,
        random: &mut dyn Random,
    ) -> Result<(), roger_base::RandomError> {
        // A client of the first release is told of new keys out of band only (TS 33.179 D.3.0).
        let told = self.release != Release::Rel13;
        let Some(current) = self
            .current
            .as_ref()
            .filter(|_| told && self.pending.is_none())
        else {
            return Ok(());
        };
        let keeps_level = current.integrity.is_some();
        self.generation = self.generation.saturating_add(1);
        let mut pair = KeyPair::generate(&self.user_uri, self.generation, random)?;
        if !keeps_level {
            pair.integrity = None;
        }
        self.pending = Some(pair);
        Ok(())
    }

    /// The account after a request signed with this key: a pending pair that is used becomes the current one, and
    /// the pair before it is gone.
    pub(crate) fn after_use_of(&self, signer: &str) -> Self {
        let mut account = self.clone();
        let used = account
            .pending
            .as_ref()
            .is_some_and(|pair| pair.signer().name == signer);
        if used {
            account.current = account.pending.take();
        }
        account
    }

    /// The pending pair, wrapped under a TrK that the client has.
    pub(crate) fn new_keys(
        &self,
        transport_key: Option<&NamedKey>,
    ) -> Result<(Vec<NewKey>, Vec<NewKey>), Refusal> {
        let (Some(pending), Some(transport_key)) = (&self.pending, transport_key) else {
            return Ok((Vec::new(), Vec::new()));
        };
        let wrap = |key| {
            NewKey::wrap(key, transport_key, self.wrap_profile).map_err(|_| Refusal::LocalKeys)
        };
        let integrity = pending.integrity.as_ref().map(wrap).transpose()?;
        Ok((
            vec![wrap(&pending.transport)?],
            integrity.into_iter().collect(),
        ))
    }
}
