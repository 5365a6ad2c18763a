//! Which database: the setting, read.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use sqlx::ConnectOptions as _;
use sqlx::mysql::MySqlConnectOptions;
use url::Url;

use super::Error;

/// The environment variable that names the database.
pub const SETTING: &str = "SETAI_DATABASE_URL";

/// What may stand behind the `?` of a server's URL: how TLS is used, and a socket instead of a host.
pub(super) const PARAMETERS: [&str; 5] = ["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "socket"];

/// A database by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    File(PathBuf),
    /// Nothing that lasts: it is gone with the store.
    Memory,
    /// A server: MySQL or MariaDB.
    Server(ServerUrl),
}

/// `sqlite:PATH`, `sqlite://PATH` or `sqlite::memory:`, where a path is taken as it stands, without escapes or parameters;
/// or `mysql://USER:PASSWORD@HOST:PORT/DATABASE?ssl-mode=...`, where `mariadb://` means the same.
impl FromStr for DatabaseUrl {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        let (scheme, rest) = url.split_once(':').ok_or(Error::BadUrl)?;
        if ["mysql", "mariadb"].contains(&scheme) {
            return ServerUrl::parse(url).map(Self::Server);
        }
        if ["postgres", "postgresql"].contains(&scheme) {
            return Err(Error::UnsupportedDatabase { scheme: scheme.to_owned() });
        }
        match rest.strip_prefix("//").unwrap_or(rest) {
            _ if scheme != "sqlite" => Err(Error::BadUrl),
            ":memory:" => Ok(Self::Memory),
            path if path.is_empty() || path.contains('?') => Err(Error::BadUrl),
            path => Ok(Self::File(PathBuf::from(path))),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "sqlite:{}", path.display()),
            Self::Memory => f.write_str("sqlite::memory:"),
            Self::Server(url) => url.fmt(f),
        }
    }
}

/// A database at a server. Its password is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl(Url);

impl ServerUrl {
    fn parse(text: &str) -> Result<Self, Error> {
        let url = Url::parse(text).map_err(|_| Error::BadUrl)?;
        let has_database = url.path().trim_matches('/').split('/').all(|part| !part.is_empty());
        if url.host_str().is_none_or(str::is_empty) || url.username().is_empty() || !has_database {
            return Err(Error::BadUrl);
        }
        for (name, value) in url.query_pairs() {
            if !PARAMETERS.contains(&&*name) {
                return Err(Error::UnknownParameter { name: name.into_owned() });
            }
            let is_known = ["disabled", "preferred", "required", "verify_ca", "verify_identity"]
                .contains(&value.to_ascii_lowercase().as_str());
            if name == "ssl-mode" && !is_known {
                return Err(Error::BadParameter { name: name.into_owned() });
            }
        }
        let url = Self(url);
        url.options()?;
        Ok(url)
    }

    /// How to connect.
    pub(super) fn options(&self) -> Result<MySqlConnectOptions, Error> {
        MySqlConnectOptions::from_url(&self.0).map_err(|_| Error::BadUrl)
    }

    /// The name of the database.
    pub(super) fn database(&self) -> String {
        percent_decode_str(self.0.path().trim_matches('/')).decode_utf8_lossy().into_owned()
    }
}

/// The URL without its password and parameters.
impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, host) = (self.0.username(), self.0.host_str().unwrap_or_default());
        let port = self.0.port().unwrap_or(3306);
        write!(f, "mysql://{user}@{host}:{port}/{}", self.database())
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

/// The database of who names none: `setai/setai.db` in the user's state directory, which is `$XDG_STATE_HOME` or
/// `~/.local/state` (the XDG base directory specification, which has relative paths ignored). `variable` reads the
/// environment.
pub fn default_url(variable: impl Fn(&str) -> Option<OsString>) -> Result<DatabaseUrl, Error> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let in_home = || absolute("HOME").map(|home| home.join(Path::new(".local/state")));
    let state = absolute("XDG_STATE_HOME").or_else(in_home).ok_or(Error::NoStateDirectory)?;
    Ok(DatabaseUrl::File(state.join("setai").join("setai.db")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_file_or_memory() {
        let file = |path: &str| DatabaseUrl::File(PathBuf::from(path));
        let cases = [
            ("sqlite:setai.db", file("setai.db")),
            ("sqlite:/var/lib/setai.db", file("/var/lib/setai.db")),
            ("sqlite:///var/lib/setai.db", file("/var/lib/setai.db")),
            ("sqlite://relative.db", file("relative.db")),
            ("sqlite::memory:", DatabaseUrl::Memory),
        ];
        for (url, expected) in cases {
            assert_eq!(url.parse::<DatabaseUrl>().expect(url), expected);
        }
    }

    #[test]
    fn what_is_no_url_is_said_to_be_none() {
        for url in ["", "setai.db", "sqlite:", "sqlite://", "sqlite:a.db?mode=ro", "C:\\setai.db"] {
            assert!(matches!(url.parse::<DatabaseUrl>(), Err(Error::BadUrl)), "{url:?}");
        }
    }

    #[test]
    fn a_server_is_shown_without_its_password() {
        let spellings = ["mysql://setai:hunter2@db/setai", "mariadb://setai:hunter2@db:3306/setai?ssl-mode=REQUIRED"];
        for spelling in spellings {
            let url = spelling.parse::<DatabaseUrl>().expect(spelling);
            assert_eq!(url.to_string(), "mysql://setai@db:3306/setai");
            assert_eq!(format!("{url:?}"), "Server(ServerUrl(mysql://setai@db:3306/setai))");
        }
    }

    #[test]
    fn what_is_wrong_with_a_servers_url_is_said_without_repeating_it() {
        let bad = [
            "mysql://setai:hunter2@db",
            "mysql://setai:hunter2@db/",
            "mysql://:hunter2@db/setai",
            "mysql://setai:hunter2@db:port/setai",
            "mysql://setai:hunter2@/setai",
            "mysql:setai:hunter2",
            "mysql://setai:hunter2@db/setai?ssl-mode=yes",
            "mysql://setai:hunter2@db/setai?charset=latin1",
            "postgres://setai:hunter2@db/setai",
        ];
        let told: Vec<String> = bad.iter().map(|url| url.parse::<DatabaseUrl>().expect_err(url).to_string()).collect();
        assert!(told.iter().all(|message| message.contains(SETTING) && !message.contains("hunter2")), "{told:#?}");
        assert_eq!(told[6], "SETAI_DATABASE_URL has a value for `ssl-mode` that means nothing");
        assert!(
            told[7].starts_with("SETAI_DATABASE_URL has the parameter `charset`; there are ssl-mode,"),
            "{told:#?}"
        );
    }

    #[test]
    fn the_default_is_in_the_state_directory() {
        let with = |variables: &'static [(&str, &str)]| {
            default_url(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into()))
                .map(|url| url.to_string())
        };
        assert_eq!(with(&[("HOME", "/home/ada")]).expect("home"), "sqlite:/home/ada/.local/state/setai/setai.db");
        let both = with(&[("HOME", "/home/ada"), ("XDG_STATE_HOME", "/state")]);
        assert_eq!(both.expect("state"), "sqlite:/state/setai/setai.db");
        let relative = with(&[("HOME", "/home/ada"), ("XDG_STATE_HOME", "state")]);
        assert_eq!(relative.expect("home"), "sqlite:/home/ada/.local/state/setai/setai.db");
        assert!(matches!(with(&[]), Err(Error::NoStateDirectory)));
    }
}
