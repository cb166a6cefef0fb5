//! Status codes and their standard reason phrases (RFC 3261 21 and its extensions).

use core::fmt;

/// A response's status code, 100 to 699.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusCode(u16);

macro_rules! codes {
    ($($constant:ident $number:literal $reason:literal;)*) => {
        impl StatusCode {
            $(
                #[doc = concat!($number, " ", $reason, ".")]
                pub const $constant: Self = Self($number);
            )*

            /// The standard reason phrase; the name of the class for other codes.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self.0 {
                    $($number => $reason,)*
                    100..=199 => "Provisional",
                    200..=299 => "Successful",
                    300..=399 => "Redirection",
                    400..=499 => "Request Failure",
                    500..=599 => "Server Failure",
                    _ => "Global Failure",
                }
            }
        }
    };
}

codes! {
    TRYING 100 "Trying";
    RINGING 180 "Ringing";
    FORWARDED 181 "Call Is Being Forwarded";
    QUEUED 182 "Queued";
    SESSION_PROGRESS 183 "Session Progress";
    EARLY_DIALOG_TERMINATED 199 "Early Dialog Terminated";
    OK 200 "OK";
    ACCEPTED 202 "Accepted";
    NO_NOTIFICATION 204 "No Notification";
    MULTIPLE_CHOICES 300 "Multiple Choices";
    MOVED_PERMANENTLY 301 "Moved Permanently";
    MOVED_TEMPORARILY 302 "Moved Temporarily";
    USE_PROXY 305 "Use Proxy";
    ALTERNATIVE_SERVICE 380 "Alternative Service";
    BAD_REQUEST 400 "Bad Request";
    UNAUTHORIZED 401 "Unauthorized";
    PAYMENT_REQUIRED 402 "Payment Required";
    FORBIDDEN 403 "Forbidden";
    NOT_FOUND 404 "Not Found";
    METHOD_NOT_ALLOWED 405 "Method Not Allowed";
    NOT_ACCEPTABLE 406 "Not Acceptable";
    PROXY_AUTHENTICATION_REQUIRED 407 "Proxy Authentication Required";
    REQUEST_TIMEOUT 408 "Request Timeout";
    GONE 410 "Gone";
    CONDITIONAL_REQUEST_FAILED 412 "Conditional Request Failed";
    REQUEST_ENTITY_TOO_LARGE 413 "Request Entity Too Large";
    REQUEST_URI_TOO_LONG 414 "Request-URI Too Long";
    UNSUPPORTED_MEDIA_TYPE 415 "Unsupported Media Type";
    UNSUPPORTED_URI_SCHEME 416 "Unsupported URI Scheme";
    UNKNOWN_RESOURCE_PRIORITY 417 "Unknown Resource-Priority";
    BAD_EXTENSION 420 "Bad Extension";
    EXTENSION_REQUIRED 421 "Extension Required";
    SESSION_INTERVAL_TOO_SMALL 422 "Session Interval Too Small";
    INTERVAL_TOO_BRIEF 423 "Interval Too Brief";
    PROVIDE_REFERRER_IDENTITY 429 "Provide Referrer Identity";
    FLOW_FAILED 430 "Flow Failed";
    FIRST_HOP_LACKS_OUTBOUND 439 "First Hop Lacks Outbound Support";
    BAD_INFO_PACKAGE 469 "Bad Info Package";
    TEMPORARILY_UNAVAILABLE 480 "Temporarily Unavailable";
    CALL_DOES_NOT_EXIST 481 "Call/Transaction Does Not Exist";
    LOOP_DETECTED 482 "Loop Detected";
    TOO_MANY_HOPS 483 "Too Many Hops";
    ADDRESS_INCOMPLETE 484 "Address Incomplete";
    AMBIGUOUS 485 "Ambiguous";
    BUSY_HERE 486 "Busy Here";
    REQUEST_TERMINATED 487 "Request Terminated";
    NOT_ACCEPTABLE_HERE 488 "Not Acceptable Here";
    BAD_EVENT 489 "Bad Event";
    REQUEST_PENDING 491 "Request Pending";
    UNDECIPHERABLE 493 "Undecipherable";
    SECURITY_AGREEMENT_REQUIRED 494 "Security Agreement Required";
    SERVER_INTERNAL_ERROR 500 "Server Internal Error";
    NOT_IMPLEMENTED 501 "Not Implemented";
    BAD_GATEWAY 502 "Bad Gateway";
    SERVICE_UNAVAILABLE 503 "Service Unavailable";
    SERVER_TIMEOUT 504 "Server Time-out";
    VERSION_NOT_SUPPORTED 505 "Version Not Supported";
    MESSAGE_TOO_LARGE 513 "Message Too Large";
    PRECONDITION_FAILURE 580 "Precondition Failure";
    BUSY_EVERYWHERE 600 "Busy Everywhere";
    DECLINE 603 "Decline";
    DOES_NOT_EXIST_ANYWHERE 604 "Does Not Exist Anywhere";
    NOT_ACCEPTABLE_ANYWHERE 606 "Not Acceptable";
}

impl StatusCode {
    /// A code from 100 to 699; `None` outside.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        if matches!(code, 100..=699) {
            Some(Self(code))
        } else {
            None
        }
    }

    /// Reads exactly three digits.
    #[must_use]
    pub fn parse(digits: &[u8]) -> Option<Self> {
        let [a, b, c] = digits else { return None };
        let digit = |octet: &u8| octet.is_ascii_digit().then(|| u16::from(octet - b'0'));
        Self::new(digit(a)? * 100 + digit(b)? * 10 + digit(c)?)
    }

    /// The number.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// 1xx.
    #[must_use]
    pub const fn is_provisional(self) -> bool {
        self.0 < 200
    }

    /// 2xx to 6xx.
    #[must_use]
    pub const fn is_final(self) -> bool {
        self.0 >= 200
    }

    /// 2xx.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self.0, 200..=299)
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_three_digits_only() {
        assert_eq!(StatusCode::parse(b"200"), Some(StatusCode::OK));
        for bad in [
            &b"20"[..],
            b"2000",
            b"099",
            b"700",
            b"4294967301",
            b"2x0",
            b"",
            b"+20",
        ] {
            assert_eq!(StatusCode::parse(bad), None);
        }
    }

    #[test]
    fn an_unknown_code_has_the_phrase_of_its_class() {
        assert_eq!(StatusCode::new(499).unwrap().reason(), "Request Failure");
        assert_eq!(
            StatusCode::NOT_ACCEPTABLE_HERE.reason(),
            "Not Acceptable Here"
        );
    }
}
