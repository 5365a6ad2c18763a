//! The files a manifest is made of, by name.
//!
//! Decides what a path means and which names a pattern matches. Knows nothing of disks: whoever reads them hands over
//! bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Files by name: texts of YAML, and the bytes of images, or what somebody keeps in their place. Names are relative, with
/// `/` between folders. Copies share the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files<B = Arc<[u8]>>(BTreeMap<String, B>);

impl<B> Default for Files<B> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

/// What was asked of files to read a manifest: names, and patterns of names. Files that answer alike hold the same manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    names: BTreeSet<String>,
    patterns: BTreeSet<String>,
}

/// Why a text cannot be the path of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// It begins at a root instead of in the folder of manifests.
    #[error("`{0}` is not relative")]
    Absolute(String),
    /// It leaves the folder of manifests.
    #[error("`{0}` leads out of the folder of manifests")]
    Outside(String),
    /// It names no file.
    #[error("`{0}` names no file")]
    Nothing(String),
}

impl Files {
    /// One file.
    ///
    /// # Errors
    /// When the path is none.
    pub fn single(path: &str, bytes: impl Into<Vec<u8>>) -> Result<Self, InvalidPath> {
        let mut files = Self::default();
        files.insert(path, bytes)?;
        Ok(files)
    }

    /// Adds a file, or replaces one.
    ///
    /// # Errors
    /// When the path is none.
    pub fn insert(&mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Result<(), InvalidPath> {
        self.0.insert(resolve("", path)?, bytes.into().into());
        Ok(())
    }

    /// The bytes of a file.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(|bytes| &**bytes)
    }

    /// All files by ascending name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(path, bytes)| (path.as_str(), &**bytes))
    }
}

impl<B> Files<B> {
    /// What is kept of a file.
    pub fn kept(&self, path: &str) -> Option<&B> {
        self.0.get(path)
    }

    /// What is kept of all files, by ascending name.
    pub fn all(&self) -> impl Iterator<Item = &B> {
        self.0.values()
    }

    /// The names of all files, ascending.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The same names, with something else in the place of each file.
    pub fn map<C>(&self, mut to: impl FnMut(&str, &B) -> C) -> Files<C> {
        Files(self.0.iter().map(|(path, file)| (path.clone(), to(path, file))).collect())
    }

    /// The names that match a pattern, ascending.
    pub(super) fn matching<'f>(&'f self, pattern: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.keys().map(String::as_str).filter(move |path| glob(pattern, path))
    }
}

impl Asked {
    /// Notes that a file was asked for by its name.
    pub(super) fn name(&mut self, path: &str) {
        self.names.insert(path.to_owned());
    }

    /// Notes that names were asked for that match a pattern.
    pub(super) fn pattern(&mut self, pattern: &str) {
        self.patterns.insert(pattern.to_owned());
    }

    /// True when both answer all that was asked alike.
    pub fn is_same_in<B: PartialEq>(&self, one: &Files<B>, other: &Files<B>) -> bool {
        self.names.iter().all(|path| one.0.get(path) == other.0.get(path))
            && self.patterns.iter().all(|pattern| one.matching(pattern).eq(other.matching(pattern)))
    }

    /// Those files that were asked for and are there.
    #[must_use]
    pub fn among<B: Clone>(&self, files: &Files<B>) -> Files<B> {
        let there = |path: &String| Some((path.clone(), files.0.get(path)?.clone()));
        Files(self.names.iter().filter_map(there).collect())
    }
}

/// The path that `relative` means when it stands in the file `from`.
pub(super) fn resolve(from: &str, relative: &str) -> Result<String, InvalidPath> {
    let has_drive = relative.as_bytes().get(1) == Some(&b':');
    if relative.starts_with(['/', '\\']) || has_drive {
        return Err(InvalidPath::Absolute(relative.to_owned()));
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| InvalidPath::Outside(relative.to_owned()))?;
            }
            _ => parts.push(part),
        }
    }
    let names_file = relative.rsplit('/').next().is_some_and(|last| !matches!(last, "" | "." | ".."));
    if names_file { Ok(parts.join("/")) } else { Err(InvalidPath::Nothing(relative.to_owned())) }
}

/// True when a path stands for several files.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains('*')
}

/// `*` stands for any run of characters inside one name, `**` for any number of folders. Goes through the pattern once and
/// keeps how many names of the path it can have covered so far, so that no pattern makes this slow.
fn glob(pattern: &str, path: &str) -> bool {
    let names: Vec<&str> = path.split('/').collect();
    let mut covered = vec![false; names.len() + 1];
    covered[0] = true;
    let mut parts = pattern.split('/').peekable();
    while let Some(part) = parts.next() {
        if part == "**" && parts.peek().is_some() {
            let first = covered.iter().position(|is| *is).unwrap_or(covered.len());
            covered[first..].fill(true);
            continue;
        }
        for (at, name) in names.iter().enumerate().rev() {
            covered[at + 1] = covered[at] && glob_name(part, name);
        }
        covered[0] = false;
    }
    covered[names.len()]
}

/// True when a name is as a pattern says, in which `*` stands for any run of characters. Each piece between stars takes the first place it fits, so that no pattern
/// makes this slow.
pub fn glob_name(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_file_that_names_them() {
        let cases = [("guild.yaml", "roles.yaml", "roles.yaml"), ("a/b/guild.yaml", "../c/./x.yaml", "a/c/x.yaml")];
        for (from, relative, expected) in cases {
            assert_eq!(resolve(from, relative).as_deref(), Ok(expected));
        }
        for bad in ["../x", "/etc/passwd", "C:/x", "", ".", "a/.."] {
            assert!(resolve("guild.yaml", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_stay_in_their_folder() {
        let cases = [
            ("channels/*.yaml", "channels/a.yaml", true),
            ("channels/*.yaml", "channels/a/b.yaml", false),
            ("channels/*.yaml", "channels/a.yml", false),
            ("**/*.yaml", "a.yaml", true),
            ("**/*.yaml", "a/b/c.yaml", true),
            ("**/**/*.yaml", "a.yaml", true),
            ("a/**/b/**/c", "a/b/c", true),
            ("a/**/b/**/c", "a/x/b/y/z/c", true),
            ("a/**/b/**/c", "a/x/y/c", false),
            ("a/**", "a/b", true),
            ("a/**", "a/b/c", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b", "ab", true),
            ("a*ab", "ab", false),
            ("roles.yaml", "roles.yaml", true),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(glob(pattern, path), expected, "{pattern} ~ {path}");
        }
    }

    #[test]
    fn no_pattern_takes_for_ever() {
        let (pattern, path) = ("**/".repeat(200) + "x", "a/".repeat(200) + "b");
        assert!(!glob(&pattern, &path));
        assert!(glob(&pattern, &(path + "/x")));
    }
}
