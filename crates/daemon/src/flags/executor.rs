// SPDX-License-Identifier: Apache-2.0

//! The flags of the built-in executors as processes, with which agents of Mesos start them.

use super::Kind::{Bool, Choice, Integer, Path, Text};
use super::shared::ONLY_LEVELS;
use super::{Flag, Table, ignored, refused, used};

const NO_IMAGE: &str = "this version has no images yet, and must not run a task outside its own";
const NO_CAPABILITIES: &str =
    "this version sets no capabilities yet, and must not run a task with more than it should have";

/// The command executor's.
pub const COMMAND: Table = &[SHARED, TASK];
/// Those of the executor of groups.
pub const GROUPS: Table = &[SHARED];

const SHARED: &[Flag] = &[
    used("help", Bool, Some("false"), "Prints this help and exits."),
    used("quiet", Bool, Some("false"), "Logs nothing to stderr."),
    used("logging_level", Choice(ONLY_LEVELS), Some("INFO"), "Logs messages of this level and above."),
    used("log_dir", Path, None, "The folder in which a log file is kept, besides stderr."),
    ignored("external_log_file", Path, None, "nobody asks an executor for its log"),
    ignored("logbufsecs", Integer, Some("0"), "each line of the log is written at once"),
    ignored("initialize_driver_logging", Bool, Some("true"), "the log is this process's own"),
    ignored("launcher_dir", Path, None, "this binary is all of its own helpers"),
];

const TASK: &[Flag] = &[
    used(
        "task_command",
        Text,
        None,
        "What to run in place of the task's own command: a CommandInfo as JSON.",
    ),
    used("task_environment", Text, None, "Variables for the task: an Environment as JSON."),
    ignored("sandbox_directory", Path, None, "it matters to a task with an image alone"),
    ignored("working_directory", Path, None, "it matters to a task with an image alone"),
    refused("rootfs", Path, None, NO_IMAGE),
    refused("user", Text, None, NO_IMAGE),
    refused("task_launch_info", Text, None, NO_IMAGE),
    refused("effective_capabilities", Text, None, NO_CAPABILITIES),
    refused("bounding_capabilities", Text, None, NO_CAPABILITIES),
    refused("task_supplementary_groups", Text, None, "this version sets no groups but those of the user"),
    refused("tty_slave_path", Path, None, "this version has no terminals yet"),
];
