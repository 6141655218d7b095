//! Errors of the table.

use std::error::Error as StdError;

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{BuildError, ProvideErrorMetadata, SdkError},
};

use crate::domain::error::Error;

/// Why a read or write failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// `DynamoDB` cannot be reached, is overloaded or did not answer in time. A write may have been applied; retrying
    /// it is harmless.
    #[error("DynamoDB is unavailable ({operation})")]
    Unavailable {
        /// The API operation.
        operation: &'static str,
        /// The SDK's error.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The write conflicted with transactions until its retries ran out. It was not applied.
    #[error("the write kept colliding with transactions ({operation})")]
    Contended {
        /// The write.
        operation: &'static str,
    },
    /// `DynamoDB` refused the request: a bug here, a missing permission or a missing table.
    #[error("DynamoDB refused {operation}")]
    Refused {
        /// The API operation.
        operation: &'static str,
        /// The SDK's error.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A stored item that is not valid.
    #[error("the item {item} is corrupt: {attribute}: {reason}")]
    Corrupt {
        /// The item's kind and sort key.
        item: String,
        /// The attribute.
        attribute: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } | StoreError::Contended { .. } => Self::Unavailable(error.into()),
            StoreError::Refused { .. } | StoreError::Corrupt { .. } => Self::Internal(error.into()),
        }
    }
}

/// `DynamoDB`'s transient error codes.
const LATER: [&str; 6] = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "InternalServerError",
    "TransactionInProgressException",
    "LimitExceededException",
];

impl StoreError {
    /// Sorts the SDK's errors into transient and permanent ones.
    pub(super) fn from_sdk<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        if collided(&error) {
            return Self::Contended { operation };
        }
        let passes = match &error {
            SdkError::ServiceError(service) => {
                service.raw().status().is_server_error()
                    || service.err().code().is_some_and(|code| LATER.contains(&code))
            }
            SdkError::ConstructionFailure(_) => false,
            _ => true,
        };
        let source = error.into();
        if passes {
            Self::Unavailable { operation, source }
        } else {
            Self::Refused { operation, source }
        }
    }

    /// A request that the SDK could not build.
    pub(super) fn from_build(operation: &'static str, error: BuildError) -> Self {
        Self::Refused {
            operation,
            source: error.into(),
        }
    }
}

/// Whether a single write conflicted with a transaction. It was not applied and the SDK does not retry it, so writers
/// of items that transactions also write must, after [`pauses`](super::retry::pauses).
pub(super) fn collided<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some(TRANSACTION_CONFLICT)
}

/// The code of a write that conflicts with a transaction.
pub(super) const TRANSACTION_CONFLICT: &str = "TransactionConflictException";
