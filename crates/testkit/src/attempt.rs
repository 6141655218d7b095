//! One request in flight, as fault rules see it.

/// One attempt of a call before it is sent.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// How many calls began before this one.
    pub call: usize,
    /// Whether the SDK is retrying this call.
    pub is_repeat: bool,
    /// `DynamoDB`'s operation, with rate limit counting set apart; for S3, the method and the path.
    pub operation: String,
    /// The request body.
    pub body: String,
}
