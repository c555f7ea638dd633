//! The way to Redis (`-redis`): two threads carry requests and letters there and bring answers and letters back. What they mean is
//! `signal_proto::cluster`'s. Without the flag nothing of this runs.
//!
//! The `redis` crate's own I/O blocks, or wants another runtime; two threads keep it away from the rooms. Both connect again by
//! themselves, and a letter under way then is found in its stream.

mod link;
mod store;

use signal_proto::cluster::{Input, NodeId, StoreRequest};
use smol::channel::{Receiver, Sender, bounded};

use crate::limits::CLUSTER_ORDERS_MAX;
use link::Link;

/// Something for Redis, in order.
#[derive(Debug)]
pub(crate) enum Order {
    /// A question.
    Ask(StoreRequest),
    /// A letter to another process.
    Post {
        /// To whom.
        to: NodeId,
        /// As its core wrote it.
        letter: String,
    },
}

/// The orders' way in. Without room an order is dropped: questions are asked again, and the loss of a letter is noticed.
#[derive(Clone, Debug)]
pub(crate) struct Orders(Sender<Order>);

impl Orders {
    pub(crate) fn push(&self, order: Order) {
        if self.0.try_send(order).is_err() {
            log::debug!("Redis is too far behind: something for it was dropped");
        }
    }
}

/// A running connection to Redis.
pub(crate) struct Cluster {
    pub(crate) orders: Orders,
    pub(crate) inputs: Receiver<Input>,
    link: Link,
}

impl Cluster {
    /// Starts to connect; nothing waits for it.
    ///
    /// # Errors
    /// When the URL is none, or no thread can be had.
    pub(crate) fn start(url: &str, id: NodeId) -> Result<Self, String> {
        let (orders, ordered) = bounded(CLUSTER_ORDERS_MAX);
        let (heard, inputs) = bounded(CLUSTER_ORDERS_MAX);
        let link = Link::start(url, id, ordered, heard)?;
        Ok(Self { orders: Orders(orders), inputs, link })
    }

    /// Over when everything that was ordered has been carried out, and the threads are gone.
    pub(crate) async fn finish(self) {
        let Self { orders, inputs, link } = self;
        drop(orders);
        link.wrote.recv().await.ok();
        drop(inputs);
    }
}
