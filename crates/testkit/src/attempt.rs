//! One request on its way, as rules for faults see it.

/// One attempt of a call, before it is sent.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// How many calls began before this one.
    pub call: usize,
    /// Whether the SDK has tried this call before.
    pub is_repeat: bool,
    /// `DynamoDB`'s operation, where counting for a rate limit is told apart; for S3, the method and the path.
    pub operation: String,
    /// What is sent.
    pub body: String,
}
