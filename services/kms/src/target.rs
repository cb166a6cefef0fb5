//! Paths of the KMS (TS 33.180 D.2).

use percent_encoding::percent_decode_str;
use roger_base::NtpTime;
use roger_documents::kms::ROOT_PATH;

/// Longest path looked at; an identity of 1024 octets escaped has three times as many.
const MAX_PATH_OCTETS: usize = 4096;

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `/init`.
    Init,
    /// `/keyprov`: the caller's own keys.
    OwnKeys,
    /// `/keyprov/<identity>`.
    Keys(String),
    /// `/keyprov/<identity>/<16 hex digits>`: the period that contains the time.
    KeysAt(String, u64),
    /// `/certcache` with the number of the client's cache.
    CertCache(Option<u64>),
    /// `/cert/<KMS URI>`.
    Cert(String),
    /// `/lookup/<user URI>`: the domains of a user.
    Lookup(String),
    /// `/redirect`: an upload of KMS redirect responses.
    Redirect,
}

impl Target {
    /// Reads a path as it came in the request line. Each segment is decoded once; a `/` inside an identity has to
    /// come as `%2F`.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        if path.len() > MAX_PATH_OCTETS {
            return None;
        }
        let rest = path.strip_prefix(ROOT_PATH)?.strip_prefix('/')?;
        let segments: Vec<String> = rest.split('/').map(decode).collect::<Option<_>>()?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["init"] => Some(Self::Init),
            ["keyprov"] => Some(Self::OwnKeys),
            ["keyprov", identity] => Some(Self::Keys((*identity).to_owned())),
            ["keyprov", identity, time] => {
                Some(Self::KeysAt((*identity).to_owned(), wire_time(time)?))
            }
            ["certcache"] => Some(Self::CertCache(None)),
            ["certcache", number] => Some(Self::CertCache(Some(decimal(number)?))),
            ["cert", kms_uri] => Some(Self::Cert((*kms_uri).to_owned())),
            ["lookup", user] => Some(Self::Lookup((*user).to_owned())),
            ["redirect"] => Some(Self::Redirect),
            _ => None,
        }
    }

    /// Reads the path out of a URL, `ClientReqUrl`.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        Self::of_url_below("", url)
    }

    /// Reads the path out of a URL of a domain whose paths begin with `prefix`.
    pub(crate) fn of_url_below(prefix: &str, url: &str) -> Option<Self> {
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = after_scheme.get(after_scheme.find('/')?..)?;
        Self::parse(path.strip_prefix(prefix)?)
    }

    /// The time of [`Target::KeysAt`], in the era nearest to `now`.
    #[must_use]
    pub fn time(wire: u64, now: NtpTime) -> NtpTime {
        NtpTime::from_wire(wire, now)
    }
}

fn decode(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    let printable = !text.is_empty() && !text.chars().any(char::is_control);
    printable.then(|| text.into_owned())
}

fn wire_time(text: &str) -> Option<u64> {
    let digits = text.len() == 16 && text.bytes().all(|octet| octet.is_ascii_hexdigit());
    digits.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "/keymanagement/identity/v1";

    fn parse(path: &str) -> Option<Target> {
        Target::parse(&format!("{ROOT}{path}"))
    }

    #[test]
    fn the_paths_of_the_clause_are_read() {
        let user = || "sip:user@example.org".to_owned();
        assert_eq!(parse("/init"), Some(Target::Init));
        assert_eq!(parse("/keyprov"), Some(Target::OwnKeys));
        assert_eq!(
            parse("/keyprov/sip%3Auser%40example.org"),
            Some(Target::Keys(user()))
        );
        assert_eq!(
            parse("/keyprov/sip:user@example.org"),
            Some(Target::Keys(user()))
        );
        let time = Some(Target::KeysAt(user(), 0xD6B4_3232_0000_0000));
        assert_eq!(
            parse("/keyprov/sip%3auser%40example.org/D6B4323200000000"),
            time
        );
        assert_eq!(parse("/certcache/12"), Some(Target::CertCache(Some(12))));
        assert_eq!(
            parse("/lookup/sip:user%40example.org"),
            Some(Target::Lookup(user()))
        );
        assert_eq!(parse("/redirect"), Some(Target::Redirect));
        assert_eq!(parse("/cert/kms%2Fa"), Some(Target::Cert("kms/a".into())));
    }

    #[test]
    fn a_segment_is_decoded_once() {
        assert_eq!(
            parse("/keyprov/a%2540b"),
            Some(Target::Keys("a%40b".into()))
        );
    }

    #[test]
    fn everything_else_is_no_path_of_ours() {
        for path in [
            "",
            "/",
            "/init/",
            "/init?x=1",
            "/Init",
            "/keyprov/",
            "/keyprov//",
            "/keyprov/a/1",
            "/keyprov/a/D6B432320000000g",
            "/keyprov/a/+6B4323200000000",
            "/keyprov/a/D6B4323200000000/x",
            "/certcache/x",
            "/certcache/-1",
            "/cert",
            "/cert/%ff",
            "/keyprov/%0a",
            "/lookup",
            "/lookup/a/b",
            "/redirect/",
            "/redirect/a",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
        assert_eq!(Target::parse("/other/init"), None);
        assert_eq!(
            Target::parse(&format!("{ROOT}/keyprov/{}", "a".repeat(5000))),
            None
        );
    }

    #[test]
    fn a_url_names_the_same() {
        assert_eq!(
            Target::of_url(&format!("https://kms.example.org:8443{ROOT}/init")),
            Some(Target::Init)
        );
        assert_eq!(Target::of_url(&format!("{ROOT}/init")), Some(Target::Init));
        assert_eq!(Target::of_url("https://kms.example.org"), None);
    }
}
