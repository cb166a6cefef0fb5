//! The files of a run: `settings.cfg` and the five tables, in the text format of Kamailio's module `db_text`.

use crate::process::KamailioError;
use crate::settings::{KamailioSettings, TlsSettings};
use core::fmt::Write as _;
use roger_sip::digest::Ha1;
use roger_sip::endpoint::Target;
use roger_sip::uri::Uri;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use zeroize::Zeroizing;

/// Columns of a table of the module `htable`.
const COLUMNS: &str =
    "key_name(string) key_type(int) value_type(int) key_value(string) expires(int)\n";

/// Writes everything into a folder that nobody else reads.
///
/// # Errors
/// [`KamailioError`] when a value cannot stand in the settings or a file not be written.
pub(crate) fn write(settings: &KamailioSettings, folder: &Path) -> Result<(), KamailioError> {
    let tables = folder.join("tables");
    std::fs::create_dir(&tables)?;
    put(
        &folder.join("kamailio.cfg"),
        crate::CONFIGURATION.as_bytes(),
    )?;
    let mut site = site(settings, &tables)?;
    if let Some(tls) = &settings.tls {
        let file = folder.join("tls.cfg");
        put(&file, tls_file(tls)?.as_bytes())?;
        let (at, file) = (tls.address, path(&file)?.to_owned());
        let _ = writeln!(site, "listen=tls:{at}\n#!define WITH_TLS");
        let _ = writeln!(site, "#!define TLS_SETTINGS \"{file}\"");
    }
    put(&folder.join("settings.cfg"), site.as_bytes())?;
    for (name, rows) in contents(settings) {
        put(&tables.join(name), table(&rows).as_bytes())?;
    }
    Ok(())
}

fn put(path: &Path, octets: &[u8]) -> Result<(), KamailioError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    Ok(file.and_then(|mut file| file.write_all(octets))?)
}

/// `settings.cfg` as `settings.example.cfg` explains it.
fn site(settings: &KamailioSettings, tables: &Path) -> Result<String, KamailioError> {
    let at = settings.address;
    let (own, server) = (
        format!("sip:{at};transport=tcp"),
        &settings.application_server,
    );
    let mut text = String::new();
    for (name, value) in [
        ("HOME_DOMAIN", settings.domain.as_str()),
        ("OWN_URI", own.as_str()),
        ("MCPTT_SERVER_URI", server.identity.as_str()),
        ("MCPTT_SERVER_ADDRESS", uri_of(server.target).as_str()),
    ] {
        let value = plain(value)?;
        let _ = writeln!(text, "#!substdef \"!{name}!{value}!g\"");
    }
    let _ = writeln!(text, "listen=udp:{at}\nlisten=tcp:{at}");
    if let Some(for_ues) = settings.ue_address {
        // After the other one: Kamailio names itself to servers by the first.
        let _ = writeln!(text, "listen=tcp:{for_ues}");
    }
    match at.ip() {
        IpAddr::V4(ip) => {
            let _ = writeln!(text, "tcp_source_ipv4={ip}");
        }
        IpAddr::V6(ip) => {
            let _ = writeln!(text, "tcp_source_ipv6=[{ip}]");
        }
    }
    let tables = path(tables)?;
    let _ = writeln!(text, "#!define TABLES \"text://{tables}\"");
    if settings.websocket {
        text.push_str("#!define WITH_WEBSOCKET\n");
    }
    let algorithm = settings.algorithm.as_str();
    let _ = writeln!(text, "#!define DIGEST_ALGORITHM \"{algorithm}\"");
    let (shortest, interval) = (settings.min_expires, settings.expiry_interval);
    let _ = writeln!(text, "#!define MIN_EXPIRES {shortest}");
    let _ = writeln!(text, "#!define EXPIRY_INTERVAL {interval}");
    Ok(text)
}

/// A value that means itself between the marks of a substitution and in a string of the configuration.
fn plain(value: &str) -> Result<&str, KamailioError> {
    let is_plain = |octet: u8| octet.is_ascii_graphic() && !b"!\"\\$#".contains(&octet);
    if !value.is_empty() && value.bytes().all(is_plain) {
        return Ok(value);
    }
    Err(KamailioError::LocalSetting(value.to_owned()))
}

fn path(path: &Path) -> Result<&str, KamailioError> {
    plain(path.to_str().unwrap_or_default())
}

/// UEs prove themselves by digest; a client certificate is not asked for.
fn tls_file(tls: &TlsSettings) -> Result<String, KamailioError> {
    let (certificate, key) = (path(&tls.certificate)?, path(&tls.key)?);
    Ok(format!(
        "[server:default]\nmethod = TLSv1.2+\nverify_certificate = no\nrequire_certificate = no\n\
         certificate = {certificate}\nprivate_key = {key}\n"
    ))
}

fn uri_of(target: Target) -> String {
    let transport = target.transport().parameter();
    format!("sip:{};transport={transport}", target.peer())
}

type Rows = Vec<(String, Zeroizing<String>)>;

