//! `roger bench kms`, `idm`, `pre-issue` and `register`: whole servers under load.

use super::{Failure, seconds, show};
use clap::Args;
use core::num::NonZeroUsize;
use roger_bench::{Connecting, Consent, IdmLoad, KeySets, KmsLoad, RegisterLoad};

#[derive(Args)]
pub(super) struct KmsArgs {
    /// Most users; each is provisioned once.
    #[arg(long, value_name = "N", default_value = "20000")]
    users: NonZeroUsize,
    /// Longest time.
    #[arg(long, value_name = "S", default_value_t = 30.0, value_parser = seconds)]
    seconds: f64,
    /// Users under way at one time.
    #[arg(long, value_name = "N", default_value = "32")]
    connections: NonZeroUsize,
    /// When a connection is opened: for each `user`, for each `request`, for each request with the second one
    /// `resumed`, or `kept` from user to user.
    #[arg(long, value_name = "WHEN", default_value = "user")]
    connecting: Connecting,
    /// Make the key sets beforehand, as the nightly pre-issue does.
    #[arg(long)]
    pre_issued: bool,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

impl KmsArgs {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let load = KmsLoad {
            users: self.users,
            seconds: self.seconds,
            connections: self.connections,
            connecting: self.connecting,
            key_sets: match self.pre_issued {
                true => KeySets::PreIssued,
                false => KeySets::Derived,
            },
        };
        show(&roger_bench::provision(&load)?, self.json)
    }
}

#[derive(Args)]
pub(super) struct IdmArgs {
    /// Most users; each logs in once.
    #[arg(long, value_name = "N", default_value = "5000")]
    users: NonZeroUsize,
    /// Longest time of the log-ins; the refreshes have as much.
    #[arg(long, value_name = "S", default_value_t = 30.0, value_parser = seconds)]
    seconds: f64,
    /// Users under way at one time.
    #[arg(long, value_name = "N", default_value = "16")]
    connections: NonZeroUsize,
    /// When a connection is opened: for each `user`, for each `request`, for each request with the later ones
    /// `resumed`, or `kept` from user to user.
    #[arg(long, value_name = "WHEN", default_value = "user")]
    connecting: Connecting,
    /// A page asks every user for consent.
    #[arg(long)]
    consent: bool,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

impl IdmArgs {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let load = IdmLoad {
            users: self.users,
            seconds: self.seconds,
            connections: self.connections,
            connecting: self.connecting,
            consent: match self.consent {
                true => Consent::Asked,
                false => Consent::Implied,
            },
        };
        show(&roger_bench::log_in(&load)?, self.json)
    }
}

#[derive(Args)]
pub(super) struct PreIssueArgs {
    /// Users who get accounts, then key sets.
    #[arg(long, value_name = "N", default_value = "10000")]
    users: NonZeroUsize,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

impl PreIssueArgs {
    pub(super) fn run(&self) -> Result<(), Failure> {
        show(&roger_bench::pre_issue_for(self.users)?, self.json)
    }
}

#[derive(Args)]
pub(super) struct RegisterArgs {
    /// Clients that are registered, authorised and held.
    #[arg(long, value_name = "N", default_value = "100000")]
    clients: NonZeroUsize,
    /// Time of the refreshes afterwards.
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = seconds)]
    seconds: f64,
    /// Connections that the clients share; each has one request under way.
    #[arg(long, value_name = "N", default_value = "8")]
    connections: NonZeroUsize,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

impl RegisterArgs {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let load = RegisterLoad {
            clients: self.clients,
            seconds: self.seconds,
            connections: self.connections,
        };
        show(&roger_bench::register(&load)?, self.json)
    }
}
