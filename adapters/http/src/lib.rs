//! HTTPS servers and clients: TLS, IdM, KMS and GMS front ends (TS 33.180 cl. 6.1, reference points CSC-1, 2, 8, 9, 10).
//!
//! * [`tls`], [`tls_files`] and [`dev_ca`] come from `roger-adapter-tls`, which SIP uses too;
//! * [`server`] with its [`limits`] and [`rate_limit`]: a listener with bounds on connections, headers, bodies, time
//!   and rates, and a graceful end;
//! * [`management`] and [`metrics`]: a listener of its own for `/healthz` and `/metrics`;
//! * [`service`]: how a service that knows no sockets (KMS, GMS) is mounted;
//! * [`idm`]: the IdM server's endpoints and log-in page; [`kms`] and [`gms`]: the KMS and XCAP front ends;
//! * [`client`]: the UE's side, which trusts one authority, follows no redirect and keeps no cookie;
//! * [`wire_tap`]: every octet that crosses a server's socket, for captures.

pub mod client;
pub mod gms;
pub mod idm;
pub mod kms;
pub mod limits;
pub mod management;
pub mod metrics;
pub mod rate_limit;
pub mod server;
pub mod service;
pub mod wire_tap;

mod activity;
mod address_slots;
mod cpu_span;
mod system;

pub use roger_adapter_tls::{
    ClientCertificateFiles, ClientCertificates, ClientTls, DevelopmentCa, DevelopmentCaError,
    Reload, ServerIdentity, ServerTls, TlsError, TlsFileError, TlsFiles, WatchedTls, dev_ca, tls,
    tls_files,
};

pub use client::{
    HttpAnswer, HttpsClient, HttpsClientError, HttpsKeyFetch, IdmClient, IdmClientError,
    KeyFetchError, LoginBrowser,
};
pub use gms::GmsFrontEnd;
pub use kms::KmsFrontEnd;
pub use limits::ServerLimits;
pub use management::{Health, ReadinessCheck};
pub use metrics::{Meter, Metrics};
pub use rate_limit::{Rate, RateLimiter, RateLimits};
pub use server::{HttpsServer, ServerError, ServerOptions, TooManyAnswer};
pub use service::{Bearer, HttpRequest, HttpResponse, HttpService};
pub use system::{Clock, OsRandom, SystemClock};
pub use wire_tap::{TcpEvent, WireTap};
