//! What the functions run against: an embedded `DynamoDB` and a fake Secrets Manager, both behind TLS; accounts with
//! sessions.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use axum::{Json, Router, routing::post};
use dynoxide::Database;
use local::{db::EmbeddedDynamoDb, table::TableDefinition};
use serde_json::{Value, json};
use shared::{
    State,
    auth::{Signer, SigningKeys},
    domain::{
        account::{Account, Credential},
        audit::{AuditContext, EventType},
        auth_method::AuthMethod,
        clock::{Clock, Millis},
        email::Email,
        ids::{Ids, UserId},
        password::{Hasher, Password, PasswordHash},
        session::{Origin, Session},
        tokens::IssuedTokens,
    },
    runtime::config::Config,
    store::{CreateOutcome, LoginCommit, LoginOutcome, LoginProof, NewAccount},
};
use tempfile::TempDir;
use testkit::RecordingProxy;
use tokio::{net::TcpListener, task::JoinHandle};

use testkit::Outcome;

use crate::tls::{Connection, Identity, TlsProxy};

/// The functions' configuration: their table and token claims.
const SETTINGS: [(&str, &str); 3] = [
    ("TABLE_NAME", "holdfast"),
    ("ISSUER", "https://auth.example.com"),
    ("AUDIENCE", "https://api.example.com"),
];

/// The rate limit variables.
const LIMITS: [&str; 9] = [
    "RATE_LIMIT_LOGIN_IP",
    "RATE_LIMIT_LOGIN_GUESSES",
    "RATE_LIMIT_LOGIN_ACCOUNT",
    "RATE_LIMIT_LOGIN_ACCOUNT_DAY",
    "RATE_LIMIT_LOGIN_DEVICE",
    "RATE_LIMIT_LIST",
    "RATE_LIMIT_REVOKE",
    "RATE_LIMIT_LOGOUT_ALL",
    "RATE_LIMIT_CLEANUP",
];

/// The secret's versions: a rotation is under way.
const PRESENT_VERSION: &str = "1a7c2d8e-6a3b-4e0f-9f57-3f3c0a4f5b61";
pub const PENDING_VERSION: &str = "8d5b9c3a-2f41-4c7e-b1a9-5e0d6c7f8a92";

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery staple";

/// A real phone's user agent, as in `events/`.
const AGENT: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                     Mobile/15E148";

/// Everything a function depends on.
pub struct BenchStack {
    /// The functions' way to `DynamoDB`.
    pub tls: TlsProxy,
    /// Records those requests.
    pub recorder: RecordingProxy,
    /// The database, without its server.
    pub engine: Database,
    /// The service's own code on the same table, to prepare it.
    pub state: State,
    secrets: TlsProxy,
    secrets_server: JoinHandle<std::io::Result<()>>,
    signer: Signer,
    few_roots: PathBuf,
    system_store: PathBuf,
    _directory: TempDir,
    hash: PasswordHash,
    accounts: AtomicU64,
    _database: EmbeddedDynamoDb,
}

/// A session and its phone's tokens.
#[derive(Clone, Debug)]
pub struct Phone {
    /// The session.
    pub session: Session,
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
}

