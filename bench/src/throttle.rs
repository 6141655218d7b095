//! Imitates the CPU time that Lambda gives a function of some size.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use testkit::Outcome;

/// Lambda gives a function of this size one CPU, and smaller ones a proportional share.
const WHOLE_PROCESSOR_MB: f64 = 1769.0;
/// Lambda's time slice.
const PERIOD: Duration = Duration::from_millis(20);

/// The share of a CPU that a function of this size gets.
pub fn share_of(megabytes: u32) -> f64 {
    (f64::from(megabytes) / WHOLE_PROCESSOR_MB).min(1.0)
}

/// Lets a process run only part of the time, until dropped.
pub struct Throttle {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Throttle {
    /// From now on, pauses the process for the rest of each period.
    ///
    /// # Errors
    ///
    /// If there is no such process.
    pub fn start(pid: u32, share: f64) -> Outcome<Self> {
        let pid = Pid::from_raw(pid.try_into()?).ok_or("no process")?;
        let ends = Arc::new(AtomicBool::new(share >= 1.0));
        let ended = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                thread::sleep(PERIOD.mul_f64(share));
                let _ = kill_process(pid, Signal::STOP);
                thread::sleep(PERIOD.mul_f64(1.0 - share));
                let _ = kill_process(pid, Signal::CONT);
            }
        });
        Ok(Self {
            ends,
            thread: Some(thread),
        })
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
