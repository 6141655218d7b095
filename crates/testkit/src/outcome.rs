//! Results of helpers, whose errors only people read.

/// What went wrong, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// A result, or what went wrong.
pub type Outcome<T> = Result<T, Failure>;
