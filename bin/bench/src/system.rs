//! What the machine tells: CPU time, processors, memory, randomness.

use crate::error::BenchError;
use core::num::NonZeroUsize;
use core::time::Duration;
use roger_base::{Random, RandomError};
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// Randomness of the operating system by way of AWS-LC.
pub(crate) struct OsRandom;

impl Random for OsRandom {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        aws_lc_rs::rand::fill(buffer).map_err(|_| RandomError)
    }
}

/// CPU time that this thread has used: what others do on the machine is not in it.
pub(crate) fn thread_time() -> Duration {
    duration(clock_gettime(ClockId::ThreadCPUTime))
}

/// CPU time that all threads of this process have used.
pub(crate) fn process_time() -> Duration {
    duration(clock_gettime(ClockId::ProcessCPUTime))
}

fn duration(time: rustix::time::Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Threads that can run at the same time.
pub(crate) fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// While it lives, this thread and the processes it starts stay on one core.
pub(crate) struct Pinned(CpuSet);

impl Pinned {
    /// Stays where the thread is just now.
    ///
    /// # Errors
    /// [`BenchError::LocalSystem`] when the system does not allow it.
    pub(crate) fn here() -> Result<Self, BenchError> {
        let refused = BenchError::system("cannot stay on one core");
        let before = sched_getaffinity(None).map_err(&refused)?;
        let mut one = CpuSet::new();
        one.set(sched_getcpu());
        sched_setaffinity(None, &one).map_err(&refused)?;
        Ok(Self(before))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // It was allowed before; if it no longer is, the thread stays on its core.
        let _ = sched_setaffinity(None, &self.0);
    }
}

/// The largest memory this process ever had (`VmHWM`), in octets.
///
/// # Errors
/// [`BenchError::LocalSystem`] when the system does not tell.
pub(crate) fn peak_octets() -> Result<u64, BenchError> {
    memory_octets("VmHWM:")
}

/// The memory that this process has now (`VmRSS`), in octets.
///
/// # Errors
/// [`BenchError::LocalSystem`] when the system does not tell.
pub(crate) fn resident_octets() -> Result<u64, BenchError> {
    memory_octets("VmRSS:")
}

fn memory_octets(name: &str) -> Result<u64, BenchError> {
    let status = std::fs::read_to_string("/proc/self/status");
    let status = status.map_err(BenchError::system("/proc/self/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB"));
    let kibibytes = kibibytes.and_then(|number| number.trim().parse::<u64>().ok());
    let missing = || std::io::Error::other(format!("no {name}"));
    let kibibytes = kibibytes.ok_or_else(missing);
    Ok(kibibytes.map_err(BenchError::system("/proc/self/status"))? * 1024)
}

/// The name of the processor, for the reader of a report.
pub(crate) fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find(|line| line.starts_with("model name"));
    let name = name.and_then(|line| line.split_once(':'));
    name.map_or("unknown", |(_, name)| name.trim()).to_owned()
}
