//! Files on messages: what is uploaded, what is kept, and what it is called afterwards.

use serde_json::Value;

use super::form::{Form, Given, unsigned};
use super::{ApiError, Call};
use crate::simulator::world::{Attachment, Message, Mint, Snowflake};

/// Most files of a message, and largest one in bytes: documented.
const MOST_FILES: usize = 10;
pub(crate) const LARGEST_FILE: usize = 10 * 1024 * 1024;

/// A file of a multipart form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The `n` of `files[n]`, which the attachments of the JSON part refer to.
    pub number: u64,
    /// As sent.
    pub filename: String,
    /// As sent.
    pub content_type: Option<String>,
    /// All of it.
    pub bytes: bytes::Bytes,
}

/// An entry of `attachments`: a file that was uploaded with it, or one that is there already.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    id: u64,
    filename: Option<String>,
    description: Option<String>,
}

/// Reads the field `attachments`.
pub(crate) fn read_attachments(form: &mut Form<'_>) -> Given<Vec<Kept>> {
    let list = match form.list("attachments", MOST_FILES) {
        Given::Absent => return Given::Absent,
        Given::Null => return Given::Null,
        Given::Value(list) => list,
    };
    let mut kept: Vec<Kept> = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let entry = form.inside(&["attachments", &index.to_string()], value, |form| {
            form.require("id");
            let filename = form.text("filename", 1..=1024).value();
            let description = form.text("description", 0..=1024).value();
            let id = form.snowflake("id").value().map(|id| id.0);
            Some(Kept { id: id?, filename, description })
        });
        match entry.flatten() {
            Some(entry) if kept.iter().any(|other| other.id == entry.id) => {
                form.wrong_item("attachments", index, "ATTACHMENT_ID_DUPLICATED", "Attachment ids must be unique");
            }
            Some(entry) => kept.push(entry),
            None => {}
        }
    }
    Given::Value(kept)
}

impl Kept {
    /// Attaches what was uploaded, and keeps or drops what was there.
    pub(crate) fn attach(
        wanted: Given<Vec<Self>>,
        files: &[Upload],
        message: &mut Message,
        ids: &mut Mint,
        call: &Call<'_>,
    ) -> Result<(), ApiError> {
        let is_new = message.attachments.is_empty();
        let described = |n: u64| match &wanted {
            Given::Value(list) => list.iter().find(|entry| entry.id == n),
            Given::Absent | Given::Null => None,
        };
        let mut attachments = Vec::new();
        for old in std::mem::take(&mut message.attachments) {
            match (&wanted, described(old.id.0)) {
                (Given::Absent, _) => attachments.push(old),
                (_, Some(entry)) => {
                    let description = entry.description.clone().or(old.description);
                    attachments.push(Attachment { description, ..old });
                }
                _ => {}
            }
        }
        if let Given::Value(list) = &wanted {
            let there = |id: u64| files.iter().any(|f| f.number == id) || attachments.iter().any(|a| a.id.0 == id);
            if list.iter().any(|entry| !there(entry.id)) {
                return Err(ApiError::uploaded_file_not_found());
            }
        }
        for file in files {
            let entry = described(file.number);
            // Of an edit that lists files, those it does not list are not appended.
            if entry.is_none() && !is_new && wanted.is_present() {
                continue;
            }
            let id = ids.mint(call.now);
            attachments.push(stored(id, file, entry));
        }
        if attachments.len() > MOST_FILES {
            return Err(ApiError::too_many_attachments());
        }
        message.attachments = attachments;
        Ok(())
    }
}

fn stored(id: Snowflake, file: &Upload, entry: Option<&Kept>) -> Attachment {
    let filename = entry.and_then(|entry| entry.filename.as_deref()).unwrap_or(&file.filename);
    Attachment {
        id,
        filename: plain_name(filename),
        description: entry.and_then(|entry| entry.description.clone()),
        content_type: file.content_type.clone(),
        size: file.bytes.len() as u64,
        text: std::str::from_utf8(&file.bytes).ok().map(str::to_owned),
    }
}

/// Spaces become underscores, and only what is safe in an address is left: observed.
fn plain_name(name: &str) -> String {
    let kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let plain: String = name.chars().map(|c| if c.is_whitespace() { '_' } else { c }).filter(kept).collect();
    if plain.is_empty() { "unknown".to_owned() } else { plain }
}

/// The `n` of a form's field `files[n]`.
pub(crate) fn file_number(field: &str) -> Option<u64> {
    let number = field.strip_prefix("files[")?.strip_suffix(']')?;
    unsigned(&Value::String(number.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_made_plain_and_numbers_are_read() {
        let plain = ["plan.diff", "my plan.txt", "../etc/passwd", "日本"].map(plain_name);
        assert_eq!(plain, ["plan.diff", "my_plan.txt", "..etcpasswd", "unknown"]);
        let numbers = ["files[0]", "files[42]", "file", "files[x]", "files[-1]", "files[1"].map(file_number);
        assert_eq!(numbers, [Some(0), Some(42), None, None, None, None]);
    }
}
