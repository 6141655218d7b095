//! Who goes next: every order in which calls of several operations can reach the table, one at a time.

use tokio::sync::{mpsc, oneshot};

/// Where the calls of one operation wait for a turn.
#[derive(Clone, Debug)]
pub struct Turns(mpsc::UnboundedSender<Waiting>);

/// A call in progress. Its turn ends when this is dropped.
#[must_use]
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "it is held, and its end is heard")] oneshot::Sender<()>);

#[derive(Debug)]
struct Waiting {
    go: oneshot::Sender<()>,
    over: oneshot::Receiver<()>,
}

impl Turns {
    /// Waits for a turn.
    pub async fn take(&self) -> Turn {
        let ((go, gone), (done, over)) = (oneshot::channel(), oneshot::channel());
        // Nobody decides any more: all calls may proceed.
        if self.0.send(Waiting { go, over }).is_ok() {
            let _ = gone.await;
        }
        Turn(done)
    }
}

/// The deciding side.
#[derive(Debug)]
pub struct Queue(mpsc::UnboundedReceiver<Waiting>);

/// Returns a queue for the calls of one operation, and the side that releases them.
#[must_use]
pub fn turns() -> (Turns, Queue) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Turns(sender), Queue(receiver))
}

/// What an operation does next.
enum Next<T> {
    Calls(Waiting),
    Ends(T),
}

/// Concurrent operations: each runs until it calls the table, then waits.
struct Runner<T> {
    queue: Queue,
    task: tokio::task::JoinHandle<T>,
}

impl<T> Runner<T> {
    async fn next(&mut self) -> Next<T> {
        tokio::select! {
            biased;
            Some(waiting) = self.queue.0.recv() => Next::Calls(waiting),
            ended = &mut self.task => Next::Ends(ended.expect("the operation does not panic")),
        }
    }
}

/// One order of the calls: for each step, which of the operations that wanted to call did, and how many wanted to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule(Vec<(usize, usize)>);

impl Schedule {
    /// One of many possible orders: equal numbers give equal orders.
    #[must_use]
    pub fn numbered(number: u64) -> Self {
        // SplitMix64: all choices are equally likely.
        let mut state = number;
        let choices = (0..200).map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (usize::from((mixed ^ (mixed >> 31)).to_be_bytes()[0]), 0)
        });
        Self(choices.collect())
    }

    /// The next order that has not been tried; `None` if all have.
    #[must_use]
    pub fn following(mut self) -> Option<Self> {
        while let Some((choice, choices)) = self.0.pop() {
            if choice + 1 < choices {
                self.0.push((choice + 1, choices));
                return Some(self);
            }
        }
        None
    }

    /// Runs operations, each with the queue of its own calls, in this order; after its end, the first that wants to
    /// call does. Returns the operations' results and the whole order.
    ///
    /// # Panics
    ///
    /// If an operation panics.
    pub async fn run<T: Send + 'static>(
        &self,
        operations: Vec<(Queue, tokio::task::JoinHandle<T>)>,
    ) -> (Vec<T>, Self) {
        let mut runners: Vec<_> = operations
            .into_iter()
            .map(|(queue, task)| Runner { queue, task })
            .collect();
        let mut ends: Vec<Option<T>> = runners.iter().map(|_| None).collect();
        let mut waiting: Vec<Option<Waiting>> = runners.iter().map(|_| None).collect();
        let mut taken = Self::default();
        loop {
            for (number, runner) in runners.iter_mut().enumerate() {
                if ends[number].is_none() && waiting[number].is_none() {
                    match runner.next().await {
                        Next::Calls(call) => waiting[number] = Some(call),
                        Next::Ends(end) => ends[number] = Some(end),
                    }
                }
            }
            let callers: Vec<_> = (0..runners.len())
                .filter(|&number| waiting[number].is_some())
                .collect();
            if callers.is_empty() {
                return (ends.into_iter().flatten().collect(), taken);
            }
            let choice = self
                .0
                .get(taken.0.len())
                .map_or(0, |&(choice, _)| choice % callers.len());
            taken.0.push((choice, callers.len()));
            if let Some(call) = waiting[callers[choice]].take() {
                let _ = call.go.send(());
                // An error also means that the turn is over.
                let _ = call.over.await;
            }
        }
    }
}
