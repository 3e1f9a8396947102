// SPDX-License-Identifier: Apache-2.0

//! The command line for people, as it is written.

mod agents;
pub mod maintenance;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kaon_daemon::credentials::{self, CredentialsError};
use kaon_sdk::zookeeper::Url;
use kaon_sdk::{Credential, Masters, Operator};

pub use agents::{AgentCommand, DrainArguments, DutyArguments, GoneArguments, NamedAgents};

/// Runs a cluster, and work on it.
#[derive(Debug, Parser)]
#[command(name = "kaon", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Run(RunArguments),
    Local(LocalArguments),
    Master(MasterArguments),
    Agent(AgentArguments),
    Status(StatusArguments),
    Agents(AgentsArguments),
    Frameworks(FrameworksArguments),
    Tasks(TasksArguments),
    /// Looks at one task
    #[command(subcommand)]
    Task(TaskCommand),
    /// Takes machines out of service in time: plans it, asks frameworks, carries it out
    #[command(subcommand)]
    Maintenance(maintenance::MaintenanceCommand),
    /// Looks at what masters keep durably, copies it, puts a copy back
    #[command(subcommand)]
    Registry(RegistryCommand),
}

#[derive(Debug, Subcommand)]
pub enum RegistryCommand {
    Show(RegistryShowArguments),
    Export(RegistryExportArguments),
    Import(RegistryImportArguments),
}

/// Where a registry lies
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct KeeperArguments {
    /// Where several masters meet: zk://HOST:PORT,…/PATH, or file:///PATH of a file that says so
    #[arg(long, value_name = "URL", value_parser = ensemble)]
    pub zk: Option<Url>,
    /// The work directory of a single master, which must not be running
    #[arg(long = "work_dir", value_name = "FOLDER")]
    pub work_dir: Option<PathBuf>,
}

/// Lists the agents that a registry knows, and counts the rest
#[derive(Debug, Args)]
#[command(after_help = "Example:
  kaon registry show --zk zk://z1:2181,z2:2181,z3:2181/kaon")]
pub struct RegistryShowArguments {
    #[command(flatten)]
    pub keeper: KeeperArguments,
}

/// Prints a registry as JSON, in the form of Mesos's /registrar(1)/registry
#[derive(Debug, Args)]
#[command(after_help = "Example:
  kaon registry export --work_dir /var/lib/kaon/master > registry.json")]
pub struct RegistryExportArguments {
    #[command(flatten)]
    pub keeper: KeeperArguments,
}

/// Puts an exported registry in place, while no master runs
///
/// What Mesos answers at /registrar(1)/registry can be imported too.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  kaon registry import --zk zk://z1:2181,z2:2181,z3:2181/kaon registry.json")]
pub struct RegistryImportArguments {
    #[command(flatten)]
    pub keeper: KeeperArguments,
    /// What was exported; - is the standard input
    pub file: PathBuf,
    /// Even where there is a registry with agents already, which is lost
    #[arg(long)]
    pub replace: bool,
}

#[derive(Debug, Subcommand)]
pub enum TaskCommand {
    Logs(LogsArguments),
}

/// Runs a whole cluster in one process, until Ctrl-C
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "Example:
  kaon local --agents 3"
)]
pub struct LocalArguments {
    /// `kaon local --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub flags: Vec<OsString>,
}

/// Runs a master, which divides a cluster
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "Example:
  kaon master --ip=127.0.0.1 --port=5050 --work_dir=/var/lib/kaon/master"
)]
pub struct MasterArguments {
    /// Those of mesos-master; `kaon master --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub flags: Vec<OsString>,
}

/// Runs an agent, which runs the tasks of one host; or takes agents out of service and back
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = "Examples:
  kaon agent --master=127.0.0.1:5050 --ip=127.0.0.1 --work_dir=/var/lib/kaon/agent
  kaon agent drain host7 --grace 5m --wait"
)]
pub struct AgentArguments {
    #[command(subcommand)]
    pub command: Option<AgentCommand>,
    /// Those of mesos-agent; `kaon agent --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub flags: Vec<OsString>,
}

