//! Floor control (TS 24.380): messages, participant and server machines.
