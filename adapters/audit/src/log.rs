//! The thread that writes, and how callers wait for it.

use crate::fault::AuditFault;
use crate::line::{Anchor, Event, MacKey};
use crate::record::AuditRecord;
use crate::writer::{Disk, SystemDisk, Writer};
use core::time::Duration;
use std::path::Path;
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Callers that wait for the disk; one more is refused.
const QUEUE: usize = 1024;
/// Records that share one sync.
const BATCH: usize = 256;

/// How a log is kept.
#[derive(Clone)]
pub struct Options {
    /// A file that has this many octets is followed by another.
    pub largest_file: u64,
    /// How long [`AuditFolder::record`] waits for the disk.
    pub deadline: Duration,
    /// Authenticates lines.
    pub mac: Option<MacKey>,
}

impl Default for Options {
    /// 64 MiB, two seconds, no MAC.
    fn default() -> Self {
        Self {
            largest_file: 64 * 1024 * 1024,
            deadline: Duration::from_secs(2),
            mac: None,
        }
    }
}

struct Request {
    /// Nothing when only the way to the disk is tried.
    event: Option<Event>,
    /// A record whose caller has given up is not written.
    until: Instant,
    answer: SyncSender<Result<(), AuditFault>>,
}

/// An audit log in a folder.
pub struct AuditFolder {
    requests: Option<SyncSender<Request>>,
    head: Arc<Mutex<Anchor>>,
    deadline: Duration,
    ended: Mutex<Receiver<()>>,
}

impl AuditFolder {
    /// Opens the log of a folder and goes on where it ends.
    ///
    /// # Errors
    /// [`AuditFault`]: no folder, another process writes there, the last file does not verify, the disk is slow.
    pub fn open(folder: &Path, options: &Options) -> Result<Self, AuditFault> {
        Self::on_disk(folder, options, Box::new(SystemDisk))
    }

    pub(crate) fn on_disk(
        folder: &Path,
        options: &Options,
        disk: Box<dyn Disk>,
    ) -> Result<Self, AuditFault> {
        let writer = Writer::open(folder, options.largest_file, options.mac.clone(), disk)?;
        let head = Arc::new(Mutex::new(writer.head()));
        let shown = Arc::clone(&head);
        let (requests, queue) = sync_channel(QUEUE);
        let (ending, ended) = sync_channel::<()>(0);
        std::thread::Builder::new()
            .name("roger-audit".to_owned())
            .spawn(move || {
                work(writer, &queue, &shown);
                drop(ending);
            })
            .map_err(|error| AuditFault::io(folder, error))?;
        Ok(Self {
            requests: Some(requests),
            head,
            deadline: options.deadline,
            ended: Mutex::new(ended),
        })
    }

    /// Keeps a record: without error it is on the disk.
    ///
    /// # Errors
    /// [`AuditFault`], at the deadline at the latest. Then the record may be there or not, and what it is about must
    /// not be done.
    pub fn record(&self, record: &AuditRecord) -> Result<(), AuditFault> {
        self.ask(Some(Event::Record(record.clone())))
    }

    /// Whether a record would be kept now: the thread answers, the file is untouched, the disk has room.
    ///
    /// # Errors
    /// [`AuditFault`], at the deadline at the latest.
    pub fn probe(&self) -> Result<(), AuditFault> {
        self.ask(None)
    }