#[derive(Clone, Debug, Args)]
pub struct MasterArgument {
    /// The masters; any of them finds the leader. Or where they meet in ZooKeeper: zk://HOST:PORT,…/PATH
    #[arg(long, env = "KAON_MASTER", default_value = "127.0.0.1:5050", value_name = "HOST:PORT,…")]
    pub master: Masters,
    /// A JSON file that tells masters who you are, where they ask: {"principal": "me", "secret": "…"}
    #[arg(long, env = "KAON_CREDENTIAL", value_name = "FILE", value_parser = credential)]
    pub credential: Option<Credential>,
}

impl MasterArgument {
    pub fn operator(&self) -> Operator {
        let operator = Operator::new(self.master.clone());
        match &self.credential {
            Some(credential) => operator.with_credential(credential),
            None => operator,
        }
    }
}

/// Runs a command as a batch of tasks, one for each line of input
///
/// In the command, {} is the task's line and {#} its number, counted from 1. A command of several words is a program
/// with its arguments, started without a shell, so that nothing in a line can do harm. A command of one word with
/// blanks in it is run by the shell, and {} is put in quoted.
///
/// The tasks' standard output is printed in the order of the input. A task that fails or is lost is tried again, on
/// another agent if there is one; of one that keeps failing the last output is printed, and the end of its standard
/// error is shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kaon run -- echo hello
  kaon run --tasks 100 --cpus 0.1 -- sh -c 'echo {#}'
  ls $PWD/*.log | kaon run --input - --output results -- gzip -c {}
  kaon run --input absolute-paths 'wc -l {} | tail -n 1'

Exit status: 0 if all tasks succeeded, 1 if some failed, 2 if the job could not be run, 130 if it was interrupted.")]
pub struct RunArguments {
    #[command(flatten)]
    pub master: MasterArgument,
    /// CPUs for each task
    #[arg(long, default_value_t = 1.0, value_parser = amount)]
    pub cpus: f64,
    /// Memory for each task, in MiB
    #[arg(long, default_value_t = 128.0, value_parser = amount)]
    pub mem: f64,
    /// Runs so many tasks, whose line is their number [default: 1]
    #[arg(long, value_name = "N", conflicts_with = "input")]
    pub tasks: Option<u64>,
    /// Runs one task for each line of a file, or of standard input if FILE is -
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Runs no more than so many tasks at once [default: as many as there are offers for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_parallel: Option<u32>,
    /// How often each task may be tried again
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub retries: u32,
    /// Gives the job up when no master has led for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub give_up_after: u64,
    /// Writes each task's standard output to a file DIR/NUMBER.out instead of printing it
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// The role whose share of the cluster is used
    #[arg(long, default_value = "*")]
    pub role: String,
    /// Sets a variable in the tasks' environment; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub env: Vec<(String, String)>,
    /// Has a file fetched into each task's sandbox; may be given several times
    #[arg(long)]
    pub uri: Vec<String>,
    /// The name under which the job is listed
    #[arg(long, default_value = "run")]
    pub name: String,
    /// What each task runs
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    #[default]
    Table,
    /// A table with more columns
    Wide,
    Json,
    Yaml,
}

#[derive(Clone, Debug, Args)]
pub struct ViewArguments {
    #[command(flatten)]
    pub master: MasterArgument,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
    /// Shows it anew every two seconds, until Ctrl-C
    #[arg(short, long)]
    pub watch: bool,
}

/// Shows the cluster in a few lines
#[derive(Debug, Args)]
#[command(after_help = "Example:
  kaon status --watch")]
pub struct StatusArguments {
    #[command(flatten)]
    pub view: ViewArguments,
}

/// Lists the agents, with what they have and what of it is used
#[derive(Debug, Args)]
#[command(after_help = "Example:
  kaon agents -o wide")]
pub struct AgentsArguments {
    #[command(flatten)]
    pub view: ViewArguments,
}

/// Lists the frameworks
#[derive(Debug, Args)]
#[command(after_help = "Example:
  kaon frameworks --all -o json")]
pub struct FrameworksArguments {
    #[command(flatten)]
    pub view: ViewArguments,
    /// Also those that have ended
    #[arg(short, long)]
    pub all: bool,
}

/// Lists the tasks
#[derive(Debug, Args)]
#[command(after_help = "Example:
  kaon tasks --all --framework wordcount")]
pub struct TasksArguments {
    #[command(flatten)]
    pub view: ViewArguments,
    /// Also those that have ended
    #[arg(short, long)]
    pub all: bool,
    /// Only those of a framework, by its id or name
    #[arg(long, value_name = "ID|NAME")]
    pub framework: Option<String>,
}

/// Prints what a task has written
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kaon task logs web.1 --follow
  kaon task logs 17-1 --framework wordcount --stderr --tail 20")]
pub struct LogsArguments {
    #[command(flatten)]
    pub master: MasterArgument,
    /// The task's id
    pub task: String,
    /// Where several frameworks have a task of that id: which of them, by its id or name
    #[arg(long, value_name = "ID|NAME")]
    pub framework: Option<String>,
    /// Its standard error instead of its standard output
    #[arg(long)]
    pub stderr: bool,
    /// Goes on until the task has ended
    #[arg(short, long)]
    pub follow: bool,
    /// Only the last lines
    #[arg(long, value_name = "N")]
    pub tail: Option<usize>,
}

fn amount(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(amount) if (0.0..=1e9).contains(&amount) => Ok(amount),
        _ => Err("not an amount: expected a number from 0 on".into()),
    }
}

fn credential(path: &str) -> Result<Credential, CredentialsError> {
    credentials::read_one(path)
}

fn ensemble(text: &str) -> Result<Url, String> {
    match text.parse() {
        Ok(Masters::ZooKeeper(url)) => Ok(url),
        Ok(Masters::Fixed(_)) => Err("expected zk://HOST:PORT,…/PATH".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_every_command_has_an_example() {
        Cli::command().debug_assert();
        let mut commands: Vec<clap::Command> = Cli::command().get_subcommands().cloned().collect();
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands().cloned());
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(command.has_subcommands() || help.contains("Example"), "{}", command.get_name());
        }
    }

    fn run(arguments: &[&str]) -> Result<RunArguments, String> {
        let all = ["kaon", "run"].iter().chain(arguments);
        match Cli::try_parse_from(all).map_err(|error| error.to_string())?.command {
            Command::Run(run) => Ok(run),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_daemon_reads_its_flags_itself() {
        let given = ["--ip=127.0.0.1", "--help", "--no-x", "-v", "word"];
        let all = ["kaon", "agent"].iter().chain(&given);
        let Command::Agent(arguments) = Cli::try_parse_from(all).unwrap().command else {
            panic!("another command")
        };
        assert_eq!(arguments.flags, given);
    }

    #[test]
    fn a_command_keeps_its_own_flags() {
        let arguments =
            run(&["--cpus", "0.5", "--env", "A=b=c", "--", "sh", "-c", "echo", "--", "--mem"]).unwrap();
        assert_eq!(arguments.command, ["sh", "-c", "echo", "--", "--mem"]);
        assert_eq!(arguments.env, [("A".to_owned(), "b=c".to_owned())]);
        assert_eq!(run(&["echo", "--retries", "9"]).unwrap().retries, 3);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (arguments, word) in [
            (&["--cpus", "-1", "true"][..], "--cpus"),
            (&["--cpus", "NaN", "true"], "not an amount"),
            (&["--tasks", "1", "--input", "-", "true"], "--input"),
            (&["--max-parallel", "0", "true"], "--max-parallel"),
            (&["--env", "A", "true"], "NAME=VALUE"),
            (&["--master", "zk://z", "true"], "ZooKeeper"),
            (&[], "COMMAND"),
        ] {
            let error = run(arguments).unwrap_err();
            assert!(error.contains(word), "{arguments:?}: {error}");
        }
    }
}
