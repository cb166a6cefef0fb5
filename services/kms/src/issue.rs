//! What the KMS gives once a request has passed every check: certificates and key sets (TS 33.180 D.3).

use crate::account::KeyAccount;
use crate::config::NextPeriod;
use crate::cpu_mark::marked;
use crate::refusal::Refusal;
use crate::root::Root;
use crate::server::{Channel, Context, Kms};
use crate::target::Target;
use roger_base::{KmsUri, SecretBytes, UnixTime};
use roger_documents::kms::{
    CertificateRole, KeyContent, KmsCertificate, KmsKeySet, KmsMessage, NamedKey, OpenedRequest,
    WrappedKey,
};
use roger_ibc::IssuedKeys;

/// Most domains that one answer names.
const MAX_DOMAINS: usize = 16;

/// A request that has passed every check.
pub(crate) struct Admitted<'a> {
    pub(crate) target: &'a Target,
    pub(crate) account: &'a KeyAccount,
    pub(crate) opened: &'a OpenedRequest,
    pub(crate) channel: Channel,
    pub(crate) now: UnixTime,
}

impl Admitted<'_> {
    /// The TrK that wraps for this client: the one it names, else its current one.
    fn transport_key(&self) -> Option<&NamedKey> {
        let named = self.opened.request.trk_id.as_deref();
        let named = named.and_then(|name| self.account.adopted_transport_key(name));
        named.or_else(|| self.account.current.as_ref().map(|pair| &pair.transport))
    }
}

impl Kms {
    pub(crate) fn serve(
        &self,
        request: &Admitted<'_>,
        context: &mut Context,
    ) -> Result<KmsMessage, Refusal> {
        match request.target {
            Target::Init => self.init(request),
            Target::OwnKeys => self.key_prov(request, &request.account.user_uri, None, context),
            Target::Keys(identity) => self.key_prov(request, identity, None, context),
            Target::KeysAt(identity, wire) => {
                self.key_prov(request, identity, Some(*wire), context)
            }
            Target::CertCache(held) => self.cert_cache(*held),
            Target::Cert(kms_uri) => self.cert(kms_uri),
            Target::Lookup(user) => self.lookup(user),
            Target::Redirect => self.redirect(request),
        }
    }

    fn init(&self, request: &Admitted<'_>) -> Result<KmsMessage, Refusal> {
        let (new_transport_keys, new_integrity_keys) =
            request.account.new_keys(request.transport_key())?;
        let current = self.roots.current(request.now);
        Ok(KmsMessage::Init {
            certificate: Box::new(current.certificate.clone()),
            new_transport_keys,
            new_integrity_keys,
        })
    }

    /// Key sets of an identity under every certificate in service, the newest first (in the overlap of a change of
    /// the master keys there are two).
    fn key_prov(
        &self,
        request: &Admitted<'_>,
        identity: &str,
        wire: Option<u64>,
        context: &mut Context,
    ) -> Result<KmsMessage, Refusal> {
        let transport_key = request.transport_key();
        if transport_key.is_none() && request.channel == Channel::Proxy {
            return Err(Refusal::DeniedClearThroughProxy);
        }
        let mut key_sets = Vec::new();
        let mut refusal = Refusal::LocalNotInService;
        for root in self.roots.all() {
            let periods = match wire {
                Some(wire) => self.period_at(root, wire, request.now),
                None => Ok(self.current_periods(root, request.now)),
            };
            let periods = match periods {
                Ok(periods) => periods,
                // Roots may have other key periods; one that has the time suffices.
                Err(other) => {
                    refusal = other;
                    continue;
                }
            };
            for period in periods.into_iter().filter(|period| root.serves(*period)) {
                let revoked = self.ports.repository.is_revoked(identity, period)?;
                let issued = self.issued(root, identity, period)?;
                key_sets.push(self.key_set(
                    root,
                    &issued,
                    request.account,
                    transport_key,
                    revoked,
                )?);
                if !revoked {
                    context.released.push((identity.to_owned(), period));
                }
            }
        }
        if key_sets.is_empty() {
            return Err(refusal);
        }
        let (new_transport_keys, new_integrity_keys) = request.account.new_keys(transport_key)?;
        Ok(KmsMessage::KeyProv {
            key_sets,
            new_transport_keys,
            new_integrity_keys,
        })
    }

    /// The set of an identity and key period: from the table of those made beforehand, else made now. Both are the same.
    fn issued(&self, root: &Root, identity: &str, period: u64) -> Result<IssuedKeys, Refusal> {
        let table = self.pre_issued.as_ref();
        match table.map(|table| table.pre_issued(root.id, period, identity)) {
            Some(Ok(Some(issued))) if root.is_of(&issued, identity, period) => return Ok(issued),
            Some(Ok(Some(_))) => tracing::error!(identity, period, "a pre-issued set is another's"),
            Some(Err(error)) => {
                tracing::error!(identity, period, %error, "a pre-issued set cannot be read");
            }
            Some(Ok(None)) | None => {}
        }
        Ok(marked!("crypto", root.issue(identity, period))?)
    }

