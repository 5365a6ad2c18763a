//! Which database: the setting, read.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Error;

/// The environment variable that names the database.
pub const SETTING: &str = "SETAI_DATABASE_URL";

/// A database by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    File(PathBuf),
    /// Nothing that lasts: it is gone with the store.
    Memory,
}

/// `sqlite:PATH`, `sqlite://PATH` or `sqlite::memory:`. A path is taken as it stands, without escapes or parameters.
impl FromStr for DatabaseUrl {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        let (scheme, rest) = url.split_once(':').ok_or(Error::BadUrl)?;
        if ["mysql", "mariadb", "postgres", "postgresql"].contains(&scheme) {
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
        }
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
    fn a_server_with_a_password_is_refused_without_repeating_it() {
        let error = "mysql://setai:hunter2@db/setai".parse::<DatabaseUrl>().expect_err("not in this build");
        assert_eq!(error.to_string(), "SETAI_DATABASE_URL names a `mysql` database; this build has SQLite only");
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
