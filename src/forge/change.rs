//! A change that is proposed: whole files, and the words that go with them.
//!
//! Decides what a change can be. Where it goes and what is there already is not asked here.

use sha2::{Digest as _, Sha256};

use super::name::{BranchName, CommitId, RepoPath};

/// Most files of one change, and most bytes of all of them together: what every forge takes in one request.
const MOST_FILES: usize = 300;
const MOST_BYTES: usize = 16 << 20;

/// The last line of our commits begins with this. It holds a digest of what was proposed, and says that the commit is ours.
const TRAILER: &str = "SetAI-Change: ";

/// A file as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where.
    pub path: RepoPath,
    /// All of it. None when it should not be there.
    pub content: Option<String>,
}

/// Who the commit is by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    name: String,
    email: String,
}

impl Author {
    /// Somebody with a name and an address.
    ///
    /// # Errors
    /// When git could not write one of them into a commit.
    pub fn new(name: &str, email: &str) -> Result<Self, BadChange> {
        let fits = |text: &str| {
            !text.trim().is_empty()
                && text.len() <= 200
                && !text.contains(['<', '>'])
                && !text.chars().any(char::is_control)
        };
        if fits(name) && fits(email) && !email.contains(char::is_whitespace) {
            Ok(Self { name: name.trim().to_owned(), email: email.to_owned() })
        } else {
            Err(BadChange::Author)
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address.
    pub fn email(&self) -> &str {
        &self.email
    }
}

/// What is said about a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The title of the pull request, one line. It is cut at 250 characters.
    pub title: String,
    /// The body of the pull request, Markdown. It is cut at [`LONGEST_BODY`](super::LONGEST_BODY), with a note.
    pub body: String,
    /// The message of the commit.
    pub message: String,
}

/// Why something is no change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChange {
    /// There is nothing in it.
    #[error("a change needs at least one file")]
    Empty,
    /// A file is in it twice.
    #[error("`{0}` is in the change twice")]
    Twice(RepoPath),
    /// A file would have to be a folder as well.
    #[error("the change has `{file}` as a file, and `{inside}` in it as in a folder")]
    FileAndFolder {
        /// The file.
        file: RepoPath,
        /// What would be in it.
        inside: RepoPath,
    },
    /// It is too much for one pull request.
    #[error(
        "the change has {files} files with {bytes} bytes; at most {MOST_FILES} files with {MOST_BYTES} bytes can be proposed at once"
    )]
    TooLarge {
        /// Its files.
        files: usize,
        /// All their bytes.
        bytes: usize,
    },
    /// Nobody would know what it is.
    #[error("a change needs a title and the message of a commit")]
    NoWords,
    /// Git could not write the author down.
    #[error("an author has a name and an address, without `<`, `>` and line breaks")]
    Author,
}

/// What is proposed to a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub(super) base: Option<BranchName>,
    pub(super) read_at: Option<CommitId>,
    pub(super) branch: BranchName,
    /// In the order of their paths.
    pub(super) files: Vec<File>,
    pub(super) words: Words,
    pub(super) author: Option<Author>,
}

impl Change {
    /// A change on a branch of its own, for the repository's default branch.
    ///
    /// # Errors
    /// When the files exclude each other or are too large, or there are no words.
    pub fn new(branch: BranchName, mut files: Vec<File>, words: Words) -> Result<Self, BadChange> {
        let bytes = files.iter().filter_map(|file| file.content.as_ref()).map(String::len).sum();
        if files.is_empty() {
            return Err(BadChange::Empty);
        }
        if files.len() > MOST_FILES || bytes > MOST_BYTES {
            return Err(BadChange::TooLarge { files: files.len(), bytes });
        }
        if words.title.trim().is_empty() || words.message.trim().is_empty() {
            return Err(BadChange::NoWords);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        exclude_each_other(&files)?;
        Ok(Self { base: None, read_at: None, branch, files, words, author: None })
    }

    /// The same for another branch than the default.
    #[must_use]
    pub fn onto(self, base: BranchName) -> Self {
        Self { base: Some(base), ..self }
    }

    /// The same with the commit its files were made from: a file that is another by now is a conflict.
    #[must_use]
    pub fn read_at(self, commit: CommitId) -> Self {
        Self { read_at: Some(commit), ..self }
    }

    /// The same by somebody else than the token's account.
    #[must_use]
    pub fn by(self, author: Author) -> Self {
        Self { author: Some(author), ..self }
    }

    /// True when a file is to be gone.
    pub(super) fn removes(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path.as_str() == path && file.content.is_none())
    }

