//! A whole MC domain in memory for tests: KMS, key sets, access tokens.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

use jsonwebtoken::{Algorithm as JwtAlgorithm, EncodingKey, Header, encode};
use roger_base::{GroupId, KmsUri, McpttId, UnixTime};
use roger_ibc::uid::KeyPeriod;
use roger_ibc::{KmsDomain, KmsMaster, UserKeySet};
use roger_oidc::{
    AccessTokenVerifier, Algorithm, ClockSkew, Issuer, JwkSet, Resource, SigningKey, TrustedIssuer,
};
use roger_testkit::SeededRandom;
use serde_json::{Value, json};

/// The time at which every test begins.
pub const NOW: UnixTime = UnixTime(1_760_000_000);
/// MC domain, MDSI and mark of protected URIs.
pub const DOMAIN: &str = "mcptt.example.org";
/// Identity of the group management server.
pub const GMS: &str = "sip:gms.mcptt.example.org";
const ISSUER: &str = "https://idm.mcptt.example.org";
/// 30 days, as in the published example of TS 33.180 F.2.1.2.
const PERIOD_SECONDS: u64 = 2_592_000;

/// The domain.
pub struct TestDomain {
    kms: KmsMaster,
    tokens: SigningKey,
}

impl TestDomain {
    /// A domain from a seed; its token key is drawn afresh each time.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = SeededRandom::new(seed);
        let period = KeyPeriod::new(PERIOD_SECONDS, 0).unwrap();
        let kms = KmsMaster::generate(KmsUri::new("kms.example.org").unwrap(), period, &mut random)
            .unwrap();
        Self {
            kms,
            tokens: SigningKey::generate(Algorithm::Es256).unwrap(),
        }
    }

    /// Public parameters of the KMS.
    #[must_use]
    pub const fn kms(&self) -> &KmsDomain {
        self.kms.domain()
    }

    /// The checked key set of an identity for the key period of a time.
    pub fn key_set_at(&mut self, identity: &str, time: UnixTime) -> UserKeySet {
        let number = self.kms.domain().key_period.number_at(time.to_ntp());
        let issued = self.kms.issue(identity, number).unwrap();
        UserKeySet::validate(self.kms.domain(), &issued).unwrap()
    }

    /// The checked key set of an identity for [`NOW`].
    pub fn key_set(&mut self, identity: &str) -> UserKeySet {
        self.key_set_at(identity, NOW)
    }

    /// A good access token for one resource, valid for an hour from [`NOW`].
    #[must_use]
    pub fn token(&self, user: &McpttId, resource: Resource) -> String {
        self.token_with(user, resource.scope(), NOW.0 + 3600)
    }

    /// An access token with any scope and expiry.
    #[must_use]
    pub fn token_with(&self, user: &McpttId, scope: &str, expires: u64) -> String {
        self.token_issued(user, scope, NOW.0 - 10, expires)
    }

    /// An access token issued at any time.
    #[must_use]
    pub fn token_issued(&self, user: &McpttId, scope: &str, issued: u64, expires: u64) -> String {
        self.signed(&json!({
            "iss": ISSUER, "client_id": "test", "mcptt_id": user.as_str(),
            "scope": scope, "iat": issued, "exp": expires,
        }))
    }

    /// A good access token of a grant, valid for an hour from [`NOW`].
    #[must_use]
    pub fn token_of_grant(&self, user: &McpttId, resource: Resource, grant: &str) -> String {
        self.signed(&json!({
            "iss": ISSUER, "client_id": "test", "mcptt_id": user.as_str(),
            "scope": resource.scope(), "iat": NOW.0 - 10, "exp": NOW.0 + 3600,
            "jti": format!("{grant}.1"),
        }))
    }

    fn signed(&self, claims: &Value) -> String {
        let mut header = Header::new(JwtAlgorithm::ES256);
        header.kid = Some(self.tokens.kid().to_owned());
        encode(
            &header,
            claims,
            &EncodingKey::from_ec_der(self.tokens.pkcs8().expose()),
        )
        .unwrap()
    }

    /// What checks those tokens.
    #[must_use]
    pub fn verifier(&self) -> AccessTokenVerifier {
        let keys = JwkSet::new(vec![self.tokens.public().clone()]);
        let issuer = TrustedIssuer {
            issuer: Issuer::new(ISSUER).unwrap(),
            keys,
        };
        AccessTokenVerifier::new(vec![issuer], ClockSkew::MAX)
    }
}

/// MCPTT ID of a user of the domain.
#[must_use]
pub fn user(name: &str) -> McpttId {
    McpttId::new(format!("sip:{name}@{DOMAIN}")).unwrap()
}

/// ID of a group of the domain.
#[must_use]
pub fn group(name: &str) -> GroupId {
    GroupId::new(format!("sip:{name}@{DOMAIN}")).unwrap()
}
