//! The name and the clause of every field on the wire, for errors and for the dump.

macro_rules! fields {
    ($($variant:ident $name:literal $clause:literal)*) => {
        /// One field of an I_MESSAGE or of what it carries.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Field {
            $(#[doc = concat!("Field `", $name, "` (", $clause, ").")] $variant,)*
        }

        impl Field {
            /// Name as in the standard.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The clause that defines it.
            #[must_use]
            pub const fn clause(self) -> &'static str {
                match self {
                    $(Self::$variant => $clause,)*
                }
            }
        }
    };
}

fields! {
    Version "version" "RFC 3830 6.1"
    DataType "data type" "RFC 6509 4.1, TS 33.180 cl. E.1.2"
    NextPayload "next payload" "RFC 3830 6.1"
    VAndPrf "V and PRF func" "RFC 3830 6.1, RFC 6043 6.1, TS 33.180 cl. E.1.2"
    CsbId "CSB ID" "RFC 3830 6.1, TS 33.180 cl. 5.2.2"
    CsCount "#CS" "RFC 3830 6.1"
    MapType "CS ID map type" "RFC 3830 6.1, RFC 4563 4, RFC 6043 6.1.1"
    SrtpPolicy "policy no of the CS" "RFC 3830 6.1.1"
    SrtpSsrc "SSRC" "RFC 3830 6.1.1"
    SrtpRoc "ROC" "RFC 3830 6.1.1"
    CsId "CS ID" "RFC 6043 6.1.1, TS 33.180 table E.1.3-1"
    CsProtocol "prot type of the CS" "RFC 6043 6.1.1"
    CsFlags "S and #P" "RFC 6043 6.1.1"
    CsPolicy "policy no of the CS" "RFC 6043 6.1.1"
    SessionDataLength "session data length" "RFC 6043 6.1.1"
    SessionData "session data" "RFC 6043 6.1.1, TS 33.180 cl. 7.5.1"
    SpiLength "SPI length" "RFC 6043 6.1.1"
    Spi "SPI" "RFC 6043 6.1.1, TS 33.180 cl. E.1.3"
    TimestampType "TS type" "RFC 3830 6.6, TS 33.180 cl. E.1.2"
    TimestampValue "TS value" "RFC 3830 6.6"
    RandLength "RAND length" "RFC 3830 6.11"
    Rand "RAND" "RFC 3830 6.11"
    IdentityRole "ID role" "RFC 6043 6.6, TS 33.180 cl. E.1.2, E.7"
    IdentityType "ID type" "RFC 6043 6.6, RFC 3830 6.7"
    IdentityLength "ID len" "RFC 6043 6.6"
    Identity "ID data" "RFC 6043 6.6"
    PolicyNumber "policy no" "RFC 3830 6.10"
    PolicyProtocol "prot type" "RFC 3830 6.10"
    PolicyLength "policy param length" "RFC 3830 6.10"
    ParameterType "policy param type" "RFC 3830 6.10.1, RFC 4771 6.1, RFC 7714 13"
    ParameterLength "policy param value length" "RFC 3830 6.10"
    ParameterValue "policy param value" "RFC 3830 6.10.1, TS 33.180 tables E.2.2-1, E.3.2-1"
    SakkeParameters "SAKKE params" "RFC 6509 4.2"
    SakkeIdScheme "ID scheme" "RFC 6509 4.2, TS 33.180 cl. E.1.2"
    SakkeLength "SAKKE data length" "RFC 6509 4.2"
    SakkeData "SAKKE data" "RFC 6508 4, RFC 6509 4.2"
    ExtensionType "type" "RFC 3830 6.15, TS 33.180 cl. E.5, E.6"
    ExtensionLength "length" "RFC 3830 6.15"
    ExtensionData "data" "RFC 3830 6.15"
    SignatureTypeAndLength "S type and signature len" "RFC 3830 6.5, RFC 6509 4.3"
    Signature "signature" "RFC 6507 3.3, TS 33.180 cl. E.1.2"
    PayloadMessageType "message type" "TS 33.180 cl. 8.5.4, TS 24.282 cl. 15.2.2"
    PayloadTime "date and time" "TS 33.180 cl. 8.5.4, TS 24.282 cl. 15.2.8"
    PayloadId "payload ID" "TS 33.180 cl. 8.5.4"
    PayloadSequence "payload sequence number" "TS 33.180 cl. 8.5.4"
    PayloadAlgorithm "payload algorithm" "TS 33.180 cl. 8.5.4"
    PayloadIv "IV" "TS 33.180 cl. 8.5.4"
    DppkId "DPPK-ID" "TS 33.180 cl. 8.5.4, E.6"
    PayloadIei "payload IEI" "TS 33.180 cl. 8.5.4"
    PayloadLength "payload length" "TS 33.180 cl. 8.5.4"
    PayloadCiphertext "ciphertext and tag" "TS 33.180 cl. 8.5.4"
    KeyParametersIei "key parameters IEI" "TS 33.180 cl. E.6.1"
    KeyParametersLength "key parameters length" "TS 33.180 cl. E.6.1"
    KeyType "key type" "TS 33.180 cl. E.6.11"
    Status "status" "TS 33.180 cl. E.6.9"
    ActivationTime "activation time" "TS 33.180 cl. E.6.4"
    ExpiryTime "expiry time" "TS 33.180 cl. E.6.10"
    TextLength "text length" "TS 33.180 cl. E.6.5"
    Text "text" "TS 33.180 cl. E.6.5"
    GroupsLength "MC group IDs length" "TS 33.180 cl. E.6.3"
    GroupCount "number of group IDs" "TS 33.180 cl. E.6.3"
    GroupIei "group ID IEI" "TS 33.180 cl. E.6.3, TS 24.282 cl. 15.2.14"
    GroupLength "group ID length" "TS 33.180 cl. E.6.3"
    Group "group ID" "TS 33.180 cl. E.6.3"
    Reserved "reserved" "TS 33.180 cl. E.6.6, E.6.7"
}
