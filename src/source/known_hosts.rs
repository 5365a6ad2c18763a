//! The keys SSH servers are known by.
//!
//! Decides whether a server's key is the one it should have, from a file as OpenSSH writes it. Names may be patterns, may
//! be negated and may be hashed; authorities of certificates are not used, because the library shows plain keys only.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The port that is not written.
const SSH_PORT: u16 = 22;

/// What is known of a server's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is its key.
    Known,
    /// Nothing is said about its keys of this kind.
    Unknown,
    /// It should have another of this kind.
    Changed {
        /// Where that stands, from 1.
        line: usize,
    },
    /// Nobody may use this key.
    Revoked {
        /// Where that stands, from 1.
        line: usize,
    },
}

/// Judges the key of a server, as it is sent over the wire.
pub(super) fn judge(known_hosts: &str, host: &str, port: u16, key: &[u8]) -> Verdict {
    let name = name(host, port);
    let entries = || known_hosts.lines().enumerate().filter_map(|(at, line)| Some((at + 1, Entry::parse(line)?)));
    let about_it = || entries().filter(|(_, entry)| entry.is_about(&name));
    if let Some((line, _)) = about_it().find(|(_, entry)| entry.mark == Mark::Revoked && entry.key == key) {
        return Verdict::Revoked { line };
    }
    let mut keys = about_it().filter(|(_, entry)| entry.mark == Mark::None);
    if keys.clone().any(|(_, entry)| entry.key == key) {
        return Verdict::Known;
    }
    let other = keys.find(|(_, entry)| kind(&entry.key) == kind(key));
    other.map_or(Verdict::Unknown, |(line, _)| Verdict::Changed { line })
}

/// A server as it stands in the file.
pub(super) fn name(host: &str, port: u16) -> String {
    let host = host.to_lowercase();
    if port == SSH_PORT { host } else { format!("[{host}]:{port}") }
}

/// A key for people: its kind, and its fingerprint as OpenSSH writes it.
pub(super) fn describe(key: &[u8]) -> String {
    let fingerprint = STANDARD_NO_PAD.encode(Sha256::digest(key));
    format!("{} SHA256:{fingerprint}", kind(key).unwrap_or("a key"))
}

/// The kind of a key, which stands at its beginning.
fn kind(key: &[u8]) -> Option<&str> {
    let (length, rest) = key.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    std::str::from_utf8(rest.get(..length)?).ok()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    None,
    Revoked,
    Authority,
}

#[derive(Clone, Debug)]
struct Entry<'f> {
    mark: Mark,
    names: &'f str,
    key: Vec<u8>,
}

impl<'f> Entry<'f> {
    /// None for comments, and for lines nobody can read: like OpenSSH, we go by the others.
    fn parse(line: &'f str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let first = words.next().filter(|word| !word.starts_with('#'))?;
        let (mark, names) = match first {
            "@revoked" => (Mark::Revoked, words.next()?),
            "@cert-authority" => (Mark::Authority, words.next()?),
            names => (Mark::None, names),
        };
        let key = STANDARD.decode(words.nth(1)?).ok()?;
        Some(Self { mark, names, key })
    }

    fn is_about(&self, name: &str) -> bool {
        if let Some(hashed) = self.names.strip_prefix("|1|") {
            return is_hash_of(hashed, name);
        }
        let mut is_named = false;
        for pattern in self.names.split(',') {
            match pattern.strip_prefix('!') {
                Some(pattern) if matches(&pattern.to_lowercase(), name) => return false,
                None if matches(&pattern.to_lowercase(), name) => is_named = true,
                _ => {}
            }
        }
        is_named
    }
}

fn is_hash_of(hashed: &str, name: &str) -> bool {
    let Some((salt, hash)) = hashed.split_once('|') else { return false };
    let (Ok(salt), Ok(hash)) = (STANDARD.decode(salt), STANDARD.decode(hash)) else { return false };
    let mac = Hmac::<Sha1>::new_from_slice(&salt);
    mac.is_ok_and(|mac| mac.chain_update(name.as_bytes()).verify_slice(&hash).is_ok())
}

/// `*` stands for any run of characters and `?` for one.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last star stands, and how far what it stands for reaches: only that has to be tried again.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, reach)) => {
                    star = Some((at, reach + 1));
                    (p, t) = (at + 1, reach + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, number: u8) -> Vec<u8> {
        let mut key = u32::try_from(kind.len()).expect("short").to_be_bytes().to_vec();
        key.extend_from_slice(kind.as_bytes());
        key.extend_from_slice(&[number; 32]);
        key
    }

    fn line(names: &str, key: &[u8]) -> String {
        format!("{names} {} {} a comment\n", kind(key).expect("a kind"), STANDARD.encode(key))
    }

    #[test]
    fn a_key_is_known_unknown_changed_or_revoked() {
        let (right, other) = (key("ssh-ed25519", 1), key("ssh-ed25519", 2));
        let file = format!("# ours\n\n{}", line("git.example", &right));
        assert_eq!(judge(&file, "git.example", 22, &right), Verdict::Known);
        assert_eq!(judge(&file, "GIT.example", 22, &right), Verdict::Known);
        assert_eq!(judge(&file, "git.example", 22, &other), Verdict::Changed { line: 3 });
        assert_eq!(judge(&file, "git.example", 22, &key("ecdsa-sha2-nistp256", 1)), Verdict::Unknown);
        assert_eq!(judge(&file, "git.example", 2222, &right), Verdict::Unknown);
        assert_eq!(judge(&file, "example", 22, &right), Verdict::Unknown);
        assert_eq!(judge("", "git.example", 22, &right), Verdict::Unknown);
        let revoked = format!("{file}{}", line("@revoked *", &right));
        assert_eq!(judge(&revoked, "git.example", 22, &right), Verdict::Revoked { line: 4 });
        let authority = line("@cert-authority git.example", &right);
        assert_eq!(judge(&authority, "git.example", 22, &right), Verdict::Unknown);
    }

    #[test]
    fn names_may_be_patterns_ports_and_hashes() {
        let right = key("ssh-ed25519", 1);
        let is_known = |names: &str, host, port| judge(&line(names, &right), host, port, &right) == Verdict::Known;
        assert!(is_known("[git.example]:2222", "git.example", 2222));
        assert!(is_known("a.example,*.example", "git.example", 22));
        assert!(!is_known("*.example,!git.example", "git.example", 22));
        assert!(is_known("git.exampl?", "git.example", 22));
        // As `ssh-keygen -H` writes it.
        let mac = Hmac::<Sha1>::new_from_slice(b"01234567890123456789").expect("a key");
        let hash = STANDARD.encode(mac.chain_update(b"[git.example]:2222").finalize().into_bytes());
        let hashed = format!("|1|{}|{hash}", STANDARD.encode(b"01234567890123456789"));
        assert!(is_known(&hashed, "git.example", 2222) && !is_known(&hashed, "git.example", 22));
    }

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*ab", "ab", false),
            ("*.example", "example", false),
            ("?", "", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} ~ {text}");
        }
    }

    #[test]
    fn rubbish_is_passed_over() {
        let right = key("ssh-ed25519", 1);
        let file =
            format!("git.example ssh-ed25519\ngit.example ssh-ed25519 ???\n|1|x {}", line("git.example", &right));
        assert_eq!(judge(&file, "git.example", 22, &right), Verdict::Unknown);
        assert_eq!(describe(b""), "a key SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU");
    }
}
