//! One suite for every store: the same operations, the same answers.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use store::{MemoryStore, SqliteStore, Store};

mod audit;
mod claims;
mod clocks;
mod commits;
mod databases;
mod events;
mod everybody;
mod faults;
mod filters;
mod history;
mod jobs;
mod leases;
mod lists;
mod migrations;
mod payments;
mod people;
mod portable;
mod postgres;
mod replies;
mod requests;
mod sqlite;
mod together;
mod waits;
mod webhooks;
mod world;

/// Makes a test of each check for each store.
macro_rules! conformance {
    ($($module:ident::$check:ident,)*) => {
        mod in_memory {
            use super::*;

            $(#[tokio::test]
            async fn $check() {
                $module::$check(&MemoryStore::new()).await;
            })*
        }

        mod in_sqlite {
            use super::*;

            $(#[tokio::test]
            async fn $check() {
                let dir = tempfile::tempdir().expect("a folder");
                let store = SqliteStore::open(dir.path()).expect("a store");
                $module::$check(&store).await;
                store.close().await;
            })*
        }

        mod in_postgres {
            use super::*;

            $(#[tokio::test]
            async fn $check() {
                // Where tests are to do without PostgreSQL, whoever runs them says that this is left out.
                let Some(database) = cluster::Database::fresh() else { return };
                let store = postgres::made(&database).await;
                $module::$check(&store).await;
                store.close().await;
            })*
        }
    };
}

conformance! {
    commits::what_was_committed_is_read_back,
    commits::an_older_version_loses,
    commits::of_two_that_create_the_same_the_first_wins,
    commits::a_taken_key_loses_the_whole_unit,
    commits::a_lost_lease_loses_the_whole_unit,
    commits::who_drops_out_drops_out_alone,
    commits::balances_are_exact_after_every_transfer_of_a_batch,
    commits::a_total_that_does_not_fit_stores_nothing,
    commits::milestones_of_one_index_keep_their_order,
    commits::how_a_delivery_went_is_read_back,
    claims::a_transaction_of_another_intent_stores_nothing,
    claims::a_transaction_stays_whose_it_was,
    claims::other_owners_name_what_they_like,
    claims::of_two_reasons_to_drop_out_the_first_is_told,
    payments::attempts_to_pay_are_read_back_in_their_order,
    payments::a_change_of_the_terms_is_counted,
    payments::a_payment_is_awaited_until_it_is_final,
    payments::money_without_a_purpose_comes_and_goes_back,
    events::a_stream_is_read_from_any_place_on,
    events::lists_of_events_are_in_the_order_of_the_commits,
    events::an_event_knows_its_place_and_the_one_before_it,
    events::a_cursor_is_an_event_of_the_stream,
    webhooks::an_endpoint_is_told_what_happens_behind_its_making,
    webhooks::endpoints_change_with_the_journal_of_their_owner,
    webhooks::what_was_told_is_not_told_again,
    webhooks::deliveries_come_due_by_the_clock_of_their_owner,
    webhooks::a_call_that_was_asked_for_is_made_whatever_was_under_way,
    webhooks::an_ask_is_lost_when_another_delivery_is_there,
    webhooks::a_test_is_told_to_its_endpoint_alone,
    webhooks::deliveries_are_listed_by_the_places_of_their_events,
    webhooks::deliveries_that_are_over_are_forgotten_after_a_while,
    leases::an_endpoint_is_called_by_one_at_a_time,
    leases::no_more_are_taken_than_wanted,
    leases::a_lease_that_ended_can_be_taken_and_one_that_nobody_took_goes_on,
    leases::what_was_given_back_can_be_taken_at_once,
    leases::endpoints_that_are_told_nothing_are_nobodys,
    leases::what_is_noted_under_an_older_lease_changes_nothing,
    leases::a_clock_is_moved_by_one_at_a_time,
    leases::a_clock_that_was_leased_alone_is_not_ahead,
    leases::heads_are_told_in_the_order_asked,
    lists::pages_lead_through_everything_in_both_directions,
    lists::offsets_leave_out_the_newest,
    lists::cursors_of_others_are_unknown,
    lists::filters_hold_together,
    lists::settlements_are_listed_and_lead_to_their_escrow,
    lists::refunds_are_listed_and_lead_to_their_escrow,
    lists::transfers_are_filtered,
    filters::metadata_is_found_by_its_text,
    filters::every_combination_leads_through_what_passes,
    filters::cursors_stand_while_others_come,
    filters::only_the_owners_escrows_pass,
    jobs::due_jobs_are_claimed_in_order_and_once,
    jobs::a_lease_ends_and_the_next_one_has_a_higher_token,
    jobs::a_postponed_job_waits,
    jobs::a_lease_of_a_dropped_job_never_fits_again,
    jobs::a_job_that_is_scheduled_again_is_nobodys,
    clocks::a_clock_is_as_far_ahead_as_all_its_moves,
    clocks::a_clock_does_not_move_where_its_reply_is_taken,
    clocks::jobs_follow_the_clock_of_their_owner,
    clocks::what_is_scheduled_falls_due_by_the_clock,
    clocks::a_lease_ends_in_real_time,
    clocks::a_job_that_waits_for_another_try_follows_as_well,
    clocks::a_job_that_was_returned_waits_for_its_due_time,
    clocks::jobs_of_a_sandbox_are_listed_leased_ones_first,
    replies::replies_are_forgotten_by_their_time,
    replies::keys_belong_to_their_owner,
    people::merchants_are_there_once,
    people::a_store_is_for_one_secret,
    people::keys_are_found_by_id_by_hash_and_by_holder,
    people::keys_change_when_they_end_and_nothing_else,
    people::a_journal_goes_on_from_where_it_was_or_not_at_all,
    everybody::open_disputes_wait_and_decided_ones_are_listed,
    everybody::settlements_that_did_not_arrive_wait_until_they_are_tried_again,
    everybody::a_survey_counts_what_is_to_be_done_and_sums_what_there_is,
    everybody::what_everybody_has_may_be_more_than_one_may_have,
    everybody::jobs_are_shown_in_the_order_in_which_they_can_be_done,
    requests::requests_are_listed_by_holder_and_forgotten_by_time,
    requests::many_requests_are_forgotten_in_steps,
    leases::what_gateways_count_is_added_up,
    audit::everything_is_walked_over_in_order,
    closing::closing_ends_everything,
}

mod closing {
    use super::*;

    pub(crate) async fn closing_ends_everything(store: &dyn Store) {
        store.ping().await.expect("a store that works");
        store.close().await;
        let answers = [
            store.ping().await,
            store.commit(Vec::new()).await.map(drop),
            store.merchant_named("one").await.map(drop),
            store.log_requests(Vec::new()).await,
            store.audit(Box::new(|_| ())).await,
        ];
        for answer in answers {
            assert!(matches!(answer, Err(store::StoreError::Unavailable(_))), "{answer:?}");
        }
        store.close().await;
    }
}
