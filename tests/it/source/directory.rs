//! Folders of this machine.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use setai::clock::Clock;
use setai::source::{Class, Directory, Limits, Look, Source};

use super::{content, is_unchanged, names, told, trouble};

fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let above = tempfile::tempdir().expect("a folder");
    let folder = above.path().join("guilds");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("guild.yaml"), "version: 1").expect("a file");
    (above, folder)
}

fn watched(folder: &Path) -> Directory {
    Directory::new(folder, Clock::system()).expect("a path")
}

/// Fails when nothing is told within a time that is long on any machine.
async fn is_told(directory: &Directory) {
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), directory.changed()).await;
    waited.expect("the system tells of it");
}

#[tokio::test]
async fn a_folder_is_read_with_what_identifies_it() {
    let (_above, folder) = folder();
    let directory = watched(&folder);
    let first = content(&directory).await;
    assert_eq!((first.revision.name.as_str(), first.revision.id.len()), ("guilds", 64));
    assert_eq!(first.files.get("guild.yaml"), Some(b"version: 1".as_slice()));
    assert!(is_unchanged(&directory, &first.revision).await);
    // The same again is the same, whenever it was written.
    fs::write(folder.join("guild.yaml"), "version: 1").expect("a file");
    assert!(is_unchanged(&directory, &first.revision).await);
    fs::write(folder.join("guild.yaml"), "version: 2").expect("a file");
    let Ok(Look::New(second)) = directory.look(Some(&first.revision)).await else { panic!("something new") };
    assert_ne!(second.revision.id, first.revision.id);
}

#[tokio::test]
async fn every_way_to_change_a_folder_is_told() {
    let (above, folder) = folder();
    let directory = watched(&folder);
    // As `echo >` does it.
    fs::write(folder.join("guild.yaml"), "version: 2").expect("a file");
    is_told(&directory).await;
    // As editors do it.
    fs::write(folder.join(".guild.yaml.new"), "version: 3").expect("a file");
    fs::rename(folder.join(".guild.yaml.new"), folder.join("guild.yaml")).expect("a file");
    is_told(&directory).await;
    assert_eq!(content(&directory).await.files.get("guild.yaml"), Some(b"version: 3".as_slice()));
    // Deeper, in a folder that was not there.
    fs::create_dir(folder.join("roles")).expect("a folder");
    is_told(&directory).await;
    fs::write(folder.join("roles/staff.yaml"), "x: 1").expect("a file");
    is_told(&directory).await;
    fs::remove_file(folder.join("roles/staff.yaml")).expect("a file");
    is_told(&directory).await;
    // Another folder in its place, and then changes in that.
    let next = above.path().join("next");
    fs::create_dir(&next).expect("a folder");
    fs::write(next.join("other.yaml"), "x: 1").expect("a file");
    fs::rename(&folder, above.path().join("before")).expect("away");
    fs::rename(&next, &folder).expect("in its place");
    is_told(&directory).await;
    assert_eq!(names(&directory).await, ["other.yaml"]);
    fs::write(folder.join("third.yaml"), "x: 1").expect("a file");
    is_told(&directory).await;
    assert_eq!(names(&directory).await, ["other.yaml", "third.yaml"]);
}

#[tokio::test]
async fn a_folder_that_is_gone_is_told_and_so_is_its_return() {
    let (_above, folder) = folder();
    let directory = watched(&folder);
    fs::remove_dir_all(&folder).expect("it is gone");
    is_told(&directory).await;
    assert_eq!(told(&trouble(&directory).await), ("FolderNotFound", Class::Stalled));
    fs::create_dir(&folder).expect("a folder");
    is_told(&directory).await;
    assert_eq!(told(&trouble(&directory).await), ("NoManifest", Class::Stalled));
    fs::write(folder.join("guild.yaml"), "version: 1").expect("a file");
    is_told(&directory).await;
    assert_eq!(names(&directory).await, ["guild.yaml"]);
}

#[tokio::test]
async fn a_folder_that_is_made_anew_at_once_is_watched_like_the_one_before() {
    let (_above, folder) = folder();
    let directory = watched(&folder);
    for number in 0..5 {
        // The new one may well have the number of the old one.
        fs::remove_dir_all(&folder).expect("it is gone");
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("guild.yaml"), format!("version: {number}")).expect("a file");
        is_told(&directory).await;
        assert_eq!(names(&directory).await, ["guild.yaml"]);
        fs::write(folder.join("guild.yaml"), format!("version: {number}0")).expect("a file");
        is_told(&directory).await;
    }
}

#[tokio::test]
async fn whoever_stops_waiting_hears_of_it_the_next_time() {
    let (_above, folder) = folder();
    let directory = watched(&folder);
    fs::write(folder.join("guild.yaml"), "version: 2").expect("a file");
    // Long enough to hear of it, and not long enough to be sure that it is over.
    let impatient = tokio::time::timeout(std::time::Duration::from_millis(150), directory.changed()).await;
    assert!(impatient.is_err());
    is_told(&directory).await;
}

