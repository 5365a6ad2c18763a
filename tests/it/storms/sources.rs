//! Everything that can become of a repository, in front of one process that goes on: nothing is written to Discord for any
//! of it, people are told what to do, and the next good commit is applied.

use serde_json::Value;
use setai::simulator::world::Snowflake;

use crate::support::git::{Mood, Repository, WebServer};
use crate::support::keeper::Keeper;
use crate::support::sshd::make_key;
use crate::support::terminal::Terminal;

const USER: &str = "setai";

/// The source that is followed: a folder of a repository, whose commits are signed.
struct Town {
    terminal: Terminal,
    repository: Repository,
    server: WebServer,
    keeper: Keeper,
}

/// Something that becomes of it.
struct Mishap {
    what: &'static str,
    happens: fn(&Town),
    /// The word that is said of it, and how the guild stands then.
    reason: &'static str,
    state: &'static str,
    /// What is wrong and what to do, as people are told.
    says: [&'static str; 2],
}

impl Town {
    /// With the guild equal to the first commit.
    async fn new() -> Self {
        let terminal = Terminal::new().await;
        let repository = Repository::empty();
        let key = repository.root().join("anna");
        make_key(&key, "");
        repository.sign_with(&key);
        let public = std::fs::read_to_string(key.with_extension("pub")).expect("a public key");
        let signers = format!("anna@example.com {public}");
        std::fs::write(terminal.path("signers"), signers).expect("a file");
        std::fs::write(terminal.path("password"), "first").expect("a file");
        let server = WebServer::start(&repository).await;
        server.require(USER, "first");
        write_well(&repository, terminal.guild, 1);
        repository.push("Write the guild down");
        let source = format!(
            "name: guilds, git: \"{}\", branch: main, path: live, guilds: [\"{}\"], \
             credentials: {{ user: {USER}, password_file: password }}, signatures: {{ allowed_signers: signers }}",
            server.url(),
            terminal.guild
        );
        let keeper = Keeper::start(&terminal, &[source]);
        keeper.until("the first commit", || keeper.standing(terminal.guild)["reason"] == "Applied").await;
        Self { terminal, repository, server, keeper }
    }

    /// Once in how many seconds people may write, by which the manifest that is followed is known.
    fn pace(&self) -> Option<u32> {
        self.terminal.simulator.with_world(|world| {
            let guild = world.guilds.get(&self.terminal.guild).expect("the guild");
            guild.channel_named("news").map(|news| news.rate_limit_per_user)
        })
    }

    /// Goes through a mishap, in which nothing is written, after `good` was applied.
    async fn suffers(&self, mishap: &Mishap, good: &str) {
        let Mishap { what, happens, reason, state, says } = mishap;
        let (terminal, keeper) = (&self.terminal, &self.keeper);
        terminal.simulator.forget_requests();
        happens(self);
        keeper.hears_of_a_push_to("guilds").await;
        let is_told = |standing: &Value| {
            standing["reason"] == **reason && says.iter().all(|words| standing["message"].to_string().contains(words))
        };
        keeper.until(what, || is_told(&keeper.standing(terminal.guild))).await;
        assert_eq!(terminal.writes().len(), 0, "{what}");

        let status = terminal.run(&["status", &terminal.guild.to_string()]).await;
        status.works(&[*state, *reason, says[0], says[1], &format!("at {good} from guilds")]);
        let status = terminal.run(&["status", &terminal.guild.to_string(), "--json"]).await;
        let status: Value = serde_json::from_str(&status.out).expect("JSON");
        let told = [&status[0]["state"], &status[0]["reason"], &status[0]["applied_revision"]];
        assert_eq!(told, [*state, *reason, good], "{what}: {status}");
        says.iter().for_each(|words| assert!(status[0]["message"].to_string().contains(words), "{what}: {status}"));
    }

