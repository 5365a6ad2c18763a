//! The address of a repository.
//!
//! Decides which addresses can be used and how they are shown. A password in one is refused and never repeated.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::Error;

/// Where SSH listens unless somebody says otherwise.
const SSH_PORT: u16 = 22;

/// The address of a repository, without secrets.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// `https://` and `http://`, without user and password.
    Web { base: Url, user: Option<String> },
    /// `ssh://`, and `USER@HOST:PATH`.
    Ssh { user: Option<String>, host: String, port: u16, path: SshPath },
    /// A folder of this machine.
    Local(PathBuf),
}

/// What is asked for at an SSH server. Where it begins depends on how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SshPath {
    /// As in `ssh://host/srv/guilds.git`: it begins with `/`.
    Absolute(String),
    /// As in `host:guilds.git`: it begins where the user is at home.
    Relative(String),
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// For one that cannot be used, or says what belongs into the credentials.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if let Some((scheme, rest)) = text.split_once("://") {
            return Self::parse_url(scheme, rest, text);
        }
        if let Some(scp) = parse_scp(text) {
            return Ok(scp);
        }
        let is_path = text.starts_with(['/', '.']) || text.get(1..3) == Some(":\\");
        if is_path { Ok(Self::Local(PathBuf::from(text))) } else { Err(Error::BadAddress) }
    }

    fn parse_url(scheme: &str, rest: &str, text: &str) -> Result<Self, Error> {
        if scheme == "file" {
            let path = rest.strip_prefix("localhost").unwrap_or(rest);
            return if path.starts_with('/') { Ok(Self::Local(PathBuf::from(path))) } else { Err(Error::BadAddress) };
        }
        if !["https", "http", "ssh", "git+ssh", "ssh+git"].contains(&scheme) {
            return Err(Error::UnsupportedScheme { scheme: scheme.to_owned() });
        }
        let mut url = Url::parse(text).map_err(|_| Error::BadAddress)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Error::BadAddress)?.to_owned();
        if url.password().is_some() {
            return Err(Error::PasswordInAddress { host });
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Error::BadAddress);
        }
        let user = decode(url.username()).filter(|user| !user.is_empty());
        if scheme.starts_with("http") {
            let path = url.path().trim_end_matches('/').to_owned();
            url.set_path(&path);
            // Both only fail for addresses without a host.
            url.set_username("").map_err(|()| Error::BadAddress)?;
            return Ok(Self::Web { base: url, user });
        }
        let path = decode(url.path()).filter(|path| path.len() > 1).ok_or(Error::BadAddress)?;
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self::Ssh { user, host, port: url.port().unwrap_or(SSH_PORT), path: SshPath::Absolute(path) })
    }

    /// The host, when there is one.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Web { base, .. } => base.host_str(),
            Self::Ssh { host, .. } => Some(host),
            Self::Local(_) => None,
        }
    }
}

fn decode(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// `USER@HOST:PATH` and `HOST:PATH`, as git takes them.
fn parse_scp(text: &str) -> Option<Address> {
    let (before, path) = text.split_once(':')?;
    // A path on this machine, of a drive too, may hold a colon; a host is longer and has no slash.
    if path.is_empty() || before.contains(['/', '\\', '[']) || before.len() < 2 {
        return None;
    }
    let (user, host) = match before.rsplit_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, before),
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    if host.is_empty() || !host.chars().all(is_host) || user.as_ref().is_some_and(|user| user.is_empty()) {
        return None;
    }
    let path = if path.starts_with('/') { SshPath::Absolute(path.into()) } else { SshPath::Relative(path.into()) };
    Some(Address::Ssh { user, host: host.to_owned(), port: SSH_PORT, path })
}

impl fmt::Debug for Address {
    /// As it is shown: some write a token where a user stands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web { base, user: _ } => write!(f, "{base}"),
            Self::Ssh { user: _, host, port, path } => {
                let (SshPath::Absolute(path) | SshPath::Relative(path)) = path;
                let host = if *port == SSH_PORT { host.clone() } else { format!("[{host}]:{port}") };
                write!(f, "{host}:{path}")
            }
            Self::Local(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_git_reads_them() {
        let cases = [
            ("https://git.example/team/guilds.git/", "https://git.example/team/guilds.git"),
            ("https://x-token-auth@git.example:8443/g", "https://git.example:8443/g"),
            ("ssh://git@git.example/team/g.git", "git.example:/team/g.git"),
            ("ssh://git@git.example:2222/~/g%20h", "[git.example]:2222:/~/g h"),
            ("git@git.example:team/g.git", "git.example:team/g.git"),
            ("git.example:/srv/g", "git.example:/srv/g"),
            ("/srv/guilds.git", "/srv/guilds.git"),
            ("./guilds", "./guilds"),
            ("file:///srv/guilds.git", "/srv/guilds.git"),
        ];
        for (text, shown) in cases {
            let address = Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(address.to_string(), shown);
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for bad in ["", "guilds", "https://", "https://h/p?x=1", "ssh://host", "@host:x", "a b:x", "file://other/x"] {
            assert!(matches!(Address::parse(bad), Err(Error::BadAddress)), "{bad}");
        }
        for scheme in ["git", "ftp", "ext"] {
            let answer = Address::parse(&format!("{scheme}://host/path"));
            assert!(matches!(answer, Err(Error::UnsupportedScheme { scheme: named }) if named == scheme));
        }
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for text in ["https://setai:hunter2@git.example/g", "ssh://git:hunter2@git.example/g"] {
            let error = Address::parse(text).expect_err("a password");
            assert!(matches!(&error, Error::PasswordInAddress { host } if host == "git.example"));
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
        // A token may also stand where a user does.
        let address = Address::parse("https://hunter2@git.example/g").expect("an address");
        assert!(!format!("{address} {address:?}").contains("hunter2"));
    }
}
