//! Warning header of MCPTT: `399 <host> "NNN text"` (TS 24.379 cl. 4.4).
//!
//! Receivers compare the code, never the text: texts changed between releases.

/// A code of TS 24.379 table 4.4.2-2 that Roger sends or acts upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WarningCode(pub u16);

macro_rules! warnings {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $text:literal;)*) => {
        impl WarningCode {
            $($(#[$doc])* pub const $name: Self = Self($code);)*
        }

        /// Code, typical status code of the response that carries it, text.
        const TABLE: &[(WarningCode, u16, &str)] = &[$((WarningCode::$name, $status, $text),)*];
    };
}

warnings! {
    /// Function not allowed, with a detailed reason.
    FUNCTION_NOT_ALLOWED = 100, 403, "function not allowed due to local policy";
    /// The access token was refused.
    SERVICE_AUTHORISATION_FAILED = 101, 403, "service authorisation failed";
    /// More affiliations than N2.
    TOO_MANY_AFFILIATIONS = 102, 486, "too many simultaneous affiliations";
    /// More group calls than N6.
    TOO_MANY_GROUP_CALLS = 103, 486, "maximum simultaneous MCPTT group calls reached";
    /// An INVITE of a controlling function has no isfocus.
    ISFOCUS_NOT_ASSIGNED = 104, 403, "isfocus not assigned";
    /// A broadcast group call has no subscription to its conference.
    NO_SUBSCRIPTION_IN_BROADCAST = 105, 480, "subscription not allowed in a broadcast group call";
    /// The user may not join the chat group.
    NOT_AUTHORISED_TO_JOIN_CHAT = 106, 403, "user not authorised to join chat group";
    /// Private calls are not allowed for this user.
    NO_PRIVATE_CALLS = 107, 403, "user not authorised to make private calls";
    /// Chat group calls are not allowed for this user.
    NO_CHAT_CALLS = 108, 403, "user not authorised to make chat group calls";
    /// Prearranged group calls are not allowed for this user.
    NO_PREARRANGED_CALLS = 109, 403, "user not authorised to make prearranged group calls";
    /// The called user declined.
    USER_DECLINED = 110, 480, "user declined the call invitation";
    /// The call goes on although a required member is missing.
    CALL_WITHOUT_REQUIRED = 111, 200, "group call proceeded without all required group members";
    /// Nobody could be brought into the call, or a required member is missing.
    CALL_ABANDONED = 112, 480, "group call abandoned due to required group members not part of the group session";
    /// No such group.
    NO_GROUP_DOCUMENT = 113, 404, "group document does not exist";
    /// The group document cannot be had just now.
    GROUP_DOCUMENT_UNAVAILABLE = 114, 500, "unable to retrieve group document";
    /// The group is disabled.
    GROUP_DISABLED = 115, 403, "group is disabled";
    /// The user is no member.
    NOT_A_MEMBER = 116, 403, "user is not part of the MCPTT group";
    /// A chat session was asked of a prearranged group.
    GROUP_IS_PREARRANGED = 117, 404, "the group identity indicated in the request is a prearranged group";
    /// A prearranged session was asked of a chat group.
    GROUP_IS_CHAT = 118, 404, "the group identity indicated in the request is a chat group";
    /// The member may not start the call.
    NOT_AUTHORISED_TO_INITIATE = 119, 403, "user is not authorised to initiate the group call";
    /// The member is not affiliated.
    NOT_AFFILIATED = 120, 403, "user is not affiliated to this group";
    /// The member may not join.
    NOT_AUTHORISED_TO_JOIN = 121, 403, "user is not authorised to join the group call";
    /// The call is full.
    TOO_MANY_PARTICIPANTS = 122, 486, "too many participants";
    /// The call is on already; the answer joins it.
    SESSION_EXISTS = 123, 200, "MCPTT session already exists";
    /// More private calls than N10.
    TOO_MANY_PRIVATE_CALLS = 124, 486, "maximum number of private calls reached";
    /// Automatic commencement is not allowed for this user.
    NO_AUTOMATIC_COMMENCEMENT = 125, 403, "user not authorised to make private call with automatic commencement";
    /// Manual commencement is not allowed for this user.
    NO_MANUAL_COMMENCEMENT = 126, 403, "user not authorised to make private call with manual commencement";
    /// The called user may not be called.
    NOT_AUTHORISED_TO_BE_CALLED = 127, 403, "user not authorised to be called in private call";
    /// A client pretends to be a focus.
    ISFOCUS_ASSIGNED = 128, 403, "isfocus already assigned";
    /// The MIKEY message does not verify.
    MIKEY_AUTHENTICATION_FAILED = 136, 403, "authentication of the MIKEY-SAKKE I_MESSAGE failed";
    /// No such call.
    NO_SUCH_CALL = 137, 404, "the indicated group call does not exist";
    /// Conference events may not be watched.
    NO_CONFERENCE_EVENTS = 138, 403, "subscription of conference events not allowed";
    /// A signature over an XML body is wrong or missing.
    INTEGRITY_CHECK_FAILED = 139, 403, "integrity protection check failed";
    /// Protected XML content does not open.
    UNABLE_TO_DECRYPT = 140, 403, "unable to decrypt XML content";
    /// No service authorisation binds this public user identity.
    USER_UNKNOWN = 141, 404, "user unknown to the participating function";
    /// Nobody controls this group.
    NO_CONTROLLING_FUNCTION = 142, 404, "unable to determine the controlling function";
    /// The user may not force automatic answer.
    NOT_AUTHORISED_TO_FORCE = 143, 403, "not authorised to force auto answer";
    /// The user may not call this user.
    NOT_AUTHORISED_TO_CALL_USER = 144, 403, "user not authorised to call this particular user";
    /// Not exactly one called party.
    NO_CALLED_PARTY = 145, 403, "unable to determine called party";
    /// The called user has sent no settings.
    NO_SERVICE_SETTINGS = 146, 480, "T-PF unable to determine the service settings for the called user";
    /// The body parts do not fit together.
    INVALID_BODY = 150, 403, "invalid combinations of data received in MIME body";
    /// Too many devices of one user.
    TOO_MANY_AUTHORISATIONS = 164, 486, "maximum number of service authorisations of this user reached";
    /// The interconnected system does not allow the service.
    NOT_AUTHORISED_INTERCONNECTED = 179, 403, "service not authorized with the interconnected system";
}

impl WarningCode {
    /// Text of the table, without the code; `None` for a code that Roger does not send.
    #[must_use]
    pub fn text(self) -> Option<&'static str> {
        TABLE
            .iter()
            .find(|(code, ..)| *code == self)
            .map(|(_, _, text)| *text)
    }

    /// Status code of the response that normally carries it; 403 for an unknown code.
    #[must_use]
    pub fn status(self) -> u16 {
        TABLE
            .iter()
            .find(|(code, ..)| *code == self)
            .map_or(403, |(_, status, _)| *status)
    }

    /// Header field value: `399 <host> "NNN text"`.
    #[must_use]
    pub fn header_value(self, host: &str) -> String {
        format!(
            "399 {host} \"{} {}\"",
            self.0,
            self.text().unwrap_or("refused")
        )
    }

    /// Reads the code out of a header field value; `None` when it is no MCPTT warning.
    #[must_use]
    pub fn from_header_value(value: &str) -> Option<Self> {
        let (_, quoted) = value.trim().strip_prefix("399")?.split_once('"')?;
        let digits: String = quoted.chars().take_while(char::is_ascii_digit).collect();
        if digits.len() != 3 {
            return None;
        }
        digits.parse().ok().map(Self)
    }
}

