//! Hostile input: whatever is sent, the answer has the documented form, is no 5xx, and comes in time.
//!
//! Tries each property on 64 inputs; `PROPTEST_CASES=10000 cargo test -p tests hostile` tries more. Past failures are
//! kept in `corpus/` and tried first: proptest's seeds, and events as files.

mod inputs;

use std::{collections::HashMap, path::Path, time::Duration};

use inputs::{Body, Change, apply, attribute, changes, client, text, value};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, FileFailurePersistence, TestCaseResult, TestRunner},
};
use registry::{list, login, refresh};
use serde_json::{Value, json};
use shared::{
    domain::{
        email::Email,
        ids::{SessionId, UserId},
        rate::{Quotas, Rule},
    },
    http::Operation,
    store::StoreError,
};
use tests::{Answer, EMAIL, Event, PASSWORD, SampleRequest, TestService, claims, forge_raw};
use tokio::{runtime::Runtime, time::Instant};

/// What takes longer does not end: a request takes milliseconds, a second on a machine a hundred times as slow.
const IN_TIME: Duration = Duration::from_mins(2);

const PROXY: &str = "a secret of some length";

/// Tries a property on many inputs, all in the same service.
fn check<S: Strategy>(strategy: &S, property: impl Fn(&Runtime, &TestService, S::Value) -> TestCaseResult) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let service = runtime.block_on(TestService::with(&[
        ("TRUSTED_PROXY", "cloudfront"),
        ("CLOUDFRONT_SECRET", PROXY),
    ]));
    let mut config = Config {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("corpus/seeds.txt"))),
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 64;
    }
    let outcome = TestRunner::new(config).run(strategy, |input| property(&runtime, &service, input));
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

fn in_the_documented_form(answer: &Answer) -> TestCaseResult {
    prop_assert!(answer.status < 500, "{}", answer.body);
    prop_assert_eq!(
        answer.status == 200,
        answer.body["code"].is_null() && answer.body["error"].is_null(),
        "{}",
        answer.body
    );
    prop_assert!(answer.headers["strict-transport-security"].is_string());
    Ok(())
}

async fn answered(
    service: &TestService,
    operation: &Operation,
    event: Event,
) -> Result<Answer, TestCaseError> {
    let start = Instant::now();
    let answer = service.send(operation, event).await;
    let (took, id) = (start.elapsed(), operation.id);
    prop_assert!(took < IN_TIME, "{id} took {took:?}");
    in_the_documented_form(&answer)?;
    Ok(answer)
}

/// An event of a logged-in client behind the trusted proxy.
async fn signed_in(service: &TestService, sample: &SampleRequest) -> Value {
    let login = service.log_in("phone").await;
    let token = service.token_at(sample.token, &login).await;
    sample.event(&token).header("x-origin-verify", PROXY).into()
}

#[test]
fn no_event_however_broken_makes_a_function_fail() {
    check(
        &(select(SampleRequest::all()), changes()),
        |runtime, service, (sample, changes)| {
            runtime.block_on(async {
                let mut event = signed_in(service, &sample).await;
                apply(&mut event, changes);
                // Events that the runtime cannot read never reach a function; API Gateway sends none.
                if serde_json::from_value::<lambda_http::request::LambdaRequest>(event.clone()).is_ok() {
                    answered(service, sample.operation, Event::of(event)).await?;
                }
                Ok(())
            })
        },
    );
}

#[test]
fn nothing_that_a_client_sends_makes_a_function_fail() {
    check(
        &(select(SampleRequest::all()), client()),
        |runtime, service, (sample, client)| {
            runtime.block_on(async {
                let mut event = signed_in(service, &sample).await;
                for (name, value) in client.headers {
                    event["headers"][name] = value.into();
                }
                if let Some(query) = client.query {
                    event["rawQueryString"] = query.into();
                }
                let pattern = sample.operation.route.path;
                if let (Some(segment), Some((path, _))) = (client.segment, pattern.split_once('{')) {
                    event["rawPath"] = format!("{path}{segment}").into();
                }
                let event = match client.body {
                    Body::AsItIs => Event::of(event),
                    Body::Text(text) => Event::of(event).text(&text),
                    Body::Json(body) => Event::of(event).json(&body),
                    Body::Bytes(bytes) => Event::of(event).bytes(&bytes),
                };
                answered(service, sample.operation, event).await.map(drop)
            })
        },
    );
}

