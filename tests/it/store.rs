//! The store: one story, told on SQLite and on Postgres by the same functions.

mod faults;
mod leases;
mod place;
mod proxy;
mod random;
mod standing;
mod story;

/// Each test on both databases, each time on a store of its own.
macro_rules! on_both {
    ($($module:ident::$test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let place = super::place::Place::sqlite();
                super::$module::$test(&place).await;
                place.end().await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let place = super::place::Place::postgres().await;
                super::$module::$test(&place).await;
                place.end().await;
            })+
        }
    };
}

on_both!(
    story::a_journal_is_read_as_it_was_written,
    story::runs_are_listed_the_latest_first,
    story::requests_are_numbered,
    story::settings_leave_a_trail,
    story::a_store_outlives_its_processes,
    story::each_environment_has_an_identity_for_ever,
    story::a_newer_store_is_refused,
    story::eight_open_a_fresh_store_at_once,
    story::a_damaged_store_says_so,
    leases::of_twenty_who_take_a_run_one_gets_it,
    leases::of_twenty_who_begin_the_same_one_does,
    leases::of_twenty_who_begin_no_more_than_the_limit_do,
    leases::a_replaced_owner_writes_nothing,
    leases::a_lease_given_back_is_over,
    leases::a_renewed_lease_lives,
    leases::a_dead_owners_run_keeps_its_place,
    leases::a_clock_that_went_back_locks_nobody_out,
    leases::a_finished_run_goes_on_unless_another_began,
    leases::the_same_beginning_again_is_the_same_run,
    standing::the_latest_run_of_everything_is_told,
    standing::no_store_is_made_to_look_into_it,
    standing::a_newer_store_is_not_read,
    random::any_interleaving_leaves_one_linear_journal,
);
