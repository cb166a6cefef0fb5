//! The KMS: checks in a fixed order, then an answer signed with the client's InK and wrapped with its TrK.

use crate::account::{KeyAccount, KeyPair, SecurityLevel};
use crate::config::{KmsConfig, UnprovisionedUsers};
use crate::cpu_mark::marked;
use crate::issue::Admitted;
use crate::ports::{AuditEntry, AuditLog, KeyRepository, TokenVerifier};
use crate::pre_issue::PreIssuedSets;
use crate::refusal::Refusal;
use crate::root::{CertificateTerms, Root, RootError, Roots};
use crate::target::Target;
use aws_lc_rs::digest;
use core::time::Duration;
use roger_base::{KmsUri, UnixTime};
use roger_documents::kms::{
    KmsCertificate, KmsErrorBody, KmsMessage, KmsRequest, KmsResponse, MEDIA_TYPE, NamedKey,
    OpenedRequest, Release,
};
use roger_ibc::KmsMaster;
use std::sync::Arc;

/// Longest request body (TS 33.180 Annex D).
pub(crate) const MAX_BODY_OCTETS: usize = 64 << 10;

/// HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// POST, the only one of the KMS (TS 33.180 D.2).
    Post,
    /// Any other.
    Other,
}

/// How the caller proves who it is. The adapter has checked TLS.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// Nothing.
    None,
    /// `Authorization: Bearer` (RFC 6750): a user.
    Bearer(&'a str),
    /// A TLS client certificate that the adapter verified, by its configured name: a server.
    Certificate(&'a str),
}

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Channel {
    /// TLS from the client to the KMS.
    #[default]
    Direct,
    /// Through an HTTP proxy, where TLS ends: no private key goes there in clear (TS 33.180 cl. 5.3).
    Proxy,
}

/// A request as the adapter hands it over.
#[derive(Clone, Copy)]
pub struct HttpRequest<'a> {
    /// Method.
    pub method: Method,
    /// Path of the request line, percent-encoded as it came, without query.
    pub path: &'a str,
    /// `Host` of the request, where several domains are served.
    pub host: Option<&'a str>,
    /// Whether TLS ends here.
    pub channel: Channel,
    /// Proof of identity.
    pub credential: Credential<'a>,
    /// `X-3GPP-Asserted-Identity` (TS 24.109) of a trusted proxy: whom it has authenticated. It proves nothing alone, but
    /// the credential must be of one of them. Absent when no trusted proxy stands in between, whatever the header says.
    pub asserted: Option<&'a [String]>,
    /// Body.
    pub body: &'a [u8],
}

/// An answer for the adapter to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(&'static str, String)>,
    /// Body, a KMS document.
    pub body: Vec<u8>,
}

/// The ports of a KMS.
#[derive(Clone)]
pub struct Ports {
    /// Accounts, replay memory, other certificates.
    pub repository: Arc<dyn KeyRepository>,
    /// Access tokens.
    pub tokens: Arc<dyn TokenVerifier>,
    /// Audit log.
    pub audit: Arc<dyn AuditLog>,
}

/// A key management server.
pub struct Kms {
    pub(crate) roots: Roots,
    pub(crate) config: KmsConfig,
    pub(crate) ports: Ports,
    pub(crate) pre_issued: Option<Arc<dyn PreIssuedSets>>,
}

/// Whom a credential proves.
enum Caller {
    User(String),
    Server(Box<KeyAccount>),
}

impl Caller {
    fn uri(&self) -> &str {
        match self {
            Self::User(uri) => uri,
            Self::Server(account) => &account.user_uri,
        }
    }
}

/// What is known at the moment of answering, for good and for bad.
#[derive(Default)]
pub(crate) struct Context {
    prefix: String,
    user_uri: String,
    client_req_url: String,
    signer: Option<NamedKey>,
    release: Release,
    caller: Option<String>,
    pub(crate) released: Vec<(String, u64)>,
}

impl Kms {
    /// A KMS with its master secrets, under the certificate that the settings describe.
    #[must_use]
    pub fn new(master: KmsMaster, config: KmsConfig, ports: Ports) -> Self {
        let terms = CertificateTerms {
            cert_uri: config.cert_uri.clone(),
            valid_from: config.valid_from,
            valid_to: config.valid_to,
            revoked: config.revoked,
        };
        Self {
            roots: Roots::new(Root::new(master, terms, &config)),
            config,
            ports,
            pre_issued: None,
        }
    }

