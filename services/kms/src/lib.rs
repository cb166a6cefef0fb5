//! Key management server (TS 33.180 Annex D).
