//! Service authorisation of a user at a server (TS 24.379 cl. 7.3.1A to 7.3.3; TS 33.180 cl. 5.1.3, 5.4).
//!
//! The same procedure serves the participating function (REGISTER and PUBLISH) and the group management
//! server (SUBSCRIBE). The order of checks is fixed: CSK message, its owner, signatures, decryption, access
//! token, and that the token is of the owner of the CSK. Nothing is stored here; a caller that stores does
//! so after the last check, so that a refused request changes nothing.

use crate::body::{Body, BodyError};
use crate::feature::media_type;
use crate::protection::{Protection, ReceivingHop, SendingHop};
use crate::warning::WarningCode;
use roger_base::{ClientId, KmsUri, McpttId, UnixTime};
use roger_documents::mcptt_info::McpttInfo;
use roger_ibc::{KmsDomain, UserKeySet};
use roger_keys::Csk;
use roger_keys::signalling::XmlKeyMode;
use roger_mikey::{Carriage, Context, OpenError, Party, Receiver, Sender, Signer, Verified};
use roger_oidc::{AccessTokenVerifier, Resource, TokenRefusal, VerifiedToken};
use roger_xml::signed_body::Coverage;
use roger_xml::uri::ProtectedDomains;
use roger_xml::{BoundKeys, XmlKeys};
use thiserror::Error;

/// Finds the user behind a hidden initiator (TS 33.180 cl. 5.2.6): the server knows its users, and the UID of
/// each of them in a key period.
pub trait UserDirectory {
    /// The user whose UID signed; `None` when no user of this server has it.
    fn user_of(&self, signer: &Signer) -> Option<McpttId>;
}

/// What a server brings to the procedure.
#[derive(Clone, Copy)]
pub struct Authority<'a> {
    /// Key sets of every identity that may stand in IDRr (MDSI, PSI).
    pub key_sets: &'a [UserKeySet],
    /// KMSs with a valid certificate.
    pub domains: &'a [KmsDomain],
    /// Checks access tokens.
    pub tokens: &'a AccessTokenVerifier,
    /// What the token must open.
    pub resource: Resource,
    /// Finds hidden initiators.
    pub users: &'a dyn UserDirectory,
    /// Protection demanded of the XML parts.
    pub protection: Protection,
    /// Domains that mark hidden URIs.
    pub uri_domains: &'a ProtectedDomains,
    /// Which parts must be signed.
    pub coverage: Coverage,
    /// How the XML keys come from the CSK.
    pub key_mode: XmlKeyMode,
}

/// A CSK with its owner, bound at service authorisation.
#[derive(Clone)]
pub struct BoundCsk {
    /// The key.
    pub csk: Csk,
    /// P0 of its XML keys, in both directions.
    pub owner: McpttId,
    /// The I_MESSAGE that brought it: the same octets again mean no change (TS 24.379 cl. 7).
    pub message: Vec<u8>,
    /// The KMS of the owner, as the message that brought the key names it: by its parameters a key goes back to the
    /// owner (TS 33.180 cl. 5.8). `None` for a key that came in no message.
    pub owner_kms: Option<KmsUri>,
    keys: XmlKeys,
}

impl BoundCsk {
    /// Binds a CSK to its owner.
    #[must_use]
    pub fn new(csk: Csk, owner: McpttId, message: Vec<u8>, mode: XmlKeyMode) -> Self {
        let derived = csk.xml_keys(mode, &owner);
        let keys = XmlKeys::new(csk.id(), derived.confidentiality, derived.integrity);
        Self {
            csk,
            owner,
            message,
            owner_kms: None,
            keys,
        }
    }

    /// The same, with the KMS of the owner.
    #[must_use]
    pub fn with_owner_kms(self, owner_kms: Option<KmsUri>) -> Self {
        Self { owner_kms, ..self }
    }

    /// Keys for XML on this hop.
    #[must_use]
    pub const fn xml_keys(&self) -> &XmlKeys {
        &self.keys
    }

    /// How to send on this hop.
    #[must_use]
    pub fn sending(&self, protection: Protection, domain: &str) -> SendingHop {
        SendingHop {
            keys: self.keys.clone(),
            domain: domain.to_owned(),
            protection,
        }
    }

    /// How to receive on this hop.
    #[must_use]
    pub fn receiving(&self, protection: Protection, domains: &ProtectedDomains) -> ReceivingHop {
        ReceivingHop {
            keys: BoundKeys::one(self.keys.clone()),
            domains: domains.clone(),
            protection,
            coverage: Coverage::EveryXmlPart,
        }
    }
}

/// A user who passed every check.
#[derive(Clone)]
pub struct Authorised {
    /// The user.
    pub mcptt_id: McpttId,
    /// The client instance, when the request names it.
    pub client_id: Option<ClientId>,
    /// What the token says.
    pub token: VerifiedToken,
    /// The CSK, when the request brought one.
    pub csk: Option<BoundCsk>,
    /// The body in clear.
    pub body: Body,
}

