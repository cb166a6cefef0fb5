//! Embedded SIP core: registrar, digest authentication, routing, third-party REGISTER.
