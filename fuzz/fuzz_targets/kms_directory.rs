#![no_main]
//! A KMS of two domains under any path, host, token and body. Nothing that the fuzzer asks for is released.
use libfuzzer_sys::fuzz_target;
use roger_base::{KmsUri, UnixTime};
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_kms::memory::{MemoryAudit, MemoryRepository};
use roger_kms::ports::{TokenDenial, TokenVerifier, VerifiedClaims};
use roger_kms::{
    Channel, Credential, DomainAddress, HttpRequest, KeyAccount, Kms, KmsConfig, KmsDirectory, Method, Ports,
};
use roger_testkit::SeededRandom;
use std::sync::{Arc, LazyLock};

const ALICE: &str = "sip:alice@mcptt.example.org";
const NOW: UnixTime = UnixTime(1_390_730_834);

/// Every token is Alice's.
struct Alices;

impl TokenVerifier for Alices {
    fn verify(&self, _: &str, _: UnixTime) -> Result<VerifiedClaims, TokenDenial> {
        let denied = |_| TokenDenial::DeniedScope;
        Ok(VerifiedClaims { mcptt_id: roger_base::McpttId::new(ALICE).map_err(denied)? })
    }
}

fn kms(uri: &str, seed: u64) -> Arc<Kms> {
    let mut random = SeededRandom::new(seed);
    let period = KeyPeriod::new(2_592_000, 0).unwrap();
    let master = KmsMaster::generate(KmsUri::new(uri).unwrap(), period, &mut random).unwrap();
    let repository = MemoryRepository::default();
    repository.put_account(KeyAccount::provision(ALICE, &mut random).unwrap()).unwrap();
    let ports = Ports {
        repository: Arc::new(repository),
        tokens: Arc::new(Alices),
        audit: Arc::new(MemoryAudit::default()),
    };
    Arc::new(Kms::new(master, KmsConfig::default(), ports))
}

static DIRECTORY: LazyLock<KmsDirectory> = LazyLock::new(|| {
    let mut directory = KmsDirectory::new();
    for (prefix, uri, seed) in [("", "kms.x", 1), ("/fire", "kms.fire", 2)] {
        let address = DomainAddress { host: None, prefix: prefix.to_owned() };
        directory.add(address, kms(uri, seed)).unwrap();
    }
    directory
});

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |octet| *octet == b'\n');
    let mut text = || parts.next().and_then(|part| core::str::from_utf8(part).ok()).unwrap_or_default();
    let (path, host) = (text(), text());
    let body = data.get(path.len() + host.len() + 2..).unwrap_or_default();
    let answer = DIRECTORY.handle(
        &HttpRequest {
            method: Method::Post,
            path,
            host: Some(host),
            channel: Channel::Direct,
            credential: Credential::Bearer("token"),
            asserted: None,
            body,
        },
        NOW,
    );
    assert!(matches!(answer.status, 400 | 403 | 404 | 413), "{}", answer.status);
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.contains("KmsError") && !text.contains("KmsMessage"));
});
