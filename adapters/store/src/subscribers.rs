//! Subscribers of the SIP core. The core answers from memory; the store is where the memory comes from.

use crate::sql::{query, query_as};
use crate::{Store, StoreFault};
use roger_base::Impu;
use roger_sipcore::{MemorySubscribers, Subscriber};
use std::collections::HashMap;

const TABLE: &str = "subscribers";

impl Store {
    /// Keeps a subscriber, replacing one of the same user name.
    ///
    /// # Errors
    /// [`StoreFault::LocalDuplicate`] when a public identity belongs to somebody else.
    pub fn put_subscriber(&self, subscriber: &Subscriber) -> Result<(), StoreFault> {
        let sealed = self
            .sealer
            .seal(TABLE, &subscriber.username, subscriber.password.expose())?;
        let username = subscriber.username.clone();
        let identities: Vec<String> = subscriber
            .identities
            .iter()
            .map(|impu| impu.as_str().to_owned())
            .collect();
        self.worker.write(async move |connection| {
            query("DELETE FROM subscribers WHERE username = ?").bind(&username).execute(&mut *connection).await?;
            query("INSERT INTO subscribers (username, sealed) VALUES (?, ?)")
                .bind(&username)
                .bind(&sealed)
                .execute(&mut *connection)
                .await?;
            for (position, identity) in (0i64..).zip(&identities) {
                query("INSERT INTO subscriber_identities (identity, username, position) VALUES (?, ?, ?)")
                    .bind(identity)
                    .bind(&username)
                    .bind(position)
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        })
    }

    /// Every subscriber, into the memory that the SIP core answers from.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot be read.
    pub fn subscribers(&self) -> Result<MemorySubscribers, StoreFault> {
        let (rows, identities) = self.worker.read(async move |connection| {
            let rows: Vec<(String, Vec<u8>)> = query_as("SELECT username, sealed FROM subscribers")
                .fetch_all(&mut *connection)
                .await?;
            let identities: Vec<(String, String)> = query_as(
                "SELECT username, identity FROM subscriber_identities ORDER BY username, position",
            )
            .fetch_all(connection)
            .await?;
            Ok((rows, identities))
        })?;
        let mut owned: HashMap<String, Vec<Impu>> = HashMap::new();
        for (username, identity) in identities {
            let identity =
                Impu::new(identity).map_err(|_| StoreFault::LocalCorrupt("public identity"))?;
            owned.entry(username).or_default().push(identity);
        }
        let subscribers = rows.into_iter().map(|(username, sealed)| {
            Ok(Subscriber {
                password: self.sealer.open(TABLE, &username, &sealed)?,
                identities: owned.remove(&username).unwrap_or_default(),
                username,
            })
        });
        subscribers.collect()
    }
}