    /// The message of the commit, with what it is known by.
    pub(super) fn message(&self) -> String {
        let message = self.words.message.replace("\r\n", "\n").replace(['\r', '\0'], "");
        let message = message.trim_end();
        let gap = if ends_in_trailers(message) { "\n" } else { "\n\n" };
        format!("{message}{gap}{TRAILER}{}\n", self.digest())
    }

    /// A digest of the files and the author.
    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        let mut part = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        for File { path, content } in &self.files {
            part(path.as_str().as_bytes());
            match content {
                Some(content) => {
                    part(b"is");
                    part(content.as_bytes());
                }
                None => part(b"gone"),
            }
        }
        if let Some(Author { name, email }) = &self.author {
            part(name.as_bytes());
            part(email.as_bytes());
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// True for the message of a commit that was made here.
pub(super) fn is_ours(message: &str) -> bool {
    message.trim_end().lines().next_back().is_some_and(|line| line.starts_with(TRAILER))
}

fn exclude_each_other(sorted: &[File]) -> Result<(), BadChange> {
    let staying = || sorted.iter().filter(|file| file.content.is_some());
    for pair in sorted.windows(2) {
        if pair[0].path == pair[1].path {
            return Err(BadChange::Twice(pair[0].path.clone()));
        }
    }
    for file in staying() {
        let folder = format!("{}/", file.path);
        if let Some(inside) = staying().find(|other| other.path.as_str().starts_with(&folder)) {
            return Err(BadChange::FileAndFolder { file: file.path.clone(), inside: inside.path.clone() });
        }
    }
    Ok(())
}

/// True when the last paragraph of a message is made of lines like `Signed-off-by: somebody`. The first one never is.
fn ends_in_trailers(message: &str) -> bool {
    let is_trailer = |line: &str| {
        let key = line.split_once(": ").map(|(key, _)| key);
        key.is_some_and(|key| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
    };
    message.rsplit_once("\n\n").is_some_and(|(_, last)| last.lines().all(is_trailer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, content: Option<&str>) -> File {
        File { path: RepoPath::new(path).expect("a path"), content: content.map(str::to_owned) }
    }

    fn change(files: Vec<File>, message: &str) -> Result<Change, BadChange> {
        let words = Words { title: "t".into(), body: String::new(), message: message.into() };
        Change::new(BranchName::new("b").expect("a name"), files, words)
    }

    #[test]
    fn files_that_exclude_each_other_are_no_change() {
        assert_eq!(change(vec![], "m"), Err(BadChange::Empty));
        let twice = change(vec![file("a", Some("1")), file("a", None)], "m");
        assert!(matches!(twice, Err(BadChange::Twice(_))));
        let both = change(vec![file("a", Some("1")), file("a.b", None), file("a/b", Some("2"))], "m");
        assert!(matches!(both, Err(BadChange::FileAndFolder { .. })));
        assert!(change(vec![file("a", None), file("a/b", Some("2"))], "m").is_ok(), "a file becomes a folder");
        assert_eq!(change(vec![file("a", None)], " \n"), Err(BadChange::NoWords));
    }

    #[test]
    fn a_message_tells_what_it_is_about_and_keeps_its_trailers() {
        let message = |files: Vec<File>, text: &str| change(files, text).expect("a change").message();
        let plain = message(vec![file("a", Some("1"))], "Add rooms\r\n\r\nBecause.\n\n");
        assert!(plain.starts_with("Add rooms\n\nBecause.\n\nSetAI-Change: "), "{plain}");
        assert!(is_ours(&plain) && !is_ours("Add rooms\n\nBecause.\n") && !is_ours(""));
        let signed = message(vec![file("a", Some("1"))], "fix: rooms\n\nSigned-off-by: A <a@b>");
        assert!(signed.starts_with("fix: rooms\n\nSigned-off-by: A <a@b>\nSetAI-Change: "), "{signed}");
        assert!(message(vec![file("a", Some("1"))], "fix: rooms").starts_with("fix: rooms\n\nSetAI"));
        let others = [vec![file("a", Some("2"))], vec![file("a", None)], vec![file("a", Some("1")), file("b", None)]];
        for other in others {
            assert_ne!(message(other, "Add rooms\n\nBecause."), plain);
        }
    }

    #[test]
    fn an_author_fits_into_a_commit() {
        assert!(Author::new("Ada", "ada@example.org").is_ok());
        for (name, email) in [("", "a@b"), ("A <x>", "a@b"), ("A\nB", "a@b"), ("A", ""), ("A", "a b"), ("A", "a@b>")] {
            assert_eq!(Author::new(name, email), Err(BadChange::Author), "{name} {email}");
        }
    }
}
