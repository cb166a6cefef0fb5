//! XCAP over HTTP as a pure function: GET of group and GKTP documents, PUT of group documents
//! (RFC 4825, TS 24.481 cl. 6).

use crate::management::{GroupManagement, ManagementError};
use crate::ports::StoredDocument;
use roger_base::{GroupId, McpttId, Random, UnixTime};
use roger_documents::Document;
use roger_documents::gktp::Gktps;
use roger_documents::group::GroupDocument;
use roger_documents::group_rule::GroupAction;
use roger_documents::xcap_path::DocumentPath;
use roger_oidc::{AccessTokenVerifier, Resource};

const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XcapMethod {
    /// Read.
    Get,
    /// Create or replace.
    Put,
    /// Anything else.
    Other,
}

/// A request, as HTTP brings it.
#[derive(Debug, Clone, Copy)]
pub struct XcapRequest<'a> {
    /// Method.
    pub method: XcapMethod,
    /// Path relative to the XCAP root.
    pub path: &'a str,
    /// Access token of the Authorization header.
    pub bearer: Option<&'a str>,
    /// If-None-Match, without quotes.
    pub if_none_match: Option<&'a str>,
    /// If-Match, without quotes.
    pub if_match: Option<&'a str>,
    /// Content-Type.
    pub content_type: Option<&'a str>,
    /// Body.
    pub body: &'a [u8],
}

/// An answer, as HTTP takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XcapAnswer {
    /// Status code.
    pub status: u16,
    /// Entity tag, without quotes.
    pub etag: Option<String>,
    /// Content-Type.
    pub content_type: &'static str,
    /// WWW-Authenticate.
    pub challenge: Option<String>,
    /// Body.
    pub body: Vec<u8>,
}

impl XcapAnswer {
    fn said(status: u16, reason: &str) -> Self {
        let body = format!("{reason}\n").into_bytes();
        Self {
            status,
            etag: None,
            content_type: PLAIN_TEXT,
            challenge: None,
            body,
        }
    }

    fn document(content_type: &'static str, document: StoredDocument) -> Self {
        let StoredDocument { octets, etag } = document;
        Self {
            status: 200,
            etag: Some(etag),
            content_type,
            challenge: None,
            body: octets,
        }
    }

    fn empty(status: u16, etag: String) -> Self {
        Self {
            status,
            etag: Some(etag),
            content_type: PLAIN_TEXT,
            challenge: None,
            body: Vec::new(),
        }
    }

    const fn nothing_there() -> Self {
        Self {
            status: 404,
            etag: None,
            content_type: PLAIN_TEXT,
            challenge: None,
            body: Vec::new(),
        }
    }
}

