//! What is delivered to webhook endpoints.

pub(super) mod get;
pub(super) mod redeliver;

use store::Delivery;

use super::access::may_see;
use super::auth::Admitted;
use super::error::{ApiError, Resource};
use super::webhook_endpoints::owner;
use crate::gateway::Gateway;

impl Gateway {
    /// A delivery that whoever asks may see: a merchant its own of one mode.
    async fn delivery(&self, asker: &Admitted, text: &str) -> Result<Delivery, ApiError> {
        let missing = || ApiError::Missing(Resource::WebhookDelivery, text.to_owned());
        let id = text.parse().map_err(|_| missing())?;
        let delivery = self.engine.store().delivery(id).await?.ok_or_else(missing)?;
        may_see(owner(asker)?, delivery.event.owner, Resource::WebhookDelivery, text)?;
        Ok(delivery)
    }
}
