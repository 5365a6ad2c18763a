//! What is followed, and what is worth a look.
