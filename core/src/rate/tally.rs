//! What is counted of one identity.

use super::{OrderTag, Tat};
use crate::{time::Timestamp, wire::snapshot::Rate};

/// Orders that are remembered, the last that were counted: a workload asks its gateways for no more at once.
pub const ORDERS: usize = 16;

/// What is counted of one identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// When all that was counted would have come, had it come evenly.
    pub(super) tat: Tat,
    /// The last first; zeros where there is none.
    pub(super) orders: [OrderTag; ORDERS],
}

// === impl Tally ===

impl Tally {
    /// Nothing.
    pub const NOTHING: Self = Self { tat: Tat::NEVER, orders: [[0; 8]; ORDERS] };

    /// Counts one exchange, as [`super::Limiter::count`] says.
    pub fn count(&mut self, order: Option<OrderTag>, rate: Rate, now: Timestamp) -> Result<(), u32> {
        if order.is_some_and(|order| self.orders.contains(&order)) {
            return Ok(());
        }
        self.tat.admit(rate, now)?;
        if let Some(order) = order {
            self.orders.rotate_right(1);
            if let Some(last) = self.orders.first_mut() {
                *last = order;
            }
        }
        Ok(())
    }

    /// Whether the whole burst is there again.
    pub const fn is_refilled(&self, now: Timestamp) -> bool {
        self.tat.is_refilled(now)
    }
}
