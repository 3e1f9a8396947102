// SPDX-License-Identifier: Apache-2.0

//! The flags of the master.

use super::Kind::{Bool, Bytes, Choice, Duration, Integer, Number, Path, Text};
use super::shared::{NO_AUTHENTICATION, NO_MODULES, SHARED};
use super::{Flag, Table, ignored, refused, used};

pub const TABLE: Table = &[SHARED, MASTER];

const ONE_MASTER: &str =
    "the registry lies in a file of a single master, or in ZooKeeper, which has a majority of its own";
const NO_WAITING: &str =
    "a registry that cannot be read or written ends the leadership as soon as that is known";
const KEPT: &str = "how long the registry remembers agents is fixed at the defaults of Mesos";

pub(super) const MASTER: &[Flag] = &[
    used("port", Integer, Some("5050"), "The port to listen on; 0 takes any free one.").between("0", "65535"),
    used("work_dir", Path, None, "The folder of the registry. Needed without --zk, unless --registry=in_memory."),
    used(
        "registry",
        Choice(&["replicated_log", "in_memory"]),
        Some("replicated_log"),
        "Where the registry lies: with --zk in ZooKeeper, else in a file below --work_dir (by the name that Mesos has \
         for it); or nowhere.",
    ),
    used("cluster", Text, None, "The name of the cluster, for people."),
    used(
        "allocation_interval",
        Duration,
        Some("1secs"),
        "The time between two rounds that look at every agent.",
    )
    .between("1ms", "1weeks"),
    used(
        "event_driven_allocation",
        Bool,
        Some("true"),
        "Offers what changed within milliseconds, between those rounds.",
    ),
    used(
        "allocator",
        Choice(&["hierarchical", "priority"]),
        Some("hierarchical"),
        "Who is offered resources next: by dominant shares, or roles strictly in order of weight.",
    ),
    used("offer_timeout", Duration, None, "How long a framework may keep an offer; for ever by default."),
    used(
        "min_allocatable_resources",
        Text,
        Some("cpus:0.01|mem:32"),
        "An agent's free resources are offered if they hold at least one of these quantities, divided by '|'.",
    ),
    used("weights", Text, None, "The weights of roles, as 'role=weight,role=weight'."),
    used("roles", Text, None, "The only roles that frameworks may have, divided by ','; any by default."),
    used("root_submissions", Bool, Some("true"), "Whether frameworks may run as root."),
    used(
        "filter_gpu_resources",
        Bool,
        Some("true"),
        "Offers agents with GPUs only to frameworks that ask for GPUs.",
    ),
    used("agent_ping_timeout", Duration, Some("15secs"), "The time in which an agent must answer a ping.")
        .or("slave_ping_timeout")
        .between("1secs", "15mins"),
    used(
        "max_agent_ping_timeouts",
        Integer,
        Some("5"),
        "So many unanswered pings, and the agent is unreachable.",
    )
    .or("max_slave_ping_timeouts")
    .between("1", "1000000"),
    used(
        "agent_reregister_timeout",
        Duration,
        Some("10mins"),
        "The time an agent has to come back after a master's failover, or after its connection broke.",
    )
    .or("slave_reregister_timeout")
    .between("10mins", "5200weeks"),
    used("max_completed_frameworks", Integer, Some("50"), "How many ended frameworks are remembered."),
    used(
        "max_completed_tasks_per_framework",
        Integer,
        Some("1000"),
        "How many ended tasks are remembered of each.",
    ),
    used(
        "max_unreachable_tasks_per_framework",
        Integer,
        Some("1000"),
        "How many tasks on unreachable agents are remembered of each framework.",
    ),
    used(
        "max_operator_event_stream_subscribers",
        Integer,
        Some("1000"),
        "How many operators may watch at once; the one that has watched longest is dropped beyond.",
    )
    .between("1", "1000000"),
    used(
        "zk",
        Text,
        None,
        "Where several masters find out who leads: zk://host1:port1,host2:port2/path or \
         zk://user:pass@host1:port1,…/path, or file:///path of a file that says so. The registry lies there too.",
    ),
    ignored("quorum", Integer, None, ONE_MASTER),
    ignored("log_auto_initialize", Bool, Some("true"), ONE_MASTER),
    ignored("registry_strict", Bool, Some("false"), "Mesos ignores it too"),
    ignored("registry_fetch_timeout", Duration, Some("1mins"), NO_WAITING),
    ignored("registry_store_timeout", Duration, Some("20secs"), NO_WAITING),
    ignored("registry_gc_interval", Duration, Some("15mins"), KEPT),
    ignored("registry_max_agent_age", Duration, Some("2weeks"), KEPT),
    ignored("registry_max_agent_count", Integer, Some("102400"), KEPT),
    used(
        "recovery_agent_removal_limit",
        Text,
        Some("100%"),
        "Ends the master where more than this part of the agents does not come back after a change of masters.",
    )
    .or("recovery_slave_removal_limit"),
    used(
        "agent_removal_rate_limit",
        Text,
        None,
        "How many agents are declared unreachable in what time, as '1/10mins'; all at once by default.",
    )
    .or("slave_removal_rate_limit"),
    used(
        "non_partition_aware_return",
        Choice(&["keep", "kill"]),
        Some("keep"),
        "What becomes of tasks that were told lost to frameworks without PARTITION_AWARE when their agent returns.",
    ),
    used(
        "recovered_framework_timeout",
        Duration,
        None,
        "How long frameworks known from agents alone are waited for, at least for their own and the agents' time; for \
         ever by default.",
    ),
    used("role_sorter", Choice(&["drf", "random"]), Some("drf"), "How roles are ordered: by share, or by lot.")
        .or("user_sorter"),
    used(
        "framework_sorter",
        Choice(&["drf", "random"]),
        Some("drf"),
        "How the frameworks of a role are ordered: by share, or by lot.",
    ),
    used(
        "allocator_agent_recovery_factor",
        Number,
        Some("0.8"),
        "Where there is quota: which part of the agents must be back after a change of masters before anything is offered.",
    )
    .between("0", "1"),
    used(
        "allocator_recovery_timeout",
        Duration,
        Some("10mins"),
        "Where there is quota: for how long agents are waited for after a change of masters before anything is offered.",
    ),
    used(
        "fair_sharing_excluded_resource_names",
        Text,
        None,
        "Resources that do not count in shares, as 'gpus,disk'.",
    ),
    used(
        "offer_constraints_re2_max_mem",
        Bytes,
        Some("4KB"),
        "How much memory a pattern of offer constraints may take; 64 bytes are counted for each of its steps.",
    ),
    used(
        "offer_constraints_re2_max_program_size",
        Integer,
        Some("100"),
        "How many steps a pattern of offer constraints may have.",
    ),
    used(
        "whitelist",
        Path,
        None,
        "A file with the names of the hosts that are offered, one a line; read every 5 seconds. All by default.",
    ),
    ignored("webui_dir", Path, Some("/usr/local/share/mesos/webui"), "no web interface is served yet"),
    used(
        "authenticate_frameworks",
        Bool,
        Some("false"),
        "Whether drivers of frameworks must prove who they are. HTTP has a flag of its own.",
    )
    .or("authenticate"),
    used("authenticate_agents", Bool, Some("false"), "Whether agents must prove who they are.")
        .or("authenticate_slaves"),
    used(
        "authenticate_http_readonly",
        Bool,
        Some("false"),
        "Whether those who look at the cluster must prove who they are, by HTTP Basic and --credentials.",
    ),
    used(
        "authenticate_http_readwrite",
        Bool,
        Some("false"),
        "Whether operators must prove who they are, by HTTP Basic and --credentials.",
    )
    .or("authenticate_http"),
    refused("http_authenticators", Text, Some("basic"), NO_MODULES),
    refused("authenticate_http_frameworks", Bool, Some("false"), NO_AUTHENTICATION),
    used("authentication_v0_timeout", Duration, Some("15secs"), "The time that such a proof may take."),
    refused("authenticators", Text, Some("crammd5"), NO_MODULES),
    refused("http_framework_authenticators", Text, None, NO_AUTHENTICATION),
    used(
        "credentials",
        Path,
        None,
        "A JSON file of principals with their secrets: {\"credentials\": [{\"principal\": …, \"secret\": …}]}.",
    ),
    used(
        "acls",
        Text,
        None,
        "Who may take hosts out of service, and as whom tasks may run: JSON, or a file of it, with the lists \
         update_maintenance_schedules, start_maintenances, stop_maintenances, drain_agents, deactivate_agents, \
         reactivate_agents, mark_agents_gone, run_tasks. See docs/access.md.",
    ),
    refused("authorizers", Text, Some("local"), NO_MODULES),
    refused("rate_limits", Text, None, "frameworks' messages are not limited yet, and must not seem to be"),
    refused("max_executors_per_agent", Integer, None, "Mesos has this flag only in builds that divide ports")
        .or("max_executors_per_slave"),
    refused("master_contender", Text, None, NO_MODULES),
    refused("master_detector", Text, None, NO_MODULES),
    used(
        "publish_per_framework_metrics",
        Bool,
        Some("true"),
        "Whether there are metrics for each framework.",
    ),
    used("require_agent_domain", Bool, Some("false"), "Leaves out agents that do not tell their --domain."),
];
