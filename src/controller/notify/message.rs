//! Messages as Discord and servers get them.

use std::fmt::Write as _;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::model::{GuildId, Occasion};

/// One thing that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The guild; none for what everything depends on.
    pub guild: Option<GuildId>,
    /// What it is.
    pub occasion: Occasion,
    /// Why, as a word that stays the same.
    pub reason: String,
    /// The manifest's revision, or the digest of the plan.
    pub revision: Option<String>,
    /// What people read.
    pub text: String,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// What goes out together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// In the order they happened; never empty.
    pub notices: Vec<Notice>,
    /// How many more there were.
    pub dropped: usize,
}

impl Message {
    /// Most characters of a message in Discord.
    pub const LONGEST: usize = 2_000;
    /// Most characters of one line, so that one notice leaves room for others.
    const LONGEST_LINE: usize = 300;

    /// The body of Discord's Create Message. Nobody is pinged, whatever stands in a text.
    pub fn for_discord(&self) -> Value {
        json!({ "content": self.content(), "allowed_mentions": { "parse": [] } })
    }

    fn content(&self) -> String {
        let lines: Vec<String> = self.notices.iter().map(line).collect();
        // Room for the last line, which says how many are not shown.
        let room = Self::LONGEST - 50;
        let mut content = String::new();
        let mut length = 0;
        let mut shown = 0;
        for line in &lines {
            let more = line.chars().count() + 1;
            if length + more > room {
                break;
            }
            let _ = writeln!(content, "{line}");
            length += more;
            shown += 1;
        }
        let hidden = lines.len() - shown + self.dropped;
        if hidden > 0 {
            let _ = writeln!(content, "and {hidden} more");
        }
        content.trim_end().to_owned()
    }

    /// The body for a server.
    pub fn for_server(&self) -> Bytes {
        Bytes::from(json!({ "version": 1, "notices": self.notices, "dropped": self.dropped }).to_string())
    }
}

fn line(notice: &Notice) -> String {
    let mark = match notice.occasion {
        Occasion::Applied | Occasion::Recovered => "✅",
        Occasion::Drifted | Occasion::AwaitingApproval => "👀",
        Occasion::Failed | Occasion::SourceFailed => "⚠️",
        Occasion::Stalled | Occasion::Outage => "🛑",
    };
    // One notice is one line, and its text cannot look like another.
    let text: String = notice.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let revision = notice.revision.as_ref().map(|revision| format!(" ({revision})")).unwrap_or_default();
    let line = format!("{mark} {text}{revision}");
    match line.char_indices().nth(Message::LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
