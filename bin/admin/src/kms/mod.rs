//! `roger admin kms`: master keys and key sets.

mod backup;
mod certificates;
mod key_sets;
mod masters;

use crate::answer::Answer;
use crate::session::Session;
use crate::{AdminError, Common};
use clap::{Args, Subcommand};
use roger_base::KmsUri;
use roger_serve::plug::{ADMIN, Ask};

/// Commands about the KMS.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Key ceremony: draws the first master secrets of a domain.
    CreateMaster(masters::Create),
    /// Shows the certificates of a domain, with the check values of their master secrets.
    Masters(Domain),
    /// Draws new master secrets that take over at a time; the old ones serve on for a while.
    Rotate(masters::Rotate),
    /// Revokes a certificate: nothing is issued under it any more.
    RevokeMaster(masters::Revoke),
    /// Writes master secrets to a file, sealed under a passphrase.
    Backup(backup::Backup),
    /// Takes master secrets back from such a file.
    Restore(backup::Restore),
    /// Writes the certificate of a domain to a file, for the operators of other domains.
    Certificate(certificates::Export),
    /// Certificates of other domains, which users of this one are given (`/certcache`).
    #[command(subcommand)]
    External(certificates::External),
    /// Revokes the key set of an identity and key period.
    RevokeKeys(key_sets::Revoke),
    /// Gives a user new TrK and InK at the next request.
    OfferKeys(key_sets::Offer),
    /// Makes the key sets of a period before they are asked for; begin it again when it was broken off.
    PreIssue(key_sets::PreIssue),
}

/// Which KMS domain.
#[derive(Args)]
pub(crate) struct Domain {
    /// KMS URI of the domain; without it, that of the configuration.
    #[arg(long, value_name = "URI")]
    domain: Option<String>,
}

impl Domain {
    /// The domain of the configuration, or one that an agency has.
    pub(crate) fn of(&self, session: &Session) -> Result<KmsUri, AdminError> {
        session.kms()?;
        let own = session.own_domain()?;
        let Some(text) = &self.domain else {
            return own.ok_or_else(|| AdminError::refused("kms.uri is missing"));
        };
        let uri = KmsUri::new(text.as_str()).map_err(AdminError::refused)?;
        if own.as_ref() == Some(&uri) {
            return Ok(uri);
        }
        match session.store.agency_of_domain(&uri)? {
            Some(_) => Ok(uri),
            None => Err(AdminError::refused(format!(
                "{uri} is neither kms.uri nor the domain of an agency: `roger admin agency add --kms-uri {uri}`"
            ))),
        }
    }
}

pub(crate) fn run(command: &Command, common: &Common, ask: Ask<'_>) -> Result<Answer, AdminError> {
    let chain = match command {
        Command::PreIssue(_) => key_sets::PRE_ISSUE,
        _ => ADMIN,
    };
    let session = Session::open_as(common, ask, chain)?;
    match command {
        Command::CreateMaster(order) => order.run(&session),
        Command::Masters(domain) => masters::list(&session, domain),
        Command::Rotate(order) => order.run(&session),
        Command::RevokeMaster(order) => order.run(&session),
        Command::Backup(order) => order.run(&session, ask),
        Command::Restore(order) => order.run(&session, ask),
        Command::Certificate(order) => order.run(&session),
        Command::External(order) => order.run(&session),
        Command::RevokeKeys(order) => order.run(&session),
        Command::OfferKeys(order) => order.run(&session),
        Command::PreIssue(order) => order.run(&session),
    }
}
