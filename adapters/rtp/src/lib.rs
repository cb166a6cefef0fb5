//! Media sockets: RTP and floor control over UDP.
