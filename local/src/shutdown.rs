//! When to stop: on a signal, or when our parent process ends.

use std::os::unix::process::parent_id;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::interval;

use crate::error::Error;

/// What stops the stack.
#[derive(Debug)]
pub(crate) struct Shutdown {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    parent: u32,
}

impl Shutdown {
    /// From now on signals no longer kill the process.
    pub(crate) fn listen() -> Result<Self, Error> {
        let on = |kind| {
            signal(kind).map_err(|source| Error::Process {
                action: "listening to signals",
                source,
            })
        };
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hangup: on(SignalKind::hangup())?,
            parent: parent_id(),
        })
    }

    /// Returns when the stack must stop.
    pub(crate) async fn requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
            () = parent_ended(self.parent) => {}
        }
    }
}

/// `make` may be killed before it can tell us.
async fn parent_ended(parent: u32) {
    let mut ticks = interval(Duration::from_millis(500));
    while parent_id() == parent {
        ticks.tick().await;
    }
}
