//! What identifies the content of a folder.
//!
//! Decides which bytes count: names and contents, and nothing else of a file.

use sha2::{Digest as _, Sha256};

use crate::manifest::Files;

/// The SHA-256 over all names and contents, in hexadecimal digits.
pub(super) fn digest(files: &Files) -> String {
    let mut hash = Sha256::new();
    for (path, bytes) in files.iter() {
        // Lengths come first, so that no two sets of files run into the same bytes.
        for part in [path.as_bytes(), bytes] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    to_hex(&hash.finalize())
}

/// Bytes as hexadecimal digits.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that hexadecimal digits stand for; none when a text is something else.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let digits =
            std::str::from_utf8(pair).ok().filter(|d| d.len() == 2 && d.chars().all(|c| c.is_ascii_hexdigit()));
        u8::from_str_radix(digits?, 16).ok()
    };
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(of: &[(&str, &str)]) -> Files {
        let mut files = Files::default();
        for (path, text) in of {
            files.insert(path, *text).expect("a path");
        }
        files
    }

    #[test]
    fn every_name_and_every_byte_counts() {
        let all = [
            files(&[]),
            files(&[("a.yaml", "")]),
            files(&[("a.yaml", "b")]),
            files(&[("a.yam", "lb")]),
            files(&[("a.yaml", "b"), ("c.yaml", "d")]),
            files(&[("a.yaml", "bc.yamld")]),
        ];
        let digests: std::collections::BTreeSet<_> = all.iter().map(digest).collect();
        assert_eq!(digests.len(), all.len());
        assert_eq!(digest(&files(&[("a", "1"), ("b", "2")])), digest(&files(&[("b", "2"), ("a", "1")])));
        assert!(digests.iter().all(|digest| digest.len() == 64));
    }

    #[test]
    fn digits_are_read_strictly() {
        assert_eq!(from_hex("00ffA0"), Some(vec![0, 255, 160]));
        for bad in ["0", "0g", "+1", " 1", "ü", "0x00"] {
            assert_eq!(from_hex(bad), None, "{bad}");
        }
        assert_eq!(from_hex(&to_hex(&[1, 2, 254])), Some(vec![1, 2, 254]));
    }
}
