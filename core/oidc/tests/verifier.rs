//! The resource server's checks, one negative test for each (TS 33.180 B.11).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm as ForeignAlgorithm, EncodingKey, Header};
use proptest::prelude::*;
use roger_base::UnixTime;
use roger_oidc::{
    AccessTokenVerifier, Algorithm, ClockSkew, GrantId, Issuer, JwkSet, JwsError, KeySource,
    Resource, Revocations, SigningKey, TokenRefusal, TrustedIssuer, VerifiedToken,
};
use rstest::rstest;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

const VECTOR: &str = include_str!("vectors/es256-access-token.txt");
const VECTOR_JWKS: &str = include_str!("vectors/es256-jwks.json");
const ISSUER: &str = "https://idm.mcptt.example.org";
const NOW: UnixTime = UnixTime(1_760_000_100);

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());

fn trusted(name: &str, keys: JwkSet) -> TrustedIssuer {
    TrustedIssuer {
        issuer: Issuer::new(name).unwrap(),
        keys,
    }
}

fn verifier() -> AccessTokenVerifier {
    let keys = JwkSet::new(vec![KEY.public().clone()]);
    AccessTokenVerifier::new(vec![trusted(ISSUER, keys)], ClockSkew::MAX)
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "8a3f1c52", "aud": "https://mcptt.example.org",
        "iat": 1_760_000_000, "exp": 1_760_003_600, "client_id": "mcptt-native-01",
        "scope": "openid 3gpp:mc:ptt_service 3gpp:mc:ptt_key_management_service",
        "mcptt_id": "sip:alice@mcptt.example.org", "jti": "grant-1.serial"
    })
}

/// The claims with one of them changed, or taken out when the value is null.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let map = claims.as_object_mut().unwrap();
    map.insert(name.to_owned(), value.clone());
    if value.is_null() {
        map.remove(name);
    }
    claims
}

/// Signs by another implementation, with any header.
fn signed_with(header: &Header, claims: &Value) -> String {
    let key = EncodingKey::from_ec_der(KEY.pkcs8().expose());
    jsonwebtoken::encode(header, claims, &key).unwrap()
}

fn signed(claims: &Value) -> String {
    let mut header = Header::new(ForeignAlgorithm::ES256);
    header.kid = Some(KEY.kid().to_owned());
    signed_with(&header, claims)
}

fn verify(token: &str) -> Result<VerifiedToken, TokenRefusal> {
    verifier().verify(token, Resource::McpttServer, NOW)
}

#[test]
fn the_vector_of_the_specification_digest_verifies() {
    let keys = JwkSet::from_json(VECTOR_JWKS).unwrap();
    let verifier = AccessTokenVerifier::new(vec![trusted(ISSUER, keys)], ClockSkew::MAX);
    for resource in Resource::ALL {
        let token = verifier.verify(VECTOR.trim(), resource, NOW).unwrap();
        assert_eq!(token.mcptt_id.as_str(), "sip:alice@mcptt.example.org");
        assert_eq!(token.client_id.as_str(), "mcptt-native-01");
        assert_eq!(token.subject.unwrap().as_str(), "8a3f1c52");
        assert_eq!(token.expires_at, UnixTime(1_760_003_600));
    }
}

#[test]
fn accepts_what_another_implementation_signed() {
    let token = verify(&signed(&claims())).unwrap();
    assert_eq!(token.issuer.as_str(), ISSUER);
    assert_eq!(token.issued_at, Some(UnixTime(1_760_000_000)));
}

#[test]
fn accepts_the_scope_as_a_list() {
    let token = signed(&with("scope", json!(["openid", "3gpp:mc:ptt_service"])));
    assert!(verify(&token).is_ok());
}

#[test]
fn accepts_a_rel_13_scope() {
    let token = signed(&with("scope", json!("openid 3gpp:mcptt:ptt_server")));
    assert!(verify(&token).is_ok());
    let refused = verifier().verify(&token, Resource::KeyManagement, NOW);
    assert_eq!(
        refused,
        Err(TokenRefusal::DeniedScope {
            needed: "3gpp:mc:ptt_key_management_service"
        })
    );
}

#[test]
fn a_token_without_issuer_is_the_single_configured_issuers() {
    let token = signed(&with("iss", Value::Null));
    assert!(verify(&token).is_ok());
    let keys = JwkSet::new(vec![KEY.public().clone()]);
    let two = vec![
        trusted(ISSUER, keys.clone()),
        trusted("https://other.example.org", keys),
    ];
    let refused =
        AccessTokenVerifier::new(two, ClockSkew::MAX).verify(&token, Resource::McpttServer, NOW);
    assert_eq!(refused, Err(TokenRefusal::DeniedIssuer));
}

#[test]
fn refuses_alg_none_with_and_without_signature() {
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"none","typ":"JWT"}"#);
    let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
    for signature in ["", "AAAA"] {
        let refused = verify(&format!("{header}.{payload}.{signature}"));
        assert_eq!(
            refused,
            Err(JwsError::PeerAlgorithm("none".to_owned()).into())
        );
    }
}

