//! The Lambda host against real processes. This binary has no test harness of its own making: started by the host, it is
//! the function (`function`); started by the test of `kill -9`, it is the gateway that gets killed (`killed`); else it runs
//! the cases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests, which clippy does not recognise without the usual harness"
)]

mod asynchronous;
#[path = "../common/stand_ins.rs"]
mod common;
mod function;
mod killed;
mod mapping;
#[path = "../common/serve.rs"]
mod serve;
mod synchronous;

use drydock_cloud::lambda::Definition;
use libtest_mimic::{Arguments, Trial};
use std::collections::BTreeMap;
use std::future::Future;

/// This binary as a function.
pub(crate) fn function_named(name: &str) -> Definition {
    let environment = BTreeMap::from([("TEST_ROLE".to_owned(), "function".to_owned())]);
    Definition { timeout: 10, environment, ..Definition::new(name, std::env::current_exe().unwrap()) }
}

fn trial<F: Future<Output = ()> + 'static>(name: &'static str, case: fn() -> F) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(common::DEADLINE * 2, case()).await.expect("the case hangs") });
        Ok(())
    })
}

macro_rules! trials {
    ($($module:ident :: $case:ident,)*) => {
        vec![$(trial(concat!(stringify!($module), "::", stringify!($case)), $module::$case),)*]
    };
}

fn main() {
    match std::env::var("TEST_ROLE").as_deref() {
        Ok("function") => return function::run(),
        Ok("gateway") => return killed::gateway(),
        _ => {}
    }
    let trials = trials![
        synchronous::an_invoke_answers_with_the_functions_answer,
        synchronous::a_function_error_is_told_as_unhandled,
        synchronous::functions_are_measured_and_so_is_what_they_write,
        synchronous::a_panic_that_ends_the_process_is_an_exit_error,
        synchronous::a_timeout_kills_the_process,
        synchronous::what_the_process_started_ends_with_it,
        synchronous::an_error_at_init_is_told,
        synchronous::an_exit_at_init_is_told,
        synchronous::a_hang_at_init_is_cut,
        synchronous::a_missing_binary_is_told,
        synchronous::the_environment_is_that_of_lambda,
        synchronous::logs_stand_under_their_invocation,
        synchronous::a_process_is_used_again_and_reaped,
        synchronous::processes_run_side_by_side_up_to_the_limit,
        synchronous::a_new_definition_replaces_the_process,
        synchronous::bad_requests_are_refused_as_lambda_does,
        synchronous::streaming_is_refused_by_name,
        synchronous::functions_are_listed,
        synchronous::another_server_can_run_the_functions,
        asynchronous::an_event_succeeds_and_its_record_goes_to_the_destination,
        asynchronous::a_failing_event_is_retried_twice_then_recorded,
        asynchronous::no_retries_means_one_attempt,
        asynchronous::an_old_event_is_given_up,
        asynchronous::more_events_than_places_all_run,
        asynchronous::a_service_needs_permission,
        asynchronous::a_bucket_tells_a_function_of_its_objects,
        killed::what_was_acknowledged_survives_kill_9,
        mapping::batches_go_to_the_function_and_are_deleted,
        mapping::reported_failures_stay_and_reach_the_dead_letter_queue,
        mapping::a_topic_reaches_a_function,
        mapping::bad_mappings_are_refused,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
