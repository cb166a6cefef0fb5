//! What a caller waits for.

use crate::StoreFault;
use crate::sql::{Connection, Transaction};
use core::pin::Pin;
use std::sync::mpsc::SyncSender;

/// Work in a transaction, and the caller who waits for its outcome.
pub(super) trait Job: Send {
    /// What it needs.
    fn transaction(&self) -> Transaction;

    /// Does the work in a transaction that has begun. It may be done again after it was undone.
    fn attempt<'a>(
        &'a mut self,
        connection: &'a mut Connection,
    ) -> Pin<Box<dyn Future<Output = Result<(), StoreFault>> + 'a>>;

    /// Gives the caller what the last attempt found, or why nothing of it was kept.
    fn answer(self: Box<Self>, outcome: Result<(), StoreFault>);
}

/// A call of [`super::Worker::read`] or [`super::Worker::write`].
pub(super) struct Call<T, F> {
    pub(super) transaction: Transaction,
    pub(super) work: F,
    pub(super) found: Option<T>,
    pub(super) caller: SyncSender<Result<T, StoreFault>>,
}

impl<T, F> Job for Call<T, F>
where
    T: Send,
    F: for<'c> AsyncFn(&'c mut Connection) -> Result<T, StoreFault> + Send,
{
    fn transaction(&self) -> Transaction {
        self.transaction
    }

    fn attempt<'a>(
        &'a mut self,
        connection: &'a mut Connection,
    ) -> Pin<Box<dyn Future<Output = Result<(), StoreFault>> + 'a>> {
        Box::pin(async {
            self.found = Some((self.work)(connection).await?);
            Ok(())
        })
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreFault>) {
        let nothing = || StoreFault::LocalUnavailable("the work was not done".to_owned());
        let Self { found, caller, .. } = *self;
        // A caller who is gone does not want it.
        let _ = caller.send(outcome.and_then(|()| found.ok_or_else(nothing)));
    }
}
