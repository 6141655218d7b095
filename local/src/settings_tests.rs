use super::*;

fn settings(variables: &[(&str, &str)]) -> Result<Settings, Error> {
    Settings::from_lookup(Path::new("/repo"), |name| {
        variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

fn variable(settings: &Settings, name: &str) -> String {
    settings
        .functions
        .iter()
        .find(|(key, _)| *key == name)
        .unwrap()
        .1
        .clone()
}

/// What `.cargo/config.toml` sets: just the defaults.
const PRESET: [(&str, &str); 3] = [
    ("ISSUER", "http://127.0.0.1:9000"),
    ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8000"),
    ("SIGNING_KEYS_FILE", "/repo/.local/signing-keys.json"),
];

#[test]
fn a_port_changes_what_depends_on_it() {
    let mut variables = PRESET.to_vec();
    variables.extend([
        ("API_PORT", "9100"),
        ("DYNAMODB_PORT", "8100"),
        ("LOCAL_DIR", "/tmp/x"),
    ]);
    let settings = settings(&variables).unwrap();
    assert_eq!(settings.dynamodb, DynamoDb::Embedded(8100));
    assert_eq!(variable(&settings, "ISSUER"), "http://127.0.0.1:9100");
    assert_eq!(
        variable(&settings, "AWS_ENDPOINT_URL_DYNAMODB"),
        "http://127.0.0.1:8100"
    );
    assert_eq!(
        variable(&settings, "SIGNING_KEYS_FILE"),
        "/tmp/x/signing-keys.json"
    );
}

#[test]
fn what_is_set_wins() {
    let settings = settings(&[
        ("ISSUER", "https://id.example.com"),
        ("API_PORT", "9100"),
        ("TABLE_NAME", "mine"),
        ("AUDIENCE", ""),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://localhost:8001"),
        ("SIGNING_KEYS_FILE", "keys.json"),
    ])
    .unwrap();
    assert_eq!(variable(&settings, "ISSUER"), "https://id.example.com");
    assert_eq!(settings.table_name, "mine");
    assert_eq!(variable(&settings, "AUDIENCE"), "holdfast");
    assert_eq!(
        settings.dynamodb,
        DynamoDb::Other("http://localhost:8001".to_owned())
    );
    assert_eq!(settings.signing_keys_file.unwrap(), Path::new("/repo/keys.json"));
}

#[test]
fn keys_have_one_source() {
    let mut variables = PRESET.to_vec();
    variables.push(("SIGNING_KEYS_SECRET_ID", "keys"));
    let settings = settings(&variables).unwrap();
    assert_eq!(settings.signing_keys_file, None);
    assert_eq!(variable(&settings, "SIGNING_KEYS_FILE"), "");
}

#[test]
fn introspection_is_on_with_a_secret_of_its_own_or_another() {
    let secrets =
        |variables: &[(&str, &str)]| variable(&settings(variables).unwrap(), "INTROSPECTION_SECRETS");
    assert_eq!(secrets(&[]), INTROSPECTION_SECRET);
    assert_eq!(secrets(&[("INTROSPECTION_SECRETS", "mine")]), "mine");
    assert_eq!(secrets(&[("INTROSPECTION_SECRET_ID", "secret")]), "");
}

#[test]
fn what_cannot_be_used_is_named() {
    for (name, value) in [
        ("API_PORT", "0"),
        ("API_PORT", "http"),
        ("DYNAMODB_PORT", "65536"),
        (
            "AWS_ENDPOINT_URL_DYNAMODB",
            "https://dynamodb.eu-west-1.amazonaws.com",
        ),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://localhost.example.com:8000"),
    ] {
        let error = settings(&[(name, value)]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{name}={value}: ")), "{error}");
    }
}

#[test]
fn requests_are_shown_as_text_unless_json_is_chosen() {
    assert_eq!(variable(&settings(&[]).unwrap(), "LOG_FORMAT"), "text");
    let settings = settings(&[("LOG_FORMAT", "json")]).unwrap();
    assert_eq!(variable(&settings, "LOG_FORMAT"), "json");
}