/// The tables with their rows.
fn contents(settings: &KamailioSettings) -> [(&'static str, Rows); 5] {
    let text = |text: String| Zeroizing::new(text);
    let (mut credentials, mut owners, mut identities) = (Rows::new(), Rows::new(), Rows::new());
    for subscriber in &settings.subscribers {
        let user = &subscriber.username;
        let ha1 = Ha1::from_password(
            settings.algorithm,
            user,
            &settings.domain,
            &subscriber.password,
        );
        let hex = String::from_utf8_lossy(ha1.hex().expose()).into_owned();
        credentials.push((user.clone(), text(hex)));
        let all = subscriber.identities.iter();
        let listed: Vec<String> = all.clone().map(|own| format!("<{own}>")).collect();
        identities.push((user.clone(), text(listed.join(", "))));
        let owned = all.map(|own| (canonical(own.as_str()), text(user.clone())));
        owners.extend(owned);
    }
    let services = settings.services.iter().map(|service| {
        let name = canonical(service.identity.as_str());
        (name, text(uri_of(service.target)))
    });
    let servers = settings.servers.iter();
    let servers = servers.map(|address| (address.to_string(), text("1".to_owned())));
    [
        ("credentials", credentials),
        ("owners", owners),
        ("identities", identities),
        ("services", services.collect()),
        ("servers", servers.collect()),
    ]
}

/// Scheme, user and host of a URI, the host in lower case: how the configuration looks identities up.
fn canonical(text: &str) -> String {
    let Ok(uri) = Uri::parse(text.as_bytes()) else {
        return text.to_owned();
    };
    let Some(host) = uri.host() else {
        return text.to_owned();
    };
    let host = host.to_ascii_lowercase();
    match uri.user_unescaped() {
        Some(user) => format!("sip:{user}@{host}"),
        None => format!("sip:{host}"),
    }
}

fn table(rows: &[(String, Zeroizing<String>)]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(COLUMNS.to_owned());
    for (key, value) in rows {
        let (key, value) = (escaped(key), escaped(value));
        let _ = writeln!(text, "{}:0:0:{}:0", *key, *value);
    }
    text
}

/// Columns end with a colon, rows with a line feed.
fn escaped(text: &str) -> Zeroizing<String> {
    let mut escaped = Zeroizing::new(String::with_capacity(text.len() + 8));
    for character in text.chars() {
        match character {
            ':' => escaped.push_str("\\:"),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\0' => escaped.push_str("\\0"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_base::{Impu, SecretBytes, ServerUri};
    use roger_sipcore::{ApplicationServer, Subscriber};

    fn settings() -> KamailioSettings {
        let identity = ServerUri::new("sip:pf@mc.example.org").unwrap();
        let target = Target::tcp("127.1.2.14:5060".parse().unwrap());
        let server = ApplicationServer {
            identity: identity.clone(),
            target,
            feature_tag: "+g.3gpp.mcptt".to_owned(),
        };
        let address = "127.1.2.13:5060".parse().unwrap();
        let mut settings = KamailioSettings::new("ims.example.org", address, server);
        settings.add_server(identity, target);
        settings.subscribers.push(Subscriber {
            username: "u1@ims.example.org".to_owned(),
            identities: vec![
                Impu::new("sip:u1@IMS.example.org").unwrap(),
                Impu::new("sip:one@ims.example.org").unwrap(),
            ],
            password: SecretBytes::new(b"secret".to_vec()),
        });
        settings
    }

    #[test]
    fn the_tables_hold_hashes_and_no_password() {
        let [credentials, owners, identities, services, servers] =
            contents(&settings()).map(|(_, rows)| table(&rows).to_string());
        assert!(!credentials.contains("secret"));
        // Of "u1@ims.example.org:ims.example.org:secret", by sha256sum.
        let hash = "f94f6939bf840e6fe3bf6123e275a3fa245ded9c9b9d7aaaf3589072fc153dd8";
        let row = format!("{COLUMNS}u1@ims.example.org:0:0:{hash}:0\n");
        assert_eq!(credentials, row);
        assert_eq!(
            owners,
            format!(
                "{COLUMNS}sip\\:u1@ims.example.org:0:0:u1@ims.example.org:0\n\
                 sip\\:one@ims.example.org:0:0:u1@ims.example.org:0\n"
            )
        );
        assert!(identities.contains("<sip\\:u1@IMS.example.org>, <sip\\:one@ims.example.org>"));
        assert!(services.contains("sip\\:127.1.2.14\\:5060;transport=tcp"));
        assert!(servers.contains("\n127.1.2.14:0:0:1:0\n"));
    }

    #[test]
    fn no_value_ends_its_column_or_row() {
        let rows = vec![("a:b\nc".to_owned(), Zeroizing::new("d\\e\r".to_owned()))];
        let text = table(&rows);
        assert_eq!(
            text.as_str(),
            format!("{COLUMNS}a\\:b\\nc:0:0:d\\\\e\\r:0\n")
        );
    }

    #[test]
    fn a_value_that_would_change_the_configuration_is_refused() {
        for domain in [
            "",
            "a!b",
            "a\"b",
            "a b",
            "a\nlisten=udp:0.0.0.0",
            "$def(X)",
            "a\\",
        ] {
            let mut settings = settings();
            settings.domain = domain.to_owned();
            let refused = site(&settings, Path::new("/run/x"));
            assert!(
                matches!(refused, Err(KamailioError::LocalSetting(value)) if value == domain),
                "{domain:?}"
            );
        }
        assert!(site(&settings(), Path::new("/run/x")).is_ok());
    }
}
