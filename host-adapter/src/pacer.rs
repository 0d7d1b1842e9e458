//! Turns for busy guests. One that has used up its tick goes on only after its thread has been others' for as long, and of all
//! busy guests of the thread one goes on at a time: so others wait one tick, however many are busy.

use crate::limits;
use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, oneshot};

/// The turns of one thread.
#[derive(Debug, Default)]
pub struct Pacer {
    waiting: Mutex<VecDeque<oneshot::Sender<()>>>,
    joined: Notify,
}

impl Pacer {
    /// Queues up; the future ends when it is this guest's turn.
    pub fn turn(self: &Arc<Self>) -> impl Future<Output = ()> + Send + 'static {
        let (sender, turn) = oneshot::channel();
        self.lock().push_back(sender);
        self.joined.notify_one();
        async move {
            // An error means that the thread is stopping: nobody is left to wait for.
            let _ = turn.await;
        }
    }

    /// Gives turns for as long as the thread runs.
    pub async fn run(self: Arc<Self>) {
        loop {
            let next = self.lock().pop_front();
            match next {
                Some(next) => {
                    let _ = next.send(());
                }
                None => self.joined.notified().await,
            }
            // Whatever others ask for meanwhile takes several turns of theirs: with a tick before each, they would crawl.
            tokio::time::sleep(limits::EPOCH_TICK).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<oneshot::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    #[tokio::test]
    async fn busy_guests_take_turns_and_others_run_between_them() {
        let pacer = Arc::new(Pacer::default());
        let pacing = tokio::spawn(pacer.clone().run());
        let others = Arc::new(AtomicUsize::new(0));
        let counting = others.clone();
        let other = tokio::spawn(async move {
            loop {
                counting.fetch_add(1, Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let busy = (0..3).map(|_| {
            let (pacer, others) = (pacer.clone(), others.clone());
            tokio::spawn(async move {
                for _ in 0..10 {
                    let before = others.load(Relaxed);
                    pacer.turn().await;
                    assert!(others.load(Relaxed) > before, "nobody else ran");
                }
            })
        });
        futures::future::try_join_all(busy).await.unwrap();
        pacing.abort();
        other.abort();
    }
}
