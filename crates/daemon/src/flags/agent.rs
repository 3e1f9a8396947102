// SPDX-License-Identifier: Apache-2.0

//! The flags of the agent.

use super::Kind::{Bool, Bytes, Choice, Duration, Integer, Number, Path, Text};
use super::shared::{NO_AUTHENTICATION, NO_MODULES, SHARED};
use super::{Flag, Table, ignored, refused, used};

pub const TABLE: Table = &[SHARED, AGENT, RESOURCES, ISOLATION, NETWORK];

pub(super) const AGENT: &[Flag] = &[
    used("port", Integer, Some("5051"), "The port to listen on; 0 takes any free one.").between("0", "65535"),
    used(
        "master",
        Text,
        None,
        "Where the master is: host:port; where several masters meet: zk://host:port,…/path; several masters of which any \
         says who leads: host:port,host:port; or file:///path of a file that holds one of these.",
    ),
    used("work_dir", Path, None, "The folder of sandboxes and of what must outlive this process."),
    used(
        "runtime_dir",
        Path,
        None,
        "The folder of running containers; /var/run/mesos for root. A restart of the host empties it.",
    ),
    used(
        "resources",
        Text,
        None,
        "What the agent offers: 'cpus:4;mem:1024;ports:[31000-32000]', or JSON. The host's by default.",
    ),
    used("default_role", Text, Some("*"), "The role of those resources that name none."),
    used("attributes", Text, None, "What frameworks may know of this host: 'rack:r1;os:linux'."),
    used(
        "switch_user",
        Bool,
        Some("true"),
        "Runs tasks as the user that they name; without, as the agent's own.",
    ),
    used(
        "launcher_dir",
        Path,
        Some("/usr/local/libexec/mesos"),
        "The folder that executors are told helpers lie in.",
    ),
    used(
        "executor_environment_variables",
        Text,
        None,
        "Variables for each executor, a JSON object of strings.",
    ),
    used("executor_registration_timeout", Duration, Some("1mins"), "The time an executor has to register."),
    used(
        "executor_reregistration_timeout",
        Duration,
        Some("2secs"),
        "The same, after a restart of the agent.",
    )
    .between("0ns", "15secs"),
    used(
        "executor_shutdown_grace_period",
        Duration,
        Some("5secs"),
        "The time an executor has to end by itself.",
    ),
    used(
        "recovery_timeout",
        Duration,
        Some("15mins"),
        "How long containers wait for their agent to come back.",
    ),
    used(
        "registration_backoff_factor",
        Duration,
        Some("1secs"),
        "The least pause between attempts to register.",
    )
    .between("0ns", "1mins"),
    used("gc_delay", Duration, Some("1weeks"), "How long the sandboxes of what has ended are kept."),
    used(
        "max_completed_executors_per_framework",
        Integer,
        Some("150"),
        "How many ended executors are remembered of each framework.",
    ),
    used(
        "reconfiguration_policy",
        Choice(&["equal", "additive"]),
        Some("equal"),
        "Which changes of resources, attributes and domain leave the agent its id: none, or those that only add.",
    ),
    used(
        "recover",
        Choice(&["reconnect", "cleanup"]),
        Some("reconnect"),
        "What becomes of what the agent before left running: it goes on, or is ended, and the agent with it.",
    ),
    used(
        "strict",
        Bool,
        Some("true"),
        "Whether damage to what the agent remembers keeps it from starting; without, it is set aside.",
    ),
    used(
        "authentication_backoff_factor",
        Duration,
        Some("1secs"),
        "By how much the time for a proof varies at first; each failure doubles it.",
    ),
    used(
        "authentication_timeout_min",
        Duration,
        Some("5secs"),
        "The least time for the master to take a proof.",
    ),
    used(
        "authentication_timeout_max",
        Duration,
        Some("1mins"),
        "The most time for the master to take a proof.",
    ),
    used(
        "credential",
        Path,
        None,
        "A JSON file of the principal with the secret by which the agent proves to the master who it is.",
    ),
    refused("authenticate_http_readonly", Bool, Some("false"), NO_AUTHENTICATION),
    refused("authenticate_http_readwrite", Bool, Some("false"), NO_AUTHENTICATION).or("authenticate_http"),
    refused("http_credentials", Path, None, NO_AUTHENTICATION),
    refused("http_authenticators", Text, Some("basic"), NO_AUTHENTICATION).shown_if_set(),
    refused("authenticatee", Text, Some("crammd5"), NO_MODULES),
    refused("authenticate_http_executors", Bool, Some("false"), NO_AUTHENTICATION),
    refused("jwt_secret_key", Path, None, NO_AUTHENTICATION).or("executor_secret_key"),
    used(
        "acls",
        Text,
        None,
        "As whom tasks may run here: JSON, or a file of it, with the list run_tasks. See docs/access.md.",
    ),
    refused("authorizer", Text, Some("local"), NO_MODULES),
    refused("master_detector", Text, None, NO_MODULES),
    refused("container_logger", Text, None, NO_MODULES),
    refused("secret_resolver", Text, None, NO_MODULES),
    refused("resource_estimator", Text, None, NO_MODULES),
    refused("qos_controller", Text, None, NO_MODULES),
    ignored("oversubscribed_resources_interval", Duration, Some("15secs"), "nothing is oversubscribed"),
    ignored("qos_correction_interval_min", Duration, Some("0ns"), "nothing is oversubscribed"),
    refused("agent_features", Text, None, "an agent has the features that it has"),
    ignored("http_heartbeat_interval", Duration, Some("30secs"), "no one can be attached to a container yet"),
    refused("http_executor_domain_sockets", Bool, Some("false"), "executors reach the agent by TCP only"),
    refused("domain_socket_location", Path, None, "executors reach the agent by TCP only"),
    ignored("http_command_executor", Bool, Some("false"), "command tasks need no executor process"),
    used("frameworks_home", Path, Some(""), "The folder from which relative URIs are fetched."),
    refused("hadoop_home", Path, None, "URIs of HDFS are not fetched yet"),
    used("fetcher_cache_size", Bytes, Some("2GB"), "Bytes of fetched files that are kept for the next task."),
    used(
        "fetcher_cache_dir",
        Path,
        Some("/tmp/mesos/fetch"),
        "The folder in which they are kept; each agent makes one of its own there.",
    ),
    used(
        "fetcher_stall_timeout",
        Duration,
        Some("1mins"),
        "Ends a download of which nothing has been received for so long.",
    ),
    ignored("gc_disk_headroom", Number, Some("0.1"), "sandboxes are removed by age alone"),
    ignored("disk_watch_interval", Duration, Some("1mins"), "sandboxes are removed by age alone"),
    refused("gc_non_executor_container_sandboxes", Bool, Some("false"), "there are no such containers yet"),
];

