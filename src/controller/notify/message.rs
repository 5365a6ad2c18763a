//! Messages as people in Discord and servers get them.
//!
//! Decides how long anything may get, and sees to it that a text of somebody else's stays a text: it pings nobody, formats
//! nothing, and looks like no line of ours.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::model::{GuildId, Occasion};

/// One thing that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The guild; none for what everything depends on.
    pub guild: Option<GuildId>,
    /// What people call the guild, or what else it is about.
    pub name: String,
    /// What it is.
    pub occasion: Occasion,
    /// Why, as a word that stays the same.
    pub reason: String,
    /// The manifest's revision.
    pub revision: Option<String>,
    /// The digest of the plan it is about.
    pub plan: Option<String>,
    /// Why, in sentences.
    pub text: String,
    /// The command that helps next.
    pub next: Option<String>,
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

/// Discord shows no preview of what an address in the text leads to.
const SUPPRESS_EMBEDS: u32 = 1 << 2;

impl Message {
    /// Most characters of a message in Discord, in the longer of the two ways of counting them.
    pub const LONGEST: usize = 2_000;
    /// Room for the last line, which says how many are not shown.
    const LAST_LINE: usize = 50;
    /// Most characters of a name.
    const LONGEST_NAME: usize = 120;
    /// Most characters of a revision or a command.
    const LONGEST_WORD: usize = 120;

    /// What tells this message to this recipient from every other, and stays the same when it is tried again.
    pub fn id(&self, recipient: &str) -> String {
        let Self { notices, dropped } = self;
        let digest = Sha256::digest(json!([recipient, notices, dropped]).to_string());
        digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The body of Discord's Create Message. Nobody is pinged, whatever stands in a text. With the id Discord knows for some
    /// minutes whether it has the message already, and then does not say it twice.
    pub fn for_discord(&self, id: &str) -> Value {
        json!({
            "content": self.content(),
            "allowed_mentions": { "parse": [] },
            "flags": SUPPRESS_EMBEDS,
            "nonce": id,
            "enforce_nonce": true,
        })
    }

    /// The body for a server, as docs/notifications.md has it.
    pub fn for_server(&self, id: &str) -> Bytes {
        let Self { notices, dropped } = self;
        Bytes::from(json!({ "version": 1, "id": id, "notices": notices, "dropped": dropped }).to_string())
    }

    fn content(&self) -> String {
        let told = self.told_once();
        let room = Self::LONGEST - Self::LAST_LINE;
        // Few notices may be longer than many.
        let each = (room / told.len().max(1)).clamp(200, 900);
        let mut content = String::new();
        let mut shown = 0;
        for notice in &told {
            let block = block(notice, each);
            if length(&content) + length(&block) + 1 > room {
                break;
            }
            if !content.is_empty() {
                content.push('\n');
            }
            content.push_str(&block);
            shown += 1;
        }
        let hidden = told.len() - shown + self.dropped;
        if hidden > 0 {
            content.push_str(&format!("\nand {hidden} more"));
        }
        content
    }

    /// The notices but for ends that say the same: a guild that was wrong for two reasons is in order once.
    fn told_once(&self) -> Vec<&Notice> {
        let mut told: Vec<&Notice> = Vec::new();
        for notice in &self.notices {
            let is_end = notice.occasion == Occasion::Recovered && notice.guild.is_some();
            let same = |other: &&Notice| (other.guild, other.occasion) == (notice.guild, notice.occasion);
            if !(is_end && told.iter().any(same)) {
                told.push(notice);
            }
        }
        told
    }
}

/// What happened and where, why, and what to do next.
fn block(notice: &Notice, room: usize) -> String {
    let Notice { guild, name, occasion, reason: _, revision, plan: _, text, next, at } = notice;
    let name = prose(name, Message::LONGEST_NAME);
    let mut block = format!("{} **{name}** {}", mark(*occasion), happened(*occasion, guild.is_some()));
    let text = prose(text, room);
    if !text.is_empty() {
        block.push_str(&format!("\n> {text}"));
    }
    // The sentence names the command already, where there is more to say about it.
    let next = next.as_ref().filter(|next| !notice.text.contains(next.as_str()));
    let words = next.map(|next| code(next)).into_iter().chain(revision.as_deref().map(code));
    let footer: Vec<String> = words.chain([format!("<t:{}:f>", at.timestamp())]).collect();
    block.push_str(&format!("\n-# {}", footer.join(" · ")));
    block
}

fn mark(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Applied | Occasion::Recovered => "✅",
        Occasion::Drifted | Occasion::AwaitingApproval => "👀",
        Occasion::Failed | Occasion::SourceFailed => "⚠️",
        Occasion::Stalled | Occasion::Outage => "🛑",
    }
}

fn happened(occasion: Occasion, is_guild: bool) -> &'static str {
    match occasion {
        Occasion::Applied => "was changed as its manifest says",
        Occasion::Recovered if is_guild => "is in order again",
        Occasion::Recovered => "can be used again",
        Occasion::Drifted => "was changed in Discord by hand",
        Occasion::AwaitingApproval => "waits for an approval",
        Occasion::Failed => "is not yet as its manifest says; it is tried again",
        Occasion::SourceFailed => "cannot be used",
        Occasion::Stalled => "waits for somebody to change something",
        Occasion::Outage => "cannot be used at the moment",
    }
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A word as code.
fn code(word: &str) -> String {
    let word: String = word.chars().filter(|c| *c != '`' && !c.is_control()).take(Message::LONGEST_WORD).collect();
    format!("`{word}`")
}

