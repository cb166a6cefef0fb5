//! `roger admin agency`: agencies, alone and by groups.

use crate::answer::Answer;
use crate::session::{Deed, Session};
use crate::{AdminError, Common, new_file, progress, table};
use clap::{Args, Subcommand};
use roger_adapter_store::Agency;
use roger_base::KmsUri;
use roger_serve::plug::Ask;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Agencies of one transaction, whose names fit into one audit record.
const BATCH: usize = 200;

/// Commands about agencies.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds an agency, or changes it.
    Add(Row),
    /// Shows agencies by id.
    List {
        /// Only those of this group.
        #[arg(long)]
        group: Option<String>,
    },
    /// Lets users of agencies log in again.
    Enable(Which),
    /// Keeps users of agencies out: nobody of them logs in or refreshes tokens; access tokens end by themselves.
    Disable(Which),
    /// Removes an agency that has no users.
    Remove {
        /// Its id.
        id: String,
    },
    /// Adds or changes the agencies of a CSV file with the columns id, name, group, kms_uri, domains, enabled.
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Writes all agencies to a CSV file, which `import` takes back.
    Export {
        /// The file to make.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// One agency or a group of them.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// Id of an agency.
    id: Option<String>,
    /// All agencies of a group.
    #[arg(long)]
    group: Option<String>,
}

/// An agency as commands and files have it.
#[derive(Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// Short name, never reassigned.
    id: String,
    /// Name for people.
    #[arg(long)]
    name: String,
    /// Name of agencies that belong together, such as a county.
    #[arg(long, default_value = "")]
    #[serde(default)]
    group: String,
    /// KMS URI of a domain of its own; without it, it shares that of the configuration.
    #[arg(long)]
    kms_uri: Option<String>,
    /// MC domains of its users, separated by spaces.
    #[arg(long, default_value = "")]
    #[serde(default)]
    domains: String,
    /// Whether its users are let in.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    #[serde(default = "yes")]
    enabled: bool,
}

const fn yes() -> bool {
    true
}

impl Row {
    fn agency(&self, own: Option<&KmsUri>) -> Result<Agency, AdminError> {
        if self.id.is_empty() || self.id.len() > 64 || self.id.contains(char::is_whitespace) {
            return Err(AdminError::refused(
                "an id has 1 to 64 octets and no spaces",
            ));
        }
        let uri = self.kms_uri.as_deref().map(KmsUri::new).transpose();
        let kms_uri = uri.map_err(AdminError::refused)?;
        if kms_uri.is_some() && kms_uri.as_ref() == own {
            return Err(AdminError::refused(
                "that is the KMS domain of the configuration: leave --kms-uri away to share it",
            ));
        }
        Ok(Agency {
            id: self.id.clone(),
            name: self.name.clone(),
            group: self.group.clone(),
            kms_uri,
            domains: self.domains.split_whitespace().map(str::to_owned).collect(),
            enabled: self.enabled,
        })
    }

    fn of(agency: Agency) -> Self {
        Self {
            id: agency.id,
            name: agency.name,
            group: agency.group,
            kms_uri: agency.kms_uri.map(|uri| uri.as_str().to_owned()),
            domains: agency.domains.join(" "),
            enabled: agency.enabled,
        }
    }
}

pub(crate) fn run(command: &Command, common: &Common, ask: Ask<'_>) -> Result<Answer, AdminError> {
    let session = Session::open(common, ask)?;
    match command {
        Command::Add(row) => add(&session, row),
        Command::List { group } => list(&session, group.as_deref()),
        Command::Enable(which) => which.set(&session, true),
        Command::Disable(which) => which.set(&session, false),
        Command::Remove { id } => remove(&session, id),
        Command::Import { file } => import(&session, file),
        Command::Export { out } => export(&session, out),
    }
}

fn add(session: &Session, row: &Row) -> Result<Answer, AdminError> {
    let agency = row.agency(session.own_domain()?.as_ref())?;
    session.act(&Deed::new("agency add", [&row.id]), || {
        Ok(session.store.put_agencies(&[agency])?)
    })?;
    let next = row.kms_uri.as_ref().map_or_else(String::new, |uri| {
        format!("\nIts master secrets: `roger admin kms create-master --domain {uri}`")
    });
    let text = format!("{} is there.{next}", row.id);
    Ok(Answer::new(text, json!({ "agency": row.id })))
}

