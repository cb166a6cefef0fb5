//! Which code computes, chosen once when the program needs it first.

use std::sync::LazyLock;

/// The environment variable that chooses the backend of all field arithmetic.
const VARIABLE: &str = "ROGER_FP";

/// Code for a kind of processor. All give the same results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// Safe Rust, for any processor.
    Portable,
    /// Assembly for x86-64 with MULX, ADCX/ADOX and AVX2.
    Adx,
}

impl Backend {
    /// The backends that this processor can run, the fastest last.
    #[must_use]
    pub fn available() -> &'static [Self] {
        if has_adx() {
            &[Self::Portable, Self::Adx]
        } else {
            &[Self::Portable]
        }
    }

    /// The backend in use: what `ROGER_FP` says (`portable`, `adx`, or `ifma`, which is `adx` here), else the fastest.
    ///
    /// # Panics
    /// When `ROGER_FP` names no backend or one that this processor cannot run.
    #[must_use]
    pub fn selected() -> Self {
        *SELECTED
    }
}

static SELECTED: LazyLock<Backend> = LazyLock::new(|| {
    let wanted = std::env::var_os(VARIABLE).unwrap_or_default();
    match choose(&wanted.to_string_lossy(), Backend::available()) {
        Ok(backend) => backend,
        // A measurement or a test with another backend than the one asked for would be worse than none.
        #[allow(clippy::panic)]
        Err(message) => panic!("{message}"),
    }
});

fn choose(wanted: &str, available: &[Backend]) -> Result<Backend, String> {
    let backend = match wanted {
        "" => return Ok(available.last().copied().unwrap_or(Backend::Portable)),
        "portable" => Some(Backend::Portable),
        "adx" | "ifma" => Some(Backend::Adx),
        _ => None,
    };
    backend
        .filter(|backend| available.contains(backend))
        .ok_or_else(|| {
            let names = if available.contains(&Backend::Adx) {
                "portable, adx and ifma"
            } else {
                "only portable"
            };
            format!("{VARIABLE}={wanted} is not a backend of this processor; it has {names}")
        })
}

#[cfg(target_arch = "x86_64")]
fn has_adx() -> bool {
    crate::adx::is_available()
}

#[cfg(not(target_arch = "x86_64"))]
const fn has_adx() -> bool {
    false
}

/// Calls a function that is generic over [`crate::arithmetic::Arithmetic`] with a backend.
macro_rules! with_backend {
    ($backend:expr, $($function:ident)::+, $($argument:expr),* $(,)?) => {
        match $backend {
            #[cfg(target_arch = "x86_64")]
            $crate::Backend::Adx => $($function)::+::<$crate::adx::Adx>($($argument),*),
            _ => $($function)::+::<$crate::portable::Portable>($($argument),*),
        }
    };
}
pub(crate) use with_backend;

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &[Backend] = &[Backend::Portable, Backend::Adx];

    #[test]
    fn the_fastest_is_taken_unless_another_is_wanted() {
        assert_eq!(choose("", BOTH), Ok(Backend::Adx));
        assert_eq!(choose("", &[Backend::Portable]), Ok(Backend::Portable));
        assert_eq!(choose("portable", BOTH), Ok(Backend::Portable));
        assert_eq!(choose("adx", BOTH), Ok(Backend::Adx));
        assert_eq!(choose("ifma", BOTH), Ok(Backend::Adx));
    }

    #[test]
    fn an_unknown_or_missing_backend_is_refused_with_what_there_is() {
        let message = choose("avx", BOTH).unwrap_err();
        assert!(message.contains("ROGER_FP=avx") && message.contains("portable, adx and ifma"));
        let message = choose("adx", &[Backend::Portable]).unwrap_err();
        assert!(message.contains("only portable"));
    }
}
