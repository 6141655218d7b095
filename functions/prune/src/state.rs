//! `prune`'s dependencies.

use aws_config::SdkConfig;
use shared::State;

use crate::archive::Archive;

/// The function's dependencies.
#[derive(Clone, Debug)]
pub struct PruneState {
    /// The table, clock and so on.
    pub state: State,
    /// Receives events before removal; `None` without `AUDIT_ARCHIVE_BUCKET`.
    pub archive: Option<Archive>,
}

impl PruneState {
    /// State as configured.
    #[must_use]
    pub fn new(state: State, sdk: &SdkConfig) -> Self {
        let bucket = state.config.audit_archive_bucket.clone();
        let archive = bucket.map(|bucket| Archive::new(aws_sdk_s3::Client::new(sdk), bucket));
        Self { state, archive }
    }
}
