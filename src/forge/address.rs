//! Which server, and which repository there.
//!
//! Decides where the API of a forge is when only the address of a git repository is known. Holds nothing secret.

use std::fmt;

use url::Url;

use super::Kind;

/// Why an address cannot be used. What was given is not repeated where it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// The address of the API is none.
    #[error("the address of the forge's API must be like `https://HOST/PATH`, without user, password, `?` and `#`")]
    Api,
    /// The address of the repository does not lead to a forge.
    #[error(
        "the address of the repository does not tell which forge it is at; name the API's address and the repository"
    )]
    Git,
    /// The name is none a repository has there.
    #[error("`{name}` is no repository at {kind}; write it like `{like}`")]
    Repository {
        /// What was given.
        name: String,
        /// Where.
        kind: Kind,
        /// What it looks like there.
        like: &'static str,
    },
}

/// A repository at a forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub(super) kind: Kind,
    pub(super) api: Url,
    pub(super) repository: String,
}

impl Address {
    /// A repository by its name, such as `owner/name`, behind an API, such as `https://api.github.com`.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn new(kind: Kind, api: &str, repository: &str) -> Result<Self, BadAddress> {
        Ok(Self { kind, api: api_url(api)?, repository: repository_name(kind, repository)? })
    }

    /// The repository whose git address is known. The API is where the forge has it on that host, unless it is given; the name
    /// is the path of the git address, unless it is given.
    ///
    /// # Errors
    /// When the address leads to no forge, or what is given cannot be used.
    pub fn of_git(kind: Kind, git: &str, api: Option<&str>, repository: Option<&str>) -> Result<Self, BadAddress> {
        let git = Git::parse(git);
        let api = match (api, &git) {
            (Some(api), _) => api_url(api)?,
            (None, Some(git)) => api_url(&git.api(kind))?,
            (None, None) => return Err(BadAddress::Git),
        };
        let repository = match (repository, git) {
            (Some(repository), _) => repository.to_owned(),
            (None, Some(git)) => {
                // A forge below a path has that path in front of all its repositories too.
                let below = api.path().rsplit_once("/api/").map_or("", |(below, _)| below);
                git.path.strip_prefix(below.trim_start_matches('/')).unwrap_or(&git.path).to_owned()
            }
            (None, None) => return Err(BadAddress::Git),
        };
        Ok(Self { kind, repository: repository_name(kind, &repository)?, api })
    }

    /// Where people look at the forge.
    pub(super) fn web(&self) -> String {
        let origin = self.api.origin().ascii_serialization();
        let host =
            origin.strip_prefix("https://api.").filter(|host| *host == "github.com" || host.ends_with(".ghe.com"));
        host.map(|host| format!("https://{host}")).unwrap_or_else(|| {
            let below = self.api.path().rsplit_once("/api/").map_or("", |(below, _)| below);
            format!("{origin}{below}")
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.web();
        let host = host.split_once("://").map_or(host.as_str(), |(_, host)| host);
        write!(f, "{} at {host}", self.repository)
    }
}

fn api_url(text: &str) -> Result<Url, BadAddress> {
    let mut url = Url::parse(text.trim()).map_err(|_| BadAddress::Api)?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_plain {
        return Err(BadAddress::Api);
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn repository_name(kind: Kind, text: &str) -> Result<String, BadAddress> {
    let name = text.trim_matches('/');
    let name = name.strip_suffix(".git").unwrap_or(name);
    let parts: Vec<&str> = name.split('/').collect();
    let is_part = |part: &&str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !part.is_empty() && part.chars().all(fits) && part.chars().any(|c| c != '.')
    };
    let (fits, like) = match kind {
        Kind::GitHub | Kind::Gitea => (parts.len() == 2, "owner/name"),
        Kind::GitLab => (parts.len() >= 2, "group/name"),
    };
    if fits && parts.iter().all(is_part) {
        Ok(name.to_owned())
    } else {
        let name = text.chars().filter(|c| !c.is_control()).take(80).collect();
        Err(BadAddress::Repository { name, kind, like })
    }
}

/// What the address of a git repository tells.
struct Git {
    /// `http` or `https`.
    scheme: &'static str,
    /// With the port, where it is one of the web.
    host: String,
    /// Without `/` in front.
    path: String,
}

impl Git {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.contains("://") {
            let url = Url::parse(text).ok()?;
            let host = url.host_str()?;
            let path = url.path().trim_start_matches('/').to_owned();
            let web = |scheme| {
                let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
                Some(Self { scheme, host, path: path.clone() })
            };
            return match url.scheme() {
                "https" => web("https"),
                "http" => web("http"),
                "ssh" | "git+ssh" | "ssh+git" => Some(Self { scheme: "https", host: host.to_owned(), path }),
                _ => None,
            };
        }
        let (before, path) = text.split_once(':')?;
        let host = before.rsplit_once('@').map_or(before, |(_, host)| host);
        let is_host = host.len() > 1 && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
        is_host.then(|| Self { scheme: "https", host: host.to_owned(), path: path.trim_start_matches('/').to_owned() })
    }

    /// Where the API of a forge on that host is.
    fn api(&self, kind: Kind) -> String {
        let Self { scheme, host, path: _ } = self;
        match (kind, host.as_str()) {
            (Kind::GitHub, "github.com" | "www.github.com" | "ssh.github.com") => "https://api.github.com".to_owned(),
            (Kind::GitHub, host) if host.ends_with(".ghe.com") => format!("https://api.{host}"),
            (Kind::GitHub, _) => format!("{scheme}://{host}/api/v3"),
            (Kind::GitLab, "altssh.gitlab.com") => "https://gitlab.com/api/v4".to_owned(),
            (Kind::GitLab, _) => format!("{scheme}://{host}/api/v4"),
            (Kind::Gitea, _) => format!("{scheme}://{host}/api/v1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_git_tells_where_the_api_is() {
        let cases = [
            (
                Kind::GitHub,
                "https://github.com/team/guilds.git",
                "https://api.github.com/",
                "team/guilds",
                "https://github.com",
            ),
            (
                Kind::GitHub,
                "git@github.com:team/guilds.git",
                "https://api.github.com/",
                "team/guilds",
                "https://github.com",
            ),
            (
                Kind::GitHub,
                "https://acme.ghe.com/team/guilds",
                "https://api.acme.ghe.com/",
                "team/guilds",
                "https://acme.ghe.com",
            ),
            (
                Kind::GitHub,
                "https://git.example:8443/team/guilds",
                "https://git.example:8443/api/v3",
                "team/guilds",
                "https://git.example:8443",
            ),
            (
                Kind::GitLab,
                "ssh://git@gitlab.com/team/sub/guilds.git",
                "https://gitlab.com/api/v4",
                "team/sub/guilds",
                "https://gitlab.com",
            ),
            (
                Kind::Gitea,
                "ssh://git@git.example:2222/team/guilds.git",
                "https://git.example/api/v1",
                "team/guilds",
                "https://git.example",
            ),
            (
                Kind::Gitea,
                "http://localhost:3000/team/guilds",
                "http://localhost:3000/api/v1",
                "team/guilds",
                "http://localhost:3000",
            ),
        ];
        for (kind, git, api, repository, web) in cases {
            let address = Address::of_git(kind, git, None, None).unwrap_or_else(|error| panic!("{git}: {error}"));
            assert_eq!((address.api.as_str(), address.repository.as_str()), (api, repository), "{git}");
            assert_eq!(address.web(), web);
        }
    }

    #[test]
    fn a_forge_below_a_path_and_a_mirror_are_named() {
        let below = Address::of_git(Kind::Gitea, "https://h/git/team/g.git", Some("https://h/git/api/v1/"), None);
        assert_eq!(below.map(|a| (a.to_string(), a.web())), Ok(("team/g at h/git".into(), "https://h/git".into())));
        let mirror = Address::of_git(Kind::GitHub, "/srv/mirror.git", Some("https://api.github.com"), Some("team/g"));
        assert_eq!(mirror.map(|address| address.to_string()), Ok("team/g at github.com".to_owned()));
    }

    #[test]
    fn what_leads_nowhere_is_refused_without_its_password() {
        assert_eq!(Address::of_git(Kind::GitHub, "/srv/g.git", None, None), Err(BadAddress::Git));
        for bad in ["", "git.example", "ftp://h/x", "https://u:hunter2@h/api/v1", "https://h/api?x=1"] {
            let error = Address::new(Kind::Gitea, bad, "a/b").expect_err(bad);
            assert!(!error.to_string().contains("hunter2"));
        }
        for bad in ["", "a", "a/b/c", "../b", "a/b c", "a/%2e"] {
            assert!(Address::new(Kind::GitHub, "https://api.github.com", bad).is_err(), "{bad}");
        }
    }
}
