//! OpenID Connect provider and relying party flows as pure functions (TS 33.180 Annex B).