    /// The key period that contains a time: the current and the next one, and past ones as configured.
    fn period_at(&self, root: &Root, wire: u64, now: UnixTime) -> Result<Vec<u64>, Refusal> {
        let period = root.master.domain().key_period;
        let current = period.number_at(now.to_ntp());
        let number = period.number_at(Target::time(wire, now.to_ntp()));
        let oldest = current.saturating_sub(self.config.past_periods);
        if (oldest..=current.saturating_add(1)).contains(&number) {
            Ok(vec![number])
        } else {
            Err(Refusal::PeerPeriod)
        }
    }

    fn current_periods(&self, root: &Root, now: UnixTime) -> Vec<u64> {
        let period = root.master.domain().key_period;
        let current = period.number_at(now.to_ntp());
        let next = current.saturating_add(1);
        let left = period
            .start_of(next)
            .seconds
            .saturating_sub(now.to_ntp().seconds);
        let near = left <= period.period_secs() / 10;
        if near && self.config.next_period == NextPeriod::NearTheEnd {
            vec![current, next]
        } else {
            vec![current]
        }
    }

    /// The document of a key set. A revoked one tells that and nothing more: in place of its keys stand zeros, since the
    /// schema demands the elements (inferred, TS 33.180 D.3.3).
    fn key_set(
        &self,
        root: &Root,
        issued: &IssuedKeys,
        account: &KeyAccount,
        transport_key: Option<&NamedKey>,
        revoked: bool,
    ) -> Result<KmsKeySet, Refusal> {
        let content = |octets: &[u8]| {
            let zeros = vec![0; octets.len()];
            let octets = if revoked { zeros.as_slice() } else { octets };
            match transport_key {
                Some(key) => {
                    let wrapped =
                        marked!("wrap", WrappedKey::wrap(octets, key, account.wrap_profile));
                    wrapped
                        .map(KeyContent::Wrapped)
                        .map_err(|_| Refusal::LocalKeys)
                }
                None => Ok(KeyContent::Plain(SecretBytes::new(octets.to_vec()))),
            }
        };
        let period = root.master.domain().key_period;
        let number = issued.period_number;
        Ok(KmsKeySet {
            kms_uri: self.kms_uri().clone(),
            cert_uri: root.certificate.cert_uri.clone(),
            issuer: self.config.issuer.clone(),
            user_uri: issued.identity.clone(),
            user_id: issued.uid.0,
            valid_from: Some(period.start_of(number).to_unix()),
            valid_to: Some(period.start_of(number.saturating_add(1)).to_unix()),
            key_period_no: number,
            revoked,
            user_decrypt_key: content(issued.rsk.expose())?,
            user_signing_key_ssk: content(issued.ssk.expose())?,
            user_pub_token_pvt: content(&issued.pvt)?,
        })
    }

    /// Certificates of other domains. One that claims to be ours is none: ours come from the master keys.
    fn external_certificates(&self) -> Result<(u64, Vec<KmsCertificate>), Refusal> {
        let (number, mut certificates) = self.ports.repository.external_certificates()?;
        certificates.retain(|certificate| {
            certificate.role == CertificateRole::External && certificate.kms_uri != *self.kms_uri()
        });
        Ok((number, certificates))
    }

    fn cert_cache(&self, held: Option<u64>) -> Result<KmsMessage, Refusal> {
        let (number, certificates) = self.external_certificates()?;
        let certificates = if held == Some(number) {
            Vec::new()
        } else {
            certificates
        };
        Ok(KmsMessage::CertCache {
            cache_num: Some(number),
            certificates,
        })
    }

    /// The certificates of one domain: External ones, also of a migration KMS, or all of our own, the newest first.
    fn cert(&self, kms_uri: &str) -> Result<KmsMessage, Refusal> {
        let (number, external) = self.external_certificates()?;
        let own = self.roots.all().map(|root| root.certificate.clone());
        let certificates: Vec<_> = own
            .chain(external)
            .filter(|certificate| certificate.kms_uri.as_str() == kms_uri)
            .collect();
        if certificates.is_empty() {
            return Err(Refusal::PeerUnknownKms(kms_uri.to_owned()));
        }
        Ok(KmsMessage::CertCache {
            cache_num: Some(number),
            certificates,
        })
    }

    /// The domains of a user: ours first for who has an account here, then those that the operator knows of.
    fn lookup(&self, user: &str) -> Result<KmsMessage, Refusal> {
        let repository = &self.ports.repository;
        let home = repository.account(user)?.map(|_| self.kms_uri().clone());
        let mut kms_uris: Vec<KmsUri> = home.into_iter().collect();
        for kms_uri in repository.domains_of(user)? {
            if kms_uris.len() < MAX_DOMAINS && !kms_uris.contains(&kms_uri) {
                kms_uris.push(kms_uri);
            }
        }
        if kms_uris.is_empty() {
            return Err(Refusal::PeerUnknownUser);
        }
        Ok(KmsMessage::Lookup {
            user_uri: user.to_owned(),
            kms_uris,
        })
    }

    fn redirect(&self, request: &Admitted<'_>) -> Result<KmsMessage, Refusal> {
        let list = request.opened.request.krr_list.as_ref();
        let list = list.ok_or(Refusal::PeerKrrList)?;
        let from = &request.account.user_uri;
        self.ports
            .repository
            .keep_redirects(from, list, request.now)?;
        Ok(KmsMessage::Empty)
    }
}
