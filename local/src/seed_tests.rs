use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::db::EmbeddedDynamoDb;
use crate::table::TableDefinition;

fn settings(folder: &Path) -> Settings {
    Settings::from_lookup(folder, |name| {
        (name == "ARGON2_MEMORY_KIB").then(|| "8".to_owned())
    })
    .unwrap()
}

async fn table(settings: &Settings) -> (EmbeddedDynamoDb, Client) {
    let database = EmbeddedDynamoDb::start_in_memory().await.unwrap();
    let client = database.client();
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let definition = TableDefinition::from_template_file(&template).unwrap();
    definition.create(&client, &settings.table_name).await.unwrap();
    (database, client)
}

fn state(settings: &Settings, client: &Client) -> State {
    let config = Config::from_lookup(|name| settings.function_variable(name)).unwrap();
    State::new(config, Clock::system(), Ids::system(), client.clone())
}

#[tokio::test]
async fn makes_what_is_missing_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    std::fs::create_dir(&settings.state_dir).unwrap();
    let (_database, client) = table(&settings).await;
    seed(&settings, &client).await.unwrap();

    let file = settings.signing_keys_file.clone().unwrap();
    let keys = std::fs::read_to_string(&file).unwrap();
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let state = state(&settings, &client);
    let email = Email::parse(DEMO_EMAIL).unwrap();
    let account = state.store.credential(&email).await.unwrap().unwrap();
    let published = state.store.key_set().await.unwrap().unwrap();
    assert_eq!(published, signing_keys(&file).unwrap().public());

    seed(&settings, &client).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), keys);
    let again = state.store.credential(&email).await.unwrap().unwrap();
    assert_eq!(again.account.user_id, account.account.user_id);
}

#[tokio::test]
async fn new_keys_are_published_in_place_of_lost_ones() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    std::fs::create_dir(&settings.state_dir).unwrap();
    let (_database, client) = table(&settings).await;
    seed(&settings, &client).await.unwrap();
    let file = settings.signing_keys_file.clone().unwrap();
    std::fs::remove_file(&file).unwrap();
    seed(&settings, &client).await.unwrap();

    let published = state(&settings, &client).store.key_set().await.unwrap().unwrap();
    assert_eq!(published, signing_keys(&file).unwrap().public());
}

#[test]
fn broken_keys_are_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signing-keys.json");
    std::fs::write(&file, "{").unwrap();
    let error = signing_keys(&file).unwrap_err().to_string();
    assert!(
        error.contains("signing-keys.json") && error.contains("make dev-reset"),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{");
}
