//! The users of a system: what the IdM server, the KMS and the SIP core know of each, and what her UE is given.

use super::SystemError;
use super::domain::{IMS_DOMAIN, mcptt_id};
use core::fmt::Write as _;
use roger_base::{ClientId, Impu, McpttId, Random, RandomError, SecretBytes};
use roger_kms::KeyPair;

/// Names of the first users, in order.
pub(crate) const NAMES: [&str; 16] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "karl",
    "laura", "martin", "nora", "oscar", "paula",
];

/// Name of user number `number`.
pub(crate) fn name(number: usize) -> String {
    NAMES
        .get(number)
        .map_or_else(|| format!("user{}", number + 1), |name| (*name).to_owned())
}

/// A user with everything that is agreed beforehand.
#[derive(Clone)]
pub(crate) struct Person {
    /// Name typed into the log-in form.
    pub(crate) login: String,
    /// Password of the IdM server.
    pub(crate) password: SecretBytes,
    /// MCPTT ID.
    pub(crate) mcptt_id: McpttId,
    /// Public user identity at the SIP core; it has nothing to do with the MCPTT ID.
    pub(crate) impu: Impu,
    /// Digest user name at the SIP core.
    pub(crate) sip_username: String,
    /// Digest password.
    pub(crate) sip_password: SecretBytes,
    /// Client instance.
    pub(crate) client_id: ClientId,
    /// First TrK and InK of the KMS.
    pub(crate) kms_keys: KeyPair,
}

impl Person {
    /// Draws a user. `password` is drawn too when there is none.
    pub(crate) fn draw(
        name: &str,
        password: Option<&str>,
        random: &mut dyn Random,
    ) -> Result<Self, SystemError> {
        let mcptt_id = mcptt_id(name)?;
        let subscriber = format!("u{}", hex(random, 8)?);
        let password = match password {
            Some(password) => password.to_owned(),
            None => hex(random, 12)?,
        };
        Ok(Self {
            login: name.to_owned(),
            password: SecretBytes::new(password.into_bytes()),
            impu: Impu::new(format!("sip:{subscriber}@{IMS_DOMAIN}"))?,
            sip_username: format!("{subscriber}@{IMS_DOMAIN}"),
            sip_password: SecretBytes::new(hex(random, 16)?.into_bytes()),
            client_id: ClientId::new(uuid(random)?)?,
            kms_keys: KeyPair::generate(mcptt_id.as_str(), 1, random)?,
            mcptt_id,
        })
    }

    /// The password as typed.
    pub(crate) fn password(&self) -> &str {
        core::str::from_utf8(self.password.expose()).unwrap_or_default()
    }
}

/// Random octets as hex.
pub(crate) fn hex(random: &mut dyn Random, octets: usize) -> Result<String, RandomError> {
    let mut drawn = vec![0; octets];
    random.fill(&mut drawn)?;
    Ok(drawn.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    }))
}

/// A random UUID as a URN (RFC 9562 cl. 5.4).
fn uuid(random: &mut dyn Random) -> Result<String, RandomError> {
    let mut octets = [0; 16];
    random.fill(&mut octets)?;
    let uuid = uuid::Builder::from_random_bytes(octets).into_uuid();
    Ok(format!("urn:uuid:{uuid}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_testkit::SeededRandom;

    #[test]
    fn the_names_of_the_ims_say_nothing_about_the_user() {
        let mut random = SeededRandom::new(71);
        let alice = Person::draw("alice", None, &mut random).unwrap();
        let other = Person::draw("alice", Some("secret"), &mut random).unwrap();
        for text in [
            alice.impu.as_str(),
            &alice.sip_username,
            alice.client_id.as_str(),
        ] {
            assert!(!text.contains("alice"), "{text}");
        }
        assert_ne!(alice.impu, other.impu);
        assert_eq!(other.password(), "secret");
        assert_eq!(alice.password().len(), 24);
    }

    #[test]
    fn every_number_has_a_name() {
        assert_eq!(name(0), "alice");
        assert_eq!(name(16), "user17");
    }
}
