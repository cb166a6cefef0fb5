//! What a client can make a server hold.

use core::time::Duration;

/// Bounds of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// Most connections at one time; further ones wait in the system's queue.
    pub connections: usize,
    /// Most connections at one time of one address (of one /64 in IPv6); further ones are closed at once.
    pub connections_per_address: usize,
    /// Largest request body in octets; larger ones get 413.
    pub body_octets: usize,
    /// Largest request head in octets.
    pub head_octets: u32,
    /// Most requests under way at one time on one HTTP/2 connection.
    pub streams: u32,
    /// Most requests that a client may break off on one connection (HTTP/2 rapid reset); then it is closed.
    pub broken_off: u32,
    /// Longest TLS handshake.
    pub handshake: Duration,
    /// Longest wait for a request head in HTTP/1.1, also on an idle connection.
    pub head: Duration,
    /// Longest time from the head to the end of the body; then 408.
    pub body: Duration,
    /// Longest time from the head to the answer; then 408.
    pub request: Duration,
    /// Longest time without a request under way.
    pub idle: Duration,
    /// Longest life of one connection.
    pub connection: Duration,
    /// Longest wait for running requests at the end.
    pub drain: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_address: 256,
            body_octets: 64 * 1024,
            head_octets: 32 * 1024,
            streams: 64,
            broken_off: 100,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(15),
            body: Duration::from_secs(10),
            request: Duration::from_secs(20),
            idle: Duration::from_secs(60),
            connection: Duration::from_secs(600),
            drain: Duration::from_secs(5),
        }
    }
}
