//! The operations as the libraries offer them.
//!
//! Every input is new: an identity, a message or encapsulated data that the libraries have not seen. Inputs are made
//! before the clock starts.

use crate::domain::{Domain, NOW};
use crate::error::BenchError;
use crate::operation::Operation;
use crate::system::OsRandom;
use core::hint::black_box;
use core::num::NonZeroUsize;
use roger_base::McpttId;
use roger_fp1024::Backend;
use roger_ibc::sakke::{self, Recipient};
use roger_mikey::open::{Carriage, Context, Receiver, Sender};
use roger_mikey::{CreateError, group_key_messages_in_bulk};

/// Inputs of one batch: enough for every saving of bulk work.
const BATCH: usize = 64;

/// Inputs of one batch when there is hardly time: as many as share an inversion.
const SHORT_BATCH: usize = 16;

/// Below this many seconds there is hardly time.
const SHORT: f64 = 0.2;

type Boxed<'a> = Box<dyn Workload + 'a>;

/// One operation with its inputs.
pub(crate) trait Workload {
    /// Operations that one call makes: more than one in a batch.
    fn size(&self) -> usize;
    /// Makes the inputs of so many calls.
    fn prepare(&mut self, calls: usize) -> Result<(), BenchError>;
    /// Makes the calls, which use the inputs up.
    fn run(&mut self) -> Result<(), BenchError>;
}

/// How an operation uses all cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parallel {
    /// The library spreads a batch over threads by itself.
    Inside,
    /// One caller in each thread.
    Callers,
}

/// How an operation uses all cores.
pub(crate) const fn parallel(operation: Operation) -> Parallel {
    match operation {
        Operation::EncapsulateBatch | Operation::IMessageCreateBatch => Parallel::Inside,
        _ => Parallel::Callers,
    }
}

/// The field backend of this process.
///
/// # Errors
/// [`BenchError::LocalBackend`] when the environment asks for one that there is not.
pub(crate) fn backend() -> Result<String, BenchError> {
    Backend::check_environment()?;
    Ok(Backend::selected().to_string())
}

/// Every field backend that this processor has.
#[must_use]
pub fn backends() -> Vec<String> {
    let available = Backend::available().into_iter();
    available.map(|backend| backend.to_string()).collect()
}

/// How operations are called that take many inputs at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bulk {
    /// Inputs of one call for each thread.
    pub(crate) inputs: usize,
    /// Threads that one call may use.
    pub(crate) threads: NonZeroUsize,
}

impl Bulk {
    /// Batches that suit a measurement of so many seconds.
    pub(crate) const fn lasting(seconds: f64, threads: NonZeroUsize) -> Self {
        let inputs = match seconds < SHORT {
            true => SHORT_BATCH,
            false => BATCH,
        };
        Self { inputs, threads }
    }

    /// Inputs of one call.
    const fn size(self) -> usize {
        self.inputs * self.threads.get()
    }
}

/// The workload of an operation.
pub(crate) fn workload(
    operation: Operation,
    domain: &Domain,
    bulk: Bulk,
) -> Result<Boxed<'_>, BenchError> {
    Ok(match operation {
        Operation::Encapsulate => encapsulate(domain),
        Operation::EncapsulateBatch => encapsulate_batch(domain, bulk),
        Operation::Decapsulate => decapsulate(domain),
        Operation::DecapsulateUnprepared => decapsulate_unprepared(domain),
        Operation::Rsk => rsk(domain),
        Operation::RskBatch => rsk_batch(domain, bulk),
        Operation::RskValidate => rsk_validate(domain),
        Operation::EccsiPair => eccsi_pair(domain),
        Operation::EccsiSign => eccsi_sign(domain),
        Operation::EccsiVerify => eccsi_verify(domain),
        Operation::EccsiVerifyPrepared => eccsi_verify_prepared(domain)?,
        Operation::IMessageCreateBatch => imessage_create_batch(domain, bulk),
        Operation::IMessageReceive => imessage_receive(domain),
    })
}

fn encapsulate(domain: &Domain) -> Boxed<'_> {
    each(1, Domain::new_id, |id| {
        black_box(sakke::encapsulate(&domain.public.enc, &id, &domain.ssv));
        Ok(())
    })
}

fn encapsulate_batch(domain: &Domain, bulk: Bulk) -> Boxed<'_> {
    each(
        bulk.size(),
        move || many(bulk.size(), Domain::new_id),
        move |ids| {
            let kms = &domain.public.enc;
            let recipients = ids.iter().map(|id| Recipient { kms, id });
            let recipients: Vec<Recipient<'_>> = recipients.collect();
            black_box(match bulk.threads {
                NonZeroUsize::MIN => sakke::encapsulate_batch(&recipients, &domain.ssv),
                threads => sakke::encapsulate_batch_on(threads, &recipients, &domain.ssv),
            });
            Ok(())
        },
    )
}

fn decapsulate(domain: &Domain) -> Boxed<'_> {
    let receiver = &domain.member.receiver;
    receiver.prepare();
    each(
        1,
        || domain.encapsulated(),
        move |(ssv, data)| {
            let opened = receiver.decapsulate(&data);
            same(Operation::Decapsulate, opened == Ok(ssv))
        },
    )
}

fn decapsulate_unprepared(domain: &Domain) -> Boxed<'_> {
    let receiver = &domain.member.receiver;
    each(
        1,
        || domain.encapsulated(),
        move |(ssv, data)| {
            let opened = receiver.decapsulate_unprepared(&data);
            let equal = opened.is_ok_and(|opened| opened.expose() == ssv.expose());
            same(Operation::DecapsulateUnprepared, equal)
        },
    )
}