/// Why a user is not authorised.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthorisationError {
    /// The CSK message does not open: Warning 136.
    #[error("CSK message: {0}")]
    PeerMikey(#[from] OpenError),
    /// The initiator of the CSK message is hidden and no user of this server: Warning 136.
    #[error("CSK message: the hidden initiator is no user of this server")]
    DeniedUnknownInitiator,
    /// Protection is on and neither the request nor the binding has a CSK: Warning 139.
    #[error("protection is on and there is no CSK")]
    PeerNoCsk,
    /// The body does not read or is not protected as it has to be: Warning 139, 140 or 150.
    #[error(transparent)]
    PeerBody(#[from] BodyError),
    /// There is no access token: Warning 101.
    #[error("there is no access token in the request")]
    PeerNoToken,
    /// The access token is refused: Warning 101.
    #[error("access token: {0}")]
    DeniedToken(#[from] TokenRefusal),
    /// The token is of one user and the CSK of another: Warning 101.
    #[error("the access token and the CSK are of two users")]
    DeniedTwoUsers,
}

impl AuthorisationError {
    /// Whether nothing is wrong with the request: this server lacks keys that it should have, because the IdM server
    /// or the KMS cannot be reached. The answer is 503 with Retry-After and no Warning (TS 24.379 cl. 7).
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::PeerMikey(OpenError::LocalKeySetMissing { .. })
                | Self::DeniedToken(TokenRefusal::LocalNoKeys)
        )
    }

    /// The Warning code of the 403.
    #[must_use]
    pub const fn warning(&self) -> WarningCode {
        match self {
            Self::PeerMikey(_) | Self::DeniedUnknownInitiator => {
                WarningCode::MIKEY_AUTHENTICATION_FAILED
            }
            Self::PeerNoCsk => WarningCode::INTEGRITY_CHECK_FAILED,
            Self::PeerBody(error) => error.warning(),
            Self::PeerNoToken | Self::DeniedToken(_) | Self::DeniedTwoUsers => {
                WarningCode::SERVICE_AUTHORISATION_FAILED
            }
        }
    }
}

/// Runs the whole procedure on a received body.
///
/// `bound` is the CSK that this public user identity has bound already: a request that repeats its I_MESSAGE,
/// or brings none, is opened with it.
///
/// # Errors
/// [`AuthorisationError`] naming the first check that failed.
pub fn authorise(
    body: &Body,
    authority: &Authority<'_>,
    bound: Option<&BoundCsk>,
    receiver: &mut Receiver,
    now: UnixTime,
) -> Result<Authorised, AuthorisationError> {
    let csk = match body.octets(media_type::MIKEY) {
        Some(message) => Some(open_csk(message, authority, bound, receiver, now)?),
        None => bound.cloned(),
    };
    let opened = open_body(body, authority, csk.as_ref())?;
    let info: McpttInfo = opened.required()?;
    let token = verify_token(&info, authority, now)?;
    if csk.as_ref().is_some_and(|csk| csk.owner != token.mcptt_id) {
        return Err(AuthorisationError::DeniedTwoUsers);
    }
    Ok(Authorised {
        mcptt_id: token.mcptt_id.clone(),
        client_id: info.client_id,
        token,
        csk,
        body: opened,
    })
}

fn open_csk(
    message: &[u8],
    authority: &Authority<'_>,
    bound: Option<&BoundCsk>,
    receiver: &mut Receiver,
    now: UnixTime,
) -> Result<BoundCsk, AuthorisationError> {
    if let Some(same) = bound.filter(|bound| bound.message == message) {
        return Ok(same.clone());
    }
    let context = Context {
        key_sets: authority.key_sets,
        domains: authority.domains,
        sender: Sender::DecidedLater,
        carriage: Carriage::Live,
        now: now.to_ntp(),
    };
    let verified = receiver.open_csk(message, &context)?;
    let owner = owner(&verified, authority)?;
    let owner_kms = Some(verified.signer.kms.clone());
    let bound = BoundCsk::new(verified.key, owner, message.to_vec(), authority.key_mode);
    Ok(bound.with_owner_kms(owner_kms))
}

/// P0: the initiator's identity, found among the users when it is hidden.
fn owner(
    verified: &Verified<Csk>,
    authority: &Authority<'_>,
) -> Result<McpttId, AuthorisationError> {
    let found = match &verified.signer.party {
        Party::Named(name) => McpttId::new(name.as_str()).ok(),
        Party::Hidden(_) => authority.users.user_of(&verified.signer),
    };
    found.ok_or(AuthorisationError::DeniedUnknownInitiator)
}

fn open_body(
    body: &Body,
    authority: &Authority<'_>,
    csk: Option<&BoundCsk>,
) -> Result<Body, AuthorisationError> {
    if csk.is_none() && authority.protection != Protection::Off {
        return Err(AuthorisationError::PeerNoCsk);
    }
    let hop = ReceivingHop {
        keys: csk.map_or_else(BoundKeys::none, |csk| BoundKeys::one(csk.keys.clone())),
        domains: authority.uri_domains.clone(),
        protection: authority.protection,
        coverage: authority.coverage,
    };
    Ok(body.opened(&hop).map_err(BodyError::from)?)
}

fn verify_token(
    info: &McpttInfo,
    authority: &Authority<'_>,
    now: UnixTime,
) -> Result<VerifiedToken, AuthorisationError> {
    let token = info
        .access_token
        .as_ref()
        .ok_or(AuthorisationError::PeerNoToken)?;
    let text = core::str::from_utf8(token.expose()).map_err(|_| AuthorisationError::PeerNoToken)?;
    Ok(authority.tokens.verify(text, authority.resource, now)?)
}
