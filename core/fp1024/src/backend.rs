//! Which code computes the field, chosen once for the life of the process.

use core::fmt;
use std::sync::OnceLock;
use thiserror::Error;

#[cfg(target_arch = "x86_64")]
use crate::{adx::Adx, ifma::Ifma};

/// The environment variable that chooses a backend by name.
pub const BACKEND_VARIABLE: &str = "ROGER_FP";

/// A way to compute products of the field. All give the same results; they differ in speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Safe Rust for any machine.
    Portable,
    /// MULX, ADCX and ADOX: x86-64 from Intel Broadwell and AMD Zen on.
    Adx,
    /// AVX-512 IFMA, eight lanes wide: Intel Ice Lake and AMD Zen 4 on.
    Ifma,
}

/// The environment asks for a backend that there is not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{BACKEND_VARIABLE}={asked} is no arithmetic of this machine; leave it out, or use one of: {}",
    names(available)
)]
pub struct BackendUnavailable {
    asked: String,
    available: Vec<Backend>,
}

fn names(backends: &[Backend]) -> String {
    let names: Vec<_> = backends.iter().map(ToString::to_string).collect();
    names.join(", ")
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Adx => "adx",
            Self::Ifma => "ifma",
        })
    }
}

impl Backend {
    /// What this machine can run, slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let all = [Self::Portable, Self::Adx, Self::Ifma];
        all.into_iter()
            .filter(|backend| Engine::of(*backend).is_some())
            .collect()
    }

    /// The backend of this process: the one that `ROGER_FP` names, else the fastest available.
    ///
    /// # Panics
    /// When `ROGER_FP` names none that is available; [`Self::check_environment`] tells before.
    #[must_use]
    pub fn selected() -> Self {
        Engine::selected().backend()
    }

    /// Whether eight elements at once cost much less than eight times one.
    #[must_use]
    pub const fn is_wide(self) -> bool {
        matches!(self, Self::Ifma)
    }

    /// Whether `ROGER_FP` can be obeyed; a program asks once, when it starts.
    ///
    /// # Errors
    /// [`BackendUnavailable`] with the names that can be.
    pub fn check_environment() -> Result<(), BackendUnavailable> {
        Engine::from_environment().map(|_| ())
    }
}

/// A backend with the proof that this machine has its instructions.
#[derive(Clone, Copy)]
pub(crate) enum Engine {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Adx(Adx),
    #[cfg(target_arch = "x86_64")]
    Ifma(Ifma),
}

static SELECTED: OnceLock<Engine> = OnceLock::new();

impl Engine {
    #[inline]
    pub(crate) fn selected() -> Self {
        *SELECTED.get_or_init(Self::select)
    }

    #[cold]
    #[allow(clippy::panic)] // a wrong choice must not silently become another
    fn select() -> Self {
        Self::from_environment().unwrap_or_else(|error| panic!("{error}"))
    }

    fn from_environment() -> Result<Self, BackendUnavailable> {
        let available = Backend::available();
        let asked = std::env::var(BACKEND_VARIABLE).unwrap_or_default();
        let named = |backend: &&Backend| asked.is_empty() || backend.to_string() == asked;
        let engine = available.iter().rev().find(named);
        engine
            .and_then(|backend| Self::of(*backend))
            .ok_or(BackendUnavailable { asked, available })
    }

    #[cfg(target_arch = "x86_64")]
    fn of(backend: Backend) -> Option<Self> {
        match backend {
            Backend::Portable => Some(Self::Portable),
            Backend::Adx => Adx::detect().map(Self::Adx),
            Backend::Ifma => Ifma::detect().map(Self::Ifma),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn of(backend: Backend) -> Option<Self> {
        (backend == Backend::Portable).then_some(Self::Portable)
    }

    fn backend(self) -> Backend {
        match self {
            Self::Portable => Backend::Portable,
            #[cfg(target_arch = "x86_64")]
            Self::Adx(_) => Backend::Adx,
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => Backend::Ifma,
        }
    }
}
