//! Which files of a source are read: the one rule of folders, repositories and the command line.
//!
//! Decides by names alone.

/// What a manifest's name ends with.
const MANIFESTS: [&str; 2] = ["yaml", "yml"];

/// What the name of an image ends with that Discord takes.
const IMAGES: [&str; 5] = ["png", "jpg", "jpeg", "gif", "webp"];

/// True for names that are nobody's business: `.git`, an editor's `.guild.yaml.swp`.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// True for folders that are never manifests and may be huge.
pub fn is_foreign(folder: &str) -> bool {
    folder == "node_modules" || folder == "target"
}

/// True for files that a manifest may be or name: YAML and images.
pub fn is_wanted(file: &str) -> bool {
    is_manifest(file) || has_ending(file, &IMAGES)
}

/// True for files that may be manifests.
pub fn is_manifest(file: &str) -> bool {
    has_ending(file, &MANIFESTS)
}

fn has_ending(file: &str, endings: &[&str]) -> bool {
    let ending = file.rsplit_once('.').filter(|(before, _)| !before.is_empty()).map(|(_, ending)| ending);
    ending.is_some_and(|ending| endings.iter().any(|wanted| ending.eq_ignore_ascii_case(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_images_are_wanted() {
        for name in ["guild.yaml", "a.YML", "icon.png", "b.c.webp", "photo.JPEG"] {
            assert!(is_wanted(name), "{name}");
        }
        for name in ["README.md", "yaml", ".yaml", "guild.yaml.orig", "guild.yaml~", ""] {
            assert!(!is_wanted(name), "{name}");
        }
        assert!(is_manifest("guild.yml") && !is_manifest("icon.png"));
    }

    #[test]
    fn what_is_hidden_or_of_others_is_known_by_its_name() {
        assert!(is_hidden(".git") && is_hidden(".guild.yaml.swp") && !is_hidden("guild.yaml"));
        assert!(is_foreign("node_modules") && is_foreign("target") && !is_foreign("targets"));
    }
}
