//! Parses the function's event.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::RotationError;

/// A rotation step, as sent by Secrets Manager, or an emergency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A step.
    Step {
        /// Which.
        step: Step,
        /// The secret.
        secret_id: String,
        /// The secret version to create.
        token: String,
    },
    /// Replaces both keys and drops all others: `{"emergency": true}`.
    Emergency,
}

/// The rotation's steps, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Makes the new version of the secret.
    CreateSecret,
    /// Publishes its public keys.
    SetSecret,
    /// Tests its keys.
    TestSecret,
    /// Makes it current and retires the previous signing key.
    FinishSecret,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StepEvent {
    step: Step,
    secret_id: String,
    client_request_token: String,
}

impl Command {
    /// Parses one.
    ///
    /// # Errors
    ///
    /// [`RotationError::Event`], saying what is missing or unknown.
    pub fn parse(event: Value) -> Result<Self, RotationError> {
        if event == json!({ "emergency": true }) {
            return Ok(Self::Emergency);
        }
        let event: StepEvent = serde_json::from_value(event)?;
        Ok(Self::Step {
            step: event.step,
            secret_id: event.secret_id,
            token: event.client_request_token,
        })
    }
}

impl Step {
    /// Its name in the event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateSecret => "createSecret",
            Self::SetSecret => "setSecret",
            Self::TestSecret => "testSecret",
            Self::FinishSecret => "finishSecret",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_as_they_are_named() {
        for step in [
            Step::CreateSecret,
            Step::SetSecret,
            Step::TestSecret,
            Step::FinishSecret,
        ] {
            let event = json!({
                "Step": step.as_str(), "SecretId": "arn", "ClientRequestToken": "token", "RotationToken": "new"
            });
            let expected = Command::Step {
                step,
                secret_id: "arn".to_owned(),
                token: "token".to_owned(),
            };
            assert_eq!(Command::parse(event).unwrap(), expected);
        }
    }

    #[test]
    fn nothing_but_the_exact_event_is_an_emergency() {
        assert_eq!(
            Command::parse(json!({ "emergency": true })).unwrap(),
            Command::Emergency
        );
        for other in [
            json!({}),
            json!({ "emergency": false }),
            json!({ "emergency": true, "SecretId": "arn" }),
            json!({ "Step": "deleteSecret", "SecretId": "arn", "ClientRequestToken": "token" }),
        ] {
            let message = Command::parse(other).unwrap_err().to_string();
            assert!(message.contains("emergency"), "{message}");
        }
    }
}
