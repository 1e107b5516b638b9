//! How a statement's tag travels to the server.

use sha2::{Digest as _, Sha256};

/// The tag as Postgres' `application_name`, which holds 63 bytes only.
pub(super) fn application_name(tag: &str) -> String {
    let digest = Sha256::digest(tag.as_bytes());
    let mut name = "orchestrate:".to_owned();
    for byte in &digest[..8] {
        name.push_str(&format!("{byte:02x}"));
    }
    name
}

/// The tag as a comment in front of a statement, for people who look at the server.
pub(super) fn comment(tag: &str) -> String {
    let tag = tag.replace("*/", "* /").replace("/*", "/ *");
    format!("/* {tag} */ ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_of_any_length_becomes_a_name_of_28_bytes() {
        assert_eq!(application_name("a"), "orchestrate:ca978112ca1bbdca");
        assert_eq!(application_name(&"a".repeat(1000)).len(), 28);
    }

    #[test]
    fn a_comment_cannot_be_left_or_nested() {
        assert_eq!(comment("a*/b/*c"), "/* a* /b/ *c */ ");
        assert_eq!(comment("a*/*b"), "/* a* / *b */ ");
    }
}
