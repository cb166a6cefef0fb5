//! MCPTT call control (TS 24.379) on top of SIP: SDP, bodies, warnings, client and server roles.
