//! SIP transports on tokio: UDP and TCP.
