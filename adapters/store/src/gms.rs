//! The port of the GMS.

use crate::fault::{seconds, time};
use crate::sql::{Connection, query, query_as};
use crate::{Store, StoreFault};
use roger_base::{GroupId, KeyId, McpttId, Secret};
use roger_gms::{
    Change, GroupKeyRecord, GroupRepository, RepositoryError, StoredDocument, TransportChange,
};
use roger_keys::{Gmk, Rand};

const TABLE: &str = "group_keys";
const CORRUPT: StoreFault = StoreFault::LocalCorrupt("group key");

const FORGET_SET_ASIDE: &str = "DELETE FROM transport_set_aside";
/// What was set aside becomes the documents; one without octets is gone.
const TAKE_SET_ASIDE: [&str; 3] = [
    "DELETE FROM transport_documents WHERE mcptt_id IN \
     (SELECT mcptt_id FROM transport_set_aside WHERE octets IS NULL)",
    "INSERT INTO transport_documents (mcptt_id, octets, etag) \
     SELECT mcptt_id, octets, etag FROM transport_set_aside WHERE octets IS NOT NULL \
     ON CONFLICT (mcptt_id) DO UPDATE SET octets = excluded.octets, etag = excluded.etag",
    FORGET_SET_ASIDE,
];

type KeyRow = (i64, String, i64, Option<i64>, Option<i64>, Vec<u8>);

/// A key as its row: the GMK followed by the RAND is what is sealed.
struct WrittenKey {
    id: i64,
    group: String,
    activation: i64,
    expiry: Option<i64>,
    revoke_at: Option<i64>,
    revoked: bool,
    sealed: Vec<u8>,
}

impl Store {
    fn document(
        &self,
        sql: &'static str,
        name: String,
    ) -> Result<Option<StoredDocument>, StoreFault> {
        self.worker.read(async move |connection| {
            let row: Option<(Vec<u8>, String)> =
                query_as(sql).bind(&name).fetch_optional(connection).await?;
            Ok(row.map(|(octets, etag)| StoredDocument { octets, etag }))
        })
    }

    fn written_key(&self, key: &GroupKeyRecord) -> Result<WrittenKey, StoreFault> {
        let id = key.id();
        let secret = zeroize::Zeroizing::new(
            [
                key.gmk.secret().expose().as_slice(),
                key.gmk.rand().octets(),
            ]
            .concat(),
        );
        Ok(WrittenKey {
            id: i64::from(u32::from(id)),
            group: key.group.as_str().to_owned(),
            activation: seconds(key.activation)?,
            expiry: key.expiry.map(seconds).transpose()?,
            revoke_at: key.revoke_at.map(seconds).transpose()?,
            revoked: key.revoked,
            sealed: self.sealer.seal(TABLE, &id.to_string(), &secret)?,
        })
    }

    fn read_key(&self, row: KeyRow) -> Result<GroupKeyRecord, StoreFault> {
        let (id, group, activation, expiry, revoke_at, sealed) = row;
        let id = KeyId::from(u32::try_from(id).map_err(|_| CORRUPT)?);
        let opened = self.sealer.open(TABLE, &id.to_string(), &sealed)?;
        let (secret, rand) = opened.expose().split_at_checked(16).ok_or(CORRUPT)?;
        let secret = Secret::try_from(secret).map_err(|_| CORRUPT)?;
        let rand = Rand::new(rand).map_err(|_| CORRUPT)?;
        Ok(GroupKeyRecord {
            gmk: Gmk::new(secret, id, rand).map_err(|_| CORRUPT)?,
            group: GroupId::new(group).map_err(|_| CORRUPT)?,
            activation: time(activation)?,
            expiry: expiry.map(time).transpose()?,
            revoke_at: revoke_at.map(time).transpose()?,
            revoked: false,
        })
    }
}

async fn put_document(
    connection: &mut Connection,
    insert: &'static str,
    delete: &'static str,
    name: &str,
    document: Option<&StoredDocument>,
) -> Result<(), StoreFault> {
    match document {
        Some(document) => {
            query(insert)
                .bind(name)
                .bind(document.octets.as_slice())
                .bind(document.etag.as_str())
                .execute(connection)
                .await?
        }
        None => query(delete).bind(name).execute(connection).await?,
    };
    Ok(())
}

