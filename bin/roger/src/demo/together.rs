//! Several futures of one task at the same time.

use core::future::poll_fn;
use core::task::Poll;
use std::pin::Pin;

/// A future with its output once it is done.
type Running<F> = (Pin<Box<F>>, Option<<F as Future>::Output>);

/// Runs all of them at once and gives their results in order.
pub(super) async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<Running<F>> = futures
        .into_iter()
        .map(|future| (Box::pin(future), None))
        .collect();
    poll_fn(|context| {
        for (future, output) in waiting.iter_mut().filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                *output = Some(value);
            }
        }
        if waiting.iter().all(|(_, output)| output.is_some()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    waiting
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn results_come_in_order_whoever_is_first() {
        let wait = |milliseconds: u64| async move {
            tokio::time::sleep(core::time::Duration::from_millis(milliseconds)).await;
            milliseconds
        };
        assert_eq!(together([30, 1, 10].map(wait)).await, [30, 1, 10]);
        assert!(
            together(core::iter::empty::<core::future::Ready<()>>())
                .await
                .is_empty()
        );
    }
}
