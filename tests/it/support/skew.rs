//! Clocks that are wrong, and that somebody sets while a process goes by them.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// The clock of a process. The real one goes on beside it.
pub(crate) struct Skew {
    folder: TempDir,
}

impl Skew {
    /// One that is wrong by so many seconds.
    pub(crate) fn of(seconds: i64) -> Self {
        let skew = Self { folder: tempfile::tempdir().expect("a folder") };
        let source = skew.folder.path().join("skew.c");
        std::fs::write(&source, include_str!("skew.c")).expect("a file");
        let compiled =
            Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(skew.library()).arg(&source).arg("-ldl").status();
        assert!(compiled.is_ok_and(|status| status.success()), "`cc` is there: it also links");
        std::fs::write(skew.seconds(), seconds.to_ne_bytes()).expect("a file");
        skew
    }

    /// Sets it: it is wrong by so many seconds from now on.
    pub(crate) fn set(&self, seconds: i64) {
        use std::os::unix::fs::FileExt as _;
        let file = std::fs::File::options().write(true).open(self.seconds()).expect("a file");
        file.write_all_at(&seconds.to_ne_bytes(), 0).expect("room");
    }

    /// What makes a process go by it.
    pub(crate) fn environment(&self) -> [(&'static str, PathBuf); 2] {
        [("LD_PRELOAD", self.library()), ("SETAI_TEST_SKEW", self.seconds())]
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("skew.so")
    }

    fn seconds(&self) -> PathBuf {
        self.folder.path().join("seconds")
    }
}
