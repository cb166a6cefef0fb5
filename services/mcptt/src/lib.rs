//! MCPTT server: participating and controlling functions (TS 24.379, TS 24.380).