#[tokio::test]
async fn reading_is_no_change() {
    let (_above, folder) = folder();
    let directory = watched(&folder);
    assert_eq!(names(&directory).await, ["guild.yaml"]);
    let quiet = tokio::time::timeout(std::time::Duration::from_millis(500), directory.changed()).await;
    assert!(quiet.is_err(), "or every look would cause the next");
}

#[tokio::test]
async fn a_folder_nobody_tells_of_is_looked_at_now_and_then() {
    let (_above, folder) = folder();
    let clock = Clock::virtual_at(chrono::Utc::now());
    let directory = Directory::polled(&folder, clock.clone()).expect("a path");
    directory.changed().await;
    assert_eq!(clock.elapsed(), std::time::Duration::from_secs(10));
    assert_eq!(names(&directory).await, ["guild.yaml"]);
}

#[tokio::test]
async fn links_are_refused_and_limits_hold() {
    let (above, folder) = folder();
    let directory = watched(&folder);
    fs::write(above.path().join("secret.yaml"), "hunter2").expect("a file");
    std::os::unix::fs::symlink("../secret.yaml", folder.join("more.yaml")).expect("a link");
    let error = trouble(&directory).await;
    assert_eq!(told(&error), ("SymbolicLink", Class::Stalled));
    fs::remove_file(folder.join("more.yaml")).expect("a link");
    let small = watched(&folder).with_limits(Limits { file: 9, ..Limits::default() });
    assert_eq!(told(&trouble(&small).await), ("FileTooLarge", Class::Stalled));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_written_is_read_when_it_is_whole() {
    let (_above, folder) = folder();
    let text = "x".repeat(1 << 20);
    let directory = watched(&folder);
    let first = content(&directory).await.revision;
    let writing = std::thread::spawn({
        let (file, text) = (folder.join("guild.yaml"), text.clone());
        move || {
            for end in (0..=text.len()).step_by(1 << 10) {
                fs::write(&file, &text[..end]).expect("a file");
            }
        }
    });
    // Whatever is found on the way, the end of it is the whole.
    drop(directory.look(Some(&first)).await);
    writing.join().expect("it was written");
    assert_eq!(content(&directory).await.files.get("guild.yaml").map(<[u8]>::len), Some(text.len()));
}

#[test]
fn a_folder_that_never_rests_is_not_believed() {
    let (_above, folder) = folder();
    // With this clock nobody waits between two readings, and each finds something else.
    let directory = Directory::polled(&folder, Clock::virtual_at(chrono::Utc::now())).expect("a path");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let is_over = AtomicBool::new(false);
    let looked = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                number += 1;
                fs::write(folder.join("next"), format!("version: {number}")).expect("a file");
                fs::rename(folder.join("next"), folder.join("guild.yaml")).expect("a file");
            }
        });
        let looked = runtime.block_on(directory.look(None));
        is_over.store(true, Ordering::Relaxed);
        looked
    });
    // By chance two readings may agree; then what they agree on is whole.
    match looked {
        Err(error) => assert_eq!(told(&error), ("Unsettled", Class::Waiting)),
        Ok(Look::New(content)) => assert!(content.files.get("guild.yaml").is_some_and(|text| text.len() >= 10)),
        Ok(Look::Unchanged) => panic!("nothing was known"),
    }
}

/// Waits until nothing of a folder was changed for a while.
fn rests(folder: &Path) -> bool {
    let changed = |path: &Path| {
        let is = fs::metadata(path).expect("it is there");
        std::time::UNIX_EPOCH + std::time::Duration::new(is.ctime() as u64, is.ctime_nsec() as u32)
    };
    let last = changed(folder).max(changed(&folder.join("guild.yaml")));
    last.elapsed().is_ok_and(|age| age > std::time::Duration::from_secs(2))
}

#[tokio::test]
async fn a_folder_at_rest_is_read_once_and_one_in_motion_twice() {
    let (_above, folder) = folder();
    let clock = Clock::virtual_at(chrono::Utc::now());
    let directory = Directory::new(&folder, clock.clone()).expect("a path");
    assert_eq!(names(&directory).await, ["guild.yaml"]);
    assert_ne!(clock.elapsed(), std::time::Duration::ZERO, "somebody has just written into it");
    while !rests(&folder) {
        tokio::task::yield_now().await;
    }
    let before = clock.elapsed();
    assert_eq!(names(&directory).await, ["guild.yaml"]);
    assert_eq!(clock.elapsed(), before);
    // Whoever copies a file gives it the time of the old one. That it was changed now shows all the same.
    let long_ago = std::time::UNIX_EPOCH;
    fs::File::options()
        .write(true)
        .open(folder.join("guild.yaml"))
        .and_then(|file| file.set_modified(long_ago))
        .expect("a time");
    assert_eq!(names(&directory).await, ["guild.yaml"]);
    assert_ne!(clock.elapsed(), before);
}
