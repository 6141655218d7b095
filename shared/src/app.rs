//! Starting a function: configuration, clients, state, and the loop that answers.

use std::{sync::Arc, time::Duration};

use aws_config::{
    BehaviorVersion, SdkConfig, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use lambda_http::service_fn;

use crate::{
    clock::Clock,
    config::{Config, SigningKeySource},
    http::{Handler, Route, answer},
    ids::Ids,
    keys::{Keys, SigningKeys},
    logging, metrics,
    rate::Limiter,
    store::Store,
    token::{Signer, Verifier},
};

/// What every function has.
#[derive(Clone, Debug)]
pub struct State {
    /// The configuration.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// Identifiers and randomness.
    pub ids: Ids,
    /// The table.
    pub store: Store,
    /// The public keys.
    pub keys: Keys,
    /// The rate limits.
    pub limiter: Limiter,
}

/// What `login` and `refresh` have besides: the private key.
#[derive(Clone)]
pub struct SigningState {
    /// What every function has.
    pub state: State,
    /// Issues tokens.
    pub signer: Signer,
}

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Neither source of signing keys is configured.
    #[error(
        "SIGNING_KEYS_SECRET_ID (on AWS) or SIGNING_KEYS_FILE (locally) must be set: this function signs tokens"
    )]
    NoSigningKeys,
    /// The file cannot be read.
    #[error("SIGNING_KEYS_FILE: {path} cannot be read: {source}")]
    File {
        /// Which file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The secret cannot be read.
    #[error("SIGNING_KEYS_SECRET_ID: the secret {id} cannot be read: {source}")]
    Secret {
        /// Which secret.
        id: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was read are no signing keys. The content is not shown.
    #[error("the signing keys in {place} cannot be used: {reason}")]
    Content {
        /// Where they are.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

impl State {
    /// State over a table, with the given time and randomness: the part that tests share with functions.
    #[must_use]
    pub fn new(config: Config, clock: Clock, ids: Ids, client: aws_sdk_dynamodb::Client) -> Self {
        let store = Store::new(client, config.table_name.clone(), ids.clone());
        let keys = Keys::new(store.clone(), clock.clone(), Verifier::new(&config));
        let limiter = Limiter::new(store.clone(), clock.clone(), config.rate_limits);
        Self {
            config,
            clock,
            ids,
            store,
            keys,
            limiter,
        }
    }

    /// State from the environment.
    ///
    /// # Errors
    ///
    /// Names what is wrong with the configuration.
    pub async fn from_env() -> Result<(Self, SdkConfig), lambda_http::Error> {
        let config = Config::from_env()?;
        logging::start(config.log_level);
        let sdk = sdk_config().await;
        let client = aws_sdk_dynamodb::Client::new(&sdk);
        let clock = Clock::system();
        if let Some(namespace) = &config.metrics_namespace {
            metrics::start(namespace, clock.clone());
        }
        Ok((Self::new(config, clock, Ids::system(), client), sdk))
    }
}

/// Runs a function that needs no private key.
///
/// # Errors
///
/// When the configuration is not valid, or the runtime's API fails.
pub async fn run(route: Route, handler: Handler<State>) -> Result<(), lambda_http::Error> {
    let (state, _) = State::from_env().await?;
    state.keys.warm().await;
    serve(state, route, handler).await
}

/// Runs a function that signs. `build` makes its state.
///
/// # Errors
///
/// When the configuration is not valid, the keys cannot be read, or the runtime's API fails.
pub async fn run_signing<S: Send + Sync + 'static>(
    route: Route,
    build: fn(SigningState) -> Result<S, lambda_http::Error>,
    handler: Handler<S>,
) -> Result<(), lambda_http::Error> {
    let (state, sdk) = State::from_env().await?;
    let source = state
        .config
        .signing_keys
        .clone()
        .ok_or(StartError::NoSigningKeys)?;
    let (keys, ()) = tokio::join!(read_signing_keys(&source, &sdk), state.keys.warm());
    let signer = Signer::new(&state.config, &keys?.current, state.ids.clone());
    serve(build(SigningState { state, signer })?, route, handler).await
}

async fn serve<S: Send + Sync + 'static>(
    state: S,
    route: Route,
    handler: Handler<S>,
) -> Result<(), lambda_http::Error> {
    let state = Arc::new(state);
    lambda_http::run(service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, lambda_http::Error>(answer(&*state, route, request, handler).await) }
    }))
    .await
}

/// Reads the private keys from where the configuration says.
///
/// # Errors
///
/// Says what cannot be read, or what is wrong with it; never what it contains.
pub async fn read_signing_keys(
    source: &SigningKeySource,
    sdk: &SdkConfig,
) -> Result<SigningKeys, StartError> {
    let (place, text) = match source {
        SigningKeySource::File(path) => {
            let place = path.display().to_string();
            let text = std::fs::read_to_string(path);
            (
                place.clone(),
                text.map_err(|source| StartError::File { path: place, source })?,
            )
        }
        SigningKeySource::Secret(id) => {
            let request = aws_sdk_secretsmanager::Client::new(sdk)
                .get_secret_value()
                .secret_id(id);
            let answer = request.send().await;
            let answer = answer.map_err(|error| StartError::Secret {
                id: id.clone(),
                source: error.into(),
            })?;
            (id.clone(), answer.secret_string.unwrap_or_default())
        }
    };
    serde_json::from_str(&text).map_err(|error| StartError::Content {
        place,
        reason: error.to_string(),
    })
}

/// The SDK's configuration: region and credentials from the environment, as Lambda gives them, and times that fit
/// inside a function's own time-out with room for a second call.
async fn sdk_config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(4))
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(500));
    aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .retry_config(retries)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await
}
