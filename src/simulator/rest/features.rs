//! Guild features and images: what a guild must have before it may have something else.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::form::{Form, FormErrors, Given};
use super::guild::MAKE_ONE;
use super::visit::Visit;
use super::{ApiError, channel_fields};
use crate::simulator::world::{Bits, Guild, Snowflake, kind};

/// Features a call may add or remove.
const MUTABLE: [&str; 10] = [
    "COMMUNITY",
    "DISCOVERABLE",
    "INVITES_DISABLED",
    "RAID_ALERTS_DISABLED",
    "ENABLED_MODERATION_EXPERIENCE_FOR_NON_COMMUNITY",
    "NON_COMMUNITY_RAID_ALERTS",
    "ACTIVITY_FEED_ENABLED_BY_USER",
    "ACTIVITY_FEED_DISABLED_BY_USER",
    "SUMMARIES_ENABLED_BY_USER",
    "PRUNE_REQUIRES_ADMIN",
];

/// One a call may remove and not add.
const REMOVABLE: &str = "MEMBER_VERIFICATION_GATE_ENABLED";

/// A base64 image, as the hash Discord gives back for it.
pub(crate) fn image(form: &mut Form<'_>, key: &str) -> Given<String> {
    let uri = match form.raw(key) {
        Given::Absent => return Given::Absent,
        Given::Null => return Given::Null,
        Given::Value(value) => value.as_str().unwrap_or_default(),
    };
    if !uri.starts_with("data:image/") || !uri.contains(";base64,") {
        form.wrong(key, "IMAGE_INVALID", "Invalid image data");
        return Given::Absent;
    }
    let digest = Sha256::digest(uri.as_bytes());
    let hash = digest.iter().take(16).fold(String::new(), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    });
    Given::Value(hash)
}

/// The new list of features. Only mutable ones may differ: an immutable live one that is left out stays.
pub(crate) fn read(form: &mut Form<'_>, guild: &Guild) -> Given<Vec<String>> {
    let list = match form.list("features", 1521) {
        Given::Absent => return Given::Absent,
        Given::Null => &[],
        Given::Value(list) => list,
    };
    let wanted: BTreeSet<&str> = list.iter().filter_map(Value::as_str).collect();
    for (index, feature) in list.iter().enumerate() {
        let name = feature.as_str().unwrap_or_default();
        if !MUTABLE.contains(&name) && !guild.has_feature(name) {
            form.wrong_item("features", index, "BASE_TYPE_CHOICES", "This feature cannot be changed.");
        }
    }
    let is_fixed = |f: &str| f != REMOVABLE && !MUTABLE.contains(&f);
    let stays = |f: &&String| wanted.contains(f.as_str()) || is_fixed(f);
    let mut features: Vec<String> = guild.features.iter().filter(stays).cloned().collect();
    let added = wanted.iter().filter(|f| !guild.has_feature(f) && MUTABLE.contains(f));
    features.extend(added.map(|f| (*f).to_owned()));
    Given::Value(features)
}

/// Judges a change of features and settles what follows from it. `draft` has the rest of the request in it already.
pub(crate) fn settle(
    visit: &mut Visit<'_>,
    draft: &mut Guild,
    features: Vec<String>,
    same_request: [Given<Snowflake>; 2],
) -> Result<(), ApiError> {
    let (old, new): (BTreeSet<_>, BTreeSet<_>) = (draft.features.iter().collect(), features.iter().collect());
    let changed: Vec<&str> = old.symmetric_difference(&new).map(|f| f.as_str()).collect();
    let (turns_community, is_community) = (changed.contains(&"COMMUNITY"), features.iter().any(|f| f == "COMMUNITY"));
    if changed.iter().any(|f| matches!(*f, "COMMUNITY" | "DISCOVERABLE")) {
        visit.require(Bits::ADMINISTRATOR)?;
    }
    if changed.contains(&"PRUNE_REQUIRES_ADMIN") && draft.owner_id != visit.call.actor {
        return Err(ApiError::missing_permissions());
    }
    draft.features = features;
    if turns_community && is_community {
        enable_community(visit, draft, same_request)?;
    } else if turns_community {
        draft.features.retain(|f| f != "NEWS");
    }
    Ok(())
}

fn enable_community(
    visit: &mut Visit<'_>,
    draft: &mut Guild,
    [rules, updates]: [Given<Snowflake>; 2],
) -> Result<(), ApiError> {
    if !matches!((rules, updates), (Given::Value(_), Given::Value(_))) {
        return Err(ApiError::feature_disabled());
    }
    if visit.call.switches.community_needs_safety {
        let mut errors = FormErrors::default();
        if draft.verification_level == 0 {
            errors.add(&["verification_level"], "BASE_TYPE_CHOICES", "Community guilds need a verification level");
        }
        if draft.explicit_content_filter != 2 {
            errors.add(&["explicit_content_filter"], "BASE_TYPE_CHOICES", "Community guilds filter for everyone");
        }
        errors.finish()?;
    }
    draft.rules_channel_id = Some(make_if_asked(visit, draft, rules, "rules"));
    draft.public_updates_channel_id = Some(make_if_asked(visit, draft, updates, "moderator-only"));
    if !draft.has_feature("NEWS") {
        draft.features.push("NEWS".to_owned());
    }
    Ok(())
}

/// [`MAKE_ONE`] asks Discord to make the channel.
fn make_if_asked(visit: &mut Visit<'_>, draft: &mut Guild, wanted: Given<Snowflake>, name: &str) -> Snowflake {
    match wanted.value() {
        Some(id) if id != MAKE_ONE => id,
        _ => {
            let mut channel = channel_fields::blank(kind::TEXT);
            channel.id = visit.mint();
            channel.name = name.to_owned();
            channel.position = draft.channels.values().map(|c| c.position + 1).max().unwrap_or(0);
            let id = channel.id;
            draft.channels.insert(id, channel);
            id
        }
    }
}
