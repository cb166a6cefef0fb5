//! Key sets and the keys that protect them on the way.

use super::{Domain, masters};
use crate::answer::Answer;
use crate::session::{Deed, Session, now};
use crate::{AdminError, progress, user};
use clap::Args;
use core::ops::ControlFlow;
use roger_adapter_http::OsRandom;
use roger_base::KmsUri;
use roger_kms::ports::KeyRepository as _;
use roger_kms::pre_issue::PreIssued;
use roger_serve::{Period, pre_issue};
use serde_json::json;

/// Audit chain of the nightly run, so that other commands can work beside it.
pub(crate) const PRE_ISSUE: &str = "pre-issue";

/// Arguments of `revoke-keys`.
#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    domain: Domain,
    /// The identity: an MCPTT ID, or the URI of a server.
    identity: String,
    /// The key period.
    #[arg(long, value_name = "current|next|NUMBER", default_value = "current", value_parser = period)]
    period: Period,
}

fn period(text: &str) -> Result<Period, String> {
    match text {
        "current" => Ok(Period::Current),
        "next" => Ok(Period::Next),
        number => number
            .parse()
            .map(Period::Number)
            .map_err(|_| "a key period is current, next or a number".to_owned()),
    }
}

impl Revoke {
    pub(crate) fn run(&self, session: &Session) -> Result<Answer, AdminError> {
        let domain = self.domain.of(session)?;
        let current = masters::key_period(session)?.number_at(now().to_ntp());
        let number = match self.period {
            Period::Current => current,
            Period::Next => current.saturating_add(1),
            Period::Number(number) => number,
        };
        let mut deed = Deed::new::<String>("kms revoke-keys", []).within(&domain);
        deed.key_sets = vec![(self.identity.clone(), number)];
        session.act(&deed, || {
            let table = session.store.kms(&domain);
            Ok(table.revoke_key_set(&self.identity, number)?)
        })?;
        let text = format!(
            "the key set of {} for period {number} is revoked",
            self.identity
        );
        Ok(Answer::new(
            text,
            json!({ "identity": self.identity, "period": number }),
        ))
    }
}

/// Arguments of `offer-keys`.
#[derive(Args)]
pub(crate) struct Offer {
    /// Login name.
    login: String,
}

impl Offer {
    pub(crate) fn run(&self, session: &Session) -> Result<Answer, AdminError> {
        let found = user::find(session, &self.login)?;
        let uri = found.user.mcptt_id.as_str();
        let domain = found
            .domain
            .ok_or_else(|| AdminError::refused("there is no KMS"))?;
        let table = session.store.kms(&domain);
        let missing = || AdminError::refused(format!("{uri} has no account at the KMS {domain}"));
        let account = table.account(uri)?.ok_or_else(missing)?;
        let mut renewed = account.clone();
        renewed.order_renewal(&mut OsRandom)?;
        let deed = Deed::new("kms offer-keys", [uri]).within(&domain);
        session.act(&deed, || {
            match table.replace_account(&account, &renewed)? {
                true => Ok(()),
                false => Err(AdminError::refused(
                    "the account has just changed: try again",
                )),
            }
        })?;
        let text = format!("{uri} gets new TrK and InK at the next request");
        Ok(Answer::new(
            text,
            json!({ "user": uri, "generation": renewed.generation }),
        ))
    }
}

/// Arguments of `pre-issue`.
#[derive(Args)]
pub(crate) struct PreIssue {
    /// The key period.
    #[arg(long, value_name = "current|next|NUMBER", default_value = "next", value_parser = period)]
    period: Period,
}

impl PreIssue {
    pub(crate) fn run(&self, session: &Session) -> Result<Answer, AdminError> {
        let bar = progress::bar(0)?;
        let done = pre_issue(
            &session.config,
            &session.key,
            session.audit(),
            self.period,
            &mut |domain, step| {
                bar.set_length(step.of);
                bar.set_position(step.accounts);
                bar.set_message(domain.as_str().to_owned());
                ControlFlow::Continue(())
            },
        )?;
        bar.finish_and_clear();
        let line = |(domain, made): &(KmsUri, PreIssued)| {
            format!(
                "{domain}: {} accounts, {} key sets made, {} there before, {} revoked",
                made.accounts, made.made, made.there, made.revoked
            )
        };
        let object = |(domain, made): &(KmsUri, PreIssued)| {
            json!({
                "domain": domain.as_str(), "accounts": made.accounts, "made": made.made,
                "there": made.there, "revoked": made.revoked,
            })
        };
        let lines: Vec<_> = done.iter().map(line).collect();
        Ok(Answer::new(
            lines.join("\n"),
            done.iter().map(object).collect(),
        ))
    }
}
