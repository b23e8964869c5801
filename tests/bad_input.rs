//! Bad input: a clear error with the right status, nothing written, nothing lost.
#![expect(clippy::unwrap_used, reason = "test code")]

#[path = "bad_input/files.rs"]
mod files;
#[path = "bad_input/kills.rs"]
mod kills;
#[path = "bad_input/passes.rs"]
mod passes;
#[path = "bad_input/place.rs"]
mod place;
#[path = "bad_input/seals.rs"]
mod seals;
#[path = "bad_input/strangers.rs"]
mod strangers;
#[path = "bad_input/texts.rs"]
mod texts;
#[path = "bad_input/writes.rs"]
mod writes;

use std::process::ExitCode;

use tests::suite::{case, run};

/// One named case for each law; those behind `=>` need peers.
macro_rules! cases {
    ($($file:ident { $($law:ident $(=> $needs:expr)?),+ $(,)? })+) => {
        vec![$($(case(concat!(stringify!($file), "::", stringify!($law)), cases!(@ $($needs)?), $file::$law)),+),+]
    };
    (@) => { &[] };
    (@ $needs:expr) => { $needs };
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn main() -> ExitCode {
    run(cases! {
        seals {
            a_cut_item_is_named_by_file_line_object_and_item,
            an_item_cut_within_its_value_does_not_open,
            a_flipped_bit_anywhere_is_noticed,
            an_item_opens_only_under_its_name_namespace_and_scope,
            items_that_changed_places_in_one_object_open_since_the_format_binds_no_key,
            an_item_of_another_object_opens_only_if_its_scope_allows_it,
            base64_with_line_breaks_is_accepted,
            an_expired_certificate_seals_nothing_and_its_items_still_open,
            a_foreign_certificate_or_key_is_named_as_such,
            the_worst_of_many_files_decides_the_status_and_all_are_named,
        }
        texts {
            a_value_of_ten_mebibytes_comes_back_whole,
            a_file_of_more_than_64_mebibytes_is_refused_before_it_fills_the_memory,
            fourteen_thousand_items_are_sealed_merged_and_opened,
            a_key_that_is_given_twice_is_an_error_with_both_lines,
            anchors_are_read_and_never_spliced,
            what_unfolds_without_end_is_refused_at_once,
            what_is_nested_without_end_is_refused_at_once,
            powershells_utf16_is_read_but_not_written_over,
            a_byte_order_mark_and_windows_line_ends_are_kept,
            bytes_that_are_no_text_are_named_by_line,
            input_without_an_object_is_not_found,
            every_document_and_every_item_of_a_list_counts,
            a_dash_is_standard_input_for_every_command,
        }
        files {
            a_full_disk_costs_no_byte_and_is_worth_another_try => &["unshare"],
            a_full_disk_costs_no_byte_of_what_is_resealed_in_place => &["unshare"],
            a_full_disk_costs_local_no_secret => &["unshare"],
            a_disk_that_can_not_be_written_is_denied => &["unshare"],
            a_full_standard_output_is_noticed,
            a_read_only_file_is_left_alone,
            a_link_stays_a_link_and_its_file_is_written,
            no_result_is_written_over_its_own_source_or_over_another_result,
            what_is_for_its_owner_only_is_closed_even_if_the_file_was_open,
        }
        kills {
            a_kill_between_any_two_steps_of_a_reseal_leaves_the_file_whole => &["strace"],
            a_kill_between_any_two_steps_of_a_merge_leaves_the_file_whole => &["strace"],
            a_kill_between_any_two_steps_of_kubeseals_merge_leaves_the_file_whole => &["strace"],
            a_kill_between_any_two_steps_leaves_a_result_old_or_new => &["strace"],
            a_kill_between_any_two_steps_of_a_new_key_leaves_whole_keys_only => &["strace"],
        }
        passes {
            a_first_pass_that_is_killed_at_any_step_leaves_nothing_that_the_next_one_refuses => &["strace"],
            a_later_pass_that_is_killed_at_any_step_updates_next_time => &["strace"],
            a_pass_that_is_killed_at_any_step_heals_next_time => &["strace"],
            what_changes_during_the_first_pass_of_a_watch_is_not_missed => &["strace"],
        }
        writes {
            a_file_is_on_disk_before_it_gets_its_name_and_its_folder_after => &["strace"],
            a_file_stays_its_owners_and_plaintext_becomes_the_writers => &["chroot"],
            a_panic_ends_with_70_and_shows_nothing_of_the_input => &["strace"],
        }
        strangers {
            a_pipe_or_device_named_like_a_manifest_is_passed_over,
            results_below_a_folder_never_follow_a_link,
            local_follows_no_link_out_of_its_results,
            local_in_place_writes_through_no_link,
            a_forged_memory_of_local_deletes_nothing_outside,
            names_lead_no_secret_out_of_its_folder,
            two_sources_are_never_sealed_into_one_file,
            keys_and_results_below_the_source_are_no_sources,
            a_line_break_in_a_file_name_gets_into_no_manifest,
            no_name_steers_the_terminal,
            a_repository_runs_no_program_and_does_not_hide_from_the_check,
            an_absurd_command_line_is_refused_and_never_a_panic,
        }
    })
}
