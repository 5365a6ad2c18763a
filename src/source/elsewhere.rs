//! Folders that may be on another machine.
//!
//! Decides by what the file system calls itself. Whoever writes there need not be this machine, and then the system tells
//! nobody of it.

use std::path::Path;

/// True when others may change a folder without this system being told. One that is not there yet is where it will be made.
#[cfg(target_os = "linux")]
pub(super) fn may_be(path: &Path) -> bool {
    let Ok(path) = std::path::absolute(path) else { return false };
    let found = path.ancestors().find_map(|folder| rustix::fs::statfs(folder).ok());
    found.is_some_and(|found| u64::try_from(found.f_type).is_ok_and(is_untold))
}

/// Other systems have no such names; there it is the operator's `interval` that counts.
#[cfg(not(target_os = "linux"))]
pub(super) fn may_be(_: &Path) -> bool {
    false
}

/// True for the kinds of file systems whose changes are not told, by the numbers of `statfs(2)`.
#[cfg(target_os = "linux")]
fn is_untold(kind: u64) -> bool {
    const NFS: u64 = 0x6969;
    const SMB: u64 = 0x517B;
    const SMB_2: u64 = 0xFE53_4D42;
    const CIFS: u64 = 0xFF53_4D42;
    const AFS: u64 = 0x5346_414F;
    const AFS_OF_LINUX: u64 = 0x6B41_4653;
    const CEPH: u64 = 0x00C3_6400;
    const PLAN_9: u64 = 0x0102_1997;
    // SSHFS, GlusterFS, virtiofs and many more; some are of this machine, and looking there now and then does no harm.
    const FUSE: u64 = 0x6573_5546;
    matches!(kind, NFS | SMB | SMB_2 | CIFS | AFS | AFS_OF_LINUX | CEPH | PLAN_9 | FUSE)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn disks_of_other_machines_are_told_from_those_of_this_one() {
        for kind in [0x6969, 0xFF53_4D42, 0xFE53_4D42, 0x6573_5546] {
            assert!(is_untold(kind), "{kind:#x}");
        }
        // ext4, XFS, Btrfs, tmpfs, overlayfs.
        for kind in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630] {
            assert!(!is_untold(kind), "{kind:#x}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_judged_by_where_it_will_be() {
        let above = tempfile::tempdir().expect("a folder");
        assert_eq!(may_be(&above.path().join("a/b/c")), may_be(above.path()));
    }
}
