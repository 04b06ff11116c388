//! A secret is replaced without a call that cannot be verified.

use engine::Secret;
use serde_json::json;

use super::ARGS;
use super::receiver::{ACCEPTS, Heard, Manner, Receiver};
use super::scene::{Endpoint, assert_genuine, heard, secret, signature};
use crate::harness::{Client, Gateway, folder, until};

fn rotate(client: &Client, endpoint: &Endpoint, grace: &str) -> Secret {
    secret(&client.post(&endpoint.path("/rotate-secret"), &json!({"gracePeriod": grace})))
}

/// A call that is made now.
fn next(client: &Client, endpoint: &Endpoint, receiver: &Receiver) -> Heard {
    let before = receiver.count();
    client.post(&endpoint.path("/test"), &json!({}));
    heard(receiver, before + 1).remove(before)
}

#[test]
fn an_old_secret_signs_beside_the_new_one_until_its_grace_is_over() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &ARGS);
    let client = gateway.client();
    let receiver = Receiver::start(Manner::Says(ACCEPTS));
    let endpoint = Endpoint::create(&client, &receiver.url(), &["dispute.*"]);
    let first = &endpoint.secret;
    assert_genuine(&client, &next(&client, &endpoint, &receiver), &[first]);

    let second = rotate(&client, &endpoint, "1h");
    assert_genuine(&client, &next(&client, &endpoint, &receiver), &[&second, first]);

    // The one before the last has had its time, whatever it was given.
    let third = rotate(&client, &endpoint, "1s");
    let call = until("the grace to be over", || {
        let call = next(&client, &endpoint, &receiver);
        let both = call.header("webhook-signature") == signature(&call, &[&third, &second]);
        (!both).then_some(call)
    });
    assert_genuine(&client, &call, &[&third]);

    let fourth = rotate(&client, &endpoint, "0s");
    assert_genuine(&client, &next(&client, &endpoint, &receiver), &[&fourth]);
    gateway.stop();
}
