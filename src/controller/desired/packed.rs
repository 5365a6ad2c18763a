//! Files in little room. A text of YAML packs to a tenth, and a process keeps those of ten thousand guilds.
//!
//! Decides nothing: whatever is packed comes out as it was, and two files are the same when their bytes are.

use std::sync::Arc;

use blake3::Hash;

use crate::manifest::Files;

/// The bytes of a file. Copies share them.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    print: Hash,
    size: usize,
    kept: Kept,
}

#[derive(Clone, Debug)]
enum Kept {
    /// As they are: an image does not get smaller.
    Plain(Arc<[u8]>),
    Small(Arc<[u8]>),
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        let Self { print, size, kept: _ } = self;
        (print, size) == (&other.print, &other.size)
    }
}

impl Packed {
    /// How hard is tried: a little. Key words come again and again, and are found at once.
    const LEVEL: i32 = 1;

    fn of(bytes: &[u8], print: Hash) -> Self {
        let kept = match zstd::bulk::compress(bytes, Self::LEVEL) {
            Ok(small) if small.len() < bytes.len() => Kept::Small(small.into()),
            _ => Kept::Plain(bytes.into()),
        };
        Self { print, size: bytes.len(), kept }
    }

    fn open(&self) -> Vec<u8> {
        match &self.kept {
            Kept::Plain(bytes) => bytes.to_vec(),
            // To go on without the file would be to go on with another manifest.
            Kept::Small(bytes) => zstd::bulk::decompress(bytes, self.size).expect("this process packed it"),
        }
    }
}

/// Packs files, and shares with `before` those that are the same.
pub(super) fn pack(files: &Files, before: Option<&Files<Packed>>) -> Files<Packed> {
    files.map(|path, bytes| {
        let print = blake3::hash(bytes);
        let same = before.and_then(|before| before.kept(path)).filter(|before| before.print == print);
        same.cloned().unwrap_or_else(|| Packed::of(bytes, print))
    })
}

/// The files as they were.
pub(super) fn unpack(files: &Files<Packed>) -> Files {
    files.map(|_, packed| packed.open().into())
}

/// How many bytes all of them have when they are unpacked.
pub(super) fn size(files: &Files<Packed>) -> usize {
    files.all().map(|packed| packed.size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(of: &[(&str, &[u8])]) -> Files {
        let mut files = Files::default();
        for (path, bytes) in of {
            files.insert(path, *bytes).expect("a path");
        }
        files
    }

    #[test]
    fn files_come_out_as_they_were() {
        let text = "channels:\n  general: { topic: Be kind. }\n".repeat(500);
        // No run of it comes twice.
        let noise: Vec<u8> = (0..2_000_u32).flat_map(|n| *blake3::hash(&n.to_le_bytes()).as_bytes()).collect();
        let all = files(&[("guild.yaml", text.as_bytes()), ("icon.png", &noise), ("nothing.yaml", b"")]);
        let packed = pack(&all, None);
        assert_eq!(unpack(&packed), all);
        assert_eq!(size(&packed), text.len() + noise.len());
        let room = |path: &str| match &packed.kept(path).expect("a file").kept {
            Kept::Plain(bytes) | Kept::Small(bytes) => bytes.len(),
        };
        assert!(room("guild.yaml") * 10 < text.len(), "{}", room("guild.yaml"));
        assert_eq!(room("icon.png"), noise.len());
    }

    #[test]
    fn what_is_the_same_is_kept_once() {
        let before = pack(&files(&[("a.yaml", b"version: 1"), ("b.yaml", b"roles: {}")]), None);
        let now = pack(&files(&[("a.yaml", b"version: 1"), ("b.yaml", b"roles: 7")]), Some(&before));
        let bytes = |files: &Files<Packed>, path: &str| match &files.kept(path).expect("a file").kept {
            Kept::Plain(bytes) | Kept::Small(bytes) => Arc::clone(bytes),
        };
        assert!(Arc::ptr_eq(&bytes(&before, "a.yaml"), &bytes(&now, "a.yaml")));
        assert_eq!(before.kept("a.yaml"), now.kept("a.yaml"));
        assert_ne!(before.kept("b.yaml"), now.kept("b.yaml"));
    }
}
