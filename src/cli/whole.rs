//! Files that are either whole or not there: a full disk leaves no half of one.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::failure::Failure;

/// Writes a file so that it is either whole or not there. A link stays one, and what it leads to is written. What is no
/// file, such as a device or a pipe, takes the bytes and stays what it is.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = WholeFile::begin(path)?;
    file.write(bytes)?;
    file.keep()
}

/// A file that is written bit by bit, and not there before all of it is.
pub(super) struct WholeFile {
    /// As it was named.
    path: PathBuf,
    place: Place,
}

enum Place {
    /// Beside the file that it becomes.
    Beside(NamedTempFile, PathBuf),
    /// Something that cannot be put into place: a device, a pipe.
    Through(File),
}

impl WholeFile {
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        let place = Place::of(path).map_err(|error| cannot_write(path, &error))?;
        Ok(Self { path: path.to_owned(), place })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = match &mut self.place {
            Place::Beside(file, _) => file.write_all(bytes),
            Place::Through(file) => file.write_all(bytes),
        };
        written.map_err(|error| cannot_write(&self.path, &error))
    }

    pub(super) fn keep(self) -> Result<(), Failure> {
        let Self { path, place } = self;
        place.keep().map_err(|error| cannot_write(&path, &error))
    }
}

impl Place {
    fn of(path: &Path) -> std::io::Result<Self> {
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return File::options().write(true).open(path).map(Self::Through);
        }
        let target = behind_links(path);
        let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        Ok(Self::Beside(NamedTempFile::new_in(folder)?, target))
    }

    fn keep(self) -> std::io::Result<()> {
        match self {
            Self::Beside(file, target) => {
                file.as_file().sync_all()?;
                share(&file, &target)?;
                file.persist(&target)?;
                Ok(())
            }
            Self::Through(mut file) => file.flush(),
        }
    }
}

/// The file a path leads to, whether it is there or not.
fn behind_links(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| match std::fs::read_link(path) {
        // A link to nowhere: what is to be written is what it leads to.
        Ok(to) => path.parent().unwrap_or(Path::new("")).join(to),
        Err(_) => path.to_owned(),
    })
}

/// What is said when something cannot be written.
pub(super) fn cannot_write(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!("cannot write `{}`: {error}", path.display()))
}

/// A new file is for the team, as the user's other files are; one that is replaced keeps its permissions.
#[cfg(unix)]
fn share(file: &NamedTempFile, path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let permissions = match std::fs::metadata(path) {
        Ok(metadata) => metadata.permissions(),
        Err(_) => std::fs::Permissions::from_mode(0o644),
    };
    file.as_file().set_permissions(permissions)
}

#[cfg(not(unix))]
fn share(_: &NamedTempFile, _: &Path) -> std::io::Result<()> {
    Ok(())
}