/// What there was room for of a text. Code that is cut in the middle ends there.
fn cut(mut prose: String) -> String {
    if prose.matches('`').count() % 2 == 1 {
        match prose.ends_with('`') {
            true => _ = prose.pop(),
            false => prose.push('`'),
        }
    }
    prose.push('…');
    prose
}

/// A text on one line of at most so many characters, in which only code in backticks is formatted, and in which nobody is
/// named so that Discord would notice.
fn prose(text: &str, most: usize) -> String {
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // What is not closed is no code.
    let mut ticks = text.matches('`').count() / 2 * 2;
    let mut prose = String::new();
    let (mut room, mut in_code, mut before) = (most.saturating_sub(2), false, ' ');
    for c in text.chars() {
        let written = match c {
            '`' if ticks > 0 => {
                ticks -= 1;
                in_code = !in_code;
                "`".to_owned()
            }
            '`' => "'".to_owned(),
            c if in_code => c.to_string(),
            '@' => "@\u{200b}".to_owned(),
            // Between letters it means nothing to Discord, and names of channels are full of it.
            '_' if before.is_alphanumeric() => "_".to_owned(),
            '\\' | '*' | '_' | '~' | '|' | '[' | ']' | '<' | '>' | '#' => format!("\\{c}"),
            c if c.is_control() => String::new(),
            c => c.to_string(),
        };
        let Some(left) = room.checked_sub(length(&written)) else {
            return cut(prose);
        };
        room = left;
        prose.push_str(&written);
        before = c;
    }
    prose
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;

    fn notice(occasion: Occasion, text: &str) -> Notice {
        Notice {
            guild: GuildId::new_checked(7),
            name: "Rust Study Group".to_owned(),
            occasion,
            reason: "Any".to_owned(),
            revision: Some("main@abc".to_owned()),
            plan: None,
            text: text.to_owned(),
            next: Some("setai status".to_owned()),
            at: at(0),
        }
    }

    fn content(notices: Vec<Notice>) -> String {
        Message { notices, dropped: 0 }.content()
    }

    #[test]
    fn people_read_what_happened_where_why_and_what_to_do() {
        let stalled = notice(Occasion::Stalled, "Discord refused to create role Crew. Give the bot `manage_roles`");
        let waits = notice(Occasion::AwaitingApproval, "1 to delete. `setai approve 0123` shows it and approves it");
        let waits = Notice { next: Some("setai approve 0123".to_owned()), ..waits };
        let outage = Notice {
            guild: None,
            name: "The database".to_owned(),
            revision: None,
            ..notice(Occasion::Outage, "Nothing is changed meanwhile")
        };
        insta::assert_snapshot!(content(vec![stalled, waits, outage]), @"
        🛑 **Rust Study Group** waits for somebody to change something
        > Discord refused to create role Crew. Give the bot `manage_roles`
        -# `setai status` · `main@abc` · <t:1795000000:f>
        👀 **Rust Study Group** waits for an approval
        > 1 to delete. `setai approve 0123` shows it and approves it
        -# `main@abc` · <t:1795000000:f>
        🛑 **The database** cannot be used at the moment
        > Nothing is changed meanwhile
        -# `setai status` · <t:1795000000:f>
        ");
    }

    #[test]
    fn a_text_of_somebody_elses_stays_a_text() {
        let nasty = "**bold** <@123> @everyone [click](https://example.org) snake_case # head\n# heading `code @here` and ` open";
        let shown = prose(nasty, 900);
        assert_eq!(
            shown,
            "\\*\\*bold\\*\\* \\<@\u{200b}123\\> @\u{200b}everyone \\[click\\](https://example.org) snake_case \\# head \\# \
             heading `code @here` and ' open"
        );
    }

    #[test]
    fn what_is_cut_ends_its_code_and_keeps_within_the_room() {
        for most in 3..60 {
            let shown = prose("the role `a very long name of a role` *is* gone", most);
            assert!(length(&shown) <= most, "{most}: {shown}");
            assert_eq!(shown.matches('`').count() % 2, 0, "{shown}");
            assert!(!shown.trim_end_matches('…').ends_with('\\'), "{shown}");
        }
    }

    #[test]
    fn the_longest_of_all_still_fits_and_shows_something() {
        let long = "*🦀".repeat(2_000);
        let longest = Notice {
            name: long.clone(),
            revision: Some(long.clone()),
            next: Some(long.clone()),
            ..notice(Occasion::Failed, &long)
        };
        for count in [1, 2, 3, 10, 200] {
            let content = content(vec![longest.clone(); count]);
            assert!(length(&content) <= Message::LONGEST, "{count}: {}", length(&content));
            assert!(content.starts_with("⚠️ **"), "{count}: {content}");
        }
    }

    #[test]
    fn a_guild_is_in_order_once() {
        let over = |reason: &str| Notice { reason: reason.to_owned(), ..notice(Occasion::Recovered, "in order") };
        assert_eq!(content(vec![over("a"), over("b")]).matches("in order again").count(), 1);
        let other = Notice { guild: GuildId::new_checked(8), ..over("a") };
        assert_eq!(content(vec![over("a"), other]).matches("in order again").count(), 2);
    }

    #[test]
    fn an_id_is_the_same_at_every_try_and_another_for_everybody_else() {
        let message = |text: &str| Message { notices: vec![notice(Occasion::Failed, text)], dropped: 0 };
        assert_eq!(message("a").id("channel 1"), message("a").id("channel 1"));
        assert_ne!(message("a").id("channel 1"), message("a").id("channel 2"));
        assert_ne!(message("a").id("channel 1"), message("b").id("channel 1"));
        assert!(message("a").id("channel 1").len() <= 25, "Discord takes no longer ones");
    }
}
