//! The events of a UE in order, with a look ahead while something is awaited.

use roger_ue::client::UeEvent;
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// Events; those that nobody awaited stay in order.
pub(super) struct Events {
    receiver: mpsc::Receiver<UeEvent>,
    kept: VecDeque<UeEvent>,
}

impl Events {
    pub(super) const fn new(receiver: mpsc::Receiver<UeEvent>) -> Self {
        Self {
            receiver,
            kept: VecDeque::new(),
        }
    }

    /// The next event; `None` when the UE has stopped. Nothing is lost when this is dropped.
    pub(super) async fn next(&mut self) -> Option<UeEvent> {
        match self.kept.pop_front() {
            Some(event) => Some(event),
            None => self.receiver.recv().await,
        }
    }

    /// Takes the first event that `wanted` wants; what came before it is kept for [`Self::next`].
    pub(super) async fn find<T>(
        &mut self,
        mut wanted: impl FnMut(&UeEvent) -> Option<T>,
    ) -> Option<T> {
        let early = self
            .kept
            .iter()
            .enumerate()
            .find_map(|(at, event)| wanted(event).map(|found| (at, found)));
        if let Some((at, found)) = early {
            self.kept.remove(at);
            return Some(found);
        }
        loop {
            let event = self.receiver.recv().await?;
            match wanted(&event) {
                Some(found) => return Some(found),
                None => self.kept.push_back(event),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_not_awaited_is_not_lost() {
        let (sender, receiver) = mpsc::channel(8);
        let mut events = Events::new(receiver);
        for event in [UeEvent::Watching, UeEvent::Authorised, UeEvent::Registered] {
            sender.send(event).await.unwrap();
        }
        drop(sender);
        let is = |wanted: UeEvent| move |event: &UeEvent| (*event == wanted).then_some(());
        assert_eq!(events.find(is(UeEvent::Registered)).await, Some(()));
        assert_eq!(events.find(is(UeEvent::Watching)).await, Some(()));
        assert_eq!(events.next().await, Some(UeEvent::Authorised));
        assert_eq!(events.next().await, None);
        assert_eq!(events.find(is(UeEvent::Watching)).await, None);
    }
}