/// Every agency, or those of a group.
fn all(session: &Session, group: Option<&str>) -> Result<Vec<Agency>, AdminError> {
    let mut agencies = session.store.agencies()?;
    agencies.retain(|agency| group.is_none_or(|group| agency.group == group));
    Ok(agencies)
}

fn list(session: &Session, group: Option<&str>) -> Result<Answer, AdminError> {
    let rows = all(session, group)?.into_iter().map(|agency| {
        let state = if agency.enabled {
            "enabled"
        } else {
            "disabled"
        };
        let row = Row::of(agency);
        let kms = row.kms_uri.unwrap_or_default();
        [
            row.id,
            row.name,
            row.group,
            kms,
            row.domains,
            state.to_owned(),
        ]
    });
    let heading = ["id", "name", "group", "kms_uri", "domains", "state"];
    Ok(Answer::list(heading, rows.collect()))
}

impl Which {
    fn set(&self, session: &Session, enabled: bool) -> Result<Answer, AdminError> {
        let mut agencies = match (&self.id, &self.group) {
            (Some(id), _) => session.store.agency(id)?.into_iter().collect(),
            (None, group) => all(session, group.as_deref())?,
        };
        if agencies.is_empty() {
            return Err(AdminError::refused("there is no such agency"));
        }
        for agency in &mut agencies {
            agency.enabled = enabled;
        }
        let action = if enabled {
            "agency enable"
        } else {
            "agency disable"
        };
        put(session, action, &agencies)?;
        let state = if enabled { "enabled" } else { "disabled" };
        let text = format!("{} agencies {state}", agencies.len());
        Ok(Answer::new(
            text,
            json!({ "agencies": agencies.len(), "state": state }),
        ))
    }
}

/// In batches, each recorded and kept as a whole.
fn put(session: &Session, action: &str, agencies: &[Agency]) -> Result<(), AdminError> {
    for batch in agencies.chunks(BATCH) {
        let whom = batch.iter().map(|agency| &agency.id);
        session.act(&Deed::new(action, whom), || {
            Ok(session.store.put_agencies(batch)?)
        })?;
    }
    Ok(())
}

fn remove(session: &Session, id: &str) -> Result<Answer, AdminError> {
    session.act(&Deed::new("agency remove", [id]), || {
        match session.store.remove_agency(id)? {
            true => Ok(()),
            false => Err(AdminError::refused(format!("there is no agency {id}"))),
        }
    })?;
    Ok(Answer::new(
        format!("{id} is removed"),
        json!({ "removed": id }),
    ))
}

fn import(session: &Session, file: &Path) -> Result<Answer, AdminError> {
    let own = session.own_domain()?;
    let mut lines = table::read::<Row>(file)?;
    let bar = progress::bar(table::count(file)?)?;
    let mut count = 0;
    loop {
        let batch = lines.by_ref().take(BATCH).map(|line| {
            let line = line?;
            let agency = line.row.agency(own.as_ref());
            agency.map_err(|error| table::wrong(file, line.number, error.to_string()))
        });
        let batch: Vec<Agency> = batch.collect::<Result<_, _>>()?;
        if batch.is_empty() {
            bar.finish_and_clear();
            let text = format!("{count} agencies added or changed");
            return Ok(Answer::new(text, json!({ "agencies": count })));
        }
        put(session, "agency import", &batch)?;
        count += batch.len();
        bar.inc(batch.len() as u64);
    }
}

fn export(session: &Session, out: &Path) -> Result<Answer, AdminError> {
    let agencies = all(session, None)?;
    let count = agencies.len();
    session.act(&Deed::new("agency export", [out.display()]), || {
        let mut writer = csv::Writer::from_writer(new_file::create(out)?);
        for agency in agencies {
            let row = Row::of(agency);
            writer
                .serialize(row)
                .map_err(|error| table::failed(out, &error))?;
        }
        writer.flush().map_err(AdminError::file(out))
    })?;
    let text = format!("{} has {count} agencies", out.display());
    Ok(Answer::new(text, json!({ "file": out, "agencies": count })))
}
