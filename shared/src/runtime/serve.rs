//! Starts a function and answers its requests.

use std::sync::Arc;

use aws_config::SdkConfig;
use lambda_http::{
    Adapter, LambdaEvent, lambda_runtime, request::LambdaRequest, service_fn, tower::ServiceExt,
};

use super::{
    config::{Config, KeyLocation},
    function::Function,
    respond::{Handler, respond},
    state::{SigningState, State},
};
use crate::{auth::SigningKeySource, http};

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Neither source of signing keys is configured.
    #[error(
        "SIGNING_KEYS_SECRET_ID (on AWS) or SIGNING_KEYS_FILE (locally) must be set: this function signs tokens"
    )]
    NoSigningKeys,
}

/// Runs a function that needs no private key.
///
/// # Errors
///
/// If the configuration is invalid or the runtime API fails.
pub async fn serve(function: &'static Function, handler: Handler<State>) -> Result<(), lambda_http::Error> {
    let build = async |state: State, _| {
        state.warm(function.connections).await;
        Ok(state)
    };
    serve_with(function, build, handler).await
}

/// Runs a function that signs. `build` makes its state.
///
/// # Errors
///
/// If the configuration is invalid or the runtime API fails. Unreadable keys are no error: there are none before the
/// first rotation, and until then requests are answered with 503.
pub async fn serve_signing<S: Send + Sync + 'static>(
    function: &'static Function,
    build: fn(SigningState) -> Result<S, lambda_http::Error>,
    handler: Handler<S>,
) -> Result<(), lambda_http::Error> {
    let build = async |state: State, sdk: SdkConfig| {
        let location = state.config.signing_keys.clone();
        let source = match location.ok_or(StartError::NoSigningKeys)? {
            KeyLocation::File(path) => SigningKeySource::File(path),
            KeyLocation::Secret(id) => SigningKeySource::Secret {
                client: aws_sdk_secretsmanager::Client::new(&sdk),
                id,
            },
        };
        let signing = SigningState::new(state, source);
        if signing.state.config.warm_up {
            tokio::join!(signing.issuer.warm(), signing.state.warm(function.connections));
        }
        build(signing)
    };
    serve_with(function, build, handler).await
}

/// Runs a function whose state `build` makes, and warms.
///
/// # Errors
///
/// If the configuration is invalid or the runtime API fails.
pub async fn serve_with<S: Send + Sync + 'static>(
    function: &'static Function,
    build: impl AsyncFnOnce(State, SdkConfig) -> Result<S, lambda_http::Error>,
    handler: Handler<S>,
) -> Result<(), lambda_http::Error> {
    let (state, sdk) = State::from_env(function).await?;
    let config = state.config.clone();
    answer_requests(function, config, build(state, sdk).await?, handler).await
}

async fn answer_requests<S: Send + Sync + 'static>(
    function: &'static Function,
    config: Config,
    state: S,
    handler: Handler<S>,
) -> Result<(), lambda_http::Error> {
    let state = Arc::new((config, state));
    let requests = Adapter::from(service_fn(move |request| {
        let shared = Arc::clone(&state);
        async move {
            let (config, state) = &*shared;
            Ok::<_, lambda_http::Error>(respond(function, config, state, request, handler).await)
        }
    }));
    let events = requests.map_request(|mut event: LambdaEvent<LambdaRequest>| {
        http::sanitize(&mut event.payload);
        event
    });
    lambda_runtime::run(events).await
}
