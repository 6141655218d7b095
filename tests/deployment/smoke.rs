//! Starts every function's binary as Lambda does, with the environment from the template, and calls each once. Shows
//! that each starts with nothing else, answers, and writes lines that `CloudWatch` understands.
//!
//! ```text
//! cargo test -p tests --test smoke                                   the debug binaries
//! FUNCTIONS_DIR=.aws-sam/build cargo test -p tests --test smoke      those of `sam build`, made for this processor
//! ```
//!
//! The development stack provides the table, moto the secret, the testkit Lambda's Runtime API.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use local::{
    db::EmbeddedDynamoDb,
    error::Error,
    seed,
    settings::Settings,
    table::TableDefinition,
    template::{self, Node},
};
use serde_json::{Value, json};
use testkit::FunctionProcess;
use tests::{Event, INTROSPECTION_SECRET, Moto, SampleRequest, TIMEOUT_FACTOR, Tokens, built};

const TABLE: &str = "smoke";
const REGION: &str = "eu-central-1";
const NAMESPACE: &str = "Holdfast/smoke";

/// A function call: the event, given the phone's tokens so far, and a check of the answer.
struct Call {
    function: &'static str,
    event: fn(&Phone) -> Value,
    check: fn(&Value, &mut Phone),
}

/// The tokens of the one session.
type Phone = Option<Tokens>;

/// What is asked of functions, in an order in which each succeeds, from the empty secret of a first deployment on. Others
/// are asked their first sample request, and answer 200.
const CALLS: [Call; 14] = [
    Call {
        function: "rotate-keys",
        event: |_| json!({ "emergency": true }),
        check: is_ok,
    },
    Call {
        function: "login",
        event: |_| Event::file("login/json").value().clone(),
        check: |answer, phone| *phone = Some(Tokens::from(&body(answer))),
    },
    Call {
        function: "refresh",
        event: |phone| {
            let token = &phone.as_ref().unwrap().refresh;
            let event = Event::file("refresh/json").json(&json!({ "refresh_token": token }));
            event.value().clone()
        },
        check: |answer, phone| *phone = Some(Tokens::from(&body(answer))),
    },
    Call {
        function: "list",
        event: |phone| with_token("list/list", phone),
        check: |answer, _| {
            let listed = body(answer);
            assert_eq!(listed["total"], 1, "{listed}");
            assert_eq!(listed["sessions"][0]["is_current"], true, "{listed}");
        },
    },
    Call {
        function: "activity",
        event: |phone| with_token("activity/first-page", phone),
        check: |answer, _| assert!(!list(&body(answer)["events"]).is_empty(), "{answer}"),
    },
    Call {
        function: "authorizer",
        event: |phone| with_token("authorizer/request", phone),
        check: |answer, _| assert_eq!(answer["isAuthorized"], true, "{answer}"),
    },
    Call {
        function: "rename",
        event: |phone| with_token("rename/rename", phone),
        check: |answer, _| assert_eq!(answer["statusCode"], 404, "{answer}"),
    },
    Call {
        function: "revoke",
        event: |phone| with_token("revoke/revoke", phone),
        check: |answer, _| assert_eq!(answer["statusCode"], 404, "{answer}"),
    },
    Call {
        function: "logout-all",
        event: |phone| with_token("logout-all/except-current", phone),
        check: is_200,
    },
    Call {
        function: "logout",
        event: |phone| with_token("logout/access-token", phone),
        check: is_200,
    },
    Call {
        function: "jwks",
        event: |_| Event::file("jwks/jwks").value().clone(),
        check: |answer, _| assert!(list(&body(answer)["keys"]).len() >= 2, "{answer}"),
    },
    Call {
        function: "admin",
        event: |_| json!({ "action": "get_user", "email": seed::DEMO_EMAIL }),
        check: is_ok,
    },
    Call {
        function: "ticket",
        event: |_| json!({ "email": seed::DEMO_EMAIL }),
        check: is_ok,
    },
    Call {
        function: "prune",
        event: |_| json!({}),
        check: |answer, _| assert_eq!(answer["complete"], true, "{answer}"),
    },
];

