//! Starting a function: configuration, clients, state, and the loop that answers.

use std::sync::Arc;

use aws_config::SdkConfig;
use lambda_http::{
    Adapter, LambdaEvent, lambda_runtime, request::LambdaRequest, service_fn, tower::ServiceExt,
};

use crate::{
    aws,
    clock::Clock,
    config::{Config, SigningKeySource},
    error::Error,
    http::{self, Handler, Route, answer},
    ids::Ids,
    keys::{KeySource, Keys},
    logging, metrics,
    rate::Limiter,
    store::Store,
    token::{Claims, Signer, Signers, Unconfirmed, Verifier},
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

/// What `login` and `refresh` have besides: the private keys.
#[derive(Clone)]
pub struct SigningState {
    /// What every function has.
    pub state: State,
    /// Issue tokens.
    pub signers: Signers,
}

/// The keys are being replaced, or the secret cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("none of the private keys at hand may sign by the published key set (item KEYS / JWKS)")]
struct NoSigningKey;

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Neither source of signing keys is configured.
    #[error(
        "SIGNING_KEYS_SECRET_ID (on AWS) or SIGNING_KEYS_FILE (locally) must be set: this function signs tokens"
    )]
    NoSigningKeys,
}

impl State {
    /// State over a table, with the given time and randomness: the part that tests share with functions.
    #[must_use]
    pub fn new(config: Config, clock: Clock, ids: Ids, client: aws_sdk_dynamodb::Client) -> Self {
        let store = Store::new(client, config.table_name.clone(), ids.clone());
        let keys = Keys::new(store.clone(), clock.clone(), Verifier::new(&config.tokens));
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
        let sdk = aws::config().await?;
        let client = aws_sdk_dynamodb::Client::new(&sdk);
        let clock = Clock::system();
        if let Some(namespace) = &config.metrics_namespace {
            metrics::start(namespace, clock.clone());
        }
        Ok((Self::new(config, clock, Ids::system(), client), sdk))
    }

    /// Opens so many connections to the table before the first request, while Lambda lends a start more processor time
    /// than the function's memory buys.
    pub async fn warm(&self, connections: usize) {
        if self.config.warm_up {
            self.keys.warm(connections).await;
        }
    }
}

impl SigningState {
    /// State whose keys are at `source`.
    #[must_use]
    pub fn new(state: State, source: KeySource) -> Self {
        let settings = state.config.tokens.clone();
        let signers = Signers::new(settings, state.clock.clone(), state.ids.clone(), source);
        Self { state, signers }
    }

    /// Runs the request's own `work`, with the key set read and the private keys renewed beside it; then chooses who
    /// signs. The set is the present one, so that no login hands out tokens of a key that was just dropped.
    ///
    /// # Errors
    ///
    /// The work's; [`Error::Unavailable`] when the set cannot be read, or nobody may sign.
    pub async fn signer_beside<T, E: Into<Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<(Arc<Signer>, T), Error> {
        let (set, (), done) = tokio::join!(self.state.keys.set_now(), self.signers.renew(), work);
        set?;
        Ok((self.signer().await?, done.map_err(Into::into)?))
    }

    /// As [`Keys::confirm_beside`], with the private keys renewed beside the work as well.
    ///
    /// The work is not begun unless somebody can sign what it leads to.
    ///
    /// # Errors
    ///
    /// As [`Keys::confirm_beside`]; [`Error::Unavailable`] when nobody may sign.
    pub async fn confirm_beside<C: Claims, T, E: Into<Error>>(
        &self,
        token: Unconfirmed<C>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<(Arc<Signer>, C, T), Error> {
        self.signer().await?;
        let confirmed = self.state.keys.confirm_beside(token, work);
        let (confirmed, ()) = tokio::join!(confirmed, self.signers.renew());
        let (claims, done) = confirmed?;
        Ok((self.signer().await?, claims, done))
    }

    /// The signer whose key may sign by the copy of the set. If there is none, the copy or the private keys at hand
    /// are out of date: both are read again.
    async fn signer(&self) -> Result<Arc<Signer>, Error> {
        if let Some(signer) = self.state.keys.copy().and_then(|set| self.signers.by(&set)) {
            return Ok(signer);
        }
        let (set, ()) = tokio::join!(self.state.keys.set_now(), self.signers.renew_now());
        let signer = self.signers.by(&*set?);
        signer.ok_or_else(|| Error::Unavailable(NoSigningKey.into()))
    }
}

/// Runs a function that needs no private key, and opens so many `connections` to the table at start.
///
/// # Errors
///
/// When the configuration is not valid, or the runtime's API fails.
pub async fn run(
    route: Route,
    connections: usize,
    handler: Handler<State>,
) -> Result<(), lambda_http::Error> {
    let (state, _) = State::from_env().await?;
    state.warm(connections).await;
    serve(state, route, handler).await
}

/// Runs a function that signs. `build` makes its state.
///
/// # Errors
///
/// When the configuration is not valid, or the runtime's API fails. Keys that cannot be read are no reason: there are
/// none before the first rotation, and requests are answered with 503 until there are.
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
    let source = match source {
        SigningKeySource::File(path) => KeySource::File(path),
        SigningKeySource::Secret(id) => KeySource::Secret {
            client: aws_sdk_secretsmanager::Client::new(&sdk),
            id,
        },
    };
    let signing = SigningState::new(state, source);
    if signing.state.config.warm_up {
        tokio::join!(signing.signers.renew_now(), signing.state.warm(1));
    }
    serve(build(signing)?, route, handler).await
}

async fn serve<S: Send + Sync + 'static>(
    state: S,
    route: Route,
    handler: Handler<S>,
) -> Result<(), lambda_http::Error> {
    let state = Arc::new(state);
    let requests = Adapter::from(service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, lambda_http::Error>(answer(&*state, route, request, handler).await) }
    }));
    let events = requests.map_request(|mut event: LambdaEvent<LambdaRequest>| {
        http::mend(&mut event.payload);
        event
    });
    lambda_runtime::run(events).await
}
