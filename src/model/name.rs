//! What Discord makes of a channel name.

use super::ChannelKind;

/// The name Discord is expected to store for `name`: a slug for text-like channels, trimmed otherwise.
///
/// Discord does not document the rule; this one is gathered from what its users observed. It is only used to see that
/// nothing changed: what a write answered is remembered ([`super::NameEcho`]) and wins.
pub fn normalise_channel_name(kind: ChannelKind, name: &str) -> String {
    if kind.has_slug_name() { slug(name) } else { name.split_whitespace().collect::<Vec<_>>().join(" ") }
}

/// True when Discord would store both names alike.
pub fn same_channel_name(kind: ChannelKind, a: &str, b: &str) -> bool {
    normalise_channel_name(kind, a) == normalise_channel_name(kind, b)
}

fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.trim().chars().flat_map(char::to_lowercase) {
        let c = if c.is_whitespace() { '-' } else { c };
        let dropped = c.is_ascii_punctuation() && c != '-' && c != '_';
        let doubled = c == '-' && slug.ends_with('-');
        if !dropped && !doubled {
            slug.push(c);
        }
    }
    slug.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_names_become_slugs_and_others_stay() {
        let cases = [
            (ChannelKind::Text, "General Chat!", "general-chat"),
            (ChannelKind::Forum, "Joey's Cool Channel", "joeys-cool-channel"),
            (ChannelKind::Text, "  --a  - b-- ", "a-b"),
            (ChannelKind::Announcement, "📢 Новини", "📢-новини"),
            (ChannelKind::Voice, " Room   One! ", "Room One!"),
            (ChannelKind::Category, "📢 Information", "📢 Information"),
        ];
        for (kind, name, expected) in cases {
            assert_eq!(normalise_channel_name(kind, name), expected);
            assert_eq!(normalise_channel_name(kind, expected), expected, "normalising twice changes nothing");
        }
    }
}
