//! Sources: repositories and folders, how one gets in, and which guilds they may manage.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::manifest::diagnostic::{Problem, Spot};
use crate::manifest::read::{Object as _, Said};
use crate::model::GuildId;

use super::super::document::{ConfigDoc, CredentialsDoc, ForgeDoc, SignaturesDoc, SourceDoc, WebhookDoc};
use super::super::scalar::ScopeDoc;
use super::super::{
    Credentials, Forge, ForgeAt, ForgeServer, Git, Origin, ProposalKind, Reference, SETTING, Scope, Signatures, Source,
    Webhook,
};
use super::Resolver;

/// How an address reaches a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Https,
    Ssh,
    /// A path or `file://`: nobody asks for credentials.
    Local,
}

impl Resolver<'_> {
    /// All sources. Names are unique, and a guild that two list belongs to one of them.
    pub(super) fn sources(&mut self, doc: &ConfigDoc) -> Vec<Source> {
        let mut sources: Vec<Source> = Vec::new();
        for doc in doc.sources.iter().flat_map(|sources| sources.iter()) {
            let Some(source) = self.source(doc) else { continue };
            if sources.iter().any(|other| other.name == source.name) {
                let spot = doc.name.as_ref().map_or(doc.spot(), |name| name.spot);
                self.wrong(spot, format!("there are two sources `{}`", source.name), "the second one");
                continue;
            }
            sources.push(source);
        }
        self.disputes(doc);
        sources
    }

    /// A guild that two sources list would be managed by whoever comes first.
    fn disputes(&mut self, doc: &ConfigDoc) {
        let decided: Vec<GuildId> = doc
            .guilds
            .iter()
            .flat_map(|guilds| &guilds.value.0)
            .filter(|(_, guild)| guild.source.is_some())
            .filter_map(|(key, _)| super::scalar::id(key).and_then(GuildId::new_checked))
            .collect();
        let mut listed: BTreeMap<GuildId, (Spot, Spot)> = BTreeMap::new();
        for source in doc.sources.iter().flat_map(|sources| sources.iter()) {
            let Some(ScopeDoc::These(guilds)) = source.guilds.as_ref().map(|scope| &scope.value) else { continue };
            for guild in guilds {
                let id = guild.value.0;
                match listed.get(&id) {
                    // Twice in one list is once.
                    Some((_, by)) if *by == source.spot => {}
                    Some((first, _)) if !decided.contains(&id) => {
                        let problem = Problem::new(SETTING, format!("two sources list the guild {id}"));
                        let problem = problem.at(guild.spot, "again here").at(*first, "first here");
                        let help = format!("say which of them manages it: `guilds: {{ \"{id}\": {{ source: ... }} }}`");
                        self.problems.report(problem.help(help));
                    }
                    Some(_) => {}
                    None => {
                        listed.insert(id, (guild.spot, source.spot));
                    }
                }
            }
        }
    }

    fn source(&mut self, doc: &SourceDoc) -> Option<Source> {
        let name = self.needed(doc.name.as_ref(), "name", doc.spot(), "a source").map(|name| name.value.0.clone());
        let scope =
            self.needed(doc.guilds.as_ref(), "guilds", doc.spot(), "a source").map(|scope| match &scope.value {
                ScopeDoc::All => Scope::All,
                ScopeDoc::These(guilds) => {
                    let mut guilds: Vec<GuildId> = guilds.iter().map(|guild| guild.value.0).collect();
                    guilds.sort();
                    guilds.dedup();
                    Scope::These(guilds)
                }
            });
        let minute = Duration::from_mins(1);
        let interval = self.span(doc.interval.as_ref(), minute, Duration::from_secs(10));
        let timeout = self.span(doc.timeout.as_ref(), minute, Duration::from_secs(1));
        let webhook = doc.webhook.as_ref().and_then(|webhook| self.webhook(webhook));
        let path = doc.path.as_ref().and_then(|path| self.inner_path(path)).unwrap_or_default();
        let origin = self.origin(doc);
        Some(Source { name: name?, origin: origin?, path, interval, timeout, webhook, scope: scope? })
    }

    fn origin(&mut self, doc: &SourceDoc) -> Option<Origin> {
        match (&doc.git, &doc.directory) {
            (Some(git), None) => self.git(doc, git).map(Origin::Git),
            (None, Some(directory)) => {
                self.only_of_git(doc);
                Some(Origin::Directory(self.path(&directory.value)))
            }
            (Some(_), Some(second)) => {
                self.wrong(second.key, "a source is a repository or a folder", "the second one; write another source");
                None
            }
            (None, None) => {
                self.missing("git` or `directory", doc.spot(), "a source");
                None
            }
        }
    }

    /// Reports what a folder does not have.
    fn only_of_git(&mut self, doc: &SourceDoc) {
        let places = [
            ("branch", doc.branch.as_ref().map(|said| said.key)),
            ("tag", doc.tag.as_ref().map(|said| said.key)),
            ("commit", doc.commit.as_ref().map(|said| said.key)),
            ("credentials", doc.credentials.as_ref().map(|said| said.key)),
            ("known_hosts", doc.known_hosts.as_ref().map(|said| said.key)),
            ("signatures", doc.signatures.as_ref().map(|said| said.key)),
            ("forge", doc.forge.as_ref().map(|said| said.key)),
        ];
        for (field, spot) in places.into_iter().filter_map(|(field, spot)| Some((field, spot?))) {
            self.wrong(spot, format!("a folder has no `{field}`"), "is for git repositories");
        }
    }

    fn git(&mut self, doc: &SourceDoc, url: &Said<String>) -> Option<Git> {
        let way = self.way(url);
        let reference = self.reference(doc);
        let credentials = doc.credentials.as_ref();
        let credentials = credentials.map(|credentials| self.credentials(credentials, way));
        let known_hosts = self.readable(doc.known_hosts.as_ref());
        let signatures = doc.signatures.as_ref().map(|signatures| self.signatures(signatures));
        let forge = doc.forge.as_ref().map(|forge| self.forge(forge, way, &reference));
        Some(Git {
            url: self.located(url, way?),
            reference,
            credentials: credentials.flatten(),
            known_hosts,
            signatures: signatures.flatten(),
            forge: forge.flatten().map(Box::new),
        })
    }

    /// The address as whoever fetches takes it: a path of this machine begins at the folder of the file.
    fn located(&self, said: &Said<String>, way: Way) -> String {
        let is_path = way == Way::Local && !said.value.contains("://");
        let address = said.value.clone();
        if is_path { self.surroundings.folder.join(address).display().to_string() } else { address }
    }

    /// How an address reaches its repository. An address with a secret in it is refused, and not repeated.
    fn way(&mut self, said: &Said<String>) -> Option<Way> {
        let text = said.value.as_str();
        let Some((scheme, _)) = text.split_once("://") else {
            // `git@host:path` is what people copy from their forge, and a colon before any slash makes it one.
            let host = text.split('/').next().unwrap_or_default();
            return Some(if host.contains(':') { Way::Ssh } else { Way::Local });
        };
        let way = match scheme {
            "https" | "http" => Way::Https,
            "ssh" => Way::Ssh,
            "file" => Way::Local,
            _ => {
                self.wrong(said.spot, "this is not the address of a repository", "expected `https://` or `ssh://`");
                return None;
            }
        };
        let Ok(url) = url::Url::parse(text) else {
            self.wrong(said.spot, "this is not an address", "cannot be read");
            return None;
        };
        let holds_secret = url.password().is_some() || way == Way::Https && !url.username().is_empty();
        if holds_secret {
            let problem = Problem::new(SETTING, "there is a secret in this address").at(said.spot, "would be shown");
            self.problems.report(problem.help("put it into a file, and name that in `credentials`"));
            return None;
        }
        Some(way)
    }

    fn reference(&mut self, doc: &SourceDoc) -> Reference {
        let SourceDoc { branch, tag, commit, .. } = doc;
        let mut said = [branch, tag, commit].into_iter().flatten();
        if let (Some(_), Some(second)) = (said.next(), said.next()) {
            self.wrong(second.key, "a branch, a tag or a commit is followed", "the second of them");
        }
        for name in [branch, tag].into_iter().flatten() {
            if !is_branch(&name.value) {
                self.wrong(name.spot, "this is not the name of a branch or tag", "expected a name");
            }
        }
        if let Some(commit) = commit {
            let is_id = [40, 64].contains(&commit.value.len()) && commit.value.bytes().all(|b| b.is_ascii_hexdigit());
            if !is_id {
                self.wrong(commit.spot, "a commit is named by its whole id", "expected 40 hexadecimal digits");
            }
        }
        match (branch, tag, commit) {
            (_, _, Some(commit)) => Reference::Commit(commit.value.to_ascii_lowercase()),
            (_, Some(tag), None) => Reference::Tag(tag.value.clone()),
            (Some(branch), None, None) => Reference::Branch(branch.value.clone()),
            (None, None, None) => Reference::Default,
        }
    }

    fn credentials(&mut self, doc: &Said<CredentialsDoc>, way: Option<Way>) -> Option<Credentials> {
        let CredentialsDoc { spot: _, token_file, user, password_file, ssh_key_file, passphrase_file, ssh_agent } =
            &doc.value;
        let agent = ssh_agent.as_ref().filter(|agent| agent.value);
        let ways = [
            token_file.as_ref().map(|said| (said.key, Way::Https)),
            password_file.as_ref().map(|said| (said.key, Way::Https)),
            ssh_key_file.as_ref().map(|said| (said.key, Way::Ssh)),
            agent.map(|said| (said.key, Way::Ssh)),
        ];
        let mut ways = ways.into_iter().flatten();
        let Some((key, needs)) = ways.next() else {
            self.missing("token_file`, `password_file`, `ssh_key_file` or `ssh_agent", doc.spot(), "`credentials`");
            return None;
        };
        if let Some((second, _)) = ways.next() {
            self.wrong(second, "there is one way in", "the second one");
            return None;
        }
        if way.is_some_and(|way| way != needs) {
            let address = if needs == Way::Https { "`https://`" } else { "SSH" };
            self.wrong(key, "this way in does not fit the address", format!("is for addresses of {address}"));
        }
        if let Some(passphrase) = passphrase_file.as_ref().filter(|_| ssh_key_file.is_none()) {
            self.wrong(passphrase.key, "there is a passphrase without a key", "is for `ssh_key_file`");
        }
        let user = user.as_ref().map(|user| user.value.clone());
        match (token_file, password_file, ssh_key_file) {
            (Some(token), ..) => self.secret(Some(token)).map(|token| Credentials::Token { user, token }),
            (_, Some(password), _) => {
                let password = self.secret(Some(password));
                if user.is_none() {
                    self.missing("user", doc.spot(), "a password");
                }
                Some(Credentials::Password { user: user?, password: password? })
            }
            (.., Some(key)) => {
                let file = self.readable(Some(key));
                let passphrase = self.secret(passphrase_file.as_ref());
                Some(Credentials::SshKey { user, file: file?, passphrase })
            }
            (None, None, None) => Some(Credentials::SshAgent { user }),
        }
    }

    fn signatures(&mut self, doc: &Said<SignaturesDoc>) -> Option<Signatures> {
        let SignaturesDoc { spot, allowed_signers, openpgp_keyring } = &doc.value;
        if allowed_signers.is_none() && openpgp_keyring.is_none() {
            self.missing("allowed_signers` or `openpgp_keyring", *spot, "`signatures`");
            return None;
        }
        let allowed_signers = self.readable(allowed_signers.as_ref());
        let openpgp_keyring = self.readable(openpgp_keyring.as_ref());
        Some(Signatures { allowed_signers, openpgp_keyring })
    }

    fn forge(&mut self, doc: &Said<ForgeDoc>, way: Option<Way>, follows: &Reference) -> Option<Forge> {
        let ForgeDoc { spot, kind, api, repository, token_file, base } = &doc.value;
        if let Some(base) = base.as_ref().filter(|base| !is_branch(&base.value)) {
            self.wrong(base.spot, "this is not the name of a branch", "expected a name");
        }
        let followed = match follows {
            Reference::Branch(name) => Some(name.clone()),
            Reference::Default | Reference::Tag(_) | Reference::Commit(_) => None,
        };
        let base = base.as_ref().map(|base| base.value.clone()).or(followed);
        let server = match self.needed(kind.as_ref(), "kind", *spot, "`forge`")?.value {
            ProposalKind::Github => ForgeServer::Github,
            ProposalKind::Gitlab => ForgeServer::Gitlab,
            ProposalKind::Gitea => ForgeServer::Gitea,
            ProposalKind::Local => {
                self.local_forge(doc, way);
                return Some(Forge { at: ForgeAt::Local, base });
            }
        };
        if let Some(api) = api.as_ref().filter(|api| api.value.0.contains(['?', '#'])) {
            self.wrong(api.spot, "there is more than a path in the address of this API", "expected no `?` and no `#`");
        }
        if let Some(repository) = repository.as_ref().filter(|repository| !is_repository(&repository.value)) {
            self.wrong(repository.spot, "this is not what a forge calls a repository", "expected `owner/name`");
        }
        if way == Some(Way::Local) && (api.is_none() || repository.is_none()) {
            self.wrong(*spot, "a path does not tell which forge it is at", "add `api` and `repository`");
        }
        let file = self.needed(token_file.as_ref(), "token_file", *spot, "`forge`");
        let token = self.secret(file)?;
        let api = api.as_ref().map(|api| api.value.0.clone());
        let repository = repository.as_ref().map(|repository| repository.value.clone());
        Some(Forge { at: ForgeAt::Server { kind: server, api, repository, token }, base })
    }

    /// Reports what branches of this machine do not need.
    fn local_forge(&mut self, doc: &Said<ForgeDoc>, way: Option<Way>) {
        let ForgeDoc { spot: _, kind, api, repository, token_file, base: _ } = &doc.value;
        let places = [
            ("api", api.as_ref().map(|said| said.key)),
            ("repository", repository.as_ref().map(|said| said.key)),
            ("token_file", token_file.as_ref().map(|said| said.key)),
        ];
        for (field, spot) in places.into_iter().filter_map(|(field, spot)| Some((field, spot?))) {
            self.wrong(spot, format!("a local forge has no `{field}`"), "is for forges on a server");
        }
        if let Some(kind) = kind.as_ref().filter(|_| way.is_some_and(|way| way != Way::Local)) {
            self.wrong(kind.spot, "the repository is not on this machine", "is for paths and `file://`");
        }
    }

    fn webhook(&mut self, doc: &Said<WebhookDoc>) -> Option<Webhook> {
        let WebhookDoc { spot, kind, secret_file } = &doc.value;
        let kind = self.needed(kind.as_ref(), "kind", *spot, "`webhook`").map(|kind| kind.value);
        let file = self.needed(secret_file.as_ref(), "secret_file", *spot, "`webhook`");
        let secret = self.secret(file);
        Some(Webhook { kind: kind?, secret: secret? })
    }
}

/// True for what can be the name of a branch or tag; git knows more about it.
fn is_branch(name: &str) -> bool {
    !name.trim().is_empty() && !name.contains([' ', '\n'])
}

/// True for what can be the name of a repository at a forge: words with slashes between them.
fn is_repository(name: &str) -> bool {
    let fits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    name.contains('/') && name.split('/').all(fits)
}
