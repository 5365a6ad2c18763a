//! `setai import`: a manifest of a guild as it is now, and the bindings to go with it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::manifest::render::{Keys, Rendered, Style, render};
use crate::manifest::{Diagnostic, Files, Severity, parse, render_diagnostics, schema};
use crate::model::{Binding, Bindings, Key, KindBindings, ObjectKind, Provenance, Snapshot, Visibility};
use crate::plan::{BindingChange, propose};

use super::arguments::{Connection, Import};
use super::context::{self, guild_id};
use super::failure::{Exit, Failure};
use super::screen::Screen;

pub(super) async fn run(command: &Import, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let guild = guild_id(&command.guild)?;
    let file = command.output.join("guild.yaml");
    if file.exists() && !command.force {
        return Err(Failure::new(format!("`{}` is there already", file.display()))
            .help("Choose another folder with `--output`, or overwrite it with `--force`."));
    }
    let engine = context::engine(connection).await?;
    let snapshot = engine.observe(guild).await?;
    let bindings = engine.store().bindings(guild).await?;
    let style = Style { pin: command.pin, keys: known_keys(&bindings), ..Style::default() };
    let rendered = render(&snapshot.guild, &style);
    prove(&snapshot, &rendered, &bound_by(&bindings, &rendered.keys))?;
    // The manifest comes last, so that it is not there unless all that belongs to it is.
    super::write_whole(&command.output.join("schemas/guild.v1.json"), schema::schema_text().as_bytes())?;
    super::write_whole(&file, rendered.text.as_bytes())?;
    // What is bound and in no manifest is archived by the next one, so nothing is bound before the manifest is there.
    let changes = new_bindings(&rendered.keys, &bindings);
    engine.rebind(guild, &changes, &context::author()).await.map_err(|error| unbound(error.into(), &file))?;
    tell(&snapshot, &rendered, screen);
    let folder = command.output.display();
    screen.say(format!(
        "Wrote {} ({} lines). Next: `setai plan {folder}` finds nothing to do.",
        file.display(),
        rendered.text.lines().count()
    ));
    Ok(Exit::Success)
}

/// What to do about a manifest that is there, and whose keys are not bound.
fn unbound(failure: Failure, file: &Path) -> Failure {
    failure.help(format!(
        "`{}` is written, but nothing remembers yet which objects its keys mean. Import again with `--force`.",
        file.display()
    ))
}

fn blocking(diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    diagnostics.iter().filter(|d| d.severity == Severity::Block).cloned().collect()
}

/// What was imported must plan to nothing; otherwise it is not what the guild is.
pub(super) fn prove(snapshot: &Snapshot, rendered: &Rendered, bindings: &Bindings) -> Result<(), Failure> {
    let files = Files::single("guild.yaml", rendered.text.as_bytes()).map_err(Failure::new)?;
    let parsed = parse(&files, "guild.yaml");
    let problem = match parsed.manifest {
        None => render_diagnostics(&blocking(&parsed.diagnostics), &files, false),
        Some(manifest) => {
            let plan = propose(&manifest, snapshot, bindings, None);
            if plan.is_empty() {
                return Ok(());
            }
            crate::plan::render::plain(&plan)
        }
    };
    Err(Failure::new(format!("the guild has something that manifests cannot say yet: {problem}"))
        .help("Nothing was written or bound. Please report this, with the lines above."))
}

/// The keys objects already have.
pub(super) fn known_keys(bindings: &Bindings) -> Keys {
    Keys {
        roles: bindings.roles.iter().map(|(key, b)| (b.id, key.clone())).collect(),
        categories: bindings.categories.iter().map(|(key, b)| (b.id, key.clone())).collect(),
        channels: bindings.channels.iter().map(|(key, b)| (b.id, key.clone())).collect(),
    }
}

/// The bindings as they are once the keys of a manifest are bound.
pub(super) fn bound_by(bindings: &Bindings, keys: &Keys) -> Bindings {
    let Keys { roles, categories, channels } = keys;
    let mut bound = bindings.clone();
    bind(&mut bound.roles, roles);
    bind(&mut bound.categories, categories);
    bind(&mut bound.channels, channels);
    bound
}

fn bind<I: Copy + Ord>(bindings: &mut KindBindings<I>, keys: &BTreeMap<I, Key>) {
    for (id, key) in keys {
        if bindings.values().all(|binding| binding.id != *id) {
            bindings.insert(key.clone(), Binding::new(*id, Provenance::Adopted));
        }
    }
}

fn new_bindings(keys: &Keys, bindings: &Bindings) -> Vec<BindingChange> {
    let bind = |kind: ObjectKind, key: &Key, id: String| BindingChange::Bind {
        kind,
        key: key.clone(),
        id,
        provenance: Provenance::Adopted,
        protected: false,
    };
    let roles = keys.roles.iter().filter(|(id, _)| bindings.key_of_role(**id).is_none());
    let categories = keys.categories.iter().filter(|(id, _)| bindings.key_of_channel(**id).is_none());
    let channels = keys.channels.iter().filter(|(id, _)| bindings.key_of_channel(**id).is_none());
    let roles = roles.map(|(id, key)| bind(ObjectKind::Role, key, id.to_string()));
    let categories = categories.map(|(id, key)| bind(ObjectKind::Category, key, id.to_string()));
    let channels = channels.map(|(id, key)| bind(ObjectKind::Channel, key, id.to_string()));
    roles.chain(categories).chain(channels).collect()
}

fn tell(snapshot: &Snapshot, rendered: &Rendered, screen: Screen) {
    for channel in &rendered.left_out {
        screen
            .remark(format!("Left out: the channel {channel}, of a kind this build does not know. It stays as it is."));
    }
    if snapshot.visibility() != Visibility::Complete {
        screen.remark(
            "The bot is not administrator, so channels it may not see are missing here. They stay as they are.",
        );
    }
}