/// Of resources that this version cannot hand out.
pub(super) const RESOURCES: &[Flag] = &[
    refused("nvidia_gpu_devices", Text, None, "GPUs are not isolated yet"),
    refused("resource_provider_config_dir", Path, None, "there are no resource providers yet"),
    refused("csi_plugin_config_dir", Path, None, "there are no CSI plugins yet"),
    refused("disk_profile_adaptor", Text, None, NO_MODULES),
    refused("volume_gid_range", Text, None, "there are no shared volumes yet"),
    refused("host_path_volume_force_creation", Text, None, "there are no volumes yet"),
];

const NO_ISOLATION: &str = "containers are not isolated yet, and must not seem to be";
const FEW_ISOLATORS: &str =
    "there are posix/cpu, posix/mem and disk/du; what nothing isolates must not seem to be isolated";
const NO_CGROUPS: &str = "no cgroups are used yet";
const NO_IMAGES: &str = "containers have no images yet";
const NO_DOCKER: &str = "containers do not run in Docker";
const NO_XFS: &str = "project quotas are not used yet";
const NO_PERF: &str = "nothing is sampled";

/// Of containers.
pub(super) const ISOLATION: &[Flag] = &[
    refused(
        "containerizers",
        Choice(&["mesos", "docker", "docker,mesos", "mesos,docker"]),
        Some("mesos"),
        NO_DOCKER,
    ),
    used(
        "isolation",
        Text,
        Some("posix/cpu,posix/mem"),
        "What is measured of containers: 'disk/du', or 'posix/disk', measures what executors use of the disk.",
    )
    .only(&["posix/cpu", "posix/mem", "disk/du", "posix/disk"], FEW_ISOLATORS),
    ignored(
        "launcher",
        Text,
        Some("posix"),
        "every container has a supervisor, which is all launchers in one",
    ),
    ignored("cgroups_hierarchy", Path, Some("/sys/fs/cgroup"), NO_CGROUPS),
    ignored("cgroups_root", Text, Some("mesos"), NO_CGROUPS),
    refused("cgroups_enable_cfs", Bool, Some("false"), NO_ISOLATION),
    refused("cgroups_limit_swap", Bool, Some("false"), NO_ISOLATION),
    ignored("cgroups_cpu_enable_pids_and_tids_count", Bool, Some("false"), NO_CGROUPS),
    ignored("cgroups_destroy_timeout", Duration, Some("1mins"), NO_CGROUPS),
    refused("cgroups_net_cls_primary_handle", Text, None, NO_ISOLATION),
    refused("cgroups_net_cls_secondary_handles", Text, None, NO_ISOLATION),
    refused("agent_subsystems", Text, None, NO_ISOLATION).or("slave_subsystems"),
    refused("allowed_devices", Text, None, NO_ISOLATION),
    ignored("revocable_cpu_low_priority", Bool, Some("true"), "nothing is oversubscribed"),
    ignored("perf_events", Text, None, NO_PERF),
    ignored("perf_interval", Duration, Some("1mins"), NO_PERF),
    ignored("perf_duration", Duration, Some("10secs"), NO_PERF),
    ignored("systemd_enable_support", Bool, Some("true"), "containers outlive the agent under any init"),
    ignored(
        "systemd_runtime_directory",
        Path,
        Some("/run/systemd/system"),
        "containers outlive the agent under any init",
    ),
    refused("effective_capabilities", Text, None, NO_ISOLATION).or("allowed_capabilities"),
    refused("bounding_capabilities", Text, None, NO_ISOLATION),
    refused("default_container_shm_size", Bytes, None, NO_ISOLATION),
    refused("disallow_sharing_agent_ipc_namespace", Bool, Some("false"), NO_ISOLATION),
    refused("disallow_sharing_agent_pid_namespace", Bool, Some("false"), NO_ISOLATION),
    refused("seccomp_config_dir", Path, None, NO_ISOLATION),
    refused("seccomp_profile_name", Text, None, NO_ISOLATION),
    used(
        "enforce_container_disk_quota",
        Bool,
        Some("false"),
        "Ends executors that use more of the disk than they and their tasks hold; needs the isolator 'disk/du'.",
    ),
    used(
        "container_disk_watch_interval",
        Duration,
        Some("15secs"),
        "How often the isolator 'disk/du' measures; what is used meanwhile is noticed late.",
    )
    .between("1ms", "52weeks"),
    ignored("xfs_project_range", Text, Some("[5000-10000]"), NO_XFS).shown_if_set(),
    refused("xfs_kill_containers", Bool, Some("false"), NO_XFS).shown_if_set(),
    ignored("xfs_quota_headroom", Bytes, Some("10MB"), NO_XFS).shown_if_set(),
    refused("image_providers", Text, None, NO_IMAGES),
    ignored("image_provisioner_backend", Text, None, NO_IMAGES),
    ignored("image_gc_config", Text, None, NO_IMAGES),
    ignored("appc_simple_discovery_uri_prefix", Text, Some("http://"), NO_IMAGES),
    ignored("appc_store_dir", Path, Some("/tmp/mesos/store/appc"), NO_IMAGES),
    ignored("docker_registry", Text, Some("https://registry-1.docker.io"), NO_IMAGES),
    ignored("docker_store_dir", Path, Some("/tmp/mesos/store/docker"), NO_IMAGES),
    ignored("docker_ignore_runtime", Bool, Some("false"), NO_IMAGES),
    ignored("docker_config", Text, None, NO_IMAGES),
    ignored("docker", Text, Some("docker"), NO_DOCKER),
    ignored("docker_socket", Path, Some("/var/run/docker.sock"), NO_DOCKER),
    ignored("docker_mesos_image", Text, None, NO_DOCKER),
    ignored("docker_remove_delay", Duration, Some("6hrs"), NO_DOCKER),
    ignored("docker_kill_orphans", Bool, Some("true"), NO_DOCKER),
    ignored("docker_stop_timeout", Duration, Some("0ns"), NO_DOCKER),
    ignored("docker_volume_checkpoint_dir", Path, Some("/var/run/mesos/isolators/docker/volume"), NO_DOCKER),
    ignored("docker_volume_chown", Bool, Some("false"), NO_DOCKER),
    ignored("sandbox_directory", Path, Some("/mnt/mesos/sandbox"), NO_IMAGES),
    refused("default_container_info", Text, None, NO_ISOLATION),
];

