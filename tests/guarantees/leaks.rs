//! No secret gets into the log, at any level, whatever happens, and no password or whole token into the table.
//!
//! In its own process, since it takes over the log and the panic hook.

#[path = "leaks/walk.rs"]
mod walk;

use std::{
    io::{self, Write},
    panic,
    sync::{Arc, Mutex},
};

use shared::runtime::logging::{self, LogFormat};

use walk::Walk;

/// The log's output.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn no_secret_gets_into_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let functions: Vec<_> = registry::ALL.iter().map(|function| function.name).collect();
    let subscriber = logging::lines(
        tracing::level_filters::LevelFilter::TRACE,
        LogFormat::Json,
        &functions,
        move || writer.clone(),
    );
    tracing::subscriber::set_global_default(subscriber).unwrap();
    panic::set_hook(Box::new(|panic| {
        logging::tell_of_panic(panic);
        eprintln!("{panic}");
    }));

    let mut walk = Walk::new().await;
    walk.commands().await;
    walk.logins().await;
    walk.sessions().await;
    walk.tickets().await;
    walk.oauth().await;
    walk.note_stored().await;
    walk.failures().await;

    let log = log.text();
    for expected in [
        "\"answered\"",
        "\"refused\"",
        "\"failed\"",
        "\"panicked\"",
        "is corrupt",
        "rate limit",
        "the command failed",
    ] {
        assert!(
            log.contains(expected),
            "the walk logged no line with {expected}:\n{log}"
        );
    }
    let folded = log.to_lowercase();
    for (what, secret) in &walk.secrets {
        assert!(
            !folded.contains(&secret.to_lowercase()),
            "{what} is in the log: {secret}\n{log}"
        );
    }
}

#[tokio::test]
async fn the_table_holds_no_password_no_whole_token_and_an_address_only_in_its_account() {
    let mut walk = Walk::new().await;
    walk.commands().await;
    walk.logins().await;
    walk.sessions().await;
    walk.tickets().await;
    walk.oauth().await;
    let items = walk.service.items().await;
    assert!(items.len() > 30, "the walk left {} items", items.len());
    let text = serde_json::to_string(&items).unwrap();
    let stored = ["a jti"];
    let addresses = ["an address", "the usual address", "an unknown address"];
    for (what, secret) in walk
        .secrets
        .iter()
        .filter(|(what, _)| !stored.contains(what) && !addresses.contains(what))
    {
        assert!(
            !text.contains(secret.as_str()),
            "{what} is in the table: {secret}"
        );
    }
    assert!(!text.contains("eyJ"), "the beginning of every token");
    for item in &items {
        let own = item["sk"] == "PROFILE" || item["sk"] == "CREDENTIAL";
        assert!(own || !item.to_string().contains('@'), "an address in {item}");
        assert!(!item.to_string().contains("canary.nobody"), "{item}");
    }
}
