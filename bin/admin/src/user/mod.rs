//! `roger admin user`: who can log in.

mod export;
mod import;
pub(crate) mod keys;
pub(crate) mod record;
mod state;

use crate::answer::Answer;
use crate::session::{Deed, Session};
use crate::{AdminError, Common, passphrase};
use clap::{Args, Subcommand};
use record::{Record, Secret};
use roger_adapter_store::Agency;
use roger_base::KmsUri;
use roger_idm::ports::UserRepository as _;
use roger_idm::{LoginName, User, UserState};
use roger_serve::plug::Ask;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Commands about users.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds a user, with an account at the KMS.
    Add(Add),
    /// Shows users by login name.
    List {
        /// Only those whose login names come after this one.
        #[arg(long, value_name = "LOGIN", default_value = "")]
        after: String,
        /// Most users shown.
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Shows one user.
    Show {
        /// Login name.
        login: String,
    },
    /// Lets a user log in again.
    Enable {
        /// Login name.
        login: String,
    },
    /// Keeps a user out: sessions and tokens end at once.
    Disable {
        /// Login name.
        login: String,
    },
    /// Gives a user another password: sessions and tokens end at once.
    Password {
        /// Login name.
        login: String,
        /// File with the password; without it the terminal is asked.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Takes authenticator app and passkeys away from a user who lost them: the password alone lets her in again.
    ResetFactor {
        /// Login name.
        login: String,
    },
    /// Removes a user with everything that is known of her.
    Remove {
        /// Login name.
        login: String,
    },
    /// Writes first TrK and InK to a file, to be brought to the devices.
    Keys(keys::Keys),
    /// Adds the users of a CSV file.
    Import(import::Import),
    /// Writes all users to a CSV file, without passwords.
    Export {
        /// The file to make.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// Arguments of `user add`.
#[derive(Args)]
pub(crate) struct Add {
    /// Login name.
    login: String,
    /// MCPTT ID, a SIP URI.
    #[arg(long, value_name = "URI")]
    mcptt_id: String,
    /// MCVideo ID.
    #[arg(long, value_name = "URI")]
    mcvideo_id: Option<String>,
    /// MCData ID.
    #[arg(long, value_name = "URI")]
    mcdata_id: Option<String>,
    /// Agency.
    #[arg(long, value_name = "ID")]
    agency: Option<String>,
    /// What the user may ask for, separated by spaces; without it, every scope of her MC services.
    #[arg(long, value_name = "SCOPES")]
    scopes: Option<String>,
    /// How keys are protected on the way: `tls` alone, or `keys` (TrK and InK, `user keys` writes them).
    #[arg(long, value_enum, default_value = "keys")]
    protection: record::Protection,
    /// File with the password; without it the terminal is asked.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// A user with the KMS domain that her keys are of.
pub(crate) struct Found {
    pub(crate) user: User,
    pub(crate) domain: Option<KmsUri>,
}

/// The user of a login name.
pub(crate) fn find(session: &Session, login: &str) -> Result<Found, AdminError> {
    let login = LoginName::new(login).map_err(AdminError::refused)?;
    let (user, agency) = session
        .store
        .enlisted(&login)?
        .ok_or_else(|| AdminError::refused(format!("there is no user {login}")))?;
    let agency = match agency {
        Some(id) => session.store.agency(&id)?,
        None => None,
    };
    let domain = domain_of(session, agency.as_ref())?;
    Ok(Found { user, domain })
}

/// The KMS domain of an agency: its own, or that of the configuration.
fn domain_of(session: &Session, agency: Option<&Agency>) -> Result<Option<KmsUri>, AdminError> {
    match agency.and_then(|agency| agency.kms_uri.clone()) {
        Some(uri) => Ok(Some(uri)),
        None => session.own_domain(),
    }
}

pub(crate) fn run(command: &Command, common: &Common, ask: Ask<'_>) -> Result<Answer, AdminError> {
    let session = Session::open(common, ask)?;
    match command {
        Command::Add(order) => order.run(&session, ask),
        Command::List { after, limit } => list(&session, after, *limit),
        Command::Show { login } => show(&session, login),
        Command::Enable { login } => state::set(&session, login, UserState::Enabled),
        Command::Disable { login } => state::set(&session, login, UserState::Disabled),
        Command::Password {
            login,
            password_file,
        } => state::password(&session, login, password_file.as_deref(), ask),
        Command::ResetFactor { login } => state::reset_factor(&session, login),
        Command::Remove { login } => state::remove(&session, login),
        Command::Keys(order) => order.run(&session),
        Command::Import(order) => order.run(&session),
        Command::Export { out } => export::run(&session, out),
    }
}

impl Add {
    fn run(&self, session: &Session, ask: Ask<'_>) -> Result<Answer, AdminError> {
        let prompt = format!("Password of {}", self.login);
        let password = passphrase::chosen(self.password_file.as_deref(), &prompt, ask)?;
        let record = Record {
            login: self.login.clone(),
            mcptt_id: self.mcptt_id.clone(),
            mcvideo_id: self.mcvideo_id.clone(),
            mcdata_id: self.mcdata_id.clone(),
            agency: self.agency.clone(),
            scopes: self.scopes.clone(),
            secret: Secret::Password(password),
            protection: self.protection,
        };
        let enlisted = record.enlist(session)?;
        let mcptt_id = enlisted.user.mcptt_id.clone();
        let deed = Deed::new("user add", [&mcptt_id]);
        session.act(&deed, || Ok(session.store.enlist(&[enlisted], false)?))?;
        let next = match self.protection {
            record::Protection::Keys => format!(
                "\nHer first TrK and InK: `roger admin user keys {} --out FILE`",
                self.login
            ),
            record::Protection::Tls => String::new(),
        };
        let text = format!("{} can log in as {}.{next}", mcptt_id.as_str(), self.login);
        let json = json!({ "login": self.login, "mcptt_id": mcptt_id.as_str() });
        Ok(Answer::new(text, json))
    }
}

fn list(session: &Session, after: &str, limit: u32) -> Result<Answer, AdminError> {
    let rows = session.store.users(after, limit)?.into_iter();
    let rows = rows.map(|(user, agency)| {
        [
            user.login.as_str().to_owned(),
            user.mcptt_id.as_str().to_owned(),
            agency.unwrap_or_default(),
            state::name(user.state).to_owned(),
        ]
    });
    let heading = ["login", "mcptt_id", "agency", "state"];
    Ok(Answer::list(heading, rows.collect()))
}

fn show(session: &Session, login: &str) -> Result<Answer, AdminError> {
    use roger_idm::ports::{PasskeyRepository as _, SecondFactorRepository as _};
    use roger_kms::ports::KeyRepository as _;
    let Found { user, domain } = find(session, login)?;
    let uri = user.mcptt_id.as_str();
    let account = match &domain {
        Some(domain) => session.store.kms(domain).account(uri)?,
        None => None,
    };
    let in_force = session.store.by_login(&user.login)?.map(|user| user.state);
    let factor = session.store.second_factor(&user.subject)?.is_some();
    let passkeys = session.store.passkeys_of(&user.subject)?.len();
    let domain = domain.map(|domain| domain.as_str().to_owned());
    let level = account.map(|account| format!("{:?}", account.demanded_level()));
    let json = json!({
        "login": user.login.as_str(),
        "mcptt_id": uri,
        "mcvideo_id": user.others.mcvideo.as_ref().map(roger_oidc::McVideoId::as_str),
        "mcdata_id": user.others.mcdata.as_ref().map(roger_oidc::McDataId::as_str),
        "scopes": user.entitlement.to_string(),
        "state": state::name(user.state),
        "let_in": in_force == Some(UserState::Enabled),
        "wrong_passwords": user.failures.count,
        "authenticator_app": factor,
        "passkeys": passkeys,
        "kms_domain": domain,
        "kms_protection": level,
    });
    let lines = json.as_object().into_iter().flatten();
    let lines = lines.map(|(name, value)| {
        let value = match value {
            Value::Null => "–".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        format!("{name:17} {value}")
    });
    Ok(Answer::new(lines.collect::<Vec<_>>().join("\n"), json))
}
