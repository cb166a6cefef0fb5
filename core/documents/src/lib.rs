//! Typed XML documents of MCPTT: mcptt-info, KMS, group, affiliation, settings.