fn with_token(name: &str, phone: &Phone) -> Value {
    let event = Event::file(name).bearer(&phone.as_ref().unwrap().access);
    event.value().clone()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The body of an HTTP answer, which must be a 200.
fn body(answer: &Value) -> Value {
    assert_eq!(answer["statusCode"], 200, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

fn is_200(answer: &Value, _: &mut Phone) {
    body(answer);
}

fn is_ok(answer: &Value, _: &mut Phone) {
    assert_eq!(answer["ok"], true, "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_function_starts_with_what_the_template_gives_it_and_answers() {
    let (database, moto) = (table().await, Moto::start());
    let known = [
        ("Ref Table", TABLE.to_owned()),
        (
            "Ref SigningKeys",
            create_secret(moto.endpoint(), "keys", "{}").await,
        ),
        (
            "Ref IntrospectionSecret",
            create_secret(moto.endpoint(), "introspection", INTROSPECTION_SECRET).await,
        ),
        ("Sub Holdfast/${AWS::StackName}", NAMESPACE.to_owned()),
        (
            "GetAtt HttpApi.ApiEndpoint",
            "https://auth.example.com".to_owned(),
        ),
    ];
    let functions = functions(&known);
    let aws = [
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("TIMEOUT_FACTOR", TIMEOUT_FACTOR),
        ("AWS_ENDPOINT_URL_DYNAMODB", database.endpoint()),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", moto.endpoint()),
    ];
    let aws = aws.map(|(name, value)| (name.to_owned(), value.to_owned()));

    let call = async |name: &str, event: Value| {
        let deployed = &functions[name];
        let variables = [&aws[..], &deployed.variables].concat();
        invoke(name, &event, &deployed.binary(name).await, &variables).await
    };

    let mut phone = None;
    let mut called: BTreeSet<_> = CALLS.iter().map(|call| call.function).collect();
    for asked in &CALLS {
        let answer = call(asked.function, (asked.event)(&phone)).await;
        (asked.check)(&answer, &mut phone);
        if asked.function == "refresh" {
            for sample in SampleRequest::all() {
                let name = registry::endpoint(sample.operation).function.name;
                if called.insert(name) {
                    let tokens = phone.as_ref().unwrap();
                    let event = sample.event(tokens.at(sample.token).unwrap());
                    body(&call(name, event.into()).await);
                }
            }
        }
    }
    let deployed: BTreeSet<_> = functions.keys().map(String::as_str).collect();
    assert_eq!(
        called, deployed,
        "every function of the template is called, and every other is deployed"
    );
    println!("Every binary was started and called: {} passed", called.len());
}

/// Starts a function, calls it, ends it and reads its log; answers what it answered.
async fn invoke(name: &str, event: &Value, binary: &Path, variables: &[(String, String)]) -> Value {
    let started = FunctionProcess::start(binary, variables).await;
    let mut process = started.unwrap_or_else(|error| panic!("{name}: {error}"));
    let invoked = process.invoke(&event.to_string()).await;
    let answered = invoked.unwrap_or_else(|error| panic!("{name}: {error}"));
    let memory = process.peak_memory().map_or(0, |bytes| bytes / 1024);
    process.kill().unwrap();
    let log = process.log().unwrap();
    check_log(name, &log);
    println!(
        "  ok  {name}: started and answered in {} ms, with at most {memory} KiB, and wrote {} bytes of log",
        (process.first_poll + answered.took).as_millis(),
        log.len()
    );
    answered.response
}

/// A function's log is JSON without warnings, and counts logins and refreshes.
fn check_log(name: &str, log: &str) {
    let lines = log.lines().map(serde_json::from_str::<Value>);
    let lines: Vec<_> = lines
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("{name} writes no JSON: {error}: {log}"));
    for line in &lines {
        let warns = ["WARN", "ERROR"].iter().any(|level| line["level"] == *level);
        // Replacing the keys by hand warns on purpose.
        let is_meant = line["message"].as_str().unwrap_or_default().contains("emergency");
        assert!(!warns || is_meant, "{name} warns: {line}");
    }
    if ["login", "refresh"].contains(&name) {
        let counted = lines.iter().find(|line| !line["_aws"].is_null());
        let counted = counted.unwrap_or_else(|| panic!("{name} counts nothing: {log}"));
        assert_eq!(counted["Outcome"], "succeeded", "{counted}");
        assert_eq!(counted["Requests"], 1, "{counted}");
        let metrics = &counted["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Namespace"], NAMESPACE, "{counted}");
    }
}

// --- What the template says ---

/// A function of the template.
struct Deployed {
    logical_id: String,
    /// The variables for all functions, and its own, with default parameters.
    variables: Vec<(String, String)>,
}

impl Deployed {
    /// Its binary, in `FUNCTIONS_DIR` (made by `sam build`) or from `cargo build`.
    async fn binary(&self, name: &str) -> PathBuf {
        match std::env::var_os("FUNCTIONS_DIR") {
            Some(folder) => testkit::root()
                .join(folder)
                .join(&self.logical_id)
                .join("bootstrap"),
            None => built(name).await,
        }
    }
}

/// The functions by binary. `known` holds the names of deployed resources.
fn functions(known: &[(&str, String)]) -> BTreeMap<String, Deployed> {
    let yaml = std::fs::read_to_string(testkit::root().join("template.yaml")).unwrap();
    let functions = template::read(&yaml, |root| {
        let mut functions = BTreeMap::new();
        for (id, resource) in root.get("Resources")?.entries()? {
            if resource.get("Type")?.text()? != "AWS::Serverless::Function" {
                continue;
            }
            let build = resource.get("Metadata")?.get("BuildProperties")?;
            let mut variables = BTreeMap::new();
            for place in [root.get("Globals")?.get("Function")?, resource.get("Properties")?] {
                let Some(environment) = place.find("Environment")? else {
                    continue;
                };
                for (name, value) in environment.get("Variables")?.entries()? {
                    variables.insert(name.to_owned(), resolved(&root, &value, known)?);
                }
            }
            let function = Deployed {
                logical_id: id.to_owned(),
                variables: variables.into_iter().collect(),
            };
            functions.insert(build.get("Binary")?.text()?.to_owned(), function);
        }
        Ok(functions)
    });
    functions.unwrap()
}

/// `CloudFormation`'s result for a value if no parameter is set and no condition holds, but that of a resource in `known`.
fn resolved(root: &Node<'_>, value: &Node<'_>, known: &[(&str, String)]) -> Result<String, Error> {
    let chosen = value.if_true().and_then(|value| value.intrinsic());
    if let Some((_, name)) = known
        .iter()
        .find(|(resource, _)| chosen.as_deref() == Some(*resource))
    {
        return Ok(name.clone());
    }
    if let Some(otherwise) = value.if_false() {
        return resolved(root, &otherwise, known);
    }
    let Some(intrinsic) = value.intrinsic() else {
        return value.scalar();
    };
    if let Some((_, name)) = known.iter().find(|(resource, _)| *resource == intrinsic) {
        return Ok(name.clone());
    }
    let parameter = intrinsic
        .strip_prefix("Ref ")
        .ok_or_else(|| value.error("this test does not know its value"))?;
    root.get("Parameters")?.get(parameter)?.get("Default")?.scalar()
}

// --- Other services ---

/// The development stack's `DynamoDB`, with the table, the keys and the demo account.
async fn table() -> EmbeddedDynamoDb {
    let (root, state) = (testkit::root(), tempfile::tempdir().unwrap());
    let database = EmbeddedDynamoDb::start_in_memory().await.unwrap();
    let definition = TableDefinition::from_template_file(&root.join("template.yaml")).unwrap();
    definition.create(&database.client(), TABLE).await.unwrap();
    let settings = Settings::from_lookup(root, |name| match name {
        "LOCAL_DIR" => Some(state.path().display().to_string()),
        "TABLE_NAME" => Some(TABLE.to_owned()),
        _ => None,
    });
    seed::seed(&settings.unwrap(), &database.client()).await.unwrap();
    database
}

/// Creates a secret. Returns its ARN.
async fn create_secret(endpoint: &str, name: &str, text: &str) -> String {
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(endpoint)
        .build();
    let client = aws_sdk_secretsmanager::Client::from_conf(config);
    let create = client.create_secret().name(name).secret_string(text);
    create.send().await.unwrap().arn.unwrap()
}
