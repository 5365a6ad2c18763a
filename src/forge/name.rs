//! Names inside a repository: paths, branches, commits.
//!
//! Decides which texts are such names. What is made of these types cannot leave the repository, its `refs/heads`, or the id of one
//! object.

use std::fmt;

/// Longest path and longest name of a branch, in bytes. Forges keep both in columns of 255 characters and more.
const LONGEST_PATH: usize = 1024;
const LONGEST_BRANCH: usize = 200;
/// Longest marker of a comment, in bytes.
const LONGEST_MARKER: usize = 100;

/// Why a text is no such name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} cannot be {what}: {why}")]
pub struct BadName {
    /// What was given, cut when it is long.
    pub text: String,
    /// What it should be.
    pub what: &'static str,
    /// What is wrong with it.
    pub why: &'static str,
}

fn refuse(text: &str, what: &'static str, why: &'static str) -> BadName {
    BadName { text: text.chars().take(80).collect(), what, why }
}

/// The path of a file inside a repository: relative, with `/`, and never into git's own folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(String);

impl RepoPath {
    /// Reads a path.
    ///
    /// # Errors
    /// For one that leaves the repository, is absolute, leads into `.git` under any of the names file systems take for it, or has
    /// `\` or control characters in it.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let refuse = |why| Err(refuse(text, "a path inside the repository", why));
        if text.is_empty() || text.len() > LONGEST_PATH {
            return refuse("it is empty or too long");
        }
        if text.starts_with('/') {
            return refuse("it is absolute");
        }
        if text.contains('\\') || text.chars().any(char::is_control) {
            return refuse("it has `\\` or a control character in it");
        }
        for part in text.split('/') {
            match part {
                "" => return refuse("a part of it has no name"),
                "." | ".." => return refuse("it leads elsewhere"),
                _ if is_git(part) => return refuse("it leads into git's own folder"),
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// The path as git has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder it is in, empty for the root, and its name there.
    pub(super) fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }
}

/// True for what some file system takes for `.git`: letters of any case, trailing dots, spaces and streams on Windows, invisible
/// characters on macOS. The same that git itself refuses.
fn is_git(part: &str) -> bool {
    let is_ignored =
        |c: char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let plain: String = part.chars().filter(|c| !is_ignored(*c)).collect::<String>().to_ascii_lowercase();
    let name = plain.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    name == ".git" || name == "git~1"
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a branch, without `refs/heads/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(String);

impl BranchName {
    /// Reads a name.
    ///
    /// # Errors
    /// For one that git would not take, or that could be taken for something else: an option, a whole reference, an id.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let refuse = |why| Err(refuse(text, "the name of a branch", why));
        if text.len() > LONGEST_BRANCH {
            return refuse("it is too long");
        }
        if text.starts_with(['-', '/']) || text.starts_with("refs/") || text == "HEAD" {
            return refuse("it means something else to git");
        }
        if !git2::Reference::is_valid_name(&format!("refs/heads/{text}")) || text.contains("//") {
            return refuse("git does not take it");
        }
        if CommitId::new(text).is_ok() {
            return refuse("it looks like a commit");
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that is tried when this one was used up: `name-2`.
    pub(super) fn numbered(&self, number: u32) -> Result<Self, BadName> {
        if number < 2 { Ok(self.clone()) } else { Self::new(&format!("{}-{number}", self.0)) }
    }

    /// The whole name of the reference.
    pub(super) fn reference(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A commit by its whole id, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(String);

impl CommitId {
    /// Reads an id.
    ///
    /// # Errors
    /// For anything but 40 or 64 hexadecimal digits.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let is_id = [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(refuse(text, "a commit", "it is not a whole id of 40 or 64 hexadecimal digits"))
        }
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a sticky comment is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marker(String);

impl Marker {
    /// Reads a marker.
    ///
    /// # Errors
    /// For anything but letters, digits, `-`, `_`, `.`, `:` and `/`, without `--`, which would end the comment it stands in.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
        let is_marker = (1..=LONGEST_MARKER).contains(&text.len()) && text.chars().all(fits) && !text.contains("--");
        if is_marker {
            Ok(Self(text.to_owned()))
        } else {
            Err(refuse(text, "the marker of a comment", "it needs letters, digits and single `-`, `_`, `.`, `:`, `/`"))
        }
    }

    /// The first line of the comment. Forges do not show it.
    pub(super) fn line(&self) -> String {
        format!("<!-- setai:{} -->", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_inside() {
        for good in
            ["guild.yaml", "a/b c/d.yaml", "ümlaut/名.yaml", ".github/x.yaml", ".gitignore", "a/.gitkeep", "..a/b.."]
        {
            assert_eq!(RepoPath::new(good).map(|path| path.to_string()).as_deref(), Ok(good));
        }
        let bad = [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a/./b",
            "a//b",
            "a/",
            "./a",
            "a\\b",
            "C:\\x",
            "a\nb",
            "a\0b",
            ".git",
            ".git/config",
            "a/.GIT/hooks/x",
            ".git./x",
            ".git /x",
            ".git::$INDEX_ALLOCATION/x",
            "GIT~1/x",
            ".g\u{200c}it/x",
        ];
        for bad in bad {
            assert!(RepoPath::new(bad).is_err(), "{bad:?}");
        }
        assert!(RepoPath::new(&"a".repeat(LONGEST_PATH + 1)).is_err());
        assert_eq!(RepoPath::new("a/b/c").map(|path| path.split() == ("a/b", "c")), Ok(true));
    }

    #[test]
    fn a_branch_is_one_git_takes() {
        for good in ["main", "setai/voice-rooms", "a.b", "ünï", "@x"] {
            assert!(BranchName::new(good).is_ok(), "{good}");
        }
        let commit = "a".repeat(40);
        for bad in [
            "",
            "-x",
            "/x",
            "x/",
            "a..b",
            "a b",
            "a~b",
            "a^",
            "a:b",
            "a?b",
            "a*",
            "[a",
            "a\\b",
            "x.lock",
            "@{",
            "HEAD",
            "refs/heads/x",
            "a//b",
            ".x",
            &commit,
        ] {
            assert!(BranchName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_marker_cannot_end_its_comment() {
        assert!(Marker::new("plan:1146231231231231232").is_ok());
        for bad in ["", "a b", "x-->", "a--b", "é", "<"] {
            assert!(Marker::new(bad).is_err(), "{bad}");
        }
    }
}
