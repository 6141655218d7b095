use std::fmt::Write as _;
use std::io::Cursor;

use shared::domain::email::Email;

use super::*;
use crate::db::EmbeddedDynamoDb;
use crate::table::TableDefinition;

const BCRYPT: &str = "$2b$05$iX65k7tksf3FNXZbsnxfVeUmEK4OI.M6UOPtKlaU42JMH0kDAQqmu";

fn import(admin: Admin, text: &str) -> Import<Cursor<Vec<u8>>> {
    Import {
        admin,
        length: text.len() as u64,
        input: Cursor::new(text.as_bytes().to_vec()),
        read: 0,
        number: 0,
        counts: Counts::default(),
    }
}

async fn run(admin: Admin, text: &str) -> Result<Counts, Error> {
    let mut import = import(admin, text);
    import.run(Path::new("users.jsonl")).await?;
    assert_eq!(import.read, text.len() as u64);
    Ok(import.counts)
}

async fn state() -> (EmbeddedDynamoDb, AdminState) {
    let database = EmbeddedDynamoDb::start_in_memory().await.unwrap();
    let client = database.client();
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let definition = TableDefinition::from_template_file(&template).unwrap();
    definition.create(&client, "holdfast").await.unwrap();
    let config = Config::from_lookup(|name| {
        let value = match name {
            "TABLE_NAME" => "holdfast",
            "ISSUER" => "https://auth.example.com",
            "AUDIENCE" => "https://api.example.com",
            "ARGON2_MEMORY_KIB" => "8",
            _ => "",
        };
        Some(value.to_owned())
    });
    let state = State::new(config.unwrap(), Clock::system(), Ids::system(), client);
    let hasher = Hasher::new(state.config.argon2, state.ids.clone()).unwrap();
    (database, AdminState { state, hasher })
}

fn counts(created: u64, existed: u64, refused: u64) -> Counts {
    Counts {
        created,
        existed,
        refused,
    }
}

#[tokio::test]
async fn a_file_is_imported_in_batches_and_can_be_repeated() {
    let (_database, state) = state().await;
    let mut text =
        String::from("\n{\"email\": \"no address\", \"password_hash\": \"x\"}\n{\"email\":\n   \r\n");
    for number in 0..1001 {
        let user = json!({"email": format!("u{number}@example.com"), "password_hash": BCRYPT});
        write!(text, "{user}\r\n").unwrap();
    }
    text.push_str(&"x".repeat(MAX_LINE + 1));
    let first = run(Admin::Here(Box::new(state.clone())), &text).await.unwrap();
    assert_eq!(first, counts(1001, 0, 3));
    let last = Email::parse("u1000@example.com").unwrap();
    let found = state.state.store.credential(&last).await.unwrap();
    assert!(found.is_some());
    let again = run(Admin::Here(Box::new(state)), &text).await.unwrap();
    assert_eq!(again, counts(0, 1001, 3));
}

#[test]
fn what_is_no_account_is_named() {
    let problem = |line: &[u8]| read_line(line).unwrap_err();
    let mark = problem(b"\xef\xbb\xbf{\"email\": \"a@example.com\"}");
    assert!(mark.contains("byte-order mark"), "{mark}");
    for line in ["5", "null", "[\"a@example.com\"]", "\"a@example.com\""] {
        assert!(problem(line.as_bytes()).contains("not an object"), "{line}");
    }
    assert!(problem(b"{\"email\"").contains("not JSON"));
    assert!(read_line(b"{}").is_ok());
}

/// An AWS CLI that keeps its arguments and the payloads in `folder` and answers `answer` (a shell expression).
fn cli(folder: &Path, answer: &str) -> Admin {
    let cli = folder.join("aws");
    let script = format!(
        "#!/bin/sh\nset -e\ncd '{}'\necho \"$@\" >> arguments\nn=$(wc -l < arguments)\nfor last; do :; done\n\
         while [ \"$1\" != --payload ]; do shift; done\ncp \"${{2#fileb://}}\" payload-$n\n\
         stat -c %a \"$(dirname \"$last\")\" > mode\n{answer}\n",
        folder.display()
    );
    std::fs::write(&cli, script).unwrap();
    std::fs::set_permissions(&cli, std::fs::Permissions::from_mode(0o755)).unwrap();
    let name = "holdfast-admin".to_owned();
    Admin::Function { cli, name }
}

#[tokio::test]
async fn a_function_is_invoked_through_the_aws_cli_until_no_line_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let refused = r#"{"line": 2, "email": "b@example.com", "code": "unfinished", "message": "later"}"#;
    let answer = format!(
        "if [ $n = 1 ]; then echo '{{\"ok\": true, \"created\": 1, \"existed\": 0, \"refused\": [{refused}]}}' > \"$last\"\n\
         else echo '{{\"ok\": true, \"created\": 0, \"existed\": 1, \"refused\": []}}' > \"$last\"; fi"
    );
    let text = "{\"email\": \"a@example.com\"}\n{\"email\": \"b@example.com\"}\n";
    assert_eq!(
        run(cli(folder.path(), &answer), text).await.unwrap(),
        counts(1, 1, 0)
    );

    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let arguments = read("arguments");
    assert_eq!(arguments.lines().count(), 2);
    let expected = "lambda invoke --function-name holdfast-admin --cli-read-timeout 0 --payload fileb:///";
    assert!(arguments.starts_with(expected), "{arguments}");
    let second: Value = serde_json::from_str(&read("payload-2")).unwrap();
    let expected =
        json!({"action": "import_users", "actor": "import", "users": [{"email": "b@example.com"}]});
    assert_eq!(second, expected);
    assert_eq!(read("mode").trim(), "700");
}

#[tokio::test]
async fn what_stops_an_import_is_told_with_its_lines() {
    let text = "\n{\"email\": \"a@example.com\"}\n{\"email\": \"b@example.com\"}\n";
    let refusal = r#"{"ok": false, "error": {"code": "unavailable", "message": "try again"}}"#;
    let late = r#"{"line": 1, "code": "unfinished"}, {"line": 2, "code": "unfinished"}"#;
    let cases = [
        (
            format!("echo '{refusal}' > \"$last\""),
            "lines 2 to 3 were not imported",
        ),
        ("echo 'no credentials' >&2; exit 253".to_owned(), "no credentials"),
        (
            r#"echo '{"errorMessage": "timed out"}' > "$last""#.to_owned(),
            "timed out",
        ),
        ("echo oops > \"$last\"".to_owned(), "not JSON"),
        (
            format!("echo '{{\"ok\": true, \"refused\": [{late}]}}' > \"$last\""),
            "from line 2 on",
        ),
    ];
    for (answer, message) in cases {
        let folder = tempfile::tempdir().unwrap();
        let error = run(cli(folder.path(), &answer), text)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{error}");
    }
    let missing = Admin::Function {
        cli: PathBuf::from("/nonexistent/aws"),
        name: String::new(),
    };
    assert!(
        run(missing, text)
            .await
            .unwrap_err()
            .to_string()
            .contains("AWS CLI")
    );
}
