//! UE library: log in, fetch keys, register, affiliate, call, floor, media.
