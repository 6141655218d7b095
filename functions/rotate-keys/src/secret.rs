//! The secret with the signing keys, in Secrets Manager: its versions and their staging labels.

use std::collections::HashMap;

use aws_sdk_secretsmanager::{
    Client,
    error::SdkError,
    operation::{
        get_secret_value::GetSecretValueError, put_secret_value::PutSecretValueError,
        update_secret_version_stage::UpdateSecretVersionStageError,
    },
};
use shared::auth::SigningKeys;

use crate::error::RotationError;

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";

/// The secret.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    client: Client,
    id: String,
}

/// Its versions and labels at the time of reading.
#[derive(Debug)]
pub(crate) struct Versions {
    labels: HashMap<String, Vec<String>>,
    pub rotation_enabled: bool,
}

impl Versions {
    /// The version that signers read, if there is one.
    pub fn current(&self) -> Option<&str> {
        let current = |&(_, labels): &(&String, &Vec<String>)| labels.iter().any(|label| label == CURRENT);
        Some(self.labels.iter().find(current)?.0)
    }

    pub fn is_current(&self, version: &str) -> bool {
        self.has(version, CURRENT)
    }

    pub fn is_pending(&self, version: &str) -> bool {
        self.has(version, PENDING)
    }

    fn has(&self, version: &str, label: &str) -> bool {
        let labels = self.labels.get(version);
        labels.is_some_and(|labels| labels.iter().any(|own| own == label))
    }
}

impl Secret {
    pub fn new(client: Client, id: String) -> Self {
        Self { client, id }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Rejects any other secret.
    pub fn must_be(&self, id: &str) -> Result<(), RotationError> {
        if id == self.id {
            return Ok(());
        }
        Err(RotationError::OtherSecret {
            expected: self.id.clone(),
            found: id.to_owned(),
        })
    }

    pub async fn versions(&self) -> Result<Versions, RotationError> {
        let answer = self.client.describe_secret().secret_id(&self.id).send().await;
        let answer = answer.map_err(|error| failed("DescribeSecret", error))?;
        Ok(Versions {
            rotation_enabled: answer.rotation_enabled.unwrap_or_default(),
            labels: answer.version_ids_to_stages.unwrap_or_default(),
        })
    }

    /// Returns a version's keys, which never change; `None` if its value is missing or `{}`.
    pub async fn read(&self, version: &str) -> Result<Option<SigningKeys>, RotationError> {
        let request = self
            .client
            .get_secret_value()
            .secret_id(&self.id)
            .version_id(version);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if is(&error, GetSecretValueError::is_resource_not_found_exception) => {
                return Ok(None);
            }
            Err(error) => return Err(failed("GetSecretValue", error)),
        };
        let text = answer.secret_string.unwrap_or_default();
        SigningKeys::parse(&text).map_err(|source| RotationError::Unreadable {
            version: version.to_owned(),
            source,
        })
    }

    /// Stores keys as version `version`, which gets the pending label.
    ///
    /// A version that has a value keeps it: the first writer's keys win.
    pub async fn put_pending(&self, version: &str, keys: &SigningKeys) -> Result<(), RotationError> {
        let request = self
            .client
            .put_secret_value()
            .secret_id(&self.id)
            .client_request_token(version)
            .version_stages(PENDING);
        match request.secret_string(keys.to_json()).send().await {
            Ok(_) => Ok(()),
            Err(error) if is(&error, PutSecretValueError::is_resource_exists_exception) => Ok(()),
            Err(error) => Err(failed("PutSecretValue", error)),
        }
    }

    /// Makes `version` current in place of `before`. Returns `false`, changing nothing, if `before` is no longer
    /// current.
    ///
    /// A retry after a lost answer also gets `false`; a new read shows `version` as current.
    pub async fn make_current(&self, version: &str, before: Option<&str>) -> Result<bool, RotationError> {
        let request = self.client.update_secret_version_stage().secret_id(&self.id);
        let request = request.version_stage(CURRENT).move_to_version_id(version);
        let request = request.set_remove_from_version_id(before.map(str::to_owned));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if is(
                    &error,
                    UpdateSecretVersionStageError::is_invalid_parameter_exception,
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(failed("UpdateSecretVersionStage", error)),
        }
    }

    /// Removes the pending label from `version`, so the next rotation can start.
    pub async fn no_longer_pending(&self, version: &str) -> Result<(), RotationError> {
        let request = self.client.update_secret_version_stage().secret_id(&self.id);
        let request = request.version_stage(PENDING).remove_from_version_id(version);
        match request.send().await {
            Ok(_) => Ok(()),
            // Already removed.
            Err(error)
                if is(
                    &error,
                    UpdateSecretVersionStageError::is_invalid_parameter_exception,
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(failed("UpdateSecretVersionStage", error)),
        }
    }
}

fn is<E, R>(error: &SdkError<E, R>, kind: fn(&E) -> bool) -> bool {
    error.as_service_error().is_some_and(kind)
}

fn failed<E: std::error::Error + Send + Sync + 'static>(
    operation: &'static str,
    error: SdkError<E>,
) -> RotationError {
    RotationError::Secret {
        operation,
        source: error.into(),
    }
}
