using System.Text.Json.Nodes;
using EmbeddedPostgres;

namespace SagaRecovery.Stress.Cluster;

/// <summary>
/// The configuration of each Patroni. Written as JSON, which is YAML, too. It talks to etcd in version 2 of its interface: over version 3, Patroni
/// 3.0.2, which is Debian 12's, takes the lead back after a freeze without checking the present leader, and the commits of the new
/// primary are lost (fixed in 3.0.3: its pull request 2689).
/// </summary>
/// <param name="Password">The password of the superuser and of the replicator.</param>
/// <param name="EtcdPort">The port of etcd.</param>
internal sealed record PatroniConfiguration(string Password, int EtcdPort)
{
    public const string Host = "127.0.0.1";
    public const string Superuser = "postgres";

    /// <summary>The folder, in a node's own, that Postgres keeps its data in.</summary>
    public const string Data = "data";

    /// <summary>
    /// After so long without an update the primary is replaced. Patroni asks for at least <c>loop_wait</c> + 2 <c>retry_timeout</c>;
    /// its defaults are 30, 10 and 10 s. As short as this a fail-over takes seconds, and a busy machine is not yet considered dead.
    /// </summary>
    public const int TimeToLive = 8;

    private const int LoopWait = 1;
    private const int RetryTimeout = 3;

    public string Of(string name, string folder, int postgresPort, int restPort) => new JsonObject
    {
        ["scope"] = "stress",
        ["name"] = name,
        ["restapi"] = new JsonObject { ["listen"] = $"{Host}:{restPort}", ["connect_address"] = $"{Host}:{restPort}" },
        ["etcd"] = new JsonObject { ["host"] = $"{Host}:{EtcdPort}" },
        ["bootstrap"] = new JsonObject
        {
            ["dcs"] = Shared(),
            ["initdb"] = new JsonArray(new JsonObject { ["encoding"] = "UTF8" }, new JsonObject { ["locale"] = "C" }, "no-sync"),
        },
        ["postgresql"] = new JsonObject
        {
            ["listen"] = $"{Host}:{postgresPort}",
            ["connect_address"] = $"{Host}:{postgresPort}",
            ["data_dir"] = Path.Combine(folder, Data),
            ["bin_dir"] = BinFolder(),
            ["pgpass"] = Path.Combine(folder, "pgpass"),
            ["authentication"] = new JsonObject
            {
                ["superuser"] = Role(Superuser), ["rewind"] = Role(Superuser), ["replication"] = Role("replicator"),
            },
            ["remove_data_directory_on_rewind_failure"] = true, // a killed member that cannot be rewound is copied anew
            ["remove_data_directory_on_diverged_timelines"] = true,
            ["pg_hba"] = new JsonArray("host all all 127.0.0.1/32 scram-sha-256", "host replication replicator 127.0.0.1/32 scram-sha-256"),
        },
    }.ToJsonString();

    /// <summary>
    /// The settings in etcd. Only a synchronous standby is promoted, so no commit that was answered is lost. Not the strict form: where no
    /// standby is left, the primary continues alone, and only itself may succeed it until a standby has caught up; strict would make
    /// it wait, and guard against the loss of its disk, which is not tested here.
    /// </summary>
    private static JsonObject Shared() => new()
    {
        ["ttl"] = TimeToLive,
        ["loop_wait"] = LoopWait,
        ["retry_timeout"] = RetryTimeout,
        ["synchronous_mode"] = true,
        ["postgresql"] = new JsonObject
        {
            ["use_pg_rewind"] = true,
            ["parameters"] = new JsonObject
            {
                ["max_connections"] = 100,
                ["wal_log_hints"] = "on", // pg_rewind needs it
                ["wal_retrieve_retry_interval"] = "500ms", // the interval at which a standby searches for its new primary; the default is 5 s
                ["unix_socket_directories"] = "", // a socket's path may have 107 characters only; the loopback port suffices
                ["dynamic_shared_memory_type"] = "mmap", // in the data folder: a killed server leaves nothing outside
            },
        },
    };

    /// <summary>Patroni runs more of the programs than are linked into the usual folders.</summary>
    public static string BinFolder()
    {
        string postgres = PostgresBinaries.Find()["postgres"];
        return Path.GetDirectoryName(File.ResolveLinkTarget(postgres, returnFinalTarget: true)?.FullName ?? postgres)!;
    }

    private JsonObject Role(string name) => new() { ["username"] = name, ["password"] = Password };
}
