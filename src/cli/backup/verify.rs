//! `setai backup verify`: proves that a backup can be restored, without restoring it.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::failure::{Exit, Failure, chain};
use crate::cli::screen::Screen;
use crate::manifest::{Files, Severity, parse};
use crate::plan::render::Tone;
use crate::store::{self, MigrationState};

use super::folder::{Backup, check, name_of, names, read_text};
use super::record::{GuildRecord, Layout, STORE, Stored, layout_of, snapshot_of};
use super::{find, none_in};

pub(super) async fn run(words: &[String], place: &Path, as_json: bool, screen: Screen) -> Result<Exit, Failure> {
    let paths: Vec<PathBuf> = if words.is_empty() {
        names(place)?.0
    } else {
        words.iter().map(|word| find(word, place)).collect::<Result<_, _>>()?
    };
    if paths.is_empty() {
        return Err(none_in(place));
    }
    let mut reports = Vec::new();
    for path in paths {
        let problems = prove(&path).await.err().unwrap_or_default();
        if !as_json {
            show(&path, &problems, screen);
        }
        reports.push(json!({ "path": path, "whole": problems.is_empty(), "problems": problems }));
    }
    if as_json {
        screen.say(crate::cli::json(&reports)?);
    }
    let sound = reports.iter().all(|report| report["whole"] == true);
    Ok(if sound { Exit::Success } else { Exit::Failure })
}

fn show(path: &Path, problems: &[String], screen: Screen) {
    let name = name_of(path);
    if problems.is_empty() {
        screen.toned(Tone::Create, format!("{name}  whole"));
        return;
    }
    screen.toned(Tone::Refuse, format!("{name}  damaged"));
    problems.iter().for_each(|problem| screen.say(format!("  {problem}")));
}

/// A backup that can be restored by this build; or everything that is wrong with it.
pub(super) async fn prove(path: &Path) -> Result<Backup, Vec<String>> {
    let backup = check(path)?;
    let mut problems = Vec::new();
    if let Stored::Here { schema: _, rows } = &backup.record.store {
        match store::examine(&path.join(STORE)).await {
            Err(error) => problems.push(format!("{STORE}: {}", chain(&error))),
            Ok(found) => {
                problems.extend(found.damage.iter().map(|damage| format!("{STORE}: {damage}")));
                problems.extend(found.migrations.iter().filter_map(|m| migration_problem(m.state, &m.version)));
                if found.rows != *rows {
                    problems.push(format!("{STORE}: its tables have not the rows they had"));
                }
            }
        }
    }
    problems.extend(backup.record.guilds.iter().flat_map(|guild| layout_problems(path, guild)));
    if problems.is_empty() { Ok(backup) } else { Err(problems) }
}

fn migration_problem(state: MigrationState, version: &str) -> Option<String> {
    match state {
        MigrationState::Applied | MigrationState::Pending => None,
        MigrationState::Unknown => {
            Some(format!("{STORE}: it has migration `{version}`, which this build does not know: use the newer build"))
        }
        MigrationState::Unfinished => Some(format!("{STORE}: migration `{version}` was never finished in it")),
        MigrationState::Edited => Some(format!("{STORE}: migration `{version}` is another one than this build's")),
    }
}

