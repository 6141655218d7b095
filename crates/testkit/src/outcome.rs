//! Results of test helpers, with errors for people.

/// What went wrong, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// A result, or what went wrong.
pub type Outcome<T> = Result<T, Failure>;