    /// A good commit, after which all is well. Gives its revision.
    async fn recovers(&self, pace: u32) -> String {
        let (terminal, keeper) = (&self.terminal, &self.keeper);
        self.server.be(Mood::Good);
        self.server.require(USER, "first");
        self.repository.git(&["checkout", "-q", "--force", "main"]);
        write_well(&self.repository, terminal.guild, pace);
        let commit = self.repository.push("As it should be");
        let revision = format!("main@{}", &commit[..12]);
        keeper.hears_of_a_push_to("guilds").await;
        keeper.until("the good commit", || keeper.standing(terminal.guild)["applied"] == *revision).await;
        assert_eq!(self.pace(), Some(pace));
        assert_eq!(terminal.writes().len(), 1, "{pace}: {:#?}", terminal.writes());
        revision
    }
}

fn manifest(guild: Snowflake, pace: u32) -> String {
    format!(
        "version: 1\nguild: \"{guild}\"\nroles: {{ crew: {{ name: Crew, permissions: [send_messages] }} }}\n\
         categories: {{ hall: {{ channels: {{ chat: {{}}, news: {{ rate_limit_per_user: {pace} }} }} }} }}\n"
    )
}

/// The working copy as it should be, whatever was in it.
fn write_well(repository: &Repository, guild: Snowflake, pace: u32) {
    drop(std::fs::remove_dir_all(repository.work().join("live")));
    repository.write("live/README.md", "# Ours");
    repository.write("live/guild.yaml", manifest(guild, pace));
}

/// A commit with something else in place of the manifest.
fn commit_instead(town: &Town, text: &str) {
    town.repository.write("live/guild.yaml", text);
    town.repository.push("Something else");
}

/// A text that becomes half a million values when it is read to its end.
fn bomb(guild: Snowflake) -> String {
    let mut text = format!("version: 1\nguild: \"{guild}\"\nl0: &l0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..6 {
        let nine = vec![format!("*l{}", level - 1); 9].join(", ");
        text += &format!("l{level}: &l{level} [{nine}]\n");
    }
    text + "roles: *l5\n"
}

/// Acceptance 9.
const MISHAPS: [Mishap; 16] = [
    Mishap {
        what: "a repository that is empty",
        happens: |town| _ = town.repository.git_bare(&["update-ref", "-d", "refs/heads/main"]),
        reason: "EmptyRepository",
        state: "stalled",
        says: ["is empty", "push a branch with a manifest"],
    },
    Mishap {
        what: "a branch that is gone",
        happens: |town| _ = town.repository.git_bare(&["branch", "-m", "main", "trunk"]),
        reason: "BranchNotFound",
        state: "stalled",
        says: ["has no branch `main`", "push it, or name one that is there: `trunk`"],
    },
    Mishap {
        what: "a folder that is gone",
        happens: |town| {
            town.repository.git(&["mv", "live", "attic"]);
            town.repository.push("Tidy up");
        },
        reason: "FolderNotFound",
        state: "stalled",
        says: ["there is no folder `live`", "the setting has to follow it"],
    },
    Mishap {
        what: "a truncated file",
        happens: |town| {
            let whole = manifest(town.terminal.guild, 99);
            commit_instead(town, &whole[..whole.len() - 20]);
        },
        reason: "InvalidManifest",
        state: "stalled",
        says: ["`guild.yaml` at main@", "`setai validate` shows every problem"],
    },
    Mishap {
        what: "a key that stands there twice",
        happens: |town| commit_instead(town, &(manifest(town.terminal.guild, 99) + "roles: {}\n")),
        reason: "InvalidManifest",
        state: "stalled",
        says: ["the key `roles` stands here twice", "`setai validate` shows every problem"],
    },
    Mishap {
        what: "a host that fails in the middle of a fetch",
        happens: |town| {
            town.server.be(Mood::Failing);
            commit_instead(town, &manifest(town.terminal.guild, 99));
        },
        reason: "InOrder",
        state: "ready",
        says: ["broke off midway", "it is tried again by itself"],
    },
    Mishap {
        what: "the id of another guild",
        happens: |town| commit_instead(town, &manifest(Snowflake(1_146_231_231_231_231_299), 99)),
        reason: "ManifestGone",
        state: "stalled",
        says: ["has no manifest of this guild any more", "put the file back"],
    },
    Mishap {
        what: "a link out of the tree",
        happens: |town| {
            let link = town.repository.work().join("live/more.yaml");
            std::os::unix::fs::symlink("/etc/passwd", link).expect("a link");
            town.repository.push("A link");
        },
        reason: "SymbolicLink",
        state: "stalled",
        says: ["is a symbolic link", "put the file or folder itself there"],
    },
    Mishap {
        what: "a bomb of aliases",
        happens: |town| commit_instead(town, &bomb(town.terminal.guild)),
        reason: "InvalidManifest",
        state: "stalled",
        says: ["expands to more than 300000 values", "`setai validate` shows every problem"],
    },
    Mishap {
        what: "a commit that nobody signed",
        happens: |town| {
            town.repository.write("live/guild.yaml", manifest(town.terminal.guild, 99));
            town.repository.push_with(&["-c", "commit.gpgsign=false"], "Trust me");
        },
        reason: "Unsigned",
        state: "stalled",
        says: ["is not signed", "sign it, or undo it with a signed one"],
    },
    Mishap {
        what: "credentials that were revoked",
        happens: |town| town.server.require(USER, "second"),
        reason: "AuthenticationFailed",
        state: "stalled",
        says: ["refuses the credentials", "have not expired or been revoked"],
    },
    Mishap {
        what: "another history, by force",
        happens: |town| {
            town.repository.git(&["checkout", "-q", "--orphan", "elsewhere"]);
            town.repository.git(&["rm", "-rfq", "."]);
            town.repository.write("live/notes.yaml", "hello: there\n");
            town.repository.push("Notes of somebody else");
            town.repository.git(&["push", "-q", "--force", "origin", "elsewhere:main"]);
        },
        reason: "ManifestGone",
        state: "stalled",
        says: ["has no manifest of this guild any more", "put the file back"],
    },
    Mishap {
        what: "a commit that deletes every manifest",
        happens: |town| {
            town.repository.git(&["rm", "-q", "live/guild.yaml"]);
            town.repository.push("Start anew");
        },
        reason: "NoManifest",
        state: "stalled",
        says: ["there is no manifest", "no guild becomes empty by this"],
    },
    Mishap {
        what: "two files for one guild",
        happens: |town| {
            town.repository.write("live/copy.yaml", manifest(town.terminal.guild, 99));
            town.repository.push("A copy");
        },
        reason: "DescribedTwice",
        state: "stalled",
        says: ["`copy.yaml` and `guild.yaml` both describe this guild", "Take one of them out"],
    },
    Mishap {
        what: "a huge file",
        happens: |town| {
            town.repository.write("live/film.yaml", vec![b'#'; 17 << 20]);
            town.repository.push("A film");
        },
        reason: "FileTooLarge",
        state: "stalled",
        says: ["film.yaml` has 17825792 bytes", "keep it outside of the folder"],
    },
    Mishap {
        what: "more files and folders than anybody can go through",
        happens: |town| town.repository.push_endless_tree(&["-S"]),
        reason: "TooManyEntries",
        state: "stalled",
        says: ["more than 200000 files and folders", "keep what SetAI need not read elsewhere"],
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_a_repository_nothing_is_written_and_the_next_good_commit_counts() {
    let town = Town::new().await;
    town.terminal.simulator.forget_requests();
    let mut good = town.recovers(2).await;
    for (mishap, pace) in MISHAPS.iter().zip(3..) {
        town.suffers(mishap, &good).await;
        good = town.recovers(pace).await;
    }
    assert!(town.keeper.has_said("does not name the one before as its parent"), "a forced push is told");
    town.keeper.end().await;
    println!(
        "acceptance 9 end to end: {0} of {0} with 0 writes, a status that says why and names the last good revision, and the \
         next good commit applied by the same process",
        MISHAPS.len()
    );
}
