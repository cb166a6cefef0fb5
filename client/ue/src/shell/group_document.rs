//! The group document, read from the group management server (TS 24.481 cl. 6.2.4.1).

use super::Inner;
use roger_adapter_http::HttpsClientError;
use roger_base::GroupId;
use roger_documents::Document as _;
use roger_documents::group::GroupDocument;
use roger_documents::xcap_path::DocumentPath;
use thiserror::Error;

/// Why there is no group document.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GroupDocumentError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpsClientError),
    /// There is no such group.
    #[error("there is no group {0}")]
    DeniedNoGroup(GroupId),
    /// The user may not read it, since she is no member.
    #[error("the user is no member of {0}")]
    DeniedNoMember(GroupId),
    /// Another refusal.
    #[error("HTTP status {status} to the request for the document of {group}")]
    PeerStatus {
        /// Group.
        group: GroupId,
        /// Status.
        status: u16,
    },
    /// The document cannot be read.
    #[error("the document of {group}: {error}")]
    PeerDocument {
        /// Group.
        group: GroupId,
        /// What is wrong with it.
        error: String,
    },
}

pub(super) async fn fetch(
    inner: &Inner,
    group: &GroupId,
) -> Result<GroupDocument, GroupDocumentError> {
    let url = format!("{}{}", inner.xcap_root, DocumentPath::Group(group.clone()));
    let token = inner.session.access_token().await;
    let answer = inner.http.get(&url, token.as_ref(), &[]).await?;
    match answer.status.as_u16() {
        200..300 => {}
        404 => return Err(GroupDocumentError::DeniedNoGroup(group.clone())),
        403 => return Err(GroupDocumentError::DeniedNoMember(group.clone())),
        status => {
            let group = group.clone();
            return Err(GroupDocumentError::PeerStatus { group, status });
        }
    }
    GroupDocument::read(answer.body.expose()).map_err(|error| GroupDocumentError::PeerDocument {
        group: group.clone(),
        error: error.to_string(),
    })
}
