//! The XML protection profile of TS 33.180 clause 9: canonical form, signature, encryption, protected URIs.
