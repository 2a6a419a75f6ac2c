using System.Globalization;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using EmbeddedPostgres;
using Npgsql;

namespace SagaRecovery.Stress.Cluster;

/// <summary>
/// Three Postgres servers, one of which is the primary and one its synchronous standby, run by Patroni with an etcd of one member: on
/// loopback ports, in a throw-away folder, as the user that servers run as. Used by the scenario's own flow; not thread-safe.
/// </summary>
internal sealed class PatroniCluster : IAsyncDisposable
{
    private const int Nodes = 3;

    private static readonly string[] Programs = ["patroni", "etcd", "setpriv"];

    /// <summary>Making a cluster, or bringing a killed member back, takes a quarter of this; more on a busy machine.</summary>
    private static readonly TimeSpan WaitTimeout = TimeSpan.FromMinutes(5); // a node that rejoins takes seconds, on a busy machine minutes

    private readonly string _folder = Directory.CreateTempSubdirectory("patroni-").FullName;
    private readonly List<PatroniNode> _nodes = [];
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };
    private readonly string _password = RandomNumberGenerator.GetHexString(32, lowercase: true);
    private ServerProgram? _etcd;

    private PatroniCluster()
    {
    }

    private string LastWords => string.Join('\n', _nodes.Select(node => $"{node.Name}: {node.LastWords}").Prepend($"etcd: {_etcd?.LastWords}"));

    /// <summary>The reason why this machine cannot run one; null: it can.</summary>
    public static string? WhyNot() => Array.Find(Programs, program => ServerProgram.Find(program) is null) is { } missing
        ? $"{missing} is not installed (tests/install-ha.sh installs it)"
        : null;

    /// <summary>Makes one; takes a quarter of a minute.</summary>
    public static async Task<PatroniCluster> StartAsync()
    {
        var cluster = new PatroniCluster();
        try
        {
            await cluster.MakeAsync();
            await cluster.IsWholeAsync();
            return cluster;
        }
        catch (Exception cause)
        {
            string words = cluster.LastWords;
            await cluster.DisposeAsync();
            throw new InvalidOperationException($"The cluster did not start:\n{words}", cause);
        }
    }

    /// <summary>The connection string of the superuser, to the member that is the primary.</summary>
    public string ConnectionString(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = string.Join(',', _nodes.Select(node => string.Create(CultureInfo.InvariantCulture, $"{PatroniConfiguration.Host}:{node.PostgresPort}"))),
        Username = PatroniConfiguration.Superuser,
        Password = _password,
        Database = database,
        TargetSessionAttributes = "read-write",
        HostRecheckSeconds = 0, // observers need the current state
        Timeout = 3, // a frozen server holds its connections and does not answer
        CommandTimeout = 5,
    }.ConnectionString;

    /// <summary>A new, empty database.</summary>
    /// <returns>Its connection string.</returns>
    public async Task<string> NewDatabaseAsync()
    {
        await using var connection = new NpgsqlConnection($"{ConnectionString("postgres")};Pooling=false");
        await connection.OpenAsync();
        await using var create = new NpgsqlCommand("create database stress", connection);
        await create.ExecuteNonQueryAsync();
        return ConnectionString("stress");
    }

    /// <summary>The member that leads, according to any of them; null: none.</summary>
    public async Task<PatroniNode?> PrimaryAsync()
    {
        string? leader = (await MembersAsync()).FirstOrDefault(member => member is { Role: "leader", State: "running" })?.Name;
        return _nodes.Find(node => node.Name == leader);
    }

    /// <summary>Waits until all members run, on one timeline, and one of them is a synchronous standby.</summary>
    public async Task IsWholeAsync()
    {
        IReadOnlyList<Member> members = [];
        try
        {
            await Eventually.HoldsAsync(
                async () =>
                {
                    members = await MembersAsync();
                    return members.Count == Nodes
                        && _nodes.All(node => node.Runs)
                        && members.All(member => member.State == "running")
                        && members.DistinctBy(member => member.Timeline).Count() == 1
                        && members.Any(member => member.Role == "leader")
                        && members.Any(member => member.Role == "sync_standby");
                },
                "all members ran, and one was a synchronous standby",
                WaitTimeout);
        }
        catch (TimeoutException inVain)
        {
            throw new TimeoutException($"{inVain.Message} They were: {string.Join(", ", members)}.\n{LastWords}", inVain);
        }
    }

    /// <summary>Performs a switchover: the primary shuts down, and the synchronous standby takes over.</summary>
    public async Task SwitchOverAsync(PatroniNode primary)
    {
        using var request = new StringContent(new JsonObject { ["leader"] = primary.Name }.ToJsonString()); // of a known length: Patroni takes no chunks
        using HttpResponseMessage answer = await _http.PostAsync(new Uri(primary.Rest, "/switchover"), request);
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"Patroni refused to switch over: {await answer.Content.ReadAsStringAsync()}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (PatroniNode node in _nodes)
        {
            await node.DisposeAsync();
        }

        await (_etcd?.DisposeAsync() ?? ValueTask.CompletedTask);
        _http.Dispose();
        await ServerProcesses.KillAllOnAsync(_folder);
        Directory.Delete(_folder, recursive: true);
    }

    private async Task MakeAsync()
    {
        await ServerProgram.ChownAsync(_folder);
        int etcdPort = LoopbackPort.Free();
        StartEtcd(etcdPort);
        var configuration = new PatroniConfiguration(_password, etcdPort);
        for (int number = 1; number <= Nodes; number++)
        {
            string name = $"node-{number}";
            string folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
            string file = Path.Combine(folder, "patroni.yml");
            (int postgres, int rest) = (LoopbackPort.Free(), LoopbackPort.Free());
            ClusterFolder.WritePrivate(file, configuration.Of(name, folder, postgres, rest));
            await ServerProgram.ChownAsync(folder);
            await ServerProgram.ChownAsync(file);
            var node = new PatroniNode(name, folder, file, postgres, rest);
            _nodes.Add(node);
            node.Start();
        }
    }

    private void StartEtcd(int port)
    {
        string client = string.Create(CultureInfo.InvariantCulture, $"http://{PatroniConfiguration.Host}:{port}");
        string peer = string.Create(CultureInfo.InvariantCulture, $"http://{PatroniConfiguration.Host}:{LoopbackPort.Free()}");
        _etcd = new ServerProgram(
            _folder, "etcd", ServerProgram.Find("etcd")!, "--name", "single", "--data-dir", Path.Combine(_folder, "etcd"), "--enable-v2",
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", $"single={peer}");
    }

    /// <summary>Queries any member that answers. Empty: none does.</summary>
    private async Task<IReadOnlyList<Member>> MembersAsync()
    {
        foreach (PatroniNode node in _nodes.Where(node => node.Runs))
        {
            try
            {
                return (await _http.GetFromJsonAsync<View>(new Uri(node.Rest, "/cluster")))?.Members ?? [];
            }
            catch (Exception noAnswer) when (noAnswer is HttpRequestException or OperationCanceledException)
            {
                // the next one may answer
            }
        }

        return [];
    }

    /// <summary>The answer of Patroni; the names are its own.</summary>
    private sealed record View(IReadOnlyList<Member> Members);

    private sealed record Member(string Name, string Role, string State, long? Timeline);
}
