//! Purposes by the names people use.

use roger_base::PurposeTag;

/// GMK, PCK, CSK, ….
pub(crate) const fn name(purpose: PurposeTag) -> &'static str {
    match purpose {
        PurposeTag::Gmk => "GMK",
        PurposeTag::Pck => "PCK",
        PurposeTag::Csk => "CSK",
        PurposeTag::Spk => "SPK",
        PurposeTag::Mkfc => "MKFC",
        PurposeTag::Mscck => "MSCCK",
        PurposeTag::Musik => "MuSiK",
    }
}
