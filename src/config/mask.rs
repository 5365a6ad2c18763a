//! A text without the secrets somebody wrote into it.
//!
//! Problems are shown with the lines they are about, and those lines may hold what belongs into a file of its own. Decides
//! what looks like a secret; every character of one becomes a `*`, so that all places stay where they are.

/// Words in names of fields whose values are secret, unless the value is the path of a file.
const SECRET_WORDS: [&str; 8] =
    ["api_key", "token", "password", "passphrase", "secret", "credential", "database", "redis"];

/// The text with its secrets covered.
pub(super) fn mask(text: &str) -> String {
    text.split_inclusive('\n').map(mask_line).collect()
}

/// Fewest characters of what is taken for a secret. Discord's tokens have about 70, those of forges 26 and more.
const SHORTEST_SECRET: usize = 24;

/// True for what looks like a token and not like the path of a file. Some paste the one where the other belongs.
pub fn is_like_secret(text: &str) -> bool {
    let is_of_tokens = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    text.len() >= SHORTEST_SECRET && text.chars().all(is_of_tokens)
}

fn mask_line(line: &str) -> String {
    let mut masked = line.to_owned();
    for (at, name) in fields(line) {
        // So many tokens are a number and not a token.
        let is_named_secret =
            !name.ends_with("_tokens") && SECRET_WORDS.iter().any(|word| name.to_ascii_lowercase().contains(word));
        // The name of a variable is what a problem with it is about.
        let value = line[at..].trim();
        let is_secret = if name.ends_with("_file") { is_like_secret(word(value)) } else { is_named_secret };
        let is_variable = value.starts_with("${") && value.find('}') == value.len().checked_sub(1);
        if is_secret && !is_variable {
            cover(&mut masked, at, value_end(line, at));
        }
    }
    let mut from = 0;
    while let Some(found) = line[from..].find("://") {
        let start = from + found + 3;
        let end = start
            + line[start..].find(|c: char| c.is_whitespace() || "\"',}]".contains(c)).unwrap_or(line.len() - start);
        let url = &line[start..end];
        if let Some(at) = url.rfind('@') {
            cover(&mut masked, start, start + at);
        }
        // The address of a webhook is its password.
        if let Some(at) = url.find("/webhooks/") {
            cover(&mut masked, start + at + "/webhooks/".len(), end);
        }
        // What follows a question mark may be a key.
        if let Some(at) = url.find('?') {
            cover(&mut masked, start + at + 1, end);
        }
        from = end;
    }
    masked
}

/// Names before a colon, and where the text behind the colon begins.
fn fields(line: &str) -> Vec<(usize, &str)> {
    let colons = line.match_indices(':').filter(|(at, _)| !line[at + 1..].starts_with('/'));
    let named = colons.map(|(at, _)| {
        let before = line[..at].trim_end_matches(['"', '\'']);
        let start = before.rfind(|c: char| !(c.is_alphanumeric() || "_-".contains(c)));
        let start = start.map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        (at + 1, &before[start..])
    });
    named.collect()
}

/// The first word of a value, without its quotes.
fn word(value: &str) -> &str {
    let value = value.trim_start_matches(['"', '\'']);
    let end = value.find(|c: char| c.is_whitespace() || "\"',}]".contains(c)).unwrap_or(value.len());
    &value[..end]
}

/// Where the value ends that begins at `at`.
fn value_end(line: &str, at: usize) -> usize {
    let value = line[at..].trim_end();
    if value.trim_start().starts_with('{') {
        // A map of fields; each is looked at by itself.
        return at;
    }
    at + value.len()
}

/// Replaces bytes by as many stars; spaces before the first character stay.
fn cover(text: &mut String, from: usize, to: usize) {
    let from = from + (text[from..to].len() - text[from..to].trim_start().len());
    if from < to {
        text.replace_range(from..to, &"*".repeat(to - from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_covered_and_nothing_moves() {
        let cases = [
            ("  token: MTk4.abc.def\n", "  token: ************\n"),
            ("git: ssh://setai:hunter2@db/setai\n", "git: ssh://*************@db/setai\n"),
            ("git: \"https://x:y@host/a.git\"", "git: \"https://***@host/a.git\""),
            ("url: https://discord.com/api/webhooks/1/abc", "url: https://discord.com/api/webhooks/*****"),
            ("credentials: { password: geheim }", "credentials: { password: ********"),
            ("token_file: /run/secrets/token", "token_file: /run/secrets/token"),
            ("token_file: MTk4NjIyNDgz.Cl2FMQ.ZnCjm1XVW7vR", "token_file: *******************************"),
            ("{ token_file: 'MTk4NjIyNDgz.Cl2FMQ.ZnCjm1XVW7vR' }", "{ token_file: **********************************"),
            ("token_file: discord-token.txt", "token_file: discord-token.txt"),
            ("{ endpoint: \"https://host/otlp?key=abc\" }", "{ endpoint: \"https://host/otlp?*******\" }"),
            ("redis: ${REDIS}", "redis: ${REDIS}"),
            ("redis: ${REDIS}hunter2}", "redis: ****************"),
            ("api_key: hunter2", "api_key: *******"),
            ("api_key_file: sk-hunter2-0123456789abcdef", "api_key_file: ***************************"),
            ("max_input_tokens: 32000", "max_input_tokens: 32000"),
            ("listen: 127.0.0.1:8080", "listen: 127.0.0.1:8080"),
        ];
        for (text, expected) in cases {
            let masked = mask(text);
            assert_eq!(masked.len(), text.len(), "{text}");
            assert!(masked.starts_with(expected), "{masked}");
        }
        assert_eq!(mask("ä: [ü, \"ß\"]"), "ä: [ü, \"ß\"]");
    }
}
