//! State of every function.

use aws_config::SdkConfig;

use super::{aws, config::Config, function::Function, logging, metrics};
use crate::{
    auth::{Authenticator, KeyCache, Limiter, SignerCache, SigningKeySource, TokenIssuer, Verifier},
    domain::{clock::Clock, ids::Ids},
    store::Store,
};

/// State of every function.
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
    pub keys: KeyCache,
    /// Authentication.
    pub auth: Authenticator,
    /// The rate limits.
    pub limiter: Limiter,
}

/// Additional state of `login` and `refresh`: private keys.
#[derive(Clone)]
pub struct SigningState {
    /// State of every function.
    pub state: State,
    /// Issues tokens.
    pub issuer: TokenIssuer,
}

impl State {
    /// Builds state from its parts, with the given clock and randomness; tests use it as well.
    #[must_use]
    pub fn new(config: Config, clock: Clock, ids: Ids, client: aws_sdk_dynamodb::Client) -> Self {
        let store = Store::new(client, config.table_name.clone(), ids.clone());
        let keys = KeyCache::new(store.clone(), clock.clone());
        let verifier = Verifier::new(&config.tokens);
        let limiter = Limiter::new(store.clone(), clock.clone(), config.rate_limits);
        let auth = Authenticator::new(
            keys.clone(),
            verifier,
            limiter.clone(),
            store.clone(),
            clock.clone(),
        );
        Self {
            config,
            clock,
            ids,
            store,
            keys,
            auth,
            limiter,
        }
    }

    /// Builds state from the environment and starts logging.
    ///
    /// # Errors
    ///
    /// If the configuration is invalid.
    pub async fn from_env(function: &Function) -> Result<(Self, SdkConfig), lambda_http::Error> {
        let config = Config::from_env()?;
        logging::start(config.log_level, config.log_format, function.name);
        let sdk = aws::config(&config.timeouts).await?;
        let client = aws_sdk_dynamodb::Client::new(&sdk);
        let clock = Clock::system();
        if let Some(namespace) = &config.metrics_namespace {
            metrics::start(namespace, clock.clone());
        }
        Ok((Self::new(config, clock, Ids::system(), client), sdk))
    }

    /// Opens `connections` to the table before the first request, because Lambda gives a start more processor time than
    /// the function's memory buys.
    pub async fn warm(&self, connections: usize) {
        if self.config.warm_up {
            self.keys.warm(connections).await;
        }
    }
}

impl SigningState {
    /// Reads its keys from `source`.
    #[must_use]
    pub fn new(state: State, source: SigningKeySource) -> Self {
        let settings = state.config.tokens.clone();
        let max_wait = state.config.timeouts.renewal;
        let signers = SignerCache::new(settings, state.clock.clone(), state.ids.clone(), source, max_wait);
        let issuer = TokenIssuer::new(state.keys.clone(), state.auth.clone(), signers);
        Self { state, issuer }
    }
}
