//! What waits for the next transaction: whoever comes shares it with all who came meanwhile, since a commit costs the
//! disk a moment however many rows it holds.
//!
//! Deliberately absent: writing, and what an answer means. Whoever owns the queue has one task that takes and writes.

use core::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Things that wait, each with somebody who waits for its answer.
pub struct Turns<T, A> {
    queue: Mutex<Queue<T, A>>,
    bounds: Bounds,
}

/// How much may be where, in rows.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Rows that wait at most; one thing may wait alone whatever it has.
    pub waiting: usize,
    /// Rows of one transaction; one thing may be alone in it whatever it has.
    pub taken: usize,
}

/// Too much waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowded;

/// A place in the queue.
pub struct Place<A> {
    /// Brings the answer, or ends when there is none.
    pub answer: oneshot::Receiver<A>,
    /// Whether nobody writes: then whoever has this place must have the task started.
    pub is_first: bool,
}

struct Queue<T, A> {
    waiting: Vec<Waiting<T, A>>,
    rows: usize,
    /// Whether a task writes.
    busy: bool,
}

struct Waiting<T, A> {
    thing: T,
    rows: usize,
    answer: oneshot::Sender<A>,
}

// === impl Turns ===

impl<T, A> Turns<T, A> {
    /// An empty queue.
    pub const fn new(bounds: Bounds) -> Self {
        let queue = Queue { waiting: Vec::new(), rows: 0, busy: false };
        Self { queue: Mutex::new(queue), bounds }
    }

    /// Puts a thing of so many rows at the end.
    pub fn join(&self, thing: T, rows: usize) -> Result<Place<A>, Crowded> {
        let (sender, answer) = oneshot::channel();
        let mut queue = self.queue();
        let all = queue.rows.saturating_add(rows);
        if queue.rows > 0 && all > self.bounds.waiting {
            return Err(Crowded);
        }
        queue.rows = all;
        queue.waiting.push(Waiting { thing, rows, answer: sender });
        Ok(Place { answer, is_first: !mem::replace(&mut queue.busy, true) })
    }

    /// What the next transaction writes and who waits for it, in the order in which they came. `None` ends the task.
    pub fn take(&self) -> Option<(Vec<T>, Vec<oneshot::Sender<A>>)> {
        let mut queue = self.queue();
        if queue.waiting.is_empty() {
            queue.busy = false;
            return None;
        }
        let mut rows = 0_usize;
        let fits = |waiting: &&Waiting<T, A>| {
            let is_alone = rows == 0;
            let all = rows.saturating_add(waiting.rows);
            let fits = is_alone || all <= self.bounds.taken;
            if fits {
                rows = all;
            }
            fits
        };
        let count = queue.waiting.iter().take_while(fits).count();
        let rest = queue.waiting.split_off(count);
        let batch = mem::replace(&mut queue.waiting, rest);
        queue.rows = queue.rows.saturating_sub(rows);
        drop(queue);
        Some(batch.into_iter().map(|Waiting { thing, answer, .. }| (thing, answer)).unzip())
    }

    fn queue(&self) -> MutexGuard<'_, Queue<T, A>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Crowded, Turns};

    const BOUNDS: Bounds = Bounds { waiting: 6, taken: 4 };

    fn taken(turns: &Turns<&'static str, ()>) -> Option<Vec<&'static str>> {
        turns.take().map(|(things, _)| things)
    }

    #[test]
    fn the_first_of_each_turn_starts_the_task_and_the_task_takes_as_much_as_fits() {
        let turns = Turns::new(BOUNDS);
        let firsts: Vec<bool> = [("a", 2), ("b", 2), ("c", 1)]
            .map(|(thing, rows)| turns.join(thing, rows).unwrap().is_first)
            .into();
        assert_eq!(firsts, [true, false, false]);
        assert_eq!(taken(&turns), Some(vec!["a", "b"]));
        assert!(!turns.join("d", 1).unwrap().is_first, "the task goes on");
        assert_eq!(taken(&turns), Some(vec!["c", "d"]));
        assert_eq!(taken(&turns), None);
        assert!(turns.join("e", 1).unwrap().is_first);
    }

    #[test]
    fn no_more_waits_than_may_and_what_is_taken_makes_room() {
        let turns = Turns::new(BOUNDS);
        assert!(turns.join("a", 4).is_ok() && turns.join("b", 2).is_ok());
        assert_eq!(turns.join("c", 1).err(), Some(Crowded));
        assert_eq!(taken(&turns), Some(vec!["a"]));
        assert!(turns.join("c", 4).is_ok());
        assert_eq!(turns.join("d", 1).err(), Some(Crowded));
    }

    #[test]
    fn one_that_is_larger_than_everything_waits_and_is_taken_alone() {
        let turns = Turns::new(BOUNDS);
        assert!(turns.join("large", 100).is_ok());
        assert_eq!(turns.join("small", 1).err(), Some(Crowded));
        assert_eq!(taken(&turns), Some(vec!["large"]));
        assert!(turns.join("small", 1).is_ok());
    }

    #[tokio::test]
    async fn who_waits_hears_of_an_answer_and_of_none() {
        let turns = Turns::new(BOUNDS);
        let answers = ["a", "b"].map(|thing| turns.join(thing, 1).unwrap().answer);
        let (_, mut senders) = turns.take().unwrap();
        drop(senders.pop());
        senders.pop().unwrap().send(true).unwrap();
        let [first, second] = answers;
        assert_eq!(first.await, Ok(true));
        assert!(second.await.is_err());
    }
}
