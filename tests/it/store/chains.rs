//! The audit trail as a chain: whoever changes anything in it behind the store's back is found out.

use setai::store::{Store, inspect};

/// Every guild's chain is as it was written. Gives their number.
pub(super) async fn are_intact(store: &dyn Store) -> usize {
    let guilds = store.audited_guilds().await.expect("guilds");
    for guild in &guilds {
        let inspection = inspect(store, *guild, &[]).await.expect("inspected");
        assert!(inspection.is_intact(), "{inspection:#?}");
        let head = inspection.head.expect("a chain has a head");
        assert_eq!(inspection.rows, head.length - head.pruned_through);
    }
    guilds.len()
}
