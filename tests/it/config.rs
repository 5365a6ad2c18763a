//! The operator's file: what it means, what is wrong with it, and that no secret of it is ever shown.

mod assignments;
mod command;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use setai::config::schema::{schema, schema_text};
use setai::config::{
    AiCost, AiProvider, Config, Credentials, EXAMPLE, Findings, ForgeAt, ForgeServer, LogFormat, Origin, Overrides,
    Recipient, Reference, Scope, Source, Surroundings, read,
};
use setai::model::Occasion;

use crate::manifest::assert_golden;

/// Everything secret in these tests holds this word.
const SECRET: &str = "hunter2";

/// Reads a file beside these others, with one variable for each of the pairs.
pub(crate) fn understood(text: &str) -> Result<Config, Findings> {
    let variables = BTreeMap::from([("NAME", "guilds"), ("KEY", SECRET), ("EMPTY", ""), ("WORKERS", "7")]);
    let files = BTreeMap::from([
        ("/etc/setai/token", format!("{SECRET}-token\n")),
        ("/etc/setai/url", format!("https://alerts.example.org/{SECRET}\n")),
        ("/etc/setai/empty", "\n".to_owned()),
        ("/run/secrets/key", format!("{SECRET}-key")),
    ]);
    let variable = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    let file = |path: &Path| {
        let text = path.to_str().and_then(|path| files.get(path));
        text.map(|text| text.clone().into_bytes()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    let surroundings = Surroundings { folder: PathBuf::from("/etc/setai"), variable: &variable, read: &file };
    read("setai.yaml", text.as_bytes(), &surroundings).map(|loaded| loaded.config)
}

#[track_caller]
pub(crate) fn config(text: &str) -> Config {
    understood(text).unwrap_or_else(|findings| panic!("{}", findings.render(false)))
}

#[track_caller]
fn refused(text: &str) -> String {
    match understood(text) {
        Ok(config) => panic!("nothing is wrong with {config:?}"),
        Err(findings) => findings.render(false),
    }
}

#[test]
fn the_schema_is_what_the_types_say() {
    assert_golden(Path::new("schemas/config.v1.json"), &schema_text()).expect("run the tests with UPDATE=1");
}

#[test]
fn a_file_without_settings_is_all_defaults() {
    for text in ["", "# nothing yet\n", "---\n", "version: 1\n"] {
        let config = config(text);
        assert_eq!((config.workers, config.drift.interval, config.drift.jitter), (8, Duration::from_mins(10), 10));
        assert_eq!((config.logs.format, config.logs.level), (LogFormat::Text, None));
        assert_eq!(config.approvals.expire_after, Duration::from_hours(24));
        assert!(config.sources.is_empty() && config.database.is_none() && config.discord.token.is_none());
        assert!(config.http.listen.is_none() && config.http.webhooks && config.retention.audit.is_none());
    }
}

#[test]
fn a_repository_is_described() {
    let config = config(
        "sources:\n- name: community\n  git: https://git.example.org/a.git\n  branch: main\n  path: ./${NAME}/\n  \
         interval: 90s\n  credentials: { user: reader, password_file: /run/secrets/key }\n  webhook: { kind: gitea, \
         secret_file: token }\n  guilds: [\"12\", \"11\", \"12\"]\n- { name: here, directory: manifests, guilds: all }\n",
    );
    let [community, here] = &config.sources[..] else { panic!("{config:?}") };
    let Origin::Git(git) = &community.origin else { panic!("{community:?}") };
    assert_eq!(git.reference, Reference::Branch("main".to_owned()));
    assert!(matches!(&git.credentials, Some(Credentials::Password { user, .. }) if user == "reader"));
    assert_eq!((community.path.as_str(), community.interval), ("guilds", Duration::from_secs(90)));
    assert!(matches!(&community.scope, Scope::These(ids) if ids.iter().map(|id| id.get()).eq([11, 12])));
    assert!(matches!(&here.origin, Origin::Directory(path) if path == Path::new("/etc/setai/manifests")));
    assert_eq!((here.scope.clone(), here.timeout), (Scope::All, Duration::from_mins(1)));
}

#[test]
fn a_token_may_have_a_user_and_a_path_begins_at_the_folder_of_the_file() {
    let git = |settings: &str| {
        let config = config(&format!("sources: [{{ name: a, guilds: all, {settings} }}]"));
        let [Source { origin: Origin::Git(git), .. }] = &config.sources[..] else { panic!("{config:?}") };
        git.clone()
    };
    let named = git("git: https://bitbucket.org/a/b, credentials: { user: x-token-auth, token_file: token }");
    let token = named.credentials.expect("credentials");
    assert!(matches!(&token, Credentials::Token { user: Some(user), .. } if user == "x-token-auth"), "{token:?}");
    for (written, url) in [
        ("./guilds.git", "/etc/setai/./guilds.git"),
        ("guilds.git", "/etc/setai/guilds.git"),
        ("/srv/guilds.git", "/srv/guilds.git"),
        ("file:///srv/guilds.git", "file:///srv/guilds.git"),
        ("git@git.example.org:guilds.git", "git@git.example.org:guilds.git"),
    ] {
        assert_eq!(git(&format!("git: \"{written}\"")).url, url);
    }
}

#[test]
fn a_forge_is_described() {
    let forge = |settings: &str| {
        let config = config(&format!("sources: [{{ name: a, guilds: all, {settings} }}]"));
        let [Source { origin: Origin::Git(git), .. }] = &config.sources[..] else { panic!("{config:?}") };
        let shown = config.shown()["sources"][0]["from"]["forge"].clone();
        (git.forge.clone().expect("a forge"), shown)
    };
    let (named, shown) = forge(
        "git: https://h/team/guilds, branch: live, forge: { kind: gitlab, token_file: token, api: \"https://h/x/api/v4\", \
         repository: team/sub/guilds }",
    );
    assert_eq!(named.base.as_deref(), Some("live"), "what is followed is what is proposed for");
    let ForgeAt::Server { kind, api, repository, token: _ } = &named.at else { panic!("{named:?}") };
    assert_eq!((*kind, api.as_deref()), (ForgeServer::Gitlab, Some("https://h/x/api/v4")));
    assert_eq!(repository.as_deref(), Some("team/sub/guilds"));
    assert_eq!((&shown["token"], &shown["kind"]), (&Value::from("(set)"), &Value::from("gitlab")));
    let (local, shown) = forge("git: /srv/guilds.git, tag: v1, forge: { kind: local }");
    assert!(matches!(local.at, ForgeAt::Local) && local.base.is_none());
    assert_eq!(shown["base"], "the default branch");
    let (other, _) = forge("git: \"git@h:a/b\", branch: live, forge: { kind: github, token_file: token, base: main }");
    assert_eq!(other.base.as_deref(), Some("main"));
}

#[test]
fn what_is_wrong_with_a_forge_is_said() {
    for (source, words) in [
        ("git: https://h/a/b, forge: { token_file: token }", ["`forge` has no `kind`", "in here"]),
        ("git: https://h/a/b, forge: { kind: github }", ["`forge` has no `token_file`", "in here"]),
        ("git: https://h/a/b, forge: { kind: sourceforge, token_file: token }", ["sourceforge", "github"]),
        ("git: https://h/a/b, forge: { kind: local }", ["not on this machine", "`file://`"]),
        (
            "git: /srv/a, forge: { kind: local, token_file: token }",
            ["a local forge has no `token_file`", "on a server"],
        ),
        ("git: /srv/a, forge: { kind: gitea, token_file: token }", ["does not tell which forge", "`repository`"]),
        (
            "git: https://h/a/b, forge: { kind: gitea, token_file: token, repository: b }",
            ["not what a forge calls", "owner/name"],
        ),
        (
            "git: https://h/a/b, forge: { kind: gitea, token_file: token, api: h }",
            ["not the address of an HTTP", "https"],
        ),
        (
            "git: https://h/a/b, forge: { kind: gitea, token_file: token, api: \"http://h?x\" }",
            ["more than a path", "no `?`"],
        ),
        (
            "git: https://h/a/b, forge: { kind: gitea, token_file: token, base: \"a b\" }",
            ["not the name of a branch", "a name"],
        ),
        ("directory: d, forge: { kind: local }", ["a folder has no `forge`", "git repositories"]),
    ] {
        let shown = refused(&format!("sources: [{{ name: a, guilds: all, {source} }}]"));
        words.iter().for_each(|word| assert!(shown.contains(word), "{source}: `{word}`:\n{shown}"));
    }
}

#[test]
fn people_are_told_of_everything_that_is_wrong_by_default() {
    let config = config(
        "notifications:\n- { discord_channel: \"12/34\" }\n- { webhook: { url_file: url, secret_file: token }, on: \
         [applied] }\n",
    );
    let [channel, webhook] = &config.notifications[..] else { panic!("{config:?}") };
    assert!(matches!(channel.to, Recipient::Channel { guild, channel } if (guild.get(), channel.get()) == (12, 34)));
    assert_eq!(channel.on.len(), Occasion::ALL.len() - 1);
    assert_eq!(webhook.on, [Occasion::Applied]);
}

#[test]
fn flags_and_environment_win_over_the_file() {
    let overrides =
        Overrides { database: Some("sqlite:other.db".into()), log: Some("debug".to_owned()), ..Overrides::default() };
    let config = config("database: sqlite:mine.db\nredis: redis://localhost\n").overridden_by(overrides);
    let database = config.database.as_ref().map(|url| secrecy::ExposeSecret::expose_secret(url).to_owned());
    assert_eq!((database.as_deref(), config.logs.level.as_deref()), (Some("sqlite:other.db"), Some("debug")));
    assert_eq!(config.overridden, ["database", "logs.level"]);
}

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    let shown = refused(
        "discord: { token: MTk4.hunter2 }\nworkrs: 3\nworkers: 0\ndrift: { interval: 10 }\nhttp: { listen: everywhere \
         }\nlogs: { level: loud=very, format: xml }\nsources:\n- name: a b\n  git: https://me:hunter2@host/a\n  branch: x\n  \
         tag: y\n  credentials: { token_file: nowhere }\n  guilds: all\n- { name: c, directory: d, interval: 1s, branch: x \
         }\nnotifications:\n- {}\n- { webhook: { url_file: token } }\nguilds: { \"12\": { source: nobody, schedule: { cron: \
         often } } }\nredis: ${NOWHERE}\n",
    );
    insta::assert_snapshot!(shown);
}

#[test]
fn no_secret_is_shown_whatever_is_wrong() {
    let texts = [
        "token: hunter2",
        "discord: { token: hunter2 }",
        "discord:\n  token: \"hunter2\"\n",
        "database: mysql://u:hunter2@h/d\nworkers: x",
        "database: hunter2",
        "workers: ${KEY}",
        "sources: [{ name: \"${KEY} x\", git: \"https://u:hunter2@h/x\" }]",
        "sources: [{ name: a, git: \"https://hunter2@h/x\", guilds: all }]",
        "notifications: [{ webhook: { url_file: \"https://discord.com/api/webhooks/1/hunter2\" } }]",
        "otel: { endpoint: \"http://u:hunter2@h\" }",
        "otel: { endpoint: \"http://h/otlp?key=hunter2\" }",
        "logs: { format: \"${KEY}\" }",
        "secret: [hunter2",
        "discord: { token_file: MTk4NjIyNDgzNDcxOTI1MjQ4.hunter2.ZnCjm1XVW7vRze4b7Cq4se7kKWs }",
        "discord:\n  token_file: \"MTk4NjIyNDgzNDcxOTI1MjQ4.hunter2.ZnCjm1XVW7vRze4b7Cq4se7kKWs\"\n",
        "sources: [{ name: a, git: \"https://h/x\", credentials: { token_file: ghp_16C7e42F292c6912hunter2 }, guilds: all }]",
        "sources: [{ name: a, git: \"ssh://h/x\", credentials: { ssh_key_file: ghp_16C7e42F292c6912hunter2 }, guilds: all }]",
    ];
    for text in texts {
        let findings = understood(text).expect_err(text);
        assert!(findings.count() > 0, "{text}");
        let shown = format!("{}{}{findings:?}", findings.render(false), findings.to_json());
        assert!(!shown.contains(SECRET), "{text}\n{shown}");
    }
    let whole = config(
        "discord: { token_file: token }\ndatabase: mysql://u:hunter2@h/d\nredis: redis://:hunter2@h\nsources: [{ name: a, \
         git: ssh://git@h/a, credentials: { ssh_key_file: /run/secrets/key, passphrase_file: token }, webhook: { kind: \
         github, secret_file: token }, forge: { kind: github, token_file: token }, guilds: all }]\nnotifications: [{ webhook: { url_file: url, secret_file: token } }]\n",
    );
    let shown = format!("{whole:?}{}", whole.shown());
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(shown.contains("(set)"), "{shown}");
}

#[test]
fn what_is_wrong_with_the_address_of_a_collector_is_said() {
    for endpoint in ["http://localhost:4318", "https://o.example.org/otlp/v1/traces", "http://[::1]:4318/"] {
        let otel = config(&format!("otel: {{ endpoint: \"{endpoint}\" }}")).otel;
        assert_eq!(otel.map(|otel| otel.endpoint).as_deref(), Some(endpoint));
    }
    for (otel, words) in [
        ("{ endpoint: \"localhost:4318\" }", ["not the address of an HTTP server", "expected `http://...`"]),
        ("{ endpoint: \"grpc://localhost:4317\" }", ["not the address of an HTTP server", "`https://...`"]),
        ("{ endpoint: \"http://\" }", ["not the address of an HTTP server", "expected `http://...`"]),
        ("{ endpoint: \"http://me:x@localhost\" }", ["a user or a password in this address", "take it out"]),
        ("{ endpoint: \"http://localhost?key=x\" }", ["more than a path", "OTEL_EXPORTER_OTLP_HEADERS"]),
        ("{ endpoint: \"http://localhost#x\" }", ["more than a path", "no `#`"]),
        ("{}", ["`otel`", "`endpoint`"]),
    ] {
        let shown = refused(&format!("otel: {otel}"));
        words.iter().for_each(|word| assert!(shown.contains(word), "`{word}`:\n{shown}"));
    }
}

#[test]
fn a_language_model_is_asked_as_it_was_said() {
    let rules = config("version: 1").ai;
    assert_eq!(
        (rules.provider, rules.model, rules.retries, rules.max_input_tokens),
        (AiProvider::Rules, None, 2, 32_000)
    );
    let ai = config(
        "ai: { provider: anthropic, model: m, api_key_file: token, timeout: 30s, retries: 0, max_input_tokens: 9000, \
         max_output_tokens: 500, confidence_threshold: 75%, cost: { input: 3, output: \"15.5\", per_request: 0.1 } }",
    );
    let cost = AiCost { prices: Some((3_000_000, 15_500_000)), per_request: Some(100_000), per_day: None };
    assert_eq!((ai.ai.cost, ai.ai.confidence_threshold, ai.ai.timeout), (cost, 75, Duration::from_secs(30)));
    let shown = format!("{ai:?}{}", ai.shown());
    assert!(!shown.contains(SECRET) && shown.contains("\"api_key\":\"(set)\""), "{shown}");
    config("ai: { provider: openai, model: m, base_url: \"http://ollama:11434/v1\" }");
    config("ai: { provider: openai, model: m, base_url: \"http://127.0.0.1:8080/v1\", api_key_file: token }");
    for (ai, word) in [
        ("{ provider: openai, api_key_file: token }", "`ai` has no `model`"),
        ("{ provider: openai, model: m }", "`ai` has no `api_key_file`"),
        (
            "{ provider: openai, model: m, base_url: \"http://ollama:1/v1\", api_key_file: token }",
            "over `http` to another machine",
        ),
        ("{ provider: openai, model: m, base_url: \"https://h/v1?key=hunter2\" }", "more than a path"),
        ("{ provider: openai, model: m, base_url: \"https://me:hunter2@h/v1\" }", "a user or a password"),
        ("{ provider: opena, model: m }", "did you mean `openai`"),
        ("{ api_key: sk-hunter2 }", "unknown field `api_key`"),
        ("{ api_key_file: sk-hunter2-0123456789abcdef }", "looks like the secret itself"),
        ("{ timeout: 0s }", "0s"),
        ("{ retries: 9 }", "from 0 to 5"),
        ("{ cost: { input: 3 } }", "no `output`"),
        ("{ cost: { input: cheap, output: 1 } }", "is not an amount"),
    ] {
        let shown = refused(&format!("ai: {ai}"));
        assert!(shown.contains(word) && !shown.contains(SECRET), "{ai}: `{word}`:\n{shown}");
    }
}

#[test]
fn nothing_hostile_is_worse_than_a_problem() {
    let deep = "[".repeat(4_000);
    let long = format!("workers: {}", "9".repeat(100_000));
    for text in
        [&*deep, &*long, "\u{0}", "a: &a [*a]", "- 1", "7", "sources: {a: b}", "guilds: { \"0\": {} }", "? [a]\n: b"]
    {
        assert!(understood(text).is_err(), "{text:.40}");
    }
    let nothing = |_: &str| None;
    let file = |_: &Path| Ok(Vec::new());
    let surroundings = Surroundings { folder: PathBuf::new(), variable: &nothing, read: &file };
    assert!(read("x", b"\xff\xfe", &surroundings).is_err());
}

#[test]
fn a_guild_two_sources_list_needs_a_word() {
    let text =
        "sources:\n- { name: a, directory: a, guilds: [\"12\"] }\n- { name: b, directory: b, guilds: [\"12\"] }\n";
    assert!(refused(text).contains("two sources list the guild 12"));
    config(&format!("{text}guilds: {{ \"12\": {{ source: b }} }}"));
}

// ---- the example and the documentation ----

/// The example, with what is commented out in its sources taken in, and its files.
fn example() -> Result<Config, Findings> {
    let variable = |_: &str| None;
    let file = |path: &Path| {
        let is_url = path.ends_with("alerts-url");
        Ok(if is_url { b"https://alerts.example.org".to_vec() } else { b"text".to_vec() })
    };
    let surroundings = Surroundings { folder: PathBuf::from("/etc/setai"), variable: &variable, read: &file };
    read("example.yaml", EXAMPLE.as_bytes(), &surroundings).map(|loaded| loaded.config)
}

#[test]
fn the_example_can_be_used_and_satisfies_the_schema() {
    let config = example().unwrap_or_else(|findings| panic!("{}", findings.render(false)));
    assert_eq!(config.sources.len(), 2);
    let json: Value = serde_saphyr::from_str(EXAMPLE).expect("YAML for another reader");
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(&json).map(|e| format!("{} {e}", e.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn every_setting_is_in_the_example_and_in_the_documentation() {
    let schema = schema();
    let defs = schema["$defs"].as_object().expect("definitions").values();
    let objects = defs.chain([&schema]).filter_map(|def| def["properties"].as_object());
    let fields: Vec<&String> = objects.flat_map(|fields| fields.keys()).collect();
    assert!(fields.len() > 50, "{} fields", fields.len());
    let documentation = std::fs::read_to_string("docs/configuration.md").expect("the documentation");
    let missing: Vec<_> = fields
        .into_iter()
        .filter(|field| !EXAMPLE.contains(&***field) || !documentation.contains(&format!("`{field}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    for (name, _) in setai::config::VARIABLES {
        assert!(documentation.contains(name), "{name}");
    }
    for occasion in Occasion::ALL {
        assert!(documentation.contains(&format!("`{occasion}`")), "{occasion}");
    }
}
