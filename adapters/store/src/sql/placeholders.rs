//! `?` in statements, which PostgreSQL writes as numbers.

/// The statement with `$1`, `$2` … in place of each `?`. No literal in a statement has a question mark: text is a value.
pub(super) fn numbered(statement: &str) -> String {
    let mut parts = statement.split('?');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.zip(1_usize..).fold(first, |written, (part, number)| {
        format!("{written}${number}{part}")
    })
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn every_question_mark_gets_its_number() {
        for (statement, expected) in [
            ("", ""),
            ("SELECT 1", "SELECT 1"),
            ("?", "$1"),
            (
                "UPDATE t SET a = ? WHERE b = ? AND c = ?",
                "UPDATE t SET a = $1 WHERE b = $2 AND c = $3",
            ),
        ] {
            assert_eq!(numbered(statement), expected);
        }
    }
}