impl BenchStack {
    /// Starts everything, without accounts.
    ///
    /// # Errors
    ///
    /// Says what did not start.
    pub async fn set() -> Outcome<Self> {
        let directory = tempfile::tempdir()?;
        let engine = Database::memory()?;
        let database = EmbeddedDynamoDb::start_with(engine.clone()).await?;
        let client = database.client();
        let table = TableDefinition::from_template_file(&testkit::root().join("template.yaml"))?;
        table.create(&client, SETTINGS[0].1).await?;

        let config = Config::from_lookup(|name| {
            let found = SETTINGS.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })?;
        let state = State::new(config, Clock::system(), Ids::system(), client);
        let keys = SigningKeys::generate(0)?;
        state.store.publish_key_set(&keys.public()).await?;
        let signer = Signer::new(state.config.tokens.clone(), &keys.current, state.ids.clone());
        let keys_json = keys.to_json();

        let identity = Identity::generate()?;
        let (few_roots, system_store) = (
            directory.path().join("few-roots.pem"),
            directory.path().join("roots.pem"),
        );
        identity.write_few_roots(&few_roots)?;
        identity.write_system_store(&system_store)?;
        let recorder = RecordingProxy::start(database.endpoint()).await?;
        let tls = TlsProxy::start(&identity, recorder.address()).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let secrets = TlsProxy::start(&identity, listener.local_addr()?).await?;
        // Answers both `GetSecretValue` and `DescribeSecret`; clients ignore fields unknown to them.
        let answer = json!({
            "ARN": "arn",
            "Name": "keys",
            "SecretString": keys_json,
            "RotationEnabled": true,
            "VersionIdsToStages": { PRESENT_VERSION: ["AWSCURRENT"], PENDING_VERSION: ["AWSPENDING"] },
        });
        let api = Router::new().route("/", post(async move || Json(answer)));
        let secrets_server = tokio::spawn(async { axum::serve(listener, api).await });

        let hasher = Hasher::new(state.config.argon2, state.ids.clone())?;
        let hash = hasher.hash(&Password::presented(PASSWORD)?).await?;
        Ok(Self {
            tls,
            recorder,
            engine,
            state,
            secrets,
            secrets_server,
            signer,
            few_roots,
            system_store,
            _directory: directory,
            hash,
            accounts: AtomicU64::default(),
            _database: database,
        })
    }

    /// A function's variables, as on AWS: keys in Secrets Manager, and rate limits that count every request but are too
    /// high to refuse any.
    ///
    /// Our functions trust five built-in Amazon roots. Here they must trust this benchmark's root, so they read a file
    /// of the same size.
    pub fn variables(&self) -> Vec<(String, String)> {
        let mut variables: Vec<_> = SETTINGS.iter().map(|(name, value)| own(name, value)).collect();
        variables.extend([
            own("AWS_ENDPOINT_URL_DYNAMODB", &self.tls.endpoint()),
            own("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.secrets.endpoint()),
            own("SIGNING_KEYS_SECRET_ID", "keys"),
            // Of the sample event. Not in Secrets Manager, where `introspection` would read it at start, beside the keys.
            own(
                "INTROSPECTION_SECRETS",
                "an-introspection-secret-for-samples-only",
            ),
            own("SSL_CERT_FILE", &self.few_roots.to_string_lossy()),
        ]);
        variables.extend(LIMITS.map(|name| own(name, "1000000")));
        variables
    }

    /// The same for a start without any requests: no warming, and the built-in roots.
    pub fn variables_without_warming(&self) -> Vec<(String, String)> {
        let mut variables = self.variables();
        variables.retain(|(name, _)| name != "SSL_CERT_FILE");
        variables.push(own("WARM_UP", "false"));
        variables
    }

    /// These variables with a trust store the size of a system's, which the SDK reads by default.
    pub fn with_system_store(&self, mut variables: Vec<(String, String)>) -> Vec<(String, String)> {
        variables.retain(|(name, _)| name != "SSL_CERT_FILE");
        variables.push(own("SSL_CERT_FILE", &self.system_store.to_string_lossy()));
        variables
    }

    /// The connections to the table and to Secrets Manager since the last call.
    pub fn take_connections(&self) -> (Vec<Connection>, Vec<Connection>) {
        (self.tls.take_connections(), self.secrets.take_connections())
    }

    /// Creates an account with [`PASSWORD`]. Returns its email.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub async fn account(&self) -> Outcome<String> {
        let number = self.accounts.fetch_add(1, Ordering::Relaxed);
        let (ids, now) = (&self.state.ids, self.state.clock.now());
        let address = format!("anna.{number}@example.com");
        let account = Account {
            user_id: ids.user(),
            email: Email::parse(&address)?,
            email_as_typed: address.clone(),
            created_at: now,
        };
        let new = NewAccount {
            event: context(now).event(ids, account.user_id, EventType::AccountCreated),
            credential: Credential {
                tickets: Vec::new(),
                account,
                password_hash: Some(self.hash.clone()),
                is_active: true,
                deletion_began_at: None,
                login_sequence: 0,
            },
        };
        match self.state.store.create_account(&new).await? {
            CreateOutcome::Created => Ok(address),
            CreateOutcome::AlreadyExists(_) | CreateOutcome::IdIsTaken | CreateOutcome::BeingDeleted => {
                Err(format!("{address} exists already").into())
            }
        }
    }

