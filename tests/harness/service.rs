//! A test's own service.

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{
        BehaviorVersion,
        retry::{RetryConfig, RetryPartition},
    },
};
use local::{db::EmbeddedDynamoDb, table::TableDefinition};
use serde_json::{Value, json};
use shared::{
    SigningState, State,
    auth::{SigningKeySource, SigningKeys},
    domain::{
        clock::{Clock, Millis},
        ids::Ids,
        key_set::Retired,
        password::Hasher,
        rate::Rule,
    },
    http::{Operation, Request, TrustedProxy},
    runtime::{Timeouts, aws, config::Config},
    store::Store,
};

use tokio::{runtime::Handle, task::spawn_blocking};

use testkit::FaultyHttpClient;

use crate::{Answer, Event, RecordedCalls, recorded};

/// The account that every service has.
pub const EMAIL: &str = "demo@example.com";
/// Its password.
pub const PASSWORD: &str = "correct horse battery staple";
/// The introspection secret of the sample events.
pub const INTROSPECTION_SECRET: &str = "an-introspection-secret-for-samples-only";
/// By how much tests' timeouts are longer than a deployed function's, so that none ends on a slow machine.
pub const TIMEOUT_FACTOR: &str = "1000";

/// All functions on a table of their own, a stopped clock, and one account.
pub struct TestService {
    /// The time.
    pub clock: Clock,
    /// The private keys.
    pub keys: SigningKeys,
    /// The non-signing functions' state.
    pub state: State,
    /// The functions' calls of the table.
    pub calls: RecordedCalls,
    /// The connection from functions to table.
    pub connection: FaultyHttpClient,
    /// The account.
    pub account: Account,
    /// A client with which tests bypass the service.
    pub client: Client,
    source: SigningKeySource,
    services: registry::Services,
    admin: registry::admin::AdminState,
    /// The keys' file and the database live as long as the last service that uses them.
    kept_alive: Arc<(tempfile::NamedTempFile, Option<EmbeddedDynamoDb>)>,
}

/// A test's account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: String,
    /// Its address.
    pub email: String,
}

