//! AMR-WB codec, WAV files, resampling, RTP payload format (RFC 4867).
