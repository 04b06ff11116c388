//! API keys.

use store::{ApiKey, KeyHolder};

use super::access::may_see;
use super::auth::Admitted;
use super::error::{ApiError, Resource};
use crate::gateway::Gateway;

pub(super) mod create;
pub(super) mod get;
pub(super) mod list;
pub(super) mod revoke;
pub(super) mod roll;

impl Gateway {
    /// A key that whoever asks may see: the operator every one, a merchant its own of one mode.
    async fn api_key(&self, asker: &Admitted, text: &str) -> Result<ApiKey, ApiError> {
        let missing = || ApiError::Missing(Resource::ApiKey, text.to_owned());
        let id = text.parse().map_err(|_| missing())?;
        let key = self.engine.store().key(id).await?.ok_or_else(missing)?;
        match (asker.key.holder, key.holder) {
            (KeyHolder::Operator, _) => Ok(key),
            (KeyHolder::Owner(_), KeyHolder::Operator) => Err(ApiError::NotYours(Resource::ApiKey)),
            (KeyHolder::Owner(caller), KeyHolder::Owner(owner)) => {
                may_see(caller, owner, Resource::ApiKey, text)?;
                Ok(key)
            }
        }
    }
}