    fn ask(&self, event: Option<Event>) -> Result<(), AuditFault> {
        let until = Instant::now()
            .checked_add(self.deadline)
            .ok_or(AuditFault::LocalTooSlow)?;
        let (answer, answered) = sync_channel(1);
        let request = Request {
            event,
            until,
            answer,
        };
        let requests = self.requests.as_ref().ok_or(AuditFault::LocalEnded)?;
        requests.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => AuditFault::LocalBusy,
            TrySendError::Disconnected(_) => AuditFault::LocalEnded,
        })?;
        match answered.recv_timeout(self.deadline) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Err(AuditFault::LocalTooSlow),
            Err(RecvTimeoutError::Disconnected) => Err(AuditFault::LocalEnded),
        }
    }

    /// The last line that is on the disk, to be noted where the log is not.
    #[must_use]
    pub fn head(&self) -> Anchor {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AuditFolder {
    /// Waits for the thread, but not for ever: it may hang in the disk.
    fn drop(&mut self) {
        self.requests.take();
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(self.deadline);
    }
}

fn work(mut writer: Writer, queue: &Receiver<Request>, head: &Mutex<Anchor>) {
    while let Ok(first) = queue.recv() {
        let mut requests = vec![first];
        while requests.len() < BATCH {
            match queue.try_recv() {
                Ok(request) => requests.push(request),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let now = Instant::now();
        requests.retain(|request| request.until > now);
        if requests.is_empty() {
            continue;
        }
        let (probes, records): (Vec<_>, Vec<_>) = requests
            .into_iter()
            .partition(|request| request.event.is_none());
        for probe in probes {
            let _ = probe.answer.send(writer.probe());
        }
        append(&mut writer, records, head);
    }
}

fn append(writer: &mut Writer, records: Vec<Request>, head: &Mutex<Anchor>) {
    let (events, answers): (Vec<_>, Vec<_>) = records
        .into_iter()
        .filter_map(|request| Some((request.event?, request.answer)))
        .unzip();
    let results = writer.append(&events);
    *head.lock().unwrap_or_else(PoisonError::into_inner) = writer.head();
    for (answer, result) in answers.iter().zip(results) {
        let _ = answer.send(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{Verification, verify};
    use roger_base::UnixTime;
    use std::fs::File;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    fn record(action: &str) -> AuditRecord {
        AuditRecord {
            time: UnixTime(1_700_000_000),
            who: Some("sip:alice@mc.example".to_owned()),
            domain: None,
            action: action.to_owned(),
            subjects: vec![("sip:alice@mc.example".to_owned(), 3969)],
            outcome: "200".to_owned(),
            reason: None,
            about: Vec::new(),
        }
    }

    fn options() -> Options {
        Options {
            deadline: Duration::from_millis(300),
            ..Options::default()
        }
    }

    /// Takes octets only while the gate lets it; counts how often it syncs.
    struct Gated {
        gate: Arc<Mutex<()>>,
        syncs: Arc<AtomicU64>,
    }

    impl Disk for Gated {
        fn append(&mut self, file: &File, octets: &[u8]) -> std::io::Result<()> {
            let _open = self.gate.lock().unwrap();
            self.syncs.fetch_add(1, Ordering::Relaxed);
            SystemDisk.append(file, octets)
        }
    }

    fn gated(folder: &Path, options: &Options) -> (AuditFolder, Arc<Mutex<()>>, Arc<AtomicU64>) {
        let (gate, syncs) = (Arc::default(), Arc::default());
        let disk = Gated {
            gate: Arc::clone(&gate),
            syncs: Arc::clone(&syncs),
        };
        let log = AuditFolder::on_disk(folder, options, Box::new(disk)).unwrap();
        (log, gate, syncs)
    }

    #[test]
    fn a_disk_that_hangs_is_an_error_in_time_and_works_again_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let (log, gate, _) = gated(folder.path(), &options());
        log.record(&record("/before")).unwrap();
        let closed = gate.lock().unwrap();
        let start = Instant::now();
        // This one is in the disk's hands, the next eight wait behind it.
        assert_eq!(
            log.record(&record("/during")),
            Err(AuditFault::LocalTooSlow)
        );
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let refused = log.record(&record("/during"));
                    assert_eq!(refused, Err(AuditFault::LocalTooSlow));
                });
            }
        });
        assert!(start.elapsed() < Duration::from_secs(3));
        drop(closed);
        log.record(&record("/after")).unwrap();
        drop(log);
        let report = verify(folder.path(), &Verification::default()).unwrap();
        // Those that waited behind had given up and were not written.
        assert_eq!(report.records, 3);
    }

    #[test]
    fn a_log_whose_disk_hangs_is_dropped_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let (log, gate, _) = gated(folder.path(), &options());
        let _closed = gate.lock().unwrap();
        assert!(log.record(&record("/during")).is_err());
        let start = Instant::now();
        drop(log);
        assert!(start.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn many_threads_share_one_sync() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options();
        options.deadline = Duration::from_secs(20);
        let (log, gate, syncs) = gated(folder.path(), &options);
        let closed = gate.lock().unwrap();
        let before = syncs.load(Ordering::Relaxed);
        thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| log.record(&record("/together")).unwrap());
            }
            // All of them wait behind the first by now, or soon: none is lost if not.
            thread::sleep(Duration::from_millis(300));
            drop(closed);
        });
        let syncs = syncs.load(Ordering::Relaxed) - before;
        assert!(syncs <= 32, "{syncs} syncs for 64 records");
        drop(log);
        let report = verify(folder.path(), &Verification::default()).unwrap();
        assert_eq!(report.records, 64);
    }

    #[test]
    fn more_callers_than_the_queue_holds_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options();
        options.deadline = Duration::from_millis(1);
        let (log, gate, _) = gated(folder.path(), &options);
        let closed = gate.lock().unwrap();
        let answers = (0..QUEUE + 2 * BATCH).map(|_| log.record(&record("/flood")));
        assert!(
            answers
                .into_iter()
                .any(|answer| answer == Err(AuditFault::LocalBusy))
        );
        drop(closed);
    }

    /// Writes half of what it is given and fails, as a full disk does; `cuts` says how often.
    struct Full(Arc<AtomicU64>);

    impl Disk for Full {
        fn append(&mut self, file: &File, octets: &[u8]) -> std::io::Result<()> {
            if self.0.load(Ordering::Relaxed) == 0 {
                return SystemDisk.append(file, octets);
            }
            self.0.fetch_sub(1, Ordering::Relaxed);
            SystemDisk.append(file, octets.split_at(octets.len() / 2).0)?;
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        }
    }

    #[test]
    fn half_a_batch_on_a_full_disk_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let cuts = Arc::<AtomicU64>::default();
        let mut options = options();
        options.deadline = Duration::from_secs(20);
        // Each record meets the beginning of a file too.
        options.largest_file = 300;
        let disk = Box::new(Full(Arc::clone(&cuts)));
        let log = AuditFolder::on_disk(folder.path(), &options, disk).unwrap();
        for round in 0..12 {
            cuts.store(u64::from(round % 3 == 1), Ordering::Relaxed);
            let kept = log.record(&record("/full"));
            assert_eq!(kept.is_ok(), round % 3 != 1, "{round}: {kept:?}");
            let report = verify(folder.path(), &Verification::default()).unwrap();
            assert_eq!(report.head, log.head());
        }
    }
}
