//! `setai init`: a first manifest to start from.

use std::path::Path;

use crate::manifest::schema::schema_text;

use super::arguments::Init;
use super::context::guild_id;
use super::failure::{Exit, Failure};
use super::screen::Screen;

pub(super) fn run(command: &Init, screen: Screen) -> Result<Exit, Failure> {
    let guild = guild_id(&command.guild)?;
    if command.file.exists() {
        return Err(Failure::new(format!("`{}` is there already", command.file.display()))
            .help("Name another file. To describe the guild as it is now, use `setai import`."));
    }
    let text = include_str!("init.yaml").replace("GUILD_ID", &guild.to_string());
    super::write_whole(&command.file, text.as_bytes())?;
    let folder = command.file.parent().unwrap_or(Path::new(""));
    super::write_whole(&folder.join("schemas/guild.v1.json"), schema_text().as_bytes())?;
    screen.say(format!("Wrote {}, and the schema your editor checks it with.", command.file.display()));
    screen.say(format!("Next: edit it, then `setai plan {}`.", command.file.display()));
    screen.say("To begin with what the guild has already, use `setai import` instead.");
    Ok(Exit::Success)
}
