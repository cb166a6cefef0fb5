//! Identity management server: log in, code, token (TS 24.482).