fn layout_problems(path: &Path, guild: &GuildRecord) -> Vec<String> {
    let id = guild.guild;
    let mut problems = Vec::new();
    match read_text(path, &layout_of(id)).and_then(|text| Files::single("guild.yaml", text).map_err(|e| e.to_string()))
    {
        Err(problem) => problems.push(problem),
        Ok(files) => {
            let parsed = parse(&files, "guild.yaml");
            let blocking = parsed.diagnostics.iter().filter(|d| d.severity == Severity::Block).count();
            match parsed.manifest {
                Some(manifest) if manifest.guild == id => {}
                Some(manifest) => problems.push(format!("{}: it is about the guild {}", layout_of(id), manifest.guild)),
                // What a manifest cannot say was told when the backup was made; the rest of it can still be read.
                None if !guild.unsaid.is_empty() => {}
                None => problems.push(format!("{}: {blocking} problem(s) in the manifest", layout_of(id))),
            }
        }
    }
    let exact = read_text(path, &snapshot_of(id));
    match exact.and_then(|text| serde_json::from_str::<Layout>(&text).map_err(|error| error.to_string())) {
        Err(problem) => problems.push(format!("{}: {problem}", snapshot_of(id))),
        Ok(layout) if layout.snapshot.guild.id != id => {
            problems.push(format!("{}: it is about the guild {}", snapshot_of(id), layout.snapshot.guild.id));
        }
        Ok(_) => {}
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::fs;

    use chrono::DateTime;

    use super::*;
    use crate::cli::backup::folder::{seal, write_private};
    use crate::cli::backup::record::{FORMAT, RECORD, Record, SUMS};
    use crate::manifest::render::{Style, render};
    use crate::model::{
        Bindings, BoostTier, ContentFilter, Facet, Guild, GuildId, GuildSettings, NotificationLevel, Role,
        RoleAttributes, RoleId, Snapshot, UserId, VerificationLevel,
    };
    use crate::store::DatabaseUrl;

    const GUILD: GuildId = GuildId::new(1_146_231_231_231_231_232);

    /// A guild with nothing in it.
    fn snapshot() -> Snapshot {
        let everyone = Role {
            id: RoleId::new(GUILD.get()).into(),
            position: 0,
            managed: Default::default(),
            attributes: RoleAttributes::named("@everyone"),
        };
        let settings = GuildSettings {
            name: "Club".to_owned(),
            description: None,
            verification_level: VerificationLevel::Low,
            default_message_notifications: NotificationLevel::OnlyMentions,
            explicit_content_filter: ContentFilter::Disabled,
            afk_channel: None,
            afk_timeout: 300,
            system_channel: None,
            system_channel_flags: Default::default(),
            rules_channel: None,
            public_updates_channel: None,
            safety_alerts_channel: None,
            preferred_locale: "en-US".to_owned(),
            premium_progress_bar_enabled: false,
            features: Default::default(),
            icon: None,
            splash: None,
            discovery_splash: None,
            banner: None,
        };
        let (owner, boost_tier, roles) = (UserId::new(7), BoostTier(0), vec![everyone]);
        let guild = Guild { id: GUILD, owner, boost_tier, requires_mfa: false, settings, roles, channels: Vec::new() };
        Snapshot { guild, bot: Facet::Unknown("nobody asked".to_owned()), hidden: Vec::new() }
    }

    async fn backup(folder: &Path) {
        let database = folder.join("setai.db");
        store::open(&DatabaseUrl::File(database.clone())).await.expect("a database").close().await;
        let path = folder.join("backup");
        fs::create_dir_all(path.join("guilds").join(GUILD.to_string())).expect("a folder");
        store::copy(&database, &path.join(STORE)).await.expect("a copy");
        let rows = store::examine(&path.join(STORE)).await.expect("it is whole").rows;
        let layout = Layout { snapshot: snapshot(), bindings: Bindings::default() };
        let text = render(&layout.snapshot.guild, &Style::default()).text;
        write_private(&path.join(layout_of(GUILD)), text.as_bytes()).expect("a file");
        let exact = serde_json::to_string_pretty(&layout).expect("JSON");
        write_private(&path.join(snapshot_of(GUILD)), exact.as_bytes()).expect("a file");
        let guild = GuildRecord { guild: GUILD, name: "Club".to_owned(), roles: 1, channels: 0, unsaid: Vec::new() };
        let record = Record {
            format: FORMAT,
            setai: "0.1.0".to_owned(),
            created_at: DateTime::UNIX_EPOCH,
            store: Stored::Here { schema: "x".to_owned(), rows },
            guilds: vec![guild],
            missing: Vec::new(),
        };
        write_private(&path.join(RECORD), &serde_json::to_vec_pretty(&record).expect("JSON")).expect("a file");
        seal(&path, &record).expect("sealed");
    }

    #[tokio::test]
    async fn a_single_bit_that_is_wrong_is_found_wherever_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        backup(folder.path()).await;
        let path = folder.path().join("backup");
        prove(&path).await.expect("it is whole");
        let mut flipped = 0;
        for name in [RECORD, SUMS, STORE, &layout_of(GUILD), &snapshot_of(GUILD)] {
            let file = path.join(name);
            let sound = fs::read(&file).expect("a file");
            // Every byte of a small file, and a few hundred of a large one, another bit in each.
            let stride = sound.len().div_ceil(200);
            for at in (0..sound.len()).step_by(stride).chain([sound.len() - 1]) {
                let mut wrong = sound.clone();
                wrong[at] ^= 1 << (at % 8);
                fs::write(&file, &wrong).expect("written");
                check(&path).expect_err(&format!("{name}, byte {at}"));
                flipped += 1;
            }
            for changed in [&sound[..sound.len() - 1], &sound[..0], &[&sound[..], b"\n"].concat()] {
                fs::write(&file, changed).expect("written");
                check(&path).expect_err(&format!("{name}, {} bytes", changed.len()));
            }
            fs::remove_file(&file).expect("removed");
            check(&path).expect_err(&format!("without {name}"));
            fs::write(&file, &sound).expect("written");
        }
        assert!(flipped > 800, "{flipped}");
        prove(&path).await.expect("it is whole again");
    }

    #[tokio::test]
    async fn sums_that_were_made_again_do_not_hide_what_is_wrong_inside() {
        let folder = tempfile::tempdir().expect("a folder");
        backup(folder.path()).await;
        let path = folder.path().join("backup");
        let record = check(&path).expect("whole").record;
        let resealed = |name: &str, bytes: &[u8]| {
            fs::write(path.join(name), bytes).expect("written");
            fs::remove_file(path.join(SUMS)).expect("removed");
            seal(&path, &record).expect("sealed");
        };
        let mut said = Vec::new();
        for (name, wrong) in [
            (STORE.to_owned(), b"something else".to_vec()),
            (layout_of(GUILD), b"version: 1\nguild: \"7\"\n".to_vec()),
            (layout_of(GUILD), b"version: [".to_vec()),
            (snapshot_of(GUILD), b"{}".to_vec()),
        ] {
            let sound = fs::read(path.join(&name)).expect("a file");
            resealed(&name, &wrong);
            said.extend(prove(&path).await.expect_err("it is wrong"));
            resealed(&name, &sound);
        }
        let mut database = fs::read(path.join(STORE)).expect("a file");
        let middle = database.len() / 2;
        database[middle..middle + 4096].fill(0xff);
        resealed(STORE, &database);
        assert!(prove(&path).await.is_err(), "a page of the database is gone");
        let folder = folder.path().display().to_string();
        let said: Vec<String> = said.iter().map(|line| line.replace(&folder, "")).collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        store.db: the database is damaged; restore it from a backup: error returned from database: (code: 26) file is not a database
        guilds/1146231231231231232/guild.yaml: it is about the guild 7
        guilds/1146231231231231232/guild.yaml: 1 problem(s) in the manifest
        guilds/1146231231231231232/snapshot.json: missing field `snapshot` at line 1 column 2
        ");
    }
}
