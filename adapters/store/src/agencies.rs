//! Agencies of the provider.

use crate::sql::{query, query_as};
use crate::{Store, StoreFault};
use roger_base::KmsUri;

const CORRUPT: StoreFault = StoreFault::LocalCorrupt("agency");

/// An agency: fire service, police, ambulance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agency {
    /// Short name for commands and files, never reassigned.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// A name for agencies that belong together, such as a county; empty for none.
    pub group: String,
    /// Its KMS domain; none when it shares that of the configuration.
    pub kms_uri: Option<KmsUri>,
    /// MC domains of its users (`KmsDomainList`).
    pub domains: Vec<String>,
    /// Whether its users are let in.
    pub enabled: bool,
}

type Row = (String, String, String, Option<String>, String, bool);

fn read(row: Row) -> Result<Agency, StoreFault> {
    let (id, name, group, kms_uri, domains, enabled) = row;
    Ok(Agency {
        id,
        name,
        group,
        kms_uri: kms_uri.map(KmsUri::new).transpose().map_err(|_| CORRUPT)?,
        domains: domains
            .split(' ')
            .filter(|domain| !domain.is_empty())
            .map(str::to_owned)
            .collect(),
        enabled,
    })
}

impl Store {
    /// Puts agencies in place of those of the same id, all or none.
    ///
    /// # Errors
    /// [`StoreFault::LocalDuplicate`] when another agency has the KMS URI.
    pub fn put_agencies(&self, agencies: &[Agency]) -> Result<(), StoreFault> {
        let agencies = agencies.to_vec();
        self.worker.write(async move |connection| {
            for agency in &agencies {
                query(
                    "INSERT INTO agencies (agency, name, grouped, kms_uri, domains, enabled) VALUES (?, ?, ?, ?, ?, ?) \
                     ON CONFLICT (agency) DO UPDATE SET name = excluded.name, grouped = excluded.grouped, \
                     kms_uri = excluded.kms_uri, domains = excluded.domains, enabled = excluded.enabled",
                )
                .bind(&agency.id)
                .bind(&agency.name)
                .bind(&agency.group)
                .bind(agency.kms_uri.as_ref().map(KmsUri::as_str))
                .bind(agency.domains.join(" "))
                .bind(agency.enabled)
                .execute(&mut *connection)
                .await?;
            }
            Ok(())
        })
    }

    /// The agency of an id.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot answer.
    pub fn agency(&self, id: &str) -> Result<Option<Agency>, StoreFault> {
        let id = id.to_owned();
        let row: Option<Row> = self.worker.read(async move |connection| {
            let sql = "SELECT agency, name, grouped, kms_uri, domains, enabled FROM agencies WHERE agency = ?";
            Ok(query_as(sql).bind(&id).fetch_optional(connection).await?)
        })?;
        row.map(read).transpose()
    }

    /// The agency whose KMS domain this is.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot answer.
    pub fn agency_of_domain(&self, domain: &KmsUri) -> Result<Option<Agency>, StoreFault> {
        let domain = domain.as_str().to_owned();
        let row: Option<Row> = self.worker.read(async move |connection| {
            let sql = "SELECT agency, name, grouped, kms_uri, domains, enabled FROM agencies WHERE kms_uri = ?";
            Ok(query_as(sql).bind(&domain).fetch_optional(connection).await?)
        })?;
        row.map(read).transpose()
    }

    /// All agencies by id: a provider has tens of thousands, each a line.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot answer.
    pub fn agencies(&self) -> Result<Vec<Agency>, StoreFault> {
        let rows: Vec<Row> = self.worker.read_statement(async |connection| {
            let sql = "SELECT agency, name, grouped, kms_uri, domains, enabled FROM agencies ORDER BY agency";
            Ok(query_as(sql).fetch_all(connection).await?)
        })?;
        rows.into_iter().map(read).collect()
    }

    /// Removes an agency that has no users; `false` when there is none of this id.
    ///
    /// # Errors
    /// [`StoreFault::LocalInUse`] while it has users.
    pub fn remove_agency(&self, id: &str) -> Result<bool, StoreFault> {
        let id = id.to_owned();
        self.worker.write(async move |connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE agency = ?)";
            let (used,): (bool,) = query_as(sql).bind(&id).fetch_one(&mut *connection).await?;
            if used {
                return Err(StoreFault::LocalInUse("the agency"));
            }
            let query = query("DELETE FROM agencies WHERE agency = ?").bind(&id);
            Ok(query.execute(connection).await? == 1)
        })
    }
}