#[test]
fn no_token_makes_a_function_fail() {
    #[derive(Clone, Debug)]
    enum Token {
        Text(String),
        Changed(Vec<(Index, u8)>),
        Ours(Vec<(Index, Change)>, Vec<(Index, Change)>),
    }
    let token = prop_oneof![
        1 => text().prop_map(Token::Text),
        1 => vec((any::<Index>(), 0x20_u8..0x7f), 1..4).prop_map(Token::Changed),
        2 => (changes(), changes()).prop_map(|(header, claims)| Token::Ours(header, claims)),
    ];
    check(&(token, any::<bool>()), |runtime, service, (token, access)| {
        runtime.block_on(async {
            let login = service.log_in("phone").await;
            let good = if access { &login.access } else { &login.refresh };
            let token = match token {
                Token::Text(text) => text,
                Token::Changed(changes) => {
                    let mut bytes = good.clone().into_bytes();
                    for (index, byte) in changes {
                        let at = index.index(bytes.len());
                        bytes[at] = byte;
                    }
                    String::from_utf8(bytes).unwrap()
                }
                Token::Ours(header, payload) => {
                    let mut parts = [json!({"alg": "ES256", "typ": if access { "at+jwt" } else { "rt+jwt" }, "kid": service.keys.current.public().kid}), claims(good)];
                    apply(&mut parts[0], header);
                    apply(&mut parts[1], payload);
                    forge_raw(&service.keys.current, &parts[0].to_string(), &parts[1].to_string())
                }
            };
            let body = json!({ "refresh_token": token });
            answered(service, &refresh::OPERATION, Event::file("refresh/json").json(&body)).await?;
            let header: String = token.chars().filter(|c| !c.is_control()).collect();
            answered(service, &list::OPERATION, Event::file("list/list").bearer(&header)).await.map(drop)
        })
    });
}

#[test]
fn a_name_is_made_of_any_user_agent_in_time() {
    let agents = concat!(
        include_str!("../../crates/user-agent/data/names.tsv"),
        include_str!("../../crates/user-agent/data/uap-core/sample.tsv")
    );
    let words: Vec<_> = agents
        .split([' ', '\t', '\n', ';', '(', ')'])
        .filter(|word| !word.is_empty())
        .collect();
    let piece = prop_oneof![8 => select(words).prop_map(str::to_owned), 1 => text()];
    let agent = (
        vec((piece, select(&["", " ", "; ", "/", "(", ") "][..])), 0..60),
        1_usize..40,
    );
    check(&agent, |_, _, (pieces, times)| {
        let agent: String = pieces
            .into_iter()
            .flat_map(|(piece, end)| [piece, end.to_owned()])
            .collect();
        let agent = agent.repeat(times);
        let start = Instant::now();
        let name = user_agent::device_name(&agent);
        prop_assert!(start.elapsed() < IN_TIME, "{:?}", start.elapsed());
        prop_assert!(
            !name.is_empty() && name.chars().count() <= 80 && !name.chars().any(char::is_control),
            "{name:?}"
        );
        Ok(())
    });
}

/// The sample commands of a function, changed in any way, and things that are none.
fn commands(function: &str) -> impl Strategy<Value = Value> + use<> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../events")
        .join(function);
    let files = std::fs::read_dir(folder).unwrap();
    let commands: Vec<Value> = files
        .map(|file| serde_json::from_str(&std::fs::read_to_string(file.unwrap().path()).unwrap()).unwrap())
        .collect();
    assert!(commands.len() >= 2);
    prop_oneof![
        3 => (select(commands), changes()).prop_map(|(mut command, changes)| {
            apply(&mut command, changes);
            command
        }),
        1 => value(),
    ]
}

fn commanded(start: Instant, answer: &Value) -> Result<(), TestCaseError> {
    prop_assert!(start.elapsed() < IN_TIME, "{:?}", start.elapsed());
    let code = &answer["error"]["code"];
    prop_assert!(
        answer["ok"].is_boolean() && answer["ok"] == code.is_null(),
        "{answer}"
    );
    prop_assert!(code != "internal" && code != "unavailable", "{answer}");
    Ok(())
}

#[test]
fn no_command_makes_admin_fail() {
    check(&commands("admin"), |runtime, service, command| {
        let start = Instant::now();
        commanded(start, &runtime.block_on(service.admin(command)))
    });
}

#[test]
fn no_command_makes_ticket_fail() {
    check(&commands("ticket"), |runtime, service, mut command| {
        // So that some reach an account.
        if command["email"].is_string() {
            command["email"] = EMAIL.into();
        }
        let start = Instant::now();
        commanded(start, &runtime.block_on(service.ask_for_ticket(command)))
    });
}

