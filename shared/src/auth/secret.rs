//! Reading secrets.

use aws_sdk_secretsmanager::{Client, operation::get_secret_value::GetSecretValueError};

use crate::domain::error::Source;

/// The label of a secret's current version.
const CURRENT: &str = "AWSCURRENT";

/// The text of an AWS Secrets Manager secret's current version; `None` if it has none yet.
///
/// # Errors
///
/// If it cannot be read.
pub async fn read_secret(client: &Client, id: &str) -> Result<Option<String>, Source> {
    let request = client.get_secret_value().secret_id(id).version_stage(CURRENT);
    match request.send().await {
        Ok(answer) => Ok(Some(answer.secret_string.unwrap_or_default())),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
