//! A function as a process of its own, as Lambda runs it, and what lies between it and the table: to kill the one at a
//! moment that the other chooses.

use std::{
    collections::HashMap,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path as Parameters, State},
    http::HeaderMap,
    routing::{get, post},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Mutex as Queue, Notify, mpsc, oneshot, watch},
};

use super::Event;

/// A running function. It is killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    events: mpsc::UnboundedSender<(String, Value)>,
    answers: Answers,
    ready: Arc<Notify>,
}

type Answers = Arc<Mutex<HashMap<String, oneshot::Sender<Value>>>>;

/// What the Runtime API of Lambda knows.
#[derive(Clone)]
struct Runtime {
    events: Arc<Queue<mpsc::UnboundedReceiver<(String, Value)>>>,
    answers: Answers,
    ready: Arc<Notify>,
}

impl Process {
    /// Starts a function with these variables, and with the Runtime API that Lambda would give it.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn start(function: &str, variables: &[(String, String)]) -> Self {
        let (events, receiver) = mpsc::unbounded_channel();
        let (answers, ready) = (Answers::default(), Arc::<Notify>::default());
        let runtime = Runtime {
            events: Arc::new(Queue::new(receiver)),
            answers: Arc::clone(&answers),
            ready: Arc::clone(&ready),
        };
        let invocation = "/2018-06-01/runtime/invocation";
        let api = Router::new()
            .route(&format!("{invocation}/next"), get(next))
            .route(&format!("{invocation}/{{id}}/response"), post(response))
            .with_state(runtime);
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("there is a free port");
        let address = listener.local_addr().expect("it listens").to_string();
        tokio::spawn(async move { axum::serve(listener, api).await });

        let binary = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../target/debug")
            .join(function);
        let child = Command::new(&binary)
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", function)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        Self {
            child,
            events,
            answers,
            ready,
        }
    }

    /// Returns when it has started, and asks for its first event.
    pub async fn is_ready(&self) {
        self.ready.notified().await;
    }

    /// Gives it an event to answer; none when it dies before it does.
    ///
    /// # Panics
    ///
    /// When it neither answers nor dies within half a minute.
    pub async fn invoke(&self, event: &Event) -> Option<Value> {
        let id = shared::domain::ids::Ids::system().request_token();
        let (sender, answer) = oneshot::channel();
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.clone(), sender);
        let _ = self.events.send((id, event.value().clone()));
        let answered = tokio::time::timeout(Duration::from_secs(30), answer).await;
        answered.expect("a function answers or dies within 30 s").ok()
    }

    /// `SIGKILL`: it does not get to do anything any more.
    ///
    /// # Panics
    ///
    /// When it cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("a process of ours can be killed");
        self.child.wait().expect("a process of ours can be waited for");
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn next(State(runtime): State<Runtime>) -> (HeaderMap, String) {
    runtime.ready.notify_one();
    let event = runtime.events.lock().await.recv().await;
    let Some((id, event)) = event else {
        std::future::pending().await
    };
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        headers.insert(name, value.parse().expect("ids and numbers are header values"));
    };
    set("lambda-runtime-aws-request-id", &id);
    // Ours do not look at it.
    set("lambda-runtime-deadline-ms", "9000000000000");
    set(
        "lambda-runtime-invoked-function-arn",
        "arn:aws:lambda:us-east-1:123456789012:function:test",
    );
    (headers, event.to_string())
}

async fn response(State(runtime): State<Runtime>, Parameters(id): Parameters<String>, body: String) {
    let answer = runtime
        .answers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&id);
    if let Some(answer) = answer {
        let _ = answer.send(serde_json::from_str(&body).expect("an answer is JSON"));
    }
}

/// Forwards to the table, until it is told to keep an answer back.
#[derive(Debug)]
pub struct Proxy {
    endpoint: String,
    held: watch::Sender<Option<&'static str>>,
    happened: mpsc::UnboundedReceiver<()>,
}

impl Proxy {
    /// Starts one in front of the table at `upstream`, a URL with host and port.
    ///
    /// # Panics
    ///
    /// When there is no free port.
    pub async fn start(upstream: &str) -> Self {
        let upstream = upstream
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("there is a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("it listens"));
        let (held, answers) = watch::channel(None);
        let (happens, happened) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (upstream, answers, happens) = (upstream.clone(), answers.clone(), happens.clone());
                tokio::spawn(async move { forward(client, &upstream, &answers, &happens).await });
            }
        });
        Self {
            endpoint,
            held,
            happened,
        }
    }

    /// Its URL.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// From now on, the answers to this kind of call are kept back: the table has carried it out, and nobody is told.
    pub fn hold(&self, action: Option<&'static str>) {
        self.held.send_replace(action);
    }

    /// Returns when an answer has been kept back.
    ///
    /// # Panics
    ///
    /// When none is within half a minute.
    pub async fn has_held(&mut self) {
        let held = tokio::time::timeout(Duration::from_secs(30), self.happened.recv()).await;
        held.expect("a call is made within 30 s").expect("the proxy runs");
    }
}

/// One connection. HTTP/1.1 answers one request after the other, so that what comes back belongs to what went out last.
async fn forward(
    mut client: TcpStream,
    upstream: &str,
    held: &watch::Receiver<Option<&'static str>>,
    happens: &mpsc::UnboundedSender<()>,
) -> Option<()> {
    let mut table = TcpStream::connect(upstream).await.ok()?;
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    let mut is_held = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let bytes = &asked[..read.ok().filter(|&read| read > 0)?];
                let names = |action: &str| {
                    let header = format!("DynamoDB_20120810.{action}\r\n");
                    bytes.windows(header.len()).any(|window| window == header.as_bytes())
                };
                is_held |= held.borrow().is_some_and(names);
                table.write_all(bytes).await.ok()?;
            }
            read = table.read(&mut answered) => {
                let bytes = &answered[..read.ok().filter(|&read| read > 0)?];
                if is_held {
                    let _ = happens.send(());
                    return std::future::pending().await;
                }
                client.write_all(bytes).await.ok()?;
            }
        }
    }
}
