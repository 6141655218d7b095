//! The two commands: `db` runs everything but the functions, `up` everything.

use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};

use crate::create::Created;
use crate::db::{self, EmbeddedDynamoDb};
use crate::error::Error;
use crate::project::Project;
use crate::settings::{DynamoDb, Settings};
use crate::shutdown::Shutdown;
use crate::table::TableDefinition;
use crate::terminal::say;
use crate::watch::{self, Watch};
use crate::{seed, session};

const DATABASE_FILE: &str = "dynamodb.db";

/// Runs `DynamoDB` with the table, the keys and the demo account until a signal arrives.
///
/// # Errors
///
/// Anything that keeps it from starting.
pub async fn db() -> Result<(), Error> {
    let mut shutdown = Shutdown::listen()?;
    let project = Project::find().await?;
    let settings = Settings::from_env(&project.root)?;
    let database = start_database(&settings).await?;
    let outcome = tokio::select! {
        outcome = prepare(&settings) => outcome,
        () = shutdown.requested() => { stop(database).await; return Ok(()); }
    };
    if outcome.is_ok() {
        say(format_args!(
            "The table {} is ready at {} (Ctrl-C ends it). The functions: `cargo lambda watch` in another terminal, \
             with the same API_PORT and DYNAMODB_PORT, if any.",
            settings.table_name,
            settings.dynamodb.endpoint()
        ));
        shutdown.requested().await;
    }
    stop(database).await;
    outcome
}

/// Runs everything until a signal arrives.
///
/// # Errors
///
/// Anything that keeps it from starting, and [`Error::WatchEnded`] if cargo-lambda exits by itself.
pub async fn up() -> Result<(), Error> {
    let mut shutdown = Shutdown::listen()?;
    let project = Project::find().await?;
    let settings = Settings::from_env(&project.root)?;
    watch::check_port(&settings).await?;
    let database = start_database(&settings).await?;
    let outcome = tokio::select! {
        outcome = prepare(&settings) => outcome,
        () = shutdown.requested() => { stop(database).await; return Ok(()); }
    };
    let outcome = match outcome {
        Ok(()) => serve(&settings, &project, &mut shutdown).await,
        failed => failed,
    };
    stop(database).await;
    outcome
}

async fn serve(settings: &Settings, project: &Project, shutdown: &mut Shutdown) -> Result<(), Error> {
    let mut watch = Watch::start(settings)?;
    let outcome = tokio::select! {
        () = shutdown.requested() => Ok(()),
        status = watch.ended() => status.and_then(|status| Err(Error::WatchEnded(status))),
        Err(error) = announce(settings, project) => Err(error),
    };
    if outcome.is_ok() {
        say("\nEnding …");
    }
    watch.stop().await;
    outcome
}

/// Never returns `Ok`: what it announces keeps running.
async fn announce(settings: &Settings, project: &Project) -> Result<(), Error> {
    Watch::ready(settings).await?;
    say("Starting the functions …");
    for problem in watch::warm_up(settings, &project.routes).await {
        say(format_args!("warning: {problem}"));
    }
    say(format_args!(
        "\n{}\n\n{}\n{}\n",
        session::introduction(settings),
        session::first_session(settings),
        session::tickets(settings)
    ));
    std::future::pending().await
}

async fn start_database(settings: &Settings) -> Result<Option<EmbeddedDynamoDb>, Error> {
    let failed = |source| Error::File {
        action: "create",
        path: settings.state_dir.clone(),
        source,
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&settings.state_dir)
        .map_err(failed)?;
    // The folder may predate this rule.
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(&settings.state_dir, private).map_err(failed)?;
    match &settings.dynamodb {
        DynamoDb::Embedded(port) => {
            let file = settings.state_dir.join(DATABASE_FILE);
            Ok(Some(EmbeddedDynamoDb::start(&file, *port).await?))
        }
        DynamoDb::Other(url) => {
            say(format_args!(
                "DynamoDB is the one at {url}, because AWS_ENDPOINT_URL_DYNAMODB says so."
            ));
            Ok(None)
        }
    }
}

async fn prepare(settings: &Settings) -> Result<(), Error> {
    let client = client(settings);
    let definition = TableDefinition::from_template_file(&settings.root.join("template.yaml"))?;
    if definition.create(&client, &settings.table_name).await? == Created::New {
        say(format_args!("Created the table {}.", settings.table_name));
    }
    seed::seed(settings, &client).await
}

/// `DynamoDB` Local keeps tables per access key and region: use the functions'.
pub(crate) fn client(settings: &Settings) -> Client {
    let config = db::client(&settings.dynamodb.endpoint())
        .config()
        .to_builder()
        .region(Region::new(settings.region.clone()))
        .credentials_provider(Credentials::new(
            &settings.access_key_id,
            "local",
            None,
            None,
            "local",
        ))
        .build();
    Client::from_conf(config)
}

async fn stop(database: Option<EmbeddedDynamoDb>) {
    if let Some(database) = database {
        database.stop().await;
    }
}
