//! Texts as forges take them.
//!
//! Decides how long they may be, and that nothing in them is an order to the forge: a line that begins with `/` would be one at
//! GitLab, and to many bots elsewhere, and it would be carried out with the rights of our token.

/// Longest body of a pull request or a comment, in UTF-16 code units: GitHub takes 65,536 characters, the others more.
pub const LONGEST_BODY: usize = 65_536;

/// Longest title. GitLab and Gitea take 255 characters, GitHub 256.
const LONGEST_TITLE: usize = 250;

/// Longest description of a status, as GitHub has it.
const LONGEST_DESCRIPTION: usize = 140;

const CUT: &str = "\n\n_The rest is cut: a forge takes no longer text._";

/// A title: one line.
pub(super) fn title(text: &str) -> String {
    line(text, LONGEST_TITLE)
}

/// The description of a status: one line.
pub(super) fn description(text: &str) -> String {
    line(text, LONGEST_DESCRIPTION)
}

fn line(text: &str, longest: usize) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= longest {
        return text;
    }
    let cut: String = text.chars().take(longest - 1).collect();
    format!("{}…", cut.trim_end())
}

/// Markdown that no forge takes for an order and every forge takes whole, with `before` in front of it.
pub(super) fn body(before: &str, text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace(['\r', '\0'], "");
    let text: Vec<String> = text.trim_end().split('\n').map(without_order).collect();
    let whole = format!("{before}{}", text.join("\n"));
    if units(&whole) <= LONGEST_BODY { whole } else { cut(&whole) }
}

/// The line, which Markdown shows alike, and no forge carries out.
fn without_order(line: &str) -> String {
    let rest = line.trim_start();
    if !rest.starts_with('/') {
        return line.to_owned();
    }
    format!("{}\\{rest}", &line[..line.len() - rest.len()])
}

fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Cuts at the end of a line, where there is one not far away, and closes what was left open.
fn cut(text: &str) -> String {
    // Room for the note and the end of a block of code.
    let mut room = LONGEST_BODY - units(CUT) - 16;
    let fits = text.char_indices().find(|(_, c)| {
        let left = room.checked_sub(c.len_utf16());
        room = left.unwrap_or(room);
        left.is_none()
    });
    let kept = &text[..fits.map_or(text.len(), |(at, _)| at)];
    let kept = match kept.rfind('\n') {
        Some(at) if kept.len() - at < 4096 => &kept[..at],
        _ => kept,
    };
    format!("{kept}{}{CUT}", fence(kept).map(|fence| format!("\n{fence}")).unwrap_or_default())
}

/// What would end the block of code a text ends in.
fn fence(text: &str) -> Option<String> {
    let mut open: Option<(char, usize)> = None;
    for line in text.lines() {
        let line = line.trim_start();
        let Some(mark) = line.chars().next().filter(|c| matches!(c, '`' | '~')) else { continue };
        let long = line.chars().take_while(|c| *c == mark).count();
        open = match open {
            None if long >= 3 => Some((mark, long)),
            Some((with, from)) if mark == with && long >= from && line.trim_end().chars().all(|c| c == mark) => None,
            other => other,
        };
    }
    // A fence longer than the room that is left would not be closed; nobody writes one.
    open.map(|(mark, long)| mark.to_string().repeat(long.min(12)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_an_order() {
        let text = "/close\n  /approve\nno /order\r\n> /quoted\n/\n";
        assert_eq!(body("", text), "\\/close\n  \\/approve\nno /order\n> /quoted\n\\/");
    }

    #[test]
    fn a_long_text_is_cut_at_a_line_with_a_note_and_what_was_open_is_closed() {
        let longest: String = "x".repeat(LONGEST_BODY);
        assert_eq!(body("", &longest), longest);
        for text in
            [format!("a\n````diff\n{}", "+ line 🦀\n".repeat(9_000)), "🦀".repeat(40_000), format!("{longest}y")]
        {
            let body = body("<!-- setai:a -->\n", &text);
            assert!(units(&body) <= LONGEST_BODY && units(&body) > LONGEST_BODY - 5_000, "{}", units(&body));
            assert!(body.starts_with("<!-- setai:a -->\n") && body.ends_with(CUT));
            assert_eq!(body.contains("🦀\n````\n\n_The rest"), text.starts_with('a'), "the block of code ends");
        }
    }

    #[test]
    fn a_title_is_one_short_line() {
        assert_eq!(title("  Add\nrooms\t\u{7} now "), "Add rooms now");
        assert_eq!(title(&"ü".repeat(300)).chars().count(), LONGEST_TITLE);
        assert!(description(&"a ".repeat(300)).ends_with('…'));
    }
}
