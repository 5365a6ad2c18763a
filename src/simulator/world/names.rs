//! What Discord makes of a channel name.
//!
//! The exact rules are not documented; [`SlugRule`] holds the readings that observations allow.

use super::SlugRule;
use super::channel::kind;

/// The stored form of a name for that kind of channel. May be empty, which is no valid name.
pub(crate) fn stored_name(name: &str, channel_kind: u8, rule: SlugRule) -> String {
    let text_like = match channel_kind {
        kind::TEXT | kind::ANNOUNCEMENT => true,
        kind::FORUM | kind::MEDIA => rule != SlugRule::ForumsKeepNames,
        _ => false,
    };
    if text_like { slug(name, rule) } else { name.split_whitespace().collect::<Vec<_>>().join(" ") }
}

fn slug(name: &str, rule: SlugRule) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.split_whitespace().collect::<Vec<_>>().join("-").chars().flat_map(char::to_lowercase) {
        let deleted = c.is_ascii_punctuation() && !matches!(c, '-' | '_') && rule != SlugRule::KeepPunctuation;
        let repeated = c == '-' && slug.ends_with('-') && rule != SlugRule::KeepDashes;
        if !deleted && !repeated && !c.is_control() {
            slug.push(c);
        }
    }
    if rule == SlugRule::KeepDashes { slug } else { slug.trim_matches('-').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_channels_are_slugs_and_the_rest_keep_their_looks() {
        let text = |name| stored_name(name, kind::TEXT, SlugRule::Likely);
        assert_eq!(text("General Chat!"), "general-chat");
        assert_eq!(text("Joey's Cool Channel"), "joeys-cool-channel");
        assert_eq!(text("  a -- b  "), "a-b");
        assert_eq!(text("-_x_-"), "_x_");
        assert_eq!(text("ÜBER 規則 📢"), "über-規則-📢");
        assert_eq!(text("!?"), "");
        assert_eq!(stored_name("  Lounge  One! ", kind::VOICE, SlugRule::Likely), "Lounge One!");
        assert_eq!(stored_name("Info", kind::CATEGORY, SlugRule::Likely), "Info");
    }

    #[test]
    fn every_reading_is_a_fixed_point() {
        for rule in [SlugRule::Likely, SlugRule::KeepPunctuation, SlugRule::KeepDashes, SlugRule::ForumsKeepNames] {
            for name in ["General Chat!", " -- x -- y", "A.B'C", "İstanbul", "Σίσυφος"] {
                let once = stored_name(name, kind::TEXT, rule);
                assert_eq!(stored_name(&once, kind::TEXT, rule), once, "{rule:?} {name:?}");
            }
        }
    }
}
