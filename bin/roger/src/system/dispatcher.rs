//! The administrator of the group: logs in and writes the group document over XCAP.

use super::{Person, System, SystemError};
use roger_adapter_http::HttpsClient;
use roger_base::{GroupId, McpttId, SecretBytes};
use roger_documents::Document;
use roger_documents::group::{GroupDocument, Member};
use roger_documents::group_rule::{GroupAction, GroupRule, RuleScope};
use roger_documents::xcap_path::DocumentPath;
use roger_oidc::AccessToken;

/// A logged-in administrator.
pub(crate) struct Dispatcher {
    http: HttpsClient,
    token: AccessToken,
    xcap_root: String,
    secrets: Vec<SecretBytes>,
}

impl Dispatcher {
    /// Logs in.
    pub(crate) async fn log_in(system: &System, person: &Person) -> Result<Self, SystemError> {
        let (client, scopes) = system
            .ue_profile(person)
            .idm_client(system.https_client()?)?;
        let tokens = client
            .log_in(
                &scopes,
                &person.login,
                &person.password,
                &mut roger_adapter_http::OsRandom,
            )
            .await?;
        let secret = |text: &str| SecretBytes::new(text.as_bytes().to_vec());
        Ok(Self {
            http: system.https_client()?,
            xcap_root: system.xcap_root().to_owned(),
            secrets: vec![secret(tokens.access_token.expose())],
            token: tokens.access_token,
        })
    }

    /// Secrets that must show nowhere.
    pub(crate) fn secrets(&self) -> &[SecretBytes] {
        &self.secrets
    }

    /// Creates or replaces the group.
    pub(crate) async fn put_group(
        &self,
        group: &GroupId,
        members: &[McpttId],
    ) -> Result<(), SystemError> {
        let path = DocumentPath::Group(group.clone());
        let url = format!("{}{path}", self.xcap_root);
        let body = document(group, members).write().into_bytes();
        let answer = self
            .http
            .put(&url, Some(&self.token), GroupDocument::MEDIA_TYPE, body)
            .await?;
        if answer.status.is_success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(answer.body.expose()).into_owned();
        Err(SystemError::Configuration(format!(
            "the group document was answered {}: {}",
            answer.status,
            why.trim()
        )))
    }
}

/// A prearranged group whose members may start and join calls.
fn document(group: &GroupId, members: &[McpttId]) -> GroupDocument {
    let mut document = GroupDocument::new(group.clone());
    document.display_name = Some("Fire 1".to_owned());
    document.members = members.iter().cloned().map(Member::new).collect();
    document.invite_members = Some(true);
    document.rules = vec![GroupRule {
        id: "members".to_owned(),
        scope: RuleScope::ListMembers,
        allowed: vec![
            GroupAction::InitiateConference,
            GroupAction::JoinHandling,
            GroupAction::GetMemberList,
        ],
    }];
    document
}