    /// The same KMS with a table of sets made beforehand ([`crate::pre_issue`]). What is not there is derived.
    #[must_use]
    pub fn with_pre_issued(mut self, sets: Arc<dyn PreIssuedSets>) -> Self {
        self.pre_issued = Some(sets);
        self
    }

    /// The same KMS with further master secrets, newer than those before: while both certificates are valid, key sets
    /// of both are issued and `/init` gives the newer certificate (TS 33.180 cl. 5.3, inferred).
    ///
    /// # Errors
    /// [`RootError`] when they belong to another domain or their certificate has a `CertUri` in use.
    pub fn with_successor(
        mut self,
        master: KmsMaster,
        terms: CertificateTerms,
    ) -> Result<Self, RootError> {
        self.roots.add(Root::new(master, terms, &self.config))?;
        Ok(self)
    }

    /// The first certificate, `Role="Root"`.
    #[must_use]
    pub const fn certificate(&self) -> &KmsCertificate {
        &self.roots.first().certificate
    }

    /// The certificate that `/init` gives now.
    #[must_use]
    pub fn current_certificate(&self, now: UnixTime) -> &KmsCertificate {
        &self.roots.current(now).certificate
    }

    /// Offers a client a new TrK and InK: they go out with its next answers, wrapped under the TrK it has, and are in
    /// force from its first request that uses them. An offer that is still open stays the one.
    ///
    /// # Errors
    /// [`Refusal::DeniedUnknownUser`], or what the store or the source of randomness could not do.
    pub fn offer_new_keys(
        &self,
        user_uri: &str,
        random: &mut dyn roger_base::Random,
    ) -> Result<(), Refusal> {
        let repository = &self.ports.repository;
        let account = repository.account(user_uri)?;
        let account = account.ok_or(Refusal::DeniedUnknownUser)?;
        let mut offered = account.clone();
        offered
            .order_renewal(random)
            .map_err(|_| Refusal::LocalKeys)?;
        if offered != account && !repository.replace_account(&account, &offered)? {
            return Err(Refusal::LocalConflict);
        }
        Ok(())
    }

    /// Answers a request (TS 33.180 D.2, D.3). Never fails: a refusal is an answer with a `KmsError`.
    pub fn handle(&self, request: &HttpRequest<'_>, now: UnixTime) -> HttpAnswer {
        self.handle_below("", request, now)
    }

    /// [`Self::handle`] where the URLs of the domain have something before the path that the request has here.
    pub(crate) fn handle_below(
        &self,
        prefix: &str,
        request: &HttpRequest<'_>,
        now: UnixTime,
    ) -> HttpAnswer {
        let mut context = Context {
            prefix: prefix.to_owned(),
            client_req_url: format!("{prefix}{}", request.path),
            ..Context::default()
        };
        let result = self.decide(request, now, &mut context);
        let result = result.and_then(|message| {
            self.keep_record(request, &context, now, None)
                .map(|()| message)
        });
        match result {
            Ok(message) => self.answer(200, None, message, &context, now),
            Err(refusal) => {
                // A client reads a refusal only when it answers the URL of its request.
                let looked_at = request.method == Method::Post
                    && request.body.len() <= MAX_BODY_OCTETS
                    && refusal != Refusal::PeerPath;
                if looked_at && let Some(url) = KmsRequest::unverified_url(request.body) {
                    context.client_req_url = url;
                }
                tracing::info!(path = request.path, caller = context.caller, %refusal, "request refused");
                context.released.clear();
                // That the refusal cannot be recorded either does not make it an approval.
                let _ = self.keep_record(request, &context, now, Some(&refusal));
                let error = KmsErrorBody {
                    code: refusal.status().into(),
                    message: refusal.to_string(),
                };
                self.answer(
                    refusal.status(),
                    refusal.header(),
                    KmsMessage::Error(error),
                    &context,
                    now,
                )
            }
        }
    }

