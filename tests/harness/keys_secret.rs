//! The signing keys' secret, and what Secrets Manager does with it and with the rotation function.

use registry::rotate_keys;
use std::sync::LazyLock;

use aws_sdk_secretsmanager::{
    Client,
    config::{BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig, timeout::TimeoutConfig},
    types::RotationRulesType,
};
use registry::rotate_keys::{Rotation, RotationError, Step};
use serde_json::{Value, json};
use shared::{
    State,
    auth::{SigningKeySource, SigningKeys},
    domain::ids::Ids,
};
use testkit::FaultyHttpClient;

use crate::{Moto, RecordedCalls, TestService, recorded};

/// The steps of a rotation, in order.
pub const STEPS: [Step; 4] = [
    Step::CreateSecret,
    Step::SetSecret,
    Step::TestSecret,
    Step::FinishSecret,
];

/// The function Secrets Manager thinks it invokes; the test invokes the real one instead.
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:rotate-keys";

/// One Secrets Manager for all tests of the process, in which each has its own secret.
static MOTO: LazyLock<Moto> = LazyLock::new(Moto::start);

/// A secret in Secrets Manager.
#[derive(Debug)]
pub struct KeysSecret {
    client: Client,
    /// Its ARN.
    pub arn: String,
}

impl KeysSecret {
    /// A secret as the template creates it: an empty object.
    ///
    /// # Panics
    ///
    /// If Secrets Manager does not start.
    pub async fn start() -> Self {
        Self::holding("SigningKeys", "{}").await
    }

    /// Another secret of the template, with this text.
    ///
    /// # Panics
    ///
    /// If Secrets Manager does not start.
    pub async fn holding(resource: &str, text: &str) -> Self {
        let client = client(None);
        let name = format!("{resource}-{}", Ids::system().request_token());
        let create = client.create_secret().name(name).secret_string(text);
        let created = create.send().await.expect("the secret is created");
        Self {
            client,
            arn: created.arn.expect("a secret has an ARN"),
        }
    }

    /// A secret with a service's keys, as after an earlier rotation; and that service and the rotation function.
    pub async fn in_use() -> (Self, TestService, Rotation) {
        let secret = Self::start().await;
        let service = TestService::with(&[("SIGNING_KEYS_SECRET_ID", &secret.arn)]).await;
        secret.put(&service.keys.to_json()).await;
        let rotation = secret.rotation(&service, &FaultyHttpClient::default());
        (secret, service, rotation)
    }

    /// The client of functions that read it.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The signing functions' key source.
    #[must_use]
    pub fn source(&self) -> SigningKeySource {
        SigningKeySource::Secret {
            client: self.client.clone(),
            id: self.arn.clone(),
        }
    }

    /// The rotation function, which reaches table and secret through `connection`.
    ///
    /// # Panics
    ///
    /// If the secret does not fit the service.
    #[must_use]
    pub fn rotation(&self, service: &TestService, connection: &FaultyHttpClient) -> Rotation {
        let dynamodb = service.client.config().to_builder();
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(dynamodb.http_client(connection.clone()).build());
        let dynamodb = RecordedCalls::default().recording(&dynamodb);
        let state = State::new(
            service.state.config.clone(),
            service.clock.clone(),
            Ids::system(),
            dynamodb,
        );
        Rotation::new(state, client(Some(connection))).expect("the secret is configured")
    }

    /// Begins a rotation, as Secrets Manager does: the new version has its label but no value. Returns its token.
    ///
    /// # Panics
    ///
    /// If Secrets Manager refuses.
    pub async fn begin(&self) -> String {
        let token = Ids::system().request_token();
        let rules = RotationRulesType::builder().automatically_after_days(30).build();
        let request = self.client.rotate_secret().secret_id(&self.arn);
        let request = request.client_request_token(&token).rotation_rules(rules);
        request
            .rotation_lambda_arn(FUNCTION)
            .send()
            .await
            .expect("the rotation begins");
        token
    }

    /// Invokes the function for a step.
    ///
    /// # Errors
    ///
    /// The function's.
    pub async fn step(&self, rotation: &Rotation, step: Step, token: &str) -> Result<Value, RotationError> {
        let event = json!({ "Step": step.as_str(), "SecretId": self.arn, "ClientRequestToken": token });
        recorded::by("rotate-keys", rotate_keys::handle(rotation, event)).await
    }

    /// A whole rotation.
    ///
    /// # Panics
    ///
    /// If a step fails.
    pub async fn rotate(&self, rotation: &Rotation) {
        let token = self.begin().await;
        for step in STEPS {
            self.step(rotation, step, &token).await.expect("the step is done");
        }
    }

    /// The keys that signers read now.
    ///
    /// # Panics
    ///
    /// If it has none.
    pub async fn keys(&self) -> SigningKeys {
        self.source().read().await.expect("the secret holds keys")
    }

    /// Writes a value that signers read from now on.
    ///
    /// # Panics
    ///
    /// If Secrets Manager refuses.
    pub async fn put(&self, text: &str) {
        let version = Ids::system().request_token();
        let put = self.client.put_secret_value().secret_id(&self.arn);
        let put = put.client_request_token(&version).version_stages("WRITTEN");
        put.secret_string(text)
            .send()
            .await
            .expect("the value is written");
        self.move_label("AWSCURRENT", &version).await;
    }

    /// Puts the pending label back on a version, as a slow step does.
    ///
    /// # Panics
    ///
    /// If Secrets Manager refuses.
    pub async fn label_pending(&self, version: &str) {
        self.move_label("AWSPENDING", version).await;
    }

    async fn move_label(&self, label: &str, version: &str) {
        let from = self.labelled(label).await;
        if from.as_deref() == Some(version) {
            return;
        }
        let request = self.client.update_secret_version_stage().secret_id(&self.arn);
        let request = request.version_stage(label).move_to_version_id(version);
        request
            .set_remove_from_version_id(from)
            .send()
            .await
            .expect("the label moves");
    }

    /// The version that has a label, if any.
    ///
    /// # Panics
    ///
    /// If Secrets Manager refuses.
    pub async fn labelled(&self, label: &str) -> Option<String> {
        let answer = self.client.describe_secret().secret_id(&self.arn).send().await;
        let versions = answer.expect("the secret is there").version_ids_to_stages;
        let has = |(_, labels): &(String, Vec<String>)| labels.iter().any(|own| own == label);
        Some(versions?.into_iter().find(has)?.0)
    }
}

fn client(connection: Option<&FaultyHttpClient>) -> Client {
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(MOTO.endpoint())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .interceptor(RecordedCalls::default());
    let config = match connection {
        Some(connection) => config.http_client(connection.clone()),
        None => config,
    };
    Client::from_conf(config.build())
}
