//! A plan as people read it: lines for a terminal, Markdown for a pull request. Its JSON form is the plan itself.

mod change;
mod markdown;
mod text;

pub use change::loss;
pub use markdown::{diff, escaped, markdown};
pub use text::{Counts, Line, Tone, lines, plain, sentence, step_lines, summary};
