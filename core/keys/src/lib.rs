//! The MCPTT key hierarchy: key ids, derivations, key store (TS 33.180 Annex F, G).