async fn set_aside(
    connection: &mut Connection,
    member: &McpttId,
    document: Option<&StoredDocument>,
) -> Result<(), StoreFault> {
    query(
        "INSERT INTO transport_set_aside (mcptt_id, octets, etag) VALUES (?, ?, ?) \
         ON CONFLICT (mcptt_id) DO UPDATE SET octets = excluded.octets, etag = excluded.etag",
    )
    .bind(member.as_str())
    .bind(document.map(|document| document.octets.as_slice()))
    .bind(document.map(|document| document.etag.as_str()))
    .execute(connection)
    .await?;
    Ok(())
}

async fn put_key(connection: &mut Connection, key: &WrittenKey) -> Result<(), StoreFault> {
    query(
        "INSERT INTO group_keys (gmk_id, group_id, activation, expiry, revoke_at, revoked, sealed) \
         VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (gmk_id) DO UPDATE SET group_id = excluded.group_id, activation = excluded.activation, \
         expiry = excluded.expiry, revoke_at = excluded.revoke_at, revoked = excluded.revoked, sealed = excluded.sealed",
    )
    .bind(key.id)
    .bind(&key.group)
    .bind(key.activation)
    .bind(key.expiry)
    .bind(key.revoke_at)
    .bind(key.revoked)
    .bind(&key.sealed)
    .execute(connection)
    .await?;
    Ok(())
}

impl GroupRepository for Store {
    fn group(&self, group: &GroupId) -> Result<Option<StoredDocument>, RepositoryError> {
        let sql = "SELECT octets, etag FROM group_documents WHERE group_id = ?";
        Ok(self.document(sql, group.as_str().to_owned())?)
    }

    fn transport(&self, member: &McpttId) -> Result<Option<StoredDocument>, RepositoryError> {
        let sql = "SELECT octets, etag FROM transport_documents WHERE mcptt_id = ?";
        Ok(self.document(sql, member.as_str().to_owned())?)
    }

    fn keys(&self) -> Result<Vec<GroupKeyRecord>, RepositoryError> {
        let rows: Vec<KeyRow> = self.worker.read(async move |connection| {
            let sql = "SELECT gmk_id, group_id, activation, expiry, revoke_at, sealed FROM group_keys \
                       WHERE NOT revoked ORDER BY gmk_id";
            Ok(query_as(sql).fetch_all(connection).await?)
        })?;
        Ok(rows
            .into_iter()
            .map(|row| self.read_key(row))
            .collect::<Result<_, _>>()?)
    }

    fn discard_set_aside(&self) -> Result<(), RepositoryError> {
        Ok(self.worker.write(async move |connection| {
            query(FORGET_SET_ASIDE).execute(connection).await?;
            Ok(())
        })?)
    }

    fn set_aside(&self, transport: &[TransportChange]) -> Result<(), RepositoryError> {
        let transport = transport.to_vec();
        Ok(self.worker.write(async move |connection| {
            for (member, document) in &transport {
                set_aside(connection, member, document.as_ref()).await?;
            }
            Ok(())
        })?)
    }

    fn commit(&self, change: &Change) -> Result<(), RepositoryError> {
        let keys = change
            .keys
            .iter()
            .map(|key| self.written_key(key))
            .collect::<Result<Vec<_>, _>>()?;
        let (group, transport) = (change.group.clone(), change.transport.clone());
        Ok(self.worker.write(async move |connection| {
            if let Some((group, document)) = &group {
                let insert = "INSERT INTO group_documents (group_id, octets, etag) VALUES (?, ?, ?) \
                              ON CONFLICT (group_id) DO UPDATE SET octets = excluded.octets, etag = excluded.etag";
                let delete = "DELETE FROM group_documents WHERE group_id = ?";
                put_document(connection, insert, delete, group.as_str(), document.as_ref()).await?;
            }
            for sql in TAKE_SET_ASIDE {
                query(sql).execute(&mut *connection).await?;
            }
            for (member, document) in &transport {
                let insert = "INSERT INTO transport_documents (mcptt_id, octets, etag) VALUES (?, ?, ?) \
                              ON CONFLICT (mcptt_id) DO UPDATE SET octets = excluded.octets, etag = excluded.etag";
                let delete = "DELETE FROM transport_documents WHERE mcptt_id = ?";
                put_document(connection, insert, delete, member.as_str(), document.as_ref()).await?;
            }
            for key in &keys {
                put_key(connection, key).await?;
            }
            Ok(())
        })?)
    }
}