    fn decide(
        &self,
        request: &HttpRequest<'_>,
        now: UnixTime,
        context: &mut Context,
    ) -> Result<KmsMessage, Refusal> {
        if request.method != Method::Post {
            return Err(Refusal::PeerMethod);
        }
        let target = Target::parse(request.path).ok_or(Refusal::PeerPath)?;
        if request.body.len() > MAX_BODY_OCTETS {
            return Err(Refusal::PeerTooLarge);
        }
        let caller = self.authenticate(request.credential, now)?;
        context.caller = Some(caller.uri().to_owned());
        context.user_uri = caller.uri().to_owned();
        let vouched = |asserted: &[String]| asserted.iter().any(|uri| uri == caller.uri());
        if !request.asserted.is_none_or(vouched) {
            return Err(Refusal::DeniedAsserted);
        }
        let account = self.account_of(caller)?;
        context.release = account.release;
        context.signer = account.current.as_ref().map(|pair| pair.signer().clone());
        let opened = marked!("xml", open_request(request.body, &account))?;
        context
            .client_req_url
            .clone_from(&opened.request.client_req_url);
        if let Some(name) = &opened.signer {
            context.signer = account
                .pair_of_signer(name)
                .map(|pair| pair.signer().clone());
        }
        self.check_request(&opened, &target, &context.prefix, &account, now)?;
        self.check_replay(request.body, &opened, now)?;
        let account = self.adopt(account, &opened)?;
        let admitted = Admitted {
            target: &target,
            account: &account,
            opened: &opened,
            channel: request.channel,
            now,
        };
        self.serve(&admitted, context)
    }

    fn authenticate(&self, credential: Credential<'_>, now: UnixTime) -> Result<Caller, Refusal> {
        match credential {
            Credential::None => Err(Refusal::DeniedNoToken(self.config.missing_token)),
            Credential::Bearer(token) => {
                let claims = marked!("token", self.ports.tokens.verify(token, now))?;
                Ok(Caller::User(claims.mcptt_id.as_str().to_owned()))
            }
            Credential::Certificate(name) => {
                let account = self.ports.repository.account_of_certificate(name)?;
                Ok(Caller::Server(Box::new(
                    account.ok_or(Refusal::DeniedCertificate)?,
                )))
            }
        }
    }

    fn account_of(&self, caller: Caller) -> Result<KeyAccount, Refusal> {
        let uri = match caller {
            Caller::Server(account) => return Ok(*account),
            Caller::User(uri) => uri,
        };
        // An account bound to a certificate is a server's: no token opens it.
        let account = self
            .ports
            .repository
            .account(&uri)?
            .filter(|account| account.certificate.is_none());
        match (account, self.config.unprovisioned_users) {
            (Some(account), _) => Ok(account),
            (None, UnprovisionedUsers::ClearInsideTls) => Ok(KeyAccount::unprotected(uri)),
            (None, UnprovisionedUsers::Refuse) => Err(Refusal::DeniedUnknownUser),
        }
    }

    /// The checks of TS 33.180 Annex D that follow the signature, in their order.
    fn check_request(
        &self,
        opened: &OpenedRequest,
        target: &Target,
        prefix: &str,
        account: &KeyAccount,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let request = &opened.request;
        // At /init a client may not know our spelling yet: it learns it from the certificate.
        if *target != Target::Init && request.kms_uri != self.kms_uri().as_str() {
            return Err(Refusal::PeerKmsUri);
        }
        if Target::of_url_below(prefix, &request.client_req_url).as_ref() != Some(target) {
            return Err(Refusal::PeerUrl);
        }
        let distance = request.time.0.abs_diff(now.0);
        if distance > self.config.time_window.as_secs() {
            return Err(Refusal::PeerTime(distance));
        }
        if request.user_uri != account.user_uri {
            return Err(Refusal::DeniedUser);
        }
        if request.krr_list.is_some() && *target != Target::Redirect {
            return Err(Refusal::PeerKrrList);
        }
        match target {
            Target::Keys(identity) | Target::KeysAt(identity, _) if !account.may_have(identity) => {
                Err(Refusal::DeniedIdentity)
            }
            _ => Ok(()),
        }
    }

