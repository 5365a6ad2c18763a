//! Whether a request speaks of something.
//!
//! Decides it by letters: a name is named when its letters stand in the request, with an ending more or less or with one letter
//! wrong. Knows no grammar and few languages.

/// What was said, taken apart.
pub(super) struct Said {
    texts: Vec<String>,
    words: Vec<String>,
    /// All letters in a row, for languages that leave no spaces.
    letters: String,
}

impl Said {
    /// Of some texts. What nobody sees was not said.
    pub(super) fn of(texts: &[&str]) -> Self {
        let texts: Vec<String> = texts
            .iter()
            .map(|text| text.chars().filter(|c| !is_hidden(*c)).collect::<String>().to_lowercase())
            .collect();
        let words = texts.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
        let words: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
        Self { letters: words.concat(), words, texts }
    }

    /// True when an object is named by its key, or by what people see.
    pub(super) fn names(&self, key: &str, name: Option<&str>) -> bool {
        std::iter::once(key).chain(name).any(|name| self.has(&squeezed(name)))
    }

    /// True when everybody is spoken of.
    pub(super) fn names_everyone(&self) -> bool {
        const EVERYONE: [&str; 23] = [
            "everyone",
            "everybody",
            "anyone",
            "anybody",
            "all",
            "members",
            "people",
            "alle",
            "allen",
            "jeder",
            "jeden",
            "tous",
            "todos",
            "tutti",
            "wszyscy",
            "iedereen",
            "mitglieder",
            "membres",
            "miembros",
            "все",
            "всем",
            "всех",
            "usuarios",
        ];
        const ROWS: [&str; 5] = ["全員", "みんな", "所有人", "大家", "모두"];
        self.words.iter().any(|word| EVERYONE.contains(&word.as_str()))
            || ROWS.iter().any(|all| self.letters.contains(all))
    }

    /// True when this stands in what was said, letter by letter.
    pub(super) fn holds(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.texts.iter().any(|said| said.contains(&text))
    }

    fn has(&self, name: &str) -> bool {
        if name.is_empty() {
            return false;
        }
        if !name.is_ascii() && name.chars().any(leaves_no_spaces) {
            return self.letters.contains(name);
        }
        let runs =
            (0..self.words.len()).flat_map(|from| (from..self.words.len().min(from + 6)).map(move |to| (from, to)));
        let mut runs = runs.map(|(from, to)| self.words[from..=to].concat());
        runs.any(|run| is_about(&run, name))
    }
}

/// True for a word that is a name but for its ending, or for one letter.
fn is_about(word: &str, name: &str) -> bool {
    if word == name {
        return true;
    }
    let (long, short) = if word.len() > name.len() { (word, name) } else { (name, word) };
    let letters = short.chars().count();
    let more = long.chars().count() - letters;
    (letters >= 4 && more <= 2 && long.starts_with(short)) || (letters >= 5 && strsim::osa_distance(word, name) <= 1)
}

fn squeezed(name: &str) -> String {
    name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

/// True for letters of languages that are written without spaces.
fn leaves_no_spaces(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{20000}'..='\u{2ffff}')
}

/// True for characters that show nothing and can hide something: controls, marks of direction, spaces without width, tags.
/// Joiners are part of emoji and of some languages.
pub(in crate::ai) fn is_hidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' | '\u{1d173}'..='\u{1d17a}')
}

/// What looks like an address in a text.
pub(super) fn links(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| c.is_whitespace() || "<>()[]{}\"'`|".contains(c);
    text.split(ends).map(|word| word.trim_end_matches(['.', ',', ';', ':', '!', '?'])).filter(|word| is_link(word))
}

fn is_link(word: &str) -> bool {
    let low = word.to_lowercase();
    low.contains("://")
        || ["www.", "discord.gg/", "discord.com/", "data:", "javascript:", "mailto:"]
            .iter()
            .any(|start| low.starts_with(start))
        || low.contains("discord.gg/")
}