fn rsk(domain: &Domain) -> Boxed<'_> {
    each(1, Domain::new_id, |id| {
        let key = domain.enc.issue(&id);
        black_box(key.map_err(BenchError::wrong("rsk"))?);
        Ok(())
    })
}

fn rsk_batch(domain: &Domain, bulk: Bulk) -> Boxed<'_> {
    each(
        bulk.size(),
        move || many(bulk.size(), Domain::new_id),
        |ids| {
            let ids: Vec<&[u8]> = ids.iter().map(<[u8; 32]>::as_slice).collect();
            let keys = domain.enc.issue_batch(&ids).into_iter();
            let keys: Result<Vec<_>, _> = keys.collect();
            black_box(keys.map_err(BenchError::wrong("rsk_batch"))?);
            Ok(())
        },
    )
}

fn rsk_validate(domain: &Domain) -> Boxed<'_> {
    each(
        1,
        || domain.with_rsk(),
        |(id, rsk)| {
            black_box(domain.receiver(&id, &rsk)?);
            Ok(())
        },
    )
}

fn eccsi_pair(domain: &Domain) -> Boxed<'_> {
    each(1, Domain::new_id, |id| {
        black_box(domain.auth.issue(&id, &mut OsRandom)?);
        Ok(())
    })
}

fn eccsi_sign(domain: &Domain) -> Boxed<'_> {
    each(1, Domain::new_message, |message| {
        black_box(domain.gms.signing.sign(&message, &mut OsRandom)?);
        Ok(())
    })
}

fn eccsi_verify(domain: &Domain) -> Boxed<'_> {
    each(
        1,
        || domain.signed_by_new_sender(),
        |signed| {
            let kpak = domain.auth.public();
            let verified = kpak.verify(&signed.id, &signed.message, &signed.signature);
            verified.map_err(BenchError::wrong("eccsi_verify"))
        },
    )
}

fn eccsi_verify_prepared(domain: &Domain) -> Result<Boxed<'_>, BenchError> {
    let wrong = BenchError::wrong("eccsi_verify_prepared");
    let (id, pvt) = (domain.gms.uid, domain.gms.signing.pvt());
    let sender = domain.auth.public().prepare_sender(id.as_octets(), pvt);
    let sender = sender.map_err(&wrong)?;
    Ok(each(
        1,
        || domain.signed_by_gms(),
        move |signed| {
            let verified = sender.verify(&signed.message, &signed.signature);
            verified.map_err(&wrong)
        },
    ))
}

fn imessage_create_batch(domain: &Domain, bulk: Bulk) -> Boxed<'_> {
    each(
        bulk.size(),
        move || many(bulk.size(), Domain::new_member),
        move |members| {
            group_messages(domain, &members, bulk.threads, |message| {
                black_box(message);
            })
        },
    )
}

/// The messages of the domain's GMK to these members; `sink` gets them in their order.
pub(crate) fn group_messages(
    domain: &Domain,
    members: &[McpttId],
    threads: NonZeroUsize,
    mut sink: impl FnMut(Vec<u8>),
) -> Result<(), BenchError> {
    let addressed = members.iter().map(|member| (member, &domain.public));
    let sink = |_: &McpttId, message: Result<Vec<u8>, CreateError>| {
        sink(message?);
        Ok(())
    };
    let distribution = domain.distribution();
    let made = group_key_messages_in_bulk(distribution, addressed, threads, &mut OsRandom, sink);
    made.map_err(BenchError::wrong::<CreateError>("imessage_create_batch"))
}

fn imessage_receive(domain: &Domain) -> Boxed<'_> {
    let key_sets = vec![domain.member.clone()];
    let mut receiver = Receiver::default();
    let distribution = domain.distribution();
    let make = move || {
        let message = distribution.to(&domain.member_id, &domain.public);
        let message = message.build(&mut OsRandom);
        message.map_err(BenchError::wrong("imessage_create_batch"))
    };
    each(1, make, move |octets| {
        let context = Context {
            key_sets: &key_sets,
            domains: &[],
            sender: Sender::OneOf(&[crate::domain::GMS]),
            carriage: Carriage::Live,
            now: NOW,
        };
        let opened = receiver.open_gmk(&octets, &context, Some(&domain.group));
        let opened = opened.map_err(BenchError::wrong("imessage_receive"))?;
        let same_key = opened.group_key.gmk.secret() == domain.gmk.secret();
        same(Operation::IMessageReceive, same_key)
    })
}

fn same(operation: Operation, equal: bool) -> Result<(), BenchError> {
    match equal {
        true => Ok(()),
        false => Err(BenchError::wrong(operation.name())("another key came out")),
    }
}

fn many<I>(
    count: usize,
    mut make: impl FnMut() -> Result<I, BenchError>,
) -> Result<Vec<I>, BenchError> {
    (0..count).map(|_| make()).collect()
}

/// A workload of two steps for each input: make it, use it.
struct Each<I, M, R> {
    size: usize,
    make: M,
    run: R,
    inputs: Vec<I>,
}

fn each<'a, I: 'a>(
    size: usize,
    make: impl FnMut() -> Result<I, BenchError> + 'a,
    run: impl FnMut(I) -> Result<(), BenchError> + 'a,
) -> Boxed<'a> {
    Box::new(Each {
        size,
        make,
        run,
        inputs: Vec::new(),
    })
}

impl<I, M, R> Workload for Each<I, M, R>
where
    M: FnMut() -> Result<I, BenchError>,
    R: FnMut(I) -> Result<(), BenchError>,
{
    fn size(&self) -> usize {
        self.size
    }

    fn prepare(&mut self, calls: usize) -> Result<(), BenchError> {
        self.inputs = many(calls, &mut self.make)?;
        Ok(())
    }

    fn run(&mut self) -> Result<(), BenchError> {
        self.inputs.drain(..).try_for_each(&mut self.run)
    }
}
