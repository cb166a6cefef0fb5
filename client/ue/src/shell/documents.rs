//! Fetches documents of the group management server that changed (TS 24.481 cl. 6.2.2, 7.7).

use super::Inner;
use super::config::GroupManagementAccess;
use crate::client::UeInput;
use core::time::Duration;
use http::header::{ETAG, IF_NONE_MATCH};
use roger_adapter_http::HttpAnswer;
use roger_documents::xcap_path::DocumentPath;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Changes that may wait; a later change of the same document makes up for a lost one.
const QUEUE: usize = 256;
/// Attempts to fetch one document.
const ATTEMPTS: u32 = 4;
/// Pause before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(250);

/// A document that changed.
pub(super) struct Change {
    url: String,
    etag: Option<String>,
}

/// The way to the task that fetches.
#[derive(Clone)]
pub(super) struct Documents {
    root: String,
    queue: mpsc::Sender<Change>,
}

impl Documents {
    pub(super) fn new(access: GroupManagementAccess) -> (Self, mpsc::Receiver<Change>) {
        let (queue, changes) = mpsc::channel(QUEUE);
        let documents = Self {
            root: access.xcap_root,
            queue,
        };
        (documents, changes)
    }

    /// Notes a change. Only documents with group keys are fetched: the client needs no other.
    pub(super) fn changed(&self, url: &str, etag: Option<&str>) {
        // The token is for the configured server, whatever a notification says.
        let Some(path) = url.strip_prefix(&self.root) else {
            tracing::warn!("a notification names a document of another server; it is not fetched");
            return;
        };
        if !matches!(
            DocumentPath::parse(path),
            Ok(DocumentPath::Transport(_) | DocumentPath::TransportOfGroup(_))
        ) {
            return;
        }
        let change = Change {
            url: url.to_owned(),
            etag: etag.map(str::to_owned),
        };
        if self.queue.try_send(change).is_err() {
            tracing::warn!("too many documents change at once");
        }
    }

    /// Fetches what changed, one after the other.
    pub(super) async fn run(self, inner: Arc<Inner>, mut changes: mpsc::Receiver<Change>) {
        let mut held: HashMap<String, String> = HashMap::new();
        while let Some(change) = changes.recv().await {
            let Some(wanted) = change.etag else {
                held.remove(&change.url);
                continue;
            };
            if held.get(&change.url) == Some(&wanted) {
                continue;
            }
            let known = held.get(&change.url).map(String::as_str);
            if let Some((octets, etag)) = fetch(&inner, &change.url, known).await {
                held.insert(change.url, etag.unwrap_or(wanted));
                inner.input(UeInput::GroupKeys(octets));
            }
        }
    }
}

/// The document and its entity tag; `None` when it cannot be had, or is the one held.
async fn fetch(inner: &Inner, url: &str, known: Option<&str>) -> Option<(Vec<u8>, Option<String>)> {
    let mut pause = PAUSE;
    for _ in 0..ATTEMPTS {
        match get(inner, url, known).await {
            Ok(answer) if answer.status.is_success() => {
                let etag = answer.header(&ETAG);
                let etag = etag.map(|etag| etag.trim_matches('"').to_owned());
                return Some((answer.body.expose().to_vec(), etag));
            }
            Ok(answer) if answer.status.as_u16() == 304 => return None,
            Ok(answer) if answer.status.is_client_error() => {
                tracing::warn!(status = %answer.status, "a document with group keys was refused");
                return None;
            }
            Ok(answer) => tracing::warn!(status = %answer.status, "a document was not served"),
            Err(error) => tracing::warn!(%error, "a document could not be fetched"),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    None
}

async fn get(
    inner: &Inner,
    url: &str,
    known: Option<&str>,
) -> Result<HttpAnswer, roger_adapter_http::HttpsClientError> {
    let token = inner.session.access_token().await;
    let tag = known.map(|etag| format!("\"{etag}\""));
    let headers: Vec<_> = tag
        .iter()
        .map(|tag| (IF_NONE_MATCH, tag.as_str()))
        .collect();
    inner.http.get(url, token.as_ref(), &headers).await
}