    /// Logs an account in as `login` does, but without the password. Returns session and tokens.
    ///
    /// # Errors
    ///
    /// If the session cannot be stored.
    pub async fn phone(&self, email: &str) -> Outcome<Phone> {
        let state = &self.state;
        let found = state.store.credential(&Email::parse(email)?).await?;
        let credential = found.ok_or_else(|| format!("nobody is {email}"))?;
        let session = self.session(credential.account.user_id);
        let login = LoginCommit {
            credential: &credential,
            proof: LoginProof::Password { renewed_hash: None },
            session: &session,
            revoke: &[],
            context: &context(session.created_at),
        };
        match state.store.commit_login(login).await? {
            LoginOutcome::Committed => self.tokens(session),
            other => Err(format!("{email} cannot be logged in: {other:?}").into()),
        }
    }

    /// A ticket for an account.
    ///
    /// # Errors
    ///
    /// If it cannot be stored.
    pub async fn ticket(&self, email: &str) -> Outcome<String> {
        let answer = registry::ticket::handle(&self.state, json!({ "email": email })).await;
        let ticket = answer["ticket"].as_str().map(str::to_owned);
        ticket.ok_or_else(|| answer.to_string().into())
    }

    /// Issues tokens for a session's phone.
    ///
    /// # Errors
    ///
    /// If they cannot be signed.
    pub fn tokens(&self, session: Session) -> Outcome<Phone> {
        let issued = self.issue(&session)?;
        Ok(Phone {
            session,
            access: issued.access_token,
            refresh: issued.refresh_token,
        })
    }

    /// Signs both tokens of a session.
    ///
    /// # Errors
    ///
    /// If they cannot be signed.
    pub fn issue(&self, session: &Session) -> Outcome<IssuedTokens> {
        let (now, issued_at) = (self.state.clock.now(), session.created_at.seconds());
        Ok(self
            .signer
            .issue(&session.into(), &session.refresh_jti, issued_at, now)?)
    }

    /// A new session of a user, not stored.
    pub fn session(&self, user_id: UserId) -> Session {
        let (config, ids, now) = (&self.state.config, &self.state.ids, self.state.clock.now());
        Session {
            device_name: "Anna's phone".to_owned(),
            device_id: Some("7f1d8e0c-5b1e-4c39-9d3a-2b8f3f0f1c77".to_owned()),
            origin: origin(),
            amr: vec![AuthMethod::Pwd],
            ..Session::begin(
                ids,
                user_id,
                now,
                config.refresh_idle_seconds,
                config.session_absolute_seconds,
            )
        }
    }
}

impl Drop for BenchStack {
    fn drop(&mut self) {
        self.secrets_server.abort();
    }
}

fn context(at: Millis) -> AuditContext {
    AuditContext {
        at,
        origin: origin(),
        request_id: None,
        actor: None,
    }
}

fn origin() -> Origin {
    Origin {
        ip_address: Some([203, 0, 113, 7].into()),
        user_agent: Some(AGENT.to_owned()),
        city: Some("Hamburg".to_owned()),
        country: Some("DE".to_owned()),
    }
}

fn own(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// An event of `events/`, with a token.
///
/// # Errors
///
/// If there is no such event.
pub fn event(name: &str, token: Option<&str>) -> Outcome<Value> {
    let path = testkit::root().join("events").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut event: Value = serde_json::from_str(&text)?;
    if let Some(token) = token {
        event["headers"]["authorization"] = format!("Bearer {token}").into();
    }
    Ok(event)
}
