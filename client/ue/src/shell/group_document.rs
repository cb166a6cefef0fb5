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
    if let Some(refusal) = refusal(answer.status.as_u16(), group) {
        return Err(refusal);
    }
    GroupDocument::read(answer.body.expose()).map_err(|error| GroupDocumentError::PeerDocument {
        group: group.clone(),
        error: error.to_string(),
    })
}

/// What a status says about the group; nothing for success.
fn refusal(status: u16, group: &GroupId) -> Option<GroupDocumentError> {
    let group = group.clone();
    match status {
        200..300 => None,
        403 => Some(GroupDocumentError::DeniedNoMember(group)),
        404 => Some(GroupDocumentError::DeniedNoGroup(group)),
        status => Some(GroupDocumentError::PeerStatus { group, status }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_is_not_there_is_told_apart_from_one_that_is_not_ones_own() {
        let group = GroupId::new("sip:fire-9@mcptt.example.org").unwrap();
        let text = |status| refusal(status, &group).map(|error| error.to_string());
        assert_eq!(text(200), None);
        assert_eq!(
            text(404).as_deref(),
            Some("there is no group sip:fire-9@mcptt.example.org")
        );
        assert_eq!(
            text(403).as_deref(),
            Some("the user is no member of sip:fire-9@mcptt.example.org")
        );
        assert!(text(401).unwrap().starts_with("HTTP status 401"));
        assert!(text(503).unwrap().starts_with("HTTP status 503"));
    }
}
