//! Maps and sets for what is looked up thousands of times for one plan.

/// A map in the order in which it was filled. The hash is made for speed: what comes from outside is small and checked
/// before it gets here.
pub type Index<K, V> = indexmap::IndexMap<K, V, foldhash::fast::RandomState>;

/// The keys alone.
pub type Indexed<K> = indexmap::IndexSet<K, foldhash::fast::RandomState>;
