//! Messages with files: a body of several parts, as Discord's documentation ("Uploading Files") has it.

use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Value, json};
use uuid::Uuid;

/// A file that goes with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// A body of several parts.
pub(super) struct Form {
    pub(super) body: Bytes,
    pub(super) content_type: HeaderValue,
}

impl Form {
    /// A message with its files.
    pub(super) fn new(message: &Value, files: &[File]) -> Self {
        let attachments: Value =
            files.iter().enumerate().map(|(n, file)| json!({ "id": n.to_string(), "filename": file.name })).collect();
        let mut message = message.clone();
        message["attachments"] = attachments;
        // No text of ours or of anybody else's can hold a number that is drawn now.
        let boundary = Uuid::now_v7().simple().to_string();
        let mut body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\
             Content-Type: application/json\r\n\r\n{message}\r\n"
        );
        for (n, File { name, text }) in files.iter().enumerate() {
            body.push_str(&format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"files[{n}]\"; filename=\"{name}\"\r\n\
                 Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
            ));
        }
        body.push_str(&format!("--{boundary}--\r\n"));
        // The boundary is made of digits and letters.
        let content_type = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"))
            .unwrap_or(HeaderValue::from_static("multipart/form-data"));
        Self { body: Bytes::from(body), content_type }
    }
}
