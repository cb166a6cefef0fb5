//! Constant-time arithmetic modulo the 1024-bit SAKKE prime (RFC 6509 Appendix A).