const NO_NETWORKS: &str = "containers share the host's network";
const NO_SHAPING: &str = "traffic is not shaped; Mesos has this flag only in special builds";

/// Of networks.
pub(super) const NETWORK: &[Flag] = &[
    refused("ip6", Text, None, NO_NETWORKS),
    refused("ip6_discovery_command", Text, None, NO_NETWORKS),
    refused("default_container_dns", Text, None, NO_NETWORKS),
    refused("network_cni_plugins_dir", Text, None, NO_NETWORKS),
    refused("network_cni_config_dir", Path, None, NO_NETWORKS),
    ignored("network_cni_root_dir_persist", Bool, Some("false"), NO_NETWORKS),
    ignored("network_cni_metrics", Bool, Some("true"), NO_NETWORKS),
    ignored("container_ports_watch_interval", Duration, Some("30secs"), "ports are not watched yet")
        .shown_if_set(),
    ignored("check_agent_port_range_only", Bool, Some("false"), "ports are not watched yet").shown_if_set(),
    refused("enforce_container_ports", Bool, Some("false"), NO_ISOLATION).shown_if_set(),
    refused("container_ports_isolated_range", Text, None, NO_ISOLATION),
    refused("ephemeral_ports_per_container", Integer, Some("1024"), NO_SHAPING).shown_if_set(),
    refused("eth0_name", Text, None, NO_SHAPING),
    refused("lo_name", Text, None, NO_SHAPING),
    refused("egress_rate_limit_per_container", Bytes, None, NO_SHAPING),
    refused("egress_rate_per_cpu", Text, None, NO_SHAPING),
    refused("minimum_egress_rate_limit", Bytes, None, NO_SHAPING),
    refused("maximum_egress_rate_limit", Bytes, None, NO_SHAPING),
    refused("egress_ceil_limit", Bytes, None, NO_SHAPING),
    refused("egress_burst", Bytes, None, NO_SHAPING),
    refused("egress_unique_flow_per_container", Bool, Some("false"), NO_SHAPING).shown_if_set(),
    refused("egress_flow_classifier_parent", Text, Some("root"), NO_SHAPING).shown_if_set(),
    refused("ingress_rate_limit_per_container", Bytes, None, NO_SHAPING),
    refused("ingress_rate_per_cpu", Text, None, NO_SHAPING),
    refused("minimum_ingress_rate_limit", Bytes, None, NO_SHAPING),
    refused("maximum_ingress_rate_limit", Bytes, None, NO_SHAPING),
    refused("ingress_ceil_limit", Bytes, None, NO_SHAPING),
    refused("ingress_burst", Bytes, None, NO_SHAPING),
    refused("ingress_isolate_existing_containers", Bool, Some("true"), NO_SHAPING).shown_if_set(),
    refused("network_link_speed", Bytes, None, NO_SHAPING),
    refused("network_enable_socket_statistics_summary", Bool, Some("false"), NO_SHAPING).shown_if_set(),
    refused("network_enable_socket_statistics_details", Bool, Some("false"), NO_SHAPING).shown_if_set(),
    refused("network_enable_snmp_statistics", Bool, Some("false"), NO_SHAPING).shown_if_set(),
    refused("network_enable_rate_statistics", Bool, Some("false"), NO_SHAPING).shown_if_set(),
    refused("network_rate_statistics_window", Duration, None, NO_SHAPING),
    refused("network_rate_statistics_interval", Duration, None, NO_SHAPING),
];
