//! Whole I_MESSAGEs on one core: made in bulk and received, everything included.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, missing_docs)]

use core::convert::Infallible;
use core::num::NonZeroUsize;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use roger_base::{GroupId, KmsUri, McpttId, NtpTime, PurposeTag, UnixTime};
use roger_ibc::uid::KeyPeriod;
use roger_ibc::{KmsDomain, KmsMaster, UserKeySet};
use roger_keys::Gmk;
use roger_mikey::{
    Carriage, Context, CreateOptions, GroupKeyDistribution, KeyParameters, Receiver, Sender,
    group_key_messages_in_bulk,
};
use roger_testkit::SeededRandom;

const GMS: &str = "sip:gms.mcptt.example.org";
const NOW: UnixTime = UnixTime(1_760_000_000);
/// Members of the group: several chunks.
const MEMBERS: usize = 256;

struct Bench {
    kms: KmsMaster,
    random: SeededRandom,
    now: NtpTime,
}

impl Bench {
    fn new() -> Self {
        let mut random = SeededRandom::new(1);
        let uri = KmsUri::new("kms.mcptt.example.org").unwrap();
        let period = KeyPeriod::new(2_592_000, 0).unwrap();
        let kms = KmsMaster::generate(uri, period, &mut random).unwrap();
        let now = NOW.to_ntp();
        Self { kms, random, now }
    }

    fn key_set(&mut self, identity: &str) -> UserKeySet {
        let domain = self.kms.domain().clone();
        let number = domain.key_period.number_at(self.now);
        let issued = self.kms.issue(identity, number).unwrap();
        UserKeySet::validate(&domain, &issued).unwrap()
    }
}

fn parameters() -> KeyParameters {
    KeyParameters {
        activation: Some(NOW),
        groups: Some(vec![GroupId::new("sip:fire-1@mcptt.example.org").unwrap()]),
        ..KeyParameters::new(PurposeTag::Gmk)
    }
}

fn members() -> Vec<McpttId> {
    (0..MEMBERS)
        .map(|n| McpttId::new(format!("sip:user.{n:05}@mcptt.example.org")).unwrap())
        .collect()
}

/// All messages to the members, one after the other.
fn messages(
    distribution: GroupKeyDistribution<'_>,
    members: &[McpttId],
    domain: &KmsDomain,
    random: &mut SeededRandom,
    mut sink: impl FnMut(Vec<u8>),
) {
    let addressed = members.iter().map(|member| (member, domain));
    let sink = |_: &McpttId, message: Result<Vec<u8>, _>| {
        sink(message.unwrap());
        Ok::<(), Infallible>(())
    };
    group_key_messages_in_bulk(distribution, addressed, NonZeroUsize::MIN, random, sink).unwrap();
}

fn create(criterion: &mut Criterion) {
    let mut bench = Bench::new();
    let gms = bench.key_set(GMS);
    let gmk = Gmk::random(&mut bench.random).unwrap();
    let (members, parameters) = (members(), parameters());
    let distribution = GroupKeyDistribution {
        gmk: &gmk,
        gms: &gms,
        parameters: &parameters,
        now: bench.now,
        options: CreateOptions::GROUP_KEY,
    };
    let mut random = bench.random.clone();
    let mut group = criterion.benchmark_group("mikey");
    group.throughput(Throughput::Elements(MEMBERS as u64));
    group.sample_size(20);
    group.bench_function("imessage_create_batch", |b| {
        b.iter(|| {
            let mut octets = 0;
            let domain = bench.kms.domain();
            messages(distribution, &members, domain, &mut random, |message| {
                octets += message.len();
            });
            octets
        });
    });
    group.finish();
}

fn receive(criterion: &mut Criterion) {
    let mut bench = Bench::new();
    let gms = bench.key_set(GMS);
    let gmk = Gmk::random(&mut bench.random).unwrap();
    let parameters = parameters();
    let member = members().remove(0);
    let distribution = GroupKeyDistribution {
        gmk: &gmk,
        gms: &gms,
        parameters: &parameters,
        now: bench.now,
        options: CreateOptions::GROUP_KEY,
    };
    let domain = bench.kms.domain();
    let message = distribution
        .to(&member, domain)
        .build(&mut bench.random)
        .unwrap();
    let key_sets = [bench.key_set(member.as_str())];
    let context = Context {
        key_sets: &key_sets,
        domains: &[],
        sender: Sender::OneOf(&[GMS]),
        carriage: Carriage::Stored,
        now: bench.now,
    };
    let mut receiver = Receiver::default();
    let mut group = criterion.benchmark_group("mikey");
    group.throughput(Throughput::Elements(1));
    group.bench_function("imessage_receive", |b| {
        b.iter(|| receiver.open_gmk(&message, &context, None).unwrap());
    });
    group.finish();
}

criterion_group!(benches, create, receive);
criterion_main!(benches);
