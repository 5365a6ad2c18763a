//! What edits make of a manifest, or everything that is wrong with them: the one way from an interpretation to files.

use crate::manifest::edit::{self, Edit, Edited};
use crate::manifest::{Files, Manifest, parse};

use super::guard::{Breach, breaches};

/// A manifest after edits that fit it.
#[derive(Clone, Debug)]
pub struct Revision {
    /// The files, and what else came of the edits.
    pub edited: Edited,
    /// What they mean.
    pub manifest: Manifest,
}

/// Makes edits that fit the manifest and do nothing of what `counts`.
///
/// # Errors
/// Everything that is wrong, in words.
pub fn revise(
    files: &Files,
    entry: &str,
    edits: &[Edit],
    counts: fn(&Breach) -> bool,
) -> Result<Revision, Vec<String>> {
    let edited = edit::apply(files, entry, edits).map_err(|error| vec![error.to_string()])?;
    let breaches = breaches(files, &edited.files, entry, edits);
    let counted: Vec<String> = breaches.iter().filter(|breach| counts(breach)).map(ToString::to_string).collect();
    if !counted.is_empty() {
        return Err(counted);
    }
    let parsed = parse(&edited.files, entry);
    match parsed.manifest {
        Some(manifest) => Ok(Revision { edited, manifest }),
        None => Err(parsed.diagnostics.into_iter().map(|diagnostic| diagnostic.message).collect()),
    }
}
