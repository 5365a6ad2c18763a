//! Tags and default reactions of forum and media channels.

use serde_json::Value;

use super::form::{Form, Given};
use super::{ApiError, Call};
use crate::simulator::world::{ForumTag, Snowflake, TagEmoji};

/// Most tags in a channel.
const MOST_TAGS: usize = 20;

/// A tag as sent: with an id it is kept, without it is made.
pub(crate) struct TagDraft {
    id: Option<Snowflake>,
    name: String,
    moderated: bool,
    emoji: TagEmoji,
}

/// The list under `available_tags`; null is an empty list.
pub(crate) fn read_tags<'a>(form: &mut Form<'a>, longest_name: usize) -> Given<Vec<TagDraft>> {
    let list: &'a [Value] = match form.list("available_tags", usize::MAX) {
        Given::Absent => return Given::Absent,
        Given::Null => &[],
        Given::Value(list) => list,
    };
    let mut tags = Vec::with_capacity(list.len());
    for (index, entry) in list.iter().enumerate() {
        form.inside(&["available_tags", &index.to_string()], entry, |inner| {
            inner.require("name");
            let id = inner.snowflake("id").value();
            let name = inner.text("name", 0..=longest_name).value().unwrap_or_default();
            let moderated = inner.flag("moderated").value().unwrap_or(false);
            tags.push(TagDraft { id, name, moderated, emoji: read_emoji(inner) });
        });
    }
    Given::Value(tags)
}

/// The object under `default_reaction_emoji`: exactly one kind of emoji, or null.
pub(crate) fn read_reaction<'a>(form: &mut Form<'a>) -> Given<TagEmoji> {
    let value: &'a Value = match form.raw("default_reaction_emoji") {
        Given::Absent => return Given::Absent,
        Given::Null => return Given::Null,
        Given::Value(value) => value,
    };
    let read = form.inside(&["default_reaction_emoji"], value, |inner| {
        let emoji = read_emoji(inner);
        if emoji == TagEmoji::default() {
            inner.wrong("emoji_id", "BASE_TYPE_REQUIRED", "One of emoji_id and emoji_name is required");
        }
        emoji
    });
    read.map_or(Given::Absent, Given::Value)
}

fn read_emoji(form: &mut Form<'_>) -> TagEmoji {
    let emoji_id = form.snowflake("emoji_id").value().filter(|id| *id != Snowflake(0));
    let emoji_name = form.text("emoji_name", 0..=100).value().filter(|name| !name.is_empty());
    if emoji_id.is_some() && emoji_name.is_some() {
        form.wrong("emoji_name", "BASE_TYPE_CHOICES", "Only one of emoji_id and emoji_name may be set");
    }
    TagEmoji { emoji_id, emoji_name }
}

/// The tags a channel gets. Known ids are kept; an unknown id is ignored and the tag is made anew.
pub(crate) fn settle_tags(
    drafts: Vec<TagDraft>,
    old: &[ForumTag],
    call: &Call<'_>,
    mut mint: impl FnMut() -> Snowflake,
) -> Result<Vec<ForumTag>, ApiError> {
    if drafts.len() > MOST_TAGS {
        return Err(ApiError::too_many_tags());
    }
    for (index, tag) in drafts.iter().enumerate() {
        if drafts[..index].iter().any(|earlier| earlier.name == tag.name) {
            return Err(ApiError::new(call.switches.statuses.duplicate_tags, 40_061, "Tag names must be unique"));
        }
    }
    let settle = |TagDraft { id, name, moderated, emoji }| {
        let kept = id.filter(|id| old.iter().any(|tag| tag.id == *id));
        ForumTag { id: kept.unwrap_or_else(&mut mint), name, moderated, emoji }
    };
    Ok(drafts.into_iter().map(settle).collect())
}
