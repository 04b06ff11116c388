//! Webhook endpoints.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod deliveries;
pub(super) mod get;
pub(super) mod list;
pub(super) mod rotate;
pub(super) mod test;
pub(super) mod update;

use escrow::Owner;
use store::{Endpoint, EndpointState, KeyHolder};

use super::access::may_see;
use super::auth::Admitted;
use super::error::{ApiError, Resource};
use super::events::types;
use super::fields::{Fields, Limit, Read};
use super::openapi::field;
use crate::gateway::Gateway;
use crate::webhooks::{MAX_WEBHOOK_URL_CHARS, check_url};

/// The most types and families that an endpoint can name.
const MAX_EVENTS: usize = 100;

/// The longest description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 500;

const URL: &str = "url";
const EVENTS: &str = "enabledEvents";
const DESCRIPTION: &str = "description";

impl Gateway {
    /// An endpoint that whoever asks may see: a merchant its own of one mode.
    pub(super) async fn endpoint(&self, asker: &Admitted, text: &str) -> Result<Endpoint, ApiError> {
        let missing = || ApiError::Missing(Resource::WebhookEndpoint, text.to_owned());
        let id = text.parse().map_err(|_| missing())?;
        let found = self.engine.store().endpoint(id).await?;
        let endpoint = found.filter(|endpoint| endpoint.state != EndpointState::Deleted).ok_or_else(missing)?;
        may_see(owner(asker)?, endpoint.owner, Resource::WebhookEndpoint, text)?;
        Ok(endpoint)
    }

    /// Where calls are to go, in the form in which it is kept.
    fn webhook_url(&self, fields: &Fields<'_>, owner: Owner) -> Read<Option<String>> {
        let Some(text) = fields.full_text(URL, Limit::Chars(MAX_WEBHOOK_URL_CHARS))? else { return Ok(None) };
        let checked = check_url(text, owner.mode, self.settings.webhook_targets);
        checked.map(Some).map_err(|allowed| fields.wrong(URL, format!("must be {allowed}")))
    }
}

/// Whose endpoints whoever asks works with. The route lets merchants in alone.
pub(super) fn owner(asker: &Admitted) -> Result<Owner, ApiError> {
    match asker.key.holder {
        KeyHolder::Owner(owner) => Ok(owner),
        KeyHolder::Operator => Err(ApiError::OperatorKey),
    }
}

/// Which events are chosen.
fn events(fields: &Fields<'_>) -> Read<Option<Vec<String>>> {
    let Some(texts) = fields.texts(EVENTS, MAX_EVENTS)? else { return Ok(None) };
    if texts.is_empty() {
        return Err(fields.wrong(EVENTS, "must choose one type of event at least; [\"*\"] chooses all"));
    }
    for text in &texts {
        types::check(text).map_err(|allowed| fields.wrong(EVENTS, allowed))?;
    }
    Ok(Some(texts.into_iter().map(str::to_owned).collect()))
}

fn events_kind() -> field::Kind {
    field::choices(MAX_EVENTS, &types::names())
}

fn url_kind() -> field::Kind {
    field::web_url(Limit::Chars(MAX_WEBHOOK_URL_CHARS))
}

fn description(fields: &Fields<'_>) -> Read<Option<String>> {
    Ok(fields.text(DESCRIPTION, Limit::Chars(MAX_DESCRIPTION_CHARS))?.map(str::to_owned))
}

fn description_kind() -> field::Kind {
    field::text(Limit::Chars(MAX_DESCRIPTION_CHARS))
}