#[rstest]
#[case(ForeignAlgorithm::HS256)]
#[case(ForeignAlgorithm::HS384)]
#[case(ForeignAlgorithm::HS512)]
fn refuses_an_hmac_even_under_the_public_key_as_secret(#[case] algorithm: ForeignAlgorithm) {
    let secret = JwkSet::new(vec![KEY.public().clone()]).to_json();
    let mut header = Header::new(algorithm);
    header.kid = Some(KEY.kid().to_owned());
    let token = jsonwebtoken::encode(
        &header,
        &claims(),
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .unwrap();
    assert_eq!(
        verify(&token),
        Err(JwsError::PeerAlgorithm(format!("{algorithm:?}")).into())
    );
}

#[test]
fn refuses_a_header_that_points_at_a_key() {
    let mut header = Header::new(ForeignAlgorithm::ES256);
    header.kid = Some(KEY.kid().to_owned());
    header.jku = Some("https://attacker.example.org/jwks".to_owned());
    assert_eq!(
        verify(&signed_with(&header, &claims())),
        Err(JwsError::PeerForbiddenParameter("jku").into())
    );
}

#[test]
fn refuses_an_unknown_key_id() {
    let mut header = Header::new(ForeignAlgorithm::ES256);
    header.kid = Some("idm-2019-01".to_owned());
    assert_eq!(
        verify(&signed_with(&header, &claims())),
        Err(JwsError::PeerUnknownKey.into())
    );
}

#[test]
fn refuses_another_servers_signature_under_a_known_key_id() {
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    let keys = JwkSet::new(vec![other.public().clone().with_kid(KEY.kid())]);
    let mut verifier = verifier();
    verifier.replace_keys(&Issuer::new(ISSUER).unwrap(), keys);
    let refused = verifier.verify(&signed(&claims()), Resource::McpttServer, NOW);
    assert_eq!(refused, Err(JwsError::PeerSignature.into()));
}

#[test]
fn refuses_an_issuer_that_is_not_configured() {
    let token = signed(&with("iss", json!("https://idm.attacker.example.org")));
    assert_eq!(verify(&token), Err(TokenRefusal::DeniedIssuer));
}

#[test]
fn refuses_a_changed_claim() {
    let token = signed(&claims());
    let mallory = URL_SAFE_NO_PAD
        .encode(with("mcptt_id", json!("sip:mallory@mcptt.example.org")).to_string());
    let mut parts: Vec<&str> = token.split('.').collect();
    parts[1] = &mallory;
    assert_eq!(
        verify(&parts.join(".")),
        Err(JwsError::PeerSignature.into())
    );
}

#[test]
fn expiry_has_thirty_seconds_of_leeway_and_no_more() {
    let token = signed(&claims());
    let at = |now| verifier().verify(&token, Resource::McpttServer, UnixTime(now));
    assert!(at(1_760_003_629).is_ok());
    assert_eq!(
        at(1_760_003_630),
        Err(TokenRefusal::DeniedExpired {
            expires_at: UnixTime(1_760_003_600)
        })
    );
    assert_eq!(ClockSkew::seconds(31), None);
    assert_eq!(ClockSkew::seconds(30), Some(ClockSkew::MAX));
}

#[rstest]
#[case("nbf")]
#[case("iat")]
fn refuses_a_token_from_the_future(#[case] claim: &str) {
    let token = signed(&with(claim, json!(NOW.0 + 31)));
    assert_eq!(verify(&token), Err(TokenRefusal::DeniedNotYetValid));
    assert!(verify(&signed(&with(claim, json!(NOW.0 + 30)))).is_ok());
}

#[test]
fn refuses_a_token_issued_after_its_own_end() {
    let token = signed(&json!({ "iss": ISSUER, "iat": 1_760_000_100, "exp": 1_760_000_100 }));
    assert_eq!(verify(&token), Err(TokenRefusal::PeerClaim("iat")));
}

#[rstest]
#[case("exp")]
#[case("scope")]
#[case("client_id")]
#[case("mcptt_id")]
fn refuses_a_token_without_a_mandatory_claim(#[case] claim: &'static str) {
    assert_eq!(
        verify(&signed(&with(claim, Value::Null))),
        Err(TokenRefusal::PeerClaim(claim))
    );
}

#[test]
fn never_takes_sub_for_the_mcptt_id() {
    let mut claims = with("mcptt_id", Value::Null);
    claims["sub"] = json!("sip:alice@mcptt.example.org");
    assert_eq!(
        verify(&signed(&claims)),
        Err(TokenRefusal::PeerClaim("mcptt_id"))
    );
}

#[rstest]
#[case(json!("alice"))]
#[case(json!(""))]
#[case(json!("sip:alice@example.org>\r\nX: y"))]
fn refuses_a_malformed_mcptt_id(#[case] value: Value) {
    assert_eq!(
        verify(&signed(&with("mcptt_id", value))),
        Err(TokenRefusal::PeerClaim("mcptt_id"))
    );
}

#[rstest]
#[case("openid")]
#[case("openid 3gpp:mc:ptt_key_management_service")]
#[case("3GPP:MC:PTT_SERVICE")]
#[case("3gpp:mc:ptt_service2")]
#[case("")]
fn refuses_a_scope_that_does_not_open_the_resource(#[case] scope: &str) {
    let refused = verify(&signed(&with("scope", json!(scope))));
    assert_eq!(
        refused,
        Err(TokenRefusal::DeniedScope {
            needed: "3gpp:mc:ptt_service"
        })
    );
    assert_eq!(refused.unwrap_err().oauth_error(), "insufficient_scope");
}

#[test]
fn refuses_an_id_token_in_place_of_an_access_token() {
    let id_token = json!({
        "iss": ISSUER, "sub": "8a3f1c52", "aud": "mcptt-native-01", "iat": 1_760_000_000, "exp": 1_760_003_600,
        "mcptt_id": "sip:alice@mcptt.example.org"
    });
    let refused = verify(&signed(&id_token));
    assert_eq!(refused, Err(TokenRefusal::PeerClaim("scope")));
    assert_eq!(refused.unwrap_err().oauth_error(), "invalid_token");
}

#[test]
fn refuses_the_token_of_a_revoked_grant() {
    struct Revoked;
    impl Revocations for Revoked {
        fn is_revoked(&self, grant: &GrantId) -> bool {
            grant.as_str() == "grant-1"
        }
    }
    let verifier = verifier().with_revocations(Arc::new(Revoked));
    let refused = verifier.verify(&signed(&claims()), Resource::McpttServer, NOW);
    assert_eq!(refused, Err(TokenRefusal::DeniedRevoked));
    let other = signed(&with("jti", json!("grant-2.serial")));
    assert!(verifier.verify(&other, Resource::McpttServer, NOW).is_ok());
}

#[test]
fn refuses_an_endless_token_before_reading_it() {
    let token = format!("{}.{}", signed(&claims()), "A".repeat(8192));
    assert_eq!(verify(&token), Err(JwsError::PeerTooLong.into()));
}

#[test]
fn refusals_never_repeat_the_token() {
    let token = signed(&with("exp", json!(1)));
    let text = format!("{0} {0:?}", verify(&token).unwrap_err());
    assert!(token.split('.').all(|part| !text.contains(part)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_altered_octet_goes_unnoticed(position in 0usize..10_000, flip in 1u8..128) {
        let token = signed(&claims());
        let mut octets = token.clone().into_bytes();
        let position = position % octets.len();
        octets[position] ^= flip;
        if let Ok(altered) = String::from_utf8(octets) {
            prop_assert!(verify(&altered).is_err());
        }
    }

    #[test]
    fn any_claims_are_read_or_refused(text in "\\PC{0,200}") {
        let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"ES256"}"#);
        let token = format!("{header}.{}.AA", URL_SAFE_NO_PAD.encode(text));
        prop_assert!(verify(&token).is_err());
    }
}

/// Has the key of one issuer.
struct Source(&'static str);

impl KeySource for Source {
    fn keys(&self, issuer: &Issuer, _: Option<&str>, _: UnixTime) -> Option<JwkSet> {
        (issuer.as_str() == self.0).then(|| JwkSet::new(vec![KEY.public().clone()]))
    }
}

#[test]
fn keys_of_a_source_verify_tokens_of_configured_issuers_only() {
    let verifier = |source| {
        let issuers = vec![
            trusted(ISSUER, JwkSet::default()),
            trusted("https://idm.partner.example.net", JwkSet::default()),
        ];
        AccessTokenVerifier::new(issuers, ClockSkew::MAX).with_key_source(Arc::new(Source(source)))
    };
    let verify = |source, claims: &Value| {
        verifier(source).verify(&signed(claims), Resource::McpttServer, NOW)
    };
    assert!(verify(ISSUER, &claims()).is_ok());
    // Of this issuer no key can be had, which says nothing about the token.
    assert_eq!(
        verify("https://idm.partner.example.net", &claims()),
        Err(TokenRefusal::LocalNoKeys)
    );
    // Of this one there are some, and none is the right one.
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    let keys = JwkSet::new(vec![other.public().clone()]);
    let verifier = AccessTokenVerifier::new(vec![trusted(ISSUER, keys)], ClockSkew::MAX)
        .with_key_source(Arc::new(Source("https://idm.partner.example.net")));
    assert_eq!(
        verifier.verify(&signed(&claims()), Resource::McpttServer, NOW),
        Err(TokenRefusal::PeerJws(JwsError::PeerUnknownKey))
    );
    let stranger = with("iss", json!("https://idm.attacker.example"));
    assert_eq!(
        verify("https://idm.attacker.example", &stranger),
        Err(TokenRefusal::DeniedIssuer)
    );
}