impl GroupManagement {
    /// Answers an XCAP request.
    pub fn xcap(
        &mut self,
        request: &XcapRequest<'_>,
        tokens: &AccessTokenVerifier,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> XcapAnswer {
        let user = match authenticate(request, tokens, now) {
            Ok(user) => user,
            Err(refusal) => return refusal,
        };
        let Ok(path) = DocumentPath::parse(request.path) else {
            return XcapAnswer::nothing_there();
        };
        let answer = match (request.method, path) {
            (XcapMethod::Get, path) => self.get(request, &user, &path),
            (XcapMethod::Put, DocumentPath::Group(group)) => {
                self.put(request, &user, &group, now, random)
            }
            (XcapMethod::Put, _) => Ok(XcapAnswer::said(
                403,
                "group keys are written by this server only",
            )),
            (XcapMethod::Other, _) => Ok(XcapAnswer::said(405, "only GET and PUT are served here")),
        };
        answer.unwrap_or_else(|error| refused(&error))
    }

    fn get(
        &self,
        request: &XcapRequest<'_>,
        user: &McpttId,
        path: &DocumentPath,
    ) -> Result<XcapAnswer, ManagementError> {
        let (content_type, found) = match path {
            DocumentPath::Group(group) => match self.group_for(user, group)? {
                Reading::Allowed(document) => (GroupDocument::MEDIA_TYPE, Some(document)),
                Reading::Denied => {
                    return Ok(XcapAnswer::said(403, "only members read a group document"));
                }
                Reading::NoGroup => (GroupDocument::MEDIA_TYPE, None),
            },
            DocumentPath::Transport(owner) if owner != user => {
                return Ok(XcapAnswer::said(
                    403,
                    "a user reads only her own group keys",
                ));
            }
            DocumentPath::Transport(owner) => (Gktps::MEDIA_TYPE, self.stored_transport(owner)?),
            DocumentPath::TransportOfGroup(group) => {
                (Gktps::MEDIA_TYPE, self.transport_of_group(user, group)?)
            }
        };
        let Some(document) = found else {
            return Ok(XcapAnswer::nothing_there());
        };
        if request.if_none_match == Some(document.etag.as_str()) {
            return Ok(XcapAnswer::empty(304, document.etag));
        }
        Ok(XcapAnswer::document(content_type, document))
    }

    /// A group document as this user may read it: the list of members only with permission
    /// (TS 24.481 cl. 7.2.12.1).
    fn group_for(&self, user: &McpttId, group: &GroupId) -> Result<Reading, ManagementError> {
        let Some(stored) = self.stored_group(group)? else {
            return Ok(Reading::NoGroup);
        };
        if self.settings().administrators.contains(user) {
            return Ok(Reading::Allowed(stored));
        }
        let mut document = GroupDocument::read(&stored.octets)?;
        if document.member(user).is_none() {
            return Ok(Reading::Denied);
        }
        if document.allows(user, GroupAction::GetMemberList) {
            return Ok(Reading::Allowed(stored));
        }
        document.members.retain(|member| member.id == *user);
        let octets = document.write().into_bytes();
        Ok(Reading::Allowed(StoredDocument {
            octets,
            etag: stored.etag,
        }))
    }

    fn put(
        &mut self,
        request: &XcapRequest<'_>,
        user: &McpttId,
        group: &GroupId,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<XcapAnswer, ManagementError> {
        if !self.settings().administrators.contains(user) {
            return Ok(XcapAnswer::said(403, "only administrators change groups"));
        }
        if request
            .content_type
            .is_none_or(|kind| !names(kind, GroupDocument::MEDIA_TYPE))
        {
            return Ok(XcapAnswer::said(
                415,
                "a group document is application/vnd.oma.poc.groups+xml",
            ));
        }
        let status = if self.stored_group(group)?.is_some() {
            200
        } else {
            201
        };
        let etag = self.put_group(group, request.body, request.if_match, now, random)?;
        Ok(XcapAnswer::empty(status, etag))
    }
}

enum Reading {
    Allowed(StoredDocument),
    Denied,
    NoGroup,
}

fn names(content_type: &str, media_type: &str) -> bool {
    content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case(media_type)
}

fn authenticate(
    request: &XcapRequest<'_>,
    tokens: &AccessTokenVerifier,
    now: UnixTime,
) -> Result<McpttId, XcapAnswer> {
    let Some(token) = request.bearer else {
        let mut answer = XcapAnswer::said(401, "an access token is needed: log in first");
        answer.challenge = Some("Bearer realm=\"gms\"".to_owned());
        return Err(answer);
    };
    tokens
        .verify(token, Resource::GroupManagement, now)
        .map(|token| token.mcptt_id)
        .map_err(|refusal| {
            let error = refusal.oauth_error();
            let status = if error == "insufficient_scope" {
                403
            } else {
                401
            };
            let mut answer = XcapAnswer::said(status, &refusal.to_string());
            let scope = Resource::GroupManagement.scope();
            answer.challenge = Some(format!(
                "Bearer realm=\"gms\", error=\"{error}\", scope=\"{scope}\""
            ));
            answer
        })
}

/// Status of a failed PUT or GET (RFC 4825 8.2).
fn refused(error: &ManagementError) -> XcapAnswer {
    let status = match error {
        ManagementError::PeerDocument(_)
        | ManagementError::PeerOtherGroup(_)
        | ManagementError::PeerTooManyMembers(_) => 409,
        ManagementError::PeerPrecondition => 412,
        ManagementError::LocalRepository(_) | ManagementError::LocalDistribution(_) => 500,
    };
    match status {
        500 => XcapAnswer::said(status, "the server failed; its log says why"),
        _ => XcapAnswer::said(status, &error.to_string()),
    }
}
