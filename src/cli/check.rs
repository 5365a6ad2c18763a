//! `setai validate` and `setai lint`: what is wrong with manifests, without asking Discord.

use crate::manifest::{Severity, diagnostics_to_json, render_diagnostics};
use crate::plan::render::Tone;

use super::arguments::Validate;
use super::failure::{Exit, Failure};
use super::manifests::{is_blocked, load, parsed};
use super::screen::Screen;

/// `everything` also lists what is only worth knowing.
pub(super) fn run(command: &Validate, everything: bool, screen: Screen) -> Result<Exit, Failure> {
    let loaded = load(&command.path)?;
    let (manifests, diagnostics) = parsed(&loaded);
    let shown: Vec<_> = diagnostics.iter().filter(|d| everything || d.severity != Severity::Log).cloned().collect();
    if command.json {
        screen.say(super::json(&diagnostics_to_json(&shown, &loaded.files))?);
    } else {
        if !shown.is_empty() {
            screen.say(render_diagnostics(&shown, &loaded.files, screen.has_color()).trim_end());
            screen.say("");
        }
        for manifest in &manifests {
            let name = manifest.name.clone().unwrap_or_else(|| manifest.guild.to_string());
            screen.toned(
                Tone::Create,
                format!(
                    "{name}: {} roles, {} categories, {} channels",
                    manifest.roles.len(),
                    manifest.categories.len(),
                    manifest.channels.len()
                ),
            );
        }
        let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
        let (errors, warnings) = (count(Severity::Block), count(Severity::Warn));
        let tone = if errors > 0 { Tone::Refuse } else { Tone::Strong };
        screen.toned(tone, format!("{errors} error(s), {warnings} warning(s)"));
    }
    Ok(if is_blocked(&diagnostics) { Exit::Failure } else { Exit::Success })
}
