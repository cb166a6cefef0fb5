//! HTTPS servers and clients: TLS, IdM, KMS and GMS front ends.