/// True when a permission is spoken of: by the name Discord's API has, or by a word for it.
pub(super) fn names_permission(said: &Said, name: &str) -> bool {
    let stems: &[&str] = match name {
        "kick_members" => &["kick", "rauswerf", "rauswurf", "expuls", "wyrzuc", "выгон", "кик"],
        "ban_members" => &["ban", "sperr", "banear", "банит", "блокир"],
        "manage_channels" => &["channel", "kanal", "kanäle", "salon", "canal", "canais", "canali", "kanał", "канал"],
        "manage_guild" => &["server", "guild", "serveur", "servidor", "serwer", "сервер"],
        "view_audit_log" => &["audit", "protokoll", "registro", "журнал"],
        "mention_everyone" => &["mention", "ping", "erwähn", "menci", "menzion", "упомин"],
        "manage_roles" => &["role", "rolle", "rôle", "rol", "ruol", "papel", "cargo", "роли", "роля"],
        "manage_webhooks" => &["webhook"],
        "moderate_members" => &["timeout", "time-out", "mute", "moderat", "stumm", "silenc", "модер", "мьют"],
        _ => &[],
    };
    // `manage_guild` alone is not spoken of by whoever says "server": somebody has to manage it.
    let manages = !name.starts_with("manage_")
        || [
            "manag",
            "verwalt",
            "gérer",
            "gère",
            "gerenc",
            "gestion",
            "administr",
            "zarządz",
            "управл",
            "edit",
            "creat",
            "delet",
        ]
        .iter()
        .any(|stem| said.texts.iter().any(|text| text.contains(stem)));
    let spelled = squeezed(name);
    said.letters.contains(&spelled)
        || (manages && said.words.iter().any(|word| stems.iter().any(|stem| word.starts_with(stem))))
}

/// True when a setting that keeps the guild safe is spoken of; others need not be.
pub(super) fn names_setting(said: &Said, field: &str) -> bool {
    let stems: &[&str] = match field {
        "verification_level" => &["verif", "vérif", "überprüf", "weryf", "верифик", "провер", "認証", "验证"],
        "explicit_content_filter" => &["filter", "filtr", "scan", "фильтр", "フィルタ", "过滤"],
        _ => return true,
    };
    said.letters.contains(&squeezed(field))
        || said.texts.iter().any(|text| stems.iter().any(|stem| text.contains(stem)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_heard_with_other_endings_and_in_other_scripts() {
        let cases = [
            ("delete the Book Clubs channel", "book-club", true),
            ("Lösche #off-topic", "off-topic", true),
            ("Moderatoren dürfen alles lesen", "moderator", true),
            ("雑談チャンネルを消して", "雑談", true),
            ("remove the modeator role", "moderator", true),
            ("start over", "art", false),
            ("make it blue", "general", false),
            ("the gene pool", "general", false),
            ("g\u{200b}eneral is fine", "general", true),
            ("hi\u{e0067}\u{e0065}\u{e006e}", "gen", false),
        ];
        for (text, name, named) in cases {
            assert_eq!(Said::of(&[text]).names(name, None), named, "{text}: {name}");
        }
    }

    #[test]
    fn permissions_are_heard_and_not_by_chance() {
        let cases = [
            ("let helpers ban people", "ban_members", true),
            ("make the helper role blue", "manage_roles", false),
            ("helpers may manage roles", "manage_roles", true),
            ("rename the server", "manage_guild", false),
            ("дай helper manage_guild", "manage_guild", true),
        ];
        for (text, name, named) in cases {
            assert_eq!(names_permission(&Said::of(&[text]), name), named, "{text}: {name}");
        }
    }

    #[test]
    fn addresses_are_found() {
        let found: Vec<&str> = links("![x](https://evil.example/?d=1) or discord.gg/abc, not a.b").collect();
        assert_eq!(found, ["https://evil.example/?d=1", "discord.gg/abc"]);
    }
}