    /// A signed request is good once. Its octets stand for it: they hold time, URL and signature.
    fn check_replay(
        &self,
        body: &[u8],
        opened: &OpenedRequest,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        if opened.signer.is_none() {
            return Ok(());
        }
        let mut octets = [0; 32];
        octets.copy_from_slice(digest::digest(&digest::SHA256, body).as_ref());
        let window = self
            .config
            .time_window
            .saturating_add(Duration::from_secs(1));
        let fresh =
            self.ports
                .repository
                .remember_request(&octets, opened.request.time + window, now)?;
        if fresh {
            Ok(())
        } else {
            Err(Refusal::PeerReplay)
        }
    }

    /// The client used its new keys: from now on they are the only ones.
    fn adopt(&self, account: KeyAccount, opened: &OpenedRequest) -> Result<KeyAccount, Refusal> {
        let Some(signer) = &opened.signer else {
            return Ok(account);
        };
        let after = account.after_use_of(signer);
        if after != account && !self.ports.repository.replace_account(&account, &after)? {
            return Err(Refusal::LocalConflict);
        }
        Ok(after)
    }

    pub(crate) fn kms_uri(&self) -> &KmsUri {
        &self.roots.first().master.domain().kms_uri
    }

    fn keep_record(
        &self,
        request: &HttpRequest<'_>,
        context: &Context,
        now: UnixTime,
        refusal: Option<&Refusal>,
    ) -> Result<(), Refusal> {
        let entry = AuditEntry {
            time: now,
            kms_uri: self.kms_uri().as_str().to_owned(),
            caller: context.caller.clone(),
            path: request.path.to_owned(),
            released: context.released.clone(),
            status: refusal.map_or(200, Refusal::status),
            refusal: refusal.map(ToString::to_string),
        };
        Ok(self.ports.audit.record(&entry)?)
    }

    fn answer(
        &self,
        status: u16,
        header: Option<(&'static str, &'static str)>,
        message: KmsMessage,
        context: &Context,
        now: UnixTime,
    ) -> HttpAnswer {
        let mut response = KmsResponse {
            user_uri: context.user_uri.clone(),
            kms_uri: self.kms_uri().as_str().to_owned(),
            time: now,
            kms_id: self.config.kms_id.clone(),
            client_req_url: context.client_req_url.clone(),
            message,
        };
        let signed = context
            .signer
            .as_ref()
            .map(|key| marked!("xml", response.sign_in(key, context.release)));
        let (status, header, body) = match signed {
            None => (status, header, response.write_in(context.release)),
            Some(Ok(body)) => (status, header, body),
            // What cannot be signed is not sent. That it is not is said unsigned: there is no secret in it.
            Some(Err(error)) => {
                tracing::error!(%error, "an answer of the KMS cannot be signed");
                let refusal = Refusal::LocalKeys;
                response.message = KmsMessage::Error(KmsErrorBody {
                    code: refusal.status().into(),
                    message: refusal.to_string(),
                });
                let body = response.write_in(context.release);
                (refusal.status(), refusal.header(), body)
            }
        };
        let mut headers = vec![
            ("Content-Type", MEDIA_TYPE.to_owned()),
            ("Cache-Control", "no-store".to_owned()),
        ];
        headers.extend(header.map(|(name, value)| (name, value.to_owned())));
        HttpAnswer {
            status,
            headers,
            body: body.into_bytes(),
        }
    }
}

/// Opens the request with the keys of this account and applies the signature policy: a client that has an InK (in
/// the first release: a TrK) has to sign with it.
fn open_request(body: &[u8], account: &KeyAccount) -> Result<OpenedRequest, Refusal> {
    let key = |name: &str| {
        account
            .pair_of_signer(name)
            .map(|pair| pair.signer().key.clone())
    };
    let opened = KmsRequest::open(body, &key)?;
    let demanded = account.demanded_level();
    let signer = opened.signer.as_deref();
    let level = signer
        .and_then(|name| account.pair_of_signer(name))
        .map_or(SecurityLevel::TlsOnly, KeyPair::level);
    match account.current {
        _ if level >= demanded => Ok(opened),
        // Nobody can sign better than with the keys he was given.
        Some(ref pair) if pair.level() < demanded => Err(Refusal::DeniedLevel),
        None => Err(Refusal::DeniedLevel),
        Some(_) => Err(Refusal::DeniedUnsigned),
    }
}
