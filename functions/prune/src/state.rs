//! What `prune` works with.

use aws_config::SdkConfig;
use shared::State;

use crate::archive::Archive;

/// What the function works with.
#[derive(Clone, Debug)]
pub struct PruneState {
    /// The table, the clock and the rest.
    pub state: State,
    /// Where events go before they are removed; nowhere without `AUDIT_ARCHIVE_BUCKET`.
    pub archive: Option<Archive>,
}

impl PruneState {
    /// State as the configuration says.
    #[must_use]
    pub fn new(state: State, sdk: &SdkConfig) -> Self {
        let bucket = state.config.audit_archive_bucket.clone();
        let archive = bucket.map(|bucket| Archive::new(aws_sdk_s3::Client::new(sdk), bucket));
        Self { state, archive }
    }
}
