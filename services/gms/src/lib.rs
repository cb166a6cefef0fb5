//! Group management server: group documents and group key transport (TS 24.481).
