//! What an operator says of a user.

use super::domain_of;
use crate::AdminError;
use crate::session::Session;
use clap::ValueEnum;
use roger_adapter_http::OsRandom;
use roger_adapter_store::Enlisted;
use roger_base::{KmsUri, McpttId, SecretBytes};
use roger_idm::{Failures, LoginName, Password, PasswordHash, PasswordRules, User, UserState};
use roger_kms::KeyAccount;
use roger_oidc::{McDataId, McVideoId, OtherServiceIds, ScopeSet, Subject};

/// How key sets are protected on their way (TS 33.180 Annex D).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum Protection {
    /// Security level A: by TLS alone.
    Tls,
    /// Security level C: by TrK and InK.
    #[default]
    Keys,
}

/// The password of a user to come.
pub(crate) enum Secret {
    /// As typed.
    Password(SecretBytes),
    /// argon2id in PHC form.
    Hash(PasswordHash),
}

/// A user to come.
pub(crate) struct Record {
    pub(crate) login: String,
    pub(crate) mcptt_id: String,
    pub(crate) mcvideo_id: Option<String>,
    pub(crate) mcdata_id: Option<String>,
    pub(crate) agency: Option<String>,
    pub(crate) scopes: Option<String>,
    pub(crate) secret: Secret,
    pub(crate) protection: Protection,
}

impl Record {
    /// Checks everything and hashes the password.
    pub(crate) fn enlist(self, session: &Session) -> Result<Enlisted, AdminError> {
        let agency = match &self.agency {
            None => None,
            Some(id) => {
                let unknown = || AdminError::refused(format!("there is no agency {id}"));
                Some(session.store.agency(id)?.ok_or_else(unknown)?)
            }
        };
        let domain = domain_of(session, agency.as_ref())?;
        self.enlist_in(domain)
    }

    /// The same when the agency and its domain are known.
    pub(crate) fn enlist_in(self, domain: Option<KmsUri>) -> Result<Enlisted, AdminError> {
        let refused = |error: roger_base::IdentityError| AdminError::refused(error);
        let login = LoginName::new(&self.login).map_err(AdminError::refused)?;
        let mcptt_id = McpttId::new(self.mcptt_id).map_err(refused)?;
        let mcvideo = self.mcvideo_id.map(McVideoId::new).transpose();
        let mcdata = self.mcdata_id.map(McDataId::new).transpose();
        let others = OtherServiceIds {
            mcvideo: mcvideo.map_err(refused)?,
            mcdata: mcdata.map_err(refused)?,
        };
        let uri = mcptt_id.as_str();
        let account = match self.protection {
            Protection::Tls => KeyAccount::unprotected(uri),
            Protection::Keys => KeyAccount::provision(uri, &mut OsRandom)?,
        };
        let subject = Subject::new(uuid::Uuid::new_v4().to_string());
        let user = User {
            subject: subject.map_err(AdminError::refused)?,
            password: hashed(&self.secret, &login)?,
            login,
            mcptt_id,
            entitlement: entitlement(self.scopes.as_deref(), &others)?,
            others,
            state: UserState::Enabled,
            failures: Failures::default(),
        };
        Ok(Enlisted {
            user,
            agency: self.agency,
            account: domain.map(|domain| (domain, account)),
        })
    }
}

/// As told; else the scopes of the services in which the user has an identity.
fn entitlement(scopes: Option<&str>, others: &OtherServiceIds) -> Result<ScopeSet, AdminError> {
    match scopes {
        Some(scopes) => ScopeSet::parse(scopes).map_err(AdminError::refused),
        None if others.mcvideo.is_some() || others.mcdata.is_some() => {
            Ok(ScopeSet::every_mc_scope())
        }
        None => Ok(ScopeSet::every_mcptt_scope()),
    }
}

fn hashed(secret: &Secret, login: &LoginName) -> Result<PasswordHash, AdminError> {
    match secret {
        Secret::Hash(hash) => Ok(hash.clone()),
        Secret::Password(password) => hash(password, login),
    }
}

/// argon2id of a password that the rules allow.
pub(super) fn hash(password: &SecretBytes, login: &LoginName) -> Result<PasswordHash, AdminError> {
    let text = core::str::from_utf8(password.expose());
    let text = text.map_err(|_| AdminError::refused("a password is UTF-8"))?;
    let password = Password::new(text).map_err(AdminError::refused)?;
    let rules = PasswordRules::default();
    if !rules.allow(&password, login) {
        return Err(AdminError::refused(format!(
            "a password has at least {} characters, not all alike, and not the login name in it",
            rules.least_characters
        )));
    }
    PasswordHash::of(&password, &mut OsRandom).map_err(AdminError::refused)
}