impl TestService {
    /// How [`TestService::admin`] invokes it.
    pub const INVOCATION: registry::admin::Invocation<'static> = registry::admin::Invocation {
        request_id: "admin-request",
        deadline: None,
    };

    /// A service with the default configuration.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A service with these variables set.
    ///
    /// It runs on an embedded database, or on the one at `TEST_DYNAMODB_ENDPOINT`.
    ///
    /// # Panics
    ///
    /// If the database does not start or the configuration is not valid.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        match std::env::var("TEST_DYNAMODB_ENDPOINT") {
            Ok(endpoint) => Self::on(local::db::client(&endpoint), None, variables).await,
            Err(_) => Self::embedded(variables).await,
        }
    }

    /// A service with these variables set, always on an embedded database.
    ///
    /// # Panics
    ///
    /// If the database does not start or the configuration is not valid.
    pub async fn embedded(variables: &[(&str, &str)]) -> Self {
        let database = EmbeddedDynamoDb::start_in_memory()
            .await
            .expect("the database starts");
        Self::on(database.client(), Some(database), variables).await
    }

    async fn on(client: Client, database: Option<EmbeddedDynamoDb>, variables: &[(&str, &str)]) -> Self {
        let table = format!("holdfast-{}", Ids::system().request_token());
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
        let definition =
            TableDefinition::from_template_file(template.as_ref()).expect("the template has a table");
        definition
            .create(&client, &table)
            .await
            .expect("the table is created");

        let config = Config::from_lookup(|name| {
            let default = match name {
                "TABLE_NAME" => table.as_str(),
                "ISSUER" => "https://auth.example.com",
                "AUDIENCE" => "https://api.example.com",
                "ARGON2_MEMORY_KIB" => "64",
                "ARGON2_ITERATIONS" => "1",
                "TIMEOUT_FACTOR" => TIMEOUT_FACTOR,
                "INTROSPECTION_SECRETS" => INTROSPECTION_SECRET,
                // With a stopped clock, a window would never end.
                limit if limit.starts_with("RATE_LIMIT_") => "0",
                _ => "",
            };
            let given = variables.iter().find(|(key, _)| *key == name);
            Some(given.map_or(default, |(_, value)| value).to_owned())
        })
        .expect("the configuration is valid");
        let keys = SigningKeys::generate(0).expect("keys can be made");
        let file = tempfile::NamedTempFile::new().expect("a file can be made");
        std::fs::write(&file, keys.to_json()).expect("the file can be written");
        let source = SigningKeySource::File(file.path().to_owned());
        Store::new(client.clone(), &table, Ids::system())
            .publish_key_set(&keys.public())
            .await
            .expect("the keys are published");
        let kept_alive = Arc::new((file, database));
        let mut service = Self::over(config, clock(), client, keys, source, kept_alive).await;
        service.account = service.new_account(EMAIL).await;
        service.clock.advance(1);
        service.calls.take();
        service
    }

    /// Other instances of the functions on the same table, with the same clock and account, but their own connections
    /// and cached public and private keys; the private ones come from `source`.
    pub async fn instance(&self, source: SigningKeySource) -> Self {
        self.another(self.state.config.clone(), self.clock.clone(), source)
            .await
    }

    /// Like [`TestService::instance`], with the same key source.
    pub async fn twin(&self) -> Self {
        self.instance(self.source.clone()).await
    }

    /// Like [`TestService::twin`], with these timeouts.
    pub async fn twin_with(&self, timeouts: Timeouts) -> Self {
        let config = Config {
            timeouts,
            ..self.state.config.clone()
        };
        self.another(config, self.clock.clone(), self.source.clone())
            .await
    }

    /// A service on the same table, with its own clock and account.
    pub async fn neighbour(&self) -> Self {
        let config = self.state.config.clone();
        let mut neighbour = self.another(config, clock(), self.source.clone()).await;
        let email = format!("{}@example.com", Ids::system().request_token());
        neighbour.account = neighbour.new_account(&email).await;
        neighbour.clock.advance(1);
        neighbour
    }

    async fn another(&self, config: Config, clock: Clock, source: SigningKeySource) -> Self {
        let (client, keys) = (self.client.clone(), self.keys.clone());
        let kept_alive = Arc::clone(&self.kept_alive);
        let mut other = Self::over(config, clock, client, keys, source, kept_alive).await;
        other.account = self.account.clone();
        other
    }

    async fn over(
        config: Config,
        clock: Clock,
        client: Client,
        keys: SigningKeys,
        source: SigningKeySource,
        kept_alive: Arc<(tempfile::NamedTempFile, Option<EmbeddedDynamoDb>)>,
    ) -> Self {
        let (connection, calls) = (FaultyHttpClient::default(), RecordedCalls::default());
        // Retries as in production, with its own retry budget: the SDK shares one among a process's clients.
        let sdk = client
            .config()
            .to_builder()
            .http_client(connection.clone())
            .retry_config(aws::retries())
            .timeout_config(config.timeouts.calls())
            .retry_partition(RetryPartition::new(Ids::system().request_token()));
        let wired = calls.recording(&Client::from_conf(sdk.build()));
        let state = State::new(config, clock.clone(), Ids::system(), wired);
        let hasher = Hasher::new(state.config.argon2, state.ids.clone()).expect("Argon2 takes its settings");
        let signing = SigningState::new(state.clone(), source.clone());
        signing.issuer.warm().await;
        // The secrets are variables.
        let no_secrets =
            aws_sdk_secretsmanager::Config::builder().behavior_version(BehaviorVersion::latest());
        let no_secrets = aws_sdk_secretsmanager::Client::from_conf(no_secrets.build());
        Self {
            clock,
            keys,
            calls,
            connection,
            account: Account::default(),
            client,
            source,
            services: registry::Services {
                state: state.clone(),
                refresh: registry::refresh::RefreshState::new(signing.clone()),
                login: registry::login::LoginState {
                    signing,
                    hasher: hasher.clone(),
                },
                introspection: registry::introspection::IntrospectionState::new(state.clone(), &no_secrets),
            },
            admin: registry::admin::AdminState {
                state: state.clone(),
                hasher,
            },
            state,
            kept_alive,
        }
    }

    async fn new_account(&self, email: &str) -> Account {
        Account {
            id: self.create_user(email).await,
            email: email.to_owned(),
        }
    }

    /// The table's server.
    ///
    /// # Panics
    ///
    /// Never: the endpoint is always set.
    #[must_use]
    pub fn endpoint(&self) -> String {
        match &self.kept_alive.1 {
            Some(database) => database.endpoint().to_owned(),
            None => std::env::var("TEST_DYNAMODB_ENDPOINT").expect("there is no other server then"),
        }
    }

    /// The variables a function's process needs to join this service, with the table at `endpoint`.
    #[must_use]
    pub fn variables(&self, endpoint: &str) -> Vec<(String, String)> {
        let config = &self.state.config;
        let keys = self.kept_alive.0.path().display().to_string();
        let mut variables = vec![
            ("TABLE_NAME", config.table_name.as_str()),
            ("ISSUER", &config.tokens.issuer),
            ("AUDIENCE", &config.tokens.audience),
            ("SIGNING_KEYS_FILE", &keys),
            ("ARGON2_MEMORY_KIB", "64"),
            ("ARGON2_ITERATIONS", "1"),
            ("TIMEOUT_FACTOR", TIMEOUT_FACTOR),
            ("INTROSPECTION_SECRETS", INTROSPECTION_SECRET),
            ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
        ];
        variables.extend(Rule::ALL.map(|rule| (rule.variable(), "0")));
        let owned = variables.into_iter();
        owned
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Replaces the signing keys like a rotation, for this service alone.
    ///
    /// # Panics
    ///
    /// If they cannot be made or published.
    pub async fn rotate_keys(&mut self) {
        let (now, store) = (self.clock.now(), &self.state.store);
        let keys = self.keys.successor().expect("keys can be made");
        let published = store.key_set().await.expect("the table can be read");
        let active = vec![keys.current.public().clone(), keys.next.public().clone()];
        let retired = self.retired_at(now);
        let set = published
            .expect("there are keys")
            .succeeded_by(active, retired, now);
        store.publish_key_set(&set).await.expect("the keys are published");
        std::fs::write(self.kept_alive.0.path(), keys.to_json()).expect("the file can be written");
        self.keys = keys;
    }

    /// How long a key still verifies after being rotated out at `now`.
    #[must_use]
    pub const fn retired_at(&self, now: Millis) -> Retired {
        let config = &self.state.config;
        Retired::at(
            now,
            config.tokens.access_token_seconds,
            config.session_absolute_seconds,
        )
    }

    /// Creates an account with [`PASSWORD`]. Returns its id.
    ///
    /// # Panics
    ///
    /// If it cannot be created.
    pub async fn create_user(&self, email: &str) -> String {
        let command = json!({ "action": "create_user", "email": email, "password": PASSWORD });
        let answer = self.admin(command).await;
        answer["user"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned()
    }

    /// Invokes `admin`.
    ///
    /// # Panics
    ///
    /// If it panics.
    pub async fn admin(&self, command: Value) -> Value {
        // On its own thread: its future is not `Send`, and concurrent tests move futures between threads.
        let (admin, runtime) = (self.admin.clone(), Handle::current());
        let invoked = spawn_blocking(move || {
            let handled = registry::admin::handle(&admin, command, Self::INVOCATION);
            runtime.block_on(recorded::by("admin", handled))
        });
        invoked.await.expect("admin does not panic")
    }

    /// `admin`'s state, for tests that invoke it differently.
    #[must_use]
    pub fn admin_state(&self) -> &registry::admin::AdminState {
        &self.admin
    }

    /// The state of a function that reaches the table through `connection`, with short waits between retries.
    #[must_use]
    pub fn state_over(&self, connection: &FaultyHttpClient) -> State {
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let config = self.client.config().to_builder();
        let config = config
            .http_client(connection.clone())
            .retry_config(retries)
            .build();
        State::new(
            self.state.config.clone(),
            self.clock.clone(),
            self.state.ids.clone(),
            Client::from_conf(config),
        )
    }

    /// Sends an event to an operation's function, as API Gateway does, and as the trusted proxy does if there is one.
    pub async fn send(&self, operation: &Operation, event: Event) -> Answer {
        let event = match &self.state.config.trusted_proxy {
            TrustedProxy::CloudFront { secrets } => event.header_unless_given("x-origin-verify", &secrets[0]),
            TrustedProxy::None => event,
        };
        self.answer(operation, event.request()).await
    }

    /// Sends a request to an operation's function.
    pub async fn answer(&self, operation: &Operation, request: Request) -> Answer {
        let endpoint = registry::endpoint(operation);
        let response = endpoint.respond(&self.services, request);
        let answer = Answer::of(&recorded::by(endpoint.function.name, response).await);
        answer.described_by(operation);
        answer
    }
}

/// Far in the future, so that no engine's TTL removes items tests still look at.
fn clock() -> Clock {
    Clock::manual(Millis(3_999_999_999_000))
}
