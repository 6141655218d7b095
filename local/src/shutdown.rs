//! When to end: a signal, or the end of whoever started us.

use std::os::unix::process::parent_id;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::interval;

use crate::error::Error;

/// What ends the stack.
#[derive(Debug)]
pub(crate) struct Shutdown {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    parent: u32,
}

impl Shutdown {
    /// From now on signals no longer end the process by themselves.
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

    /// Returns when the stack shall end.
    pub(crate) async fn requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
            () = parent_ended(self.parent) => {}
        }
    }
}

/// `make` may be killed without a chance to tell us.
async fn parent_ended(parent: u32) {
    let mut ticks = interval(Duration::from_millis(500));
    while parent_id() == parent {
        ticks.tick().await;
    }
}
