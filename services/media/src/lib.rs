//! Media distribution: forwards SRTP without the group key (TS 23.379 7.4).
