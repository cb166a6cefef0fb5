//! Identity-based cryptography: ECCSI (RFC 6507), SAKKE (RFC 6508), UID (TS 33.180 F.2.1).
