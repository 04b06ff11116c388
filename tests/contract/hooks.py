"""Checks of our own, beside those of schemathesis."""

import os
import re

import schemathesis

OWN_KEYS = os.environ["CONTRACT_OWN_KEYS"].split(",")


@schemathesis.hook
def before_call(context, case, kwargs):
    """The keys that the run itself uses are neither revoked nor rolled: another one is."""
    if (case.path_parameters or {}).get("api_key") in OWN_KEYS:
        case.path_parameters["api_key"] = os.environ["CONTRACT_API_KEY"]

# What no schema can say, because it is about more than one field, about who asks, or about what is there.
BEYOND_SCHEMAS = [
    r"^Only one of starting_after, ending_before and offset can be given$",
    r"^\w+ names nothing in this list: ",
    r"^(milestones\[\d+\]\.)?\w+ must have at most \d decimals for ",
    r"^(milestones\[\d+\]\.)?\w+ must (not be zero|be greater than zero|be at most )",
    r"is required (for|with) ",
    r"^requireApproval cannot be combined with ",
    r"^refundAmount goes with resolution ",
    r"^kind is required$",
    r"^merchantId (is required$|must be your own|must be left out)",
    r"^scopes must be left out",
    r"^(kind must be|[Tt]here is no such merchant|Another merchant has this name)",
    r"milestoneIndex \d+ stands twice in the list$",
    r"^webhookEndpointId must be the id of a webhook endpoint of yours$",
    # Where webhooks may go depends on the mode and on what the operator has set.
    r"^url must be ",
    # Texts at any depth of metadata.
    r"(?s)^metadata.* must not (contain|have) control characters",
    r"must be at most \d+ bytes",
    r"^advance would put the clock more than ",
    r"^Cannot create milestone for order with release type: ",
    # Numbers of seconds that are sent as text.
    r"^\w+(\.\w+)* must be (seconds|an integer) from -?\d+ to \d+",
    r"^Nothing (to change|is submitted): send ",
    r"^Payment intent is not of type DELIVERY_VS_PAYMENT$",
]


@schemathesis.check
def refused_for_no_field(ctx, response, case):
    """A request that fits its schema is never refused for the form of a field, only for what no schema can say."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 400:
        return
    error = response.json()
    if error["code"] not in ("invalid_request", "invalid_transaction_hash"):
        return
    if "param" not in error and not error["message"].startswith("The request body"):
        return
    message = error["message"]
    if not any(re.search(rule, message) for rule in BEYOND_SCHEMAS):
        raise AssertionError(f"a request that fits its schema was refused: {message}")