impl core::fmt::Display for WarningCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {}", self.0, self.text().unwrap_or("unknown warning"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_from_its_own_header_field() {
        for (code, ..) in TABLE {
            let value = code.header_value("pf1.mcptt.example.org");
            assert_eq!(WarningCode::from_header_value(&value), Some(*code));
        }
    }

    #[test]
    fn every_confirmed_code_of_table_4_4_2_is_there_with_its_status() {
        let confirmed = [
            (100, 403),
            (101, 403),
            (102, 486),
            (103, 486),
            (104, 403),
            (105, 480),
            (106, 403),
            (107, 403),
            (108, 403),
            (109, 403),
            (110, 480),
            (111, 200),
            (112, 480),
            (113, 404),
            (114, 500),
            (115, 403),
            (116, 403),
            (117, 404),
            (118, 404),
            (119, 403),
            (120, 403),
            (121, 403),
            (122, 486),
            (123, 200),
            (124, 486),
            (125, 403),
            (126, 403),
            (127, 403),
            (128, 403),
            (136, 403),
            (137, 404),
            (138, 403),
            (139, 403),
            (140, 403),
            (141, 404),
            (142, 404),
            (143, 403),
            (144, 403),
            (145, 403),
            (146, 480),
            (150, 403),
            (164, 486),
            (179, 403),
        ];
        for (code, status) in confirmed {
            assert!(WarningCode(code).text().is_some(), "{code}");
            assert_eq!(WarningCode(code).status(), status, "{code}");
        }
        assert_eq!(TABLE.len(), confirmed.len());
        assert_eq!(WarningCode(999).status(), 403);
    }

    #[test]
    fn the_table_has_no_code_twice() {
        for (index, (code, ..)) in TABLE.iter().enumerate() {
            assert!(
                TABLE[index + 1..].iter().all(|(other, ..)| other != code),
                "{code}"
            );
        }
    }

    #[test]
    fn another_text_means_the_same_code() {
        let value = "399 \"host\" \"140 something else\"";
        assert_eq!(
            WarningCode::from_header_value(value),
            None,
            "the host must not be quoted"
        );
        let value = "399 host \"140 something else\"";
        assert_eq!(
            WarningCode::from_header_value(value),
            Some(WarningCode::UNABLE_TO_DECRYPT)
        );
    }

    #[test]
    fn what_is_no_mcptt_warning_is_ignored() {
        for value in [
            "",
            "399",
            "399 host",
            "370 host \"140 x\"",
            "399 host \"14 x\"",
            "399 host \"x\"",
        ] {
            assert_eq!(WarningCode::from_header_value(value), None, "{value}");
        }
    }
}
