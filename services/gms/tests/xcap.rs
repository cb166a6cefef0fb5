//! Who may read and write which document over XCAP.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use roger_base::McpttId;
use roger_documents::Document;
use roger_documents::group::{GroupDocument, Member};
use roger_gms::memory::{MemoryRepository, SingleKms};
use roger_gms::{DocumentPath, GroupManagement, Settings, XcapAnswer, XcapMethod, XcapRequest};
use roger_oidc::{AccessTokenVerifier, Resource};
use roger_testkit::SeededRandom;
use roger_testkit_domain::{GMS, NOW, TestDomain, group, user};
use std::sync::Arc;

struct Bench {
    domain: TestDomain,
    management: GroupManagement,
    tokens: AccessTokenVerifier,
}

fn bench() -> Bench {
    let mut domain = TestDomain::new(1);
    let kms = Arc::new(SingleKms(domain.kms().clone()));
    let key_sets = vec![domain.key_set(GMS)];
    let mut settings = Settings::new("https://gms.mcptt.example.org/xcap/".to_owned());
    settings.administrators.insert(user("chief"));
    let repository = Arc::new(MemoryRepository::default());
    let mut management = GroupManagement::new(settings, repository, kms, key_sets);
    let octets = document(&["alice", "bob"]);
    management
        .put_group(
            &group("fire-1"),
            &octets,
            None,
            NOW,
            &mut SeededRandom::new(2),
        )
        .unwrap();
    let tokens = domain.verifier();
    Bench {
        domain,
        management,
        tokens,
    }
}

fn document(members: &[&str]) -> Vec<u8> {
    let mut document = GroupDocument::new(group("fire-1"));
    document.members = members.iter().map(|name| Member::new(user(name))).collect();
    document.write().into_bytes()
}

fn group_path() -> String {
    DocumentPath::Group(group("fire-1")).to_string()
}

fn keys_of(name: &str) -> String {
    DocumentPath::Transport(user(name)).to_string()
}

const fn get<'a>(path: &'a str, bearer: Option<&'a str>) -> XcapRequest<'a> {
    XcapRequest {
        method: XcapMethod::Get,
        path,
        bearer,
        if_none_match: None,
        if_match: None,
        content_type: None,
        body: &[],
    }
}

impl Bench {
    fn token(&self, who: &McpttId) -> String {
        self.domain.token(who, Resource::GroupManagement)
    }

    fn serve(&mut self, request: &XcapRequest<'_>) -> XcapAnswer {
        self.management
            .xcap(request, &self.tokens, NOW, &mut SeededRandom::new(3))
    }

    fn get_as(&mut self, name: &str, path: &str) -> XcapAnswer {
        let token = self.token(&user(name));
        self.serve(&get(path, Some(&token)))
    }

    fn put_as(&mut self, name: &str, path: &str, content_type: &str, body: &[u8]) -> XcapAnswer {
        let token = self.token(&user(name));
        let mut request = get(path, Some(&token));
        request.method = XcapMethod::Put;
        request.content_type = Some(content_type);
        request.body = body;
        self.serve(&request)
    }
}

#[test]
fn a_member_reads_her_keys_and_nobody_elses() {
    let mut bench = bench();
    let answer = bench.get_as("alice", &keys_of("alice"));
    assert_eq!(
        (answer.status, answer.content_type),
        (200, "application/xml")
    );
    assert_eq!(bench.get_as("alice", &keys_of("bob")).status, 403);
    assert_eq!(bench.get_as("mallory", &keys_of("alice")).status, 403);
    assert_eq!(bench.get_as("mallory", &keys_of("mallory")).status, 404);
}

#[test]
fn without_a_good_token_nothing_is_read() {
    let mut bench = bench();
    let answer = bench.serve(&get(&keys_of("alice"), None));
    assert_eq!(answer.status, 401);
    assert_eq!(answer.challenge.as_deref(), Some("Bearer realm=\"gms\""));
    let other = bench.domain.token(&user("alice"), Resource::McpttServer);
    assert_eq!(
        bench.serve(&get(&keys_of("alice"), Some(&other))).status,
        403
    );
    let scope = Resource::GroupManagement.scope();
    let expired = bench.domain.token_with(&user("alice"), scope, NOW.0 - 60);
    let answer = bench.serve(&get(&keys_of("alice"), Some(&expired)));
    assert_eq!(answer.status, 401);
    assert!(answer.challenge.unwrap().contains("invalid_token"));
    assert_eq!(
        bench.serve(&get(&keys_of("alice"), Some("x.y.z"))).status,
        401
    );
}

#[test]
fn only_members_read_a_group_and_see_only_themselves_in_it() {
    let mut bench = bench();
    let answer = bench.get_as("alice", &group_path());
    let read = GroupDocument::read(&answer.body).unwrap();
    let members: Vec<_> = read
        .members
        .iter()
        .map(|member| member.id.clone())
        .collect();
    assert_eq!(members, [user("alice")]);
    assert_eq!(bench.get_as("mallory", &group_path()).status, 403);
    assert_eq!(
        bench.get_as("chief", &group_path()).body,
        document(&["alice", "bob"])
    );
}

#[test]
fn what_did_not_change_is_not_sent_again() {
    let mut bench = bench();
    let etag = bench.get_as("alice", &keys_of("alice")).etag.unwrap();
    let token = bench.token(&user("alice"));
    let path = keys_of("alice");
    let mut request = get(&path, Some(&token));
    request.if_none_match = Some(&etag);
    let answer = bench.serve(&request);
    assert_eq!((answer.status, answer.body.len()), (304, 0));
}

#[test]
fn only_an_administrator_changes_a_group() {
    let mut bench = bench();
    let body = document(&["alice", "bob", "carol"]);
    let kind = GroupDocument::MEDIA_TYPE;
    assert_eq!(
        bench.put_as("alice", &group_path(), kind, &body).status,
        403
    );
    assert_eq!(bench.get_as("carol", &keys_of("carol")).status, 404);
    assert_eq!(
        bench
            .put_as("chief", &group_path(), "text/xml", &body)
            .status,
        415
    );
    assert_eq!(
        bench.put_as("chief", &group_path(), kind, b"<x/>").status,
        409
    );
    assert_eq!(
        bench.put_as("chief", &keys_of("carol"), kind, &body).status,
        403
    );
    assert_eq!(
        bench.put_as("chief", &group_path(), kind, &body).status,
        200
    );
    assert_eq!(bench.get_as("carol", &keys_of("carol")).status, 200);
    assert_eq!(
        bench.get_as("chief", &group_path()).body,
        body,
        "what was PUT is served back"
    );
}

#[test]
fn a_stale_change_is_refused() {
    let mut bench = bench();
    let token = bench.token(&user("chief"));
    let body = document(&["alice"]);
    let path = group_path();
    let mut request = get(&path, Some(&token));
    request.method = XcapMethod::Put;
    request.content_type = Some(GroupDocument::MEDIA_TYPE);
    request.body = &body;
    request.if_match = Some("not-the-tag");
    assert_eq!(bench.serve(&request).status, 412);
}

#[test]
fn a_path_that_names_nothing_is_not_found() {
    let mut bench = bench();
    for path in [
        "",
        "org.openmobilealliance.groups/global/byGroup/x",
        "etc/passwd",
    ] {
        assert_eq!(bench.get_as("alice", path).status, 404, "{path}");
    }
    let unknown = DocumentPath::Group(group("nobody")).to_string();
    assert_eq!(bench.get_as("alice", &unknown).status, 404);
}
