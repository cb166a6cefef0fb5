//! `roger serve`: the IdM server and the KMS of `roger.toml`, until SIGTERM.

mod log;
mod signals;

use crate::{complain, passphrase};
use clap::Args;
use roger_config::{Config, Role};
use roger_serve::{Deployment, Plugged};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `roger serve`.
#[derive(Args)]
pub(crate) struct ServeArgs {
    /// The configuration; docs/roger.toml is the reference.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Roles of this process, in place of those of the configuration.
    #[arg(long, value_delimiter = ',', value_parser = role)]
    roles: Vec<Role>,
    /// Validates the configuration, with the files that it names, and exits.
    #[arg(long)]
    check: bool,
}

fn role(text: &str) -> Result<Role, String> {
    match text {
        "idm" => Ok(Role::Idm),
        "kms" => Ok(Role::Kms),
        _ => Err("the roles are idm and kms".to_owned()),
    }
}

/// Runs until a signal.
pub(crate) fn run(args: &ServeArgs) -> ExitCode {
    let environment = |name: &str| std::env::var(name).ok();
    let config = match roger_config::load_for(&args.config, &args.roles, environment) {
        Ok(config) => config,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{:?}", miette::Report::new(error));
            return ExitCode::FAILURE;
        }
    };
    if args.check {
        let _ = writeln!(std::io::stdout(), "{} is good", args.config.display());
        return ExitCode::SUCCESS;
    }
    match serve(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&*error);
            ExitCode::FAILURE
        }
    }
}

fn serve(config: Config) -> Result<(), Box<dyn core::error::Error>> {
    log::start(&config.log)?;
    let plugged = Plugged::new(&config, &passphrase::ask)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(until_told(config, plugged))
}

async fn until_told(config: Config, plugged: Plugged) -> Result<(), Box<dyn core::error::Error>> {
    // Before the servers: a signal during the start must end them in order as well.
    let mut signals = signals::Signals::listen()?;
    let deployment = Deployment::start(config, plugged).await?;
    for (name, address) in deployment.addresses() {
        let _ = writeln!(std::io::stdout(), "{name} listens on {address}");
    }
    while signals.next().await == signals::Told::Reload {
        deployment.reload_certificates();
    }
    tracing::info!("ending: running requests finish");
    deployment.stop().await;
    Ok(())
}
