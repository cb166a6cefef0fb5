//! `amr`: what a user showed at a log-in (OpenID Connect Core 2, RFC 8176).

/// The methods of one log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Amr {
    /// The password.
    #[default]
    Password,
    /// The password and a time-based code (RFC 6238).
    PasswordAndCode,
    /// The password and one of the recovery codes.
    PasswordAndRecovery,
    /// The password and a passkey, which showed that somebody was present.
    PasswordAndPasskey,
    /// A passkey alone, which verified its user by PIN, finger or face: two factors in one.
    Passkey,
    /// None here: the user was vouched for by the IdM server of another domain (TS 33.180 B.7).
    Partner,
}

impl Amr {
    /// The claim's values (RFC 8176 2). A passkey is `pop`, which leaves open whether hardware keeps its key (OpenID
    /// Connect EAP ACR Values 4): without attestation nobody can tell `hwk` from `swk`.
    #[must_use]
    pub const fn values(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["pwd"],
            Self::PasswordAndCode => &["pwd", "otp", "mfa"],
            Self::PasswordAndRecovery => &["pwd", "mfa"],
            Self::PasswordAndPasskey => &["pwd", "pop", "user", "mfa"],
            Self::Passkey => &["pop", "user", "mfa"],
            Self::Partner => &[],
        }
    }

    /// Whether a second factor was shown.
    #[must_use]
    pub const fn has_second_factor(self) -> bool {
        !matches!(self, Self::Password | Self::Partner)
    }

    /// Whether what was shown is worth nothing to whoever watches or imitates the log-in page.
    #[must_use]
    pub const fn resists_phishing(self) -> bool {
        matches!(self, Self::PasswordAndPasskey | Self::Passkey)
    }

    /// A short name for a store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::PasswordAndCode => "pwd+otp",
            Self::PasswordAndRecovery => "pwd+recovery",
            Self::PasswordAndPasskey => "pwd+passkey",
            Self::Passkey => "passkey",
            Self::Partner => "partner",
        }
    }

    /// Reads the name that a store kept.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::Password,
            Self::PasswordAndCode,
            Self::PasswordAndRecovery,
            Self::PasswordAndPasskey,
            Self::Passkey,
            Self::Partner,
        ];
        all.into_iter().find(|amr| amr.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_factor_is_told_and_nothing_is_made_up() {
        assert_eq!(Amr::Password.values(), ["pwd"]);
        assert!(Amr::PasswordAndCode.values().contains(&"mfa"));
        assert_eq!(Amr::from_name("pwd+otp"), Some(Amr::PasswordAndCode));
        assert_eq!(Amr::from_name("otp"), None);
        for amr in [Amr::Passkey, Amr::PasswordAndPasskey] {
            assert!(amr.has_second_factor() && amr.resists_phishing());
            assert!(!amr.values().contains(&"hwk"), "nobody attested it");
            assert_eq!(Amr::from_name(amr.name()), Some(amr));
        }
        assert!(!Amr::Passkey.values().contains(&"pwd"));
        assert!(!Amr::PasswordAndCode.resists_phishing());
        assert!(!Amr::Partner.has_second_factor());
    }
}