#[test]
fn no_ticket_makes_a_login_fail() {
    let ticket = prop_oneof![
        1 => text().prop_map(|text| (Some(text), Vec::new())),
        3 => vec((any::<Index>(), 0x20_u8..0x7f), 0..4).prop_map(|changes| (None, changes)),
    ];
    check(&ticket, |runtime, service, (text, changes)| {
        runtime.block_on(async {
            let good = service.ticket(json!({ "email": EMAIL })).await;
            let ticket = text.unwrap_or_else(|| {
                let mut bytes = good.clone().into_bytes();
                for (index, byte) in changes {
                    let at = index.index(bytes.len());
                    bytes[at] = byte;
                }
                String::from_utf8(bytes).unwrap()
            });
            let event = Event::file("login/ticket").json(&json!({ "ticket": ticket }));
            let answer = answered(service, &login::OPERATION, event.header("x-origin-verify", PROXY)).await?;
            prop_assert_eq!(answer.status == 200, ticket == good, "{}", answer.body);
            Ok(())
        })
    });
}

/// Reads all of the account; what cannot be read must be reported as corrupt.
async fn read_all(service: &TestService, user: UserId, session: SessionId) -> Result<bool, TestCaseError> {
    let (store, email) = (&service.state.store, Email::parse(EMAIL).unwrap());
    let outcomes = [
        store.sessions(user).await.err(),
        store.events(user, &[], None, 100).await.err(),
        store.credential(&email).await.err(),
        store.account(user).await.err(),
        store.key_set().await.err(),
        service
            .state
            .limiter
            .by_session(&Quotas::default(), Rule::List, session)
            .await
            .err(),
    ];
    let mut sound = true;
    for error in outcomes.into_iter().flatten() {
        prop_assert!(
            matches!(error, StoreError::Corrupt { .. } | StoreError::Refused { .. }),
            "{error:?}"
        );
        sound = false;
    }
    Ok(sound)
}

#[test]
fn an_item_that_somebody_broke_is_an_error_with_a_name_and_no_panic() {
    let strategy = (any::<Index>(), any::<Index>(), proptest::option::of(attribute()));
    check(&strategy, |runtime, service, (item, name, new)| {
        runtime.block_on(async {
            let login = service.log_in("phone").await;
            service
                .refresh_with_key(&login.refresh, "a-key-of-sixteen-characters")
                .await
                .ok();
            let user: UserId = claims(&login.access)["sub"].as_str().unwrap().parse().unwrap();
            let items = service.raw_items().await;
            let whole = item.get(&items).clone();
            let mut names: Vec<_> = whole
                .keys()
                .filter(|name| !["pk", "sk", "gsi1pk", "gsi1sk"].contains(&name.as_str()))
                .collect();
            names.sort();
            let name = (*name.get(&names)).clone();
            let mut broken: HashMap<_, _> = whole.clone();
            match new {
                Some(value) => broken.insert(name.clone(), value),
                None => broken.remove(&name),
            };
            service.put(broken).await;
            let sound = read_all(service, user, login.session.parse().unwrap()).await?;
            service.clock.advance(61);
            let body = json!({"email": EMAIL, "password": PASSWORD});
            let answers = [
                service.list(&login.access).await,
                service.activity(&login.access, "").await,
                service.refresh(&login.refresh).await,
                service
                    .send(&login::OPERATION, Event::file("login/json").json(&body))
                    .await,
            ];
            service.put(whole).await;
            for answer in answers {
                let fails = answer.status >= 500 && !answer.body["code"].is_null();
                prop_assert!(
                    !fails || !sound || name == "password_hash",
                    "{name}: {}",
                    answer.body
                );
            }
            Ok(())
        })
    });
}

/// Each file of the corpus holds a function, a base event, and changes to it by JSON pointer.
#[tokio::test]
async fn what_was_found_once_stays_fixed() {
    let service = TestService::new().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut tried = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let case: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let base = case["event"].as_str().unwrap();
        let mut samples = SampleRequest::all().into_iter();
        let sample = samples.find(|sample| sample.file == base).unwrap();
        let mut event = signed_in(&service, &sample).await;
        for (pointer, value) in case["set"].as_object().unwrap() {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            event.pointer_mut(parent).unwrap()[name] = value.clone();
        }
        let answer = answered(&service, sample.operation, Event::of(event)).await;
        let answer = answer.unwrap_or_else(|failure| panic!("{}: {failure}", path.display()));
        assert_eq!(
            answer.status,
            case["status"],
            "{}: {}",
            path.display(),
            answer.body
        );
        tried += 1;
    }
    assert!(tried > 0, "the corpus is not empty");
}
