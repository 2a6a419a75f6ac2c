using System.Globalization;
using EmbeddedPostgres;
using Npgsql;

namespace Tests.Shared;

/// <summary>
/// A pgpool-II in streaming replication mode before a primary and its standby. It sends apparent reads to the standby, however
/// far it lags, and everything else to the primary. On a loopback port, in a throw-away folder. Not thread-safe.
/// </summary>
internal sealed class PgPool : IAsyncDisposable
{
    private const string Host = "127.0.0.1";

    private readonly string _folder = Directory.CreateTempSubdirectory("pgpool-").FullName;
    private readonly int _port = LoopbackPort.Free();
    private ServerProgram? _program;

    private PgPool()
    {
    }

    private string Settings => Path.Combine(_folder, "pgpool.conf");

    /// <summary>The reason why this machine has none; null: it has one.</summary>
    public static string? WhyNot() => ServerProgram.Find("pgpool") is null ? "pgpool is not installed (tests/install-ha.sh installs it)" : null;

    /// <param name="primary">A connection string of the superuser, who connects through it as well.</param>
    /// <param name="standby">The same for the standby.</param>
    /// <param name="writeFunctions">
    /// Regular expressions for functions: a statement that calls one of them is sent to the primary. Empty: pgpool's default, all volatile ones.
    /// </param>
    public static async Task<PgPool> StartAsync(string primary, string standby, string writeFunctions = "")
    {
        var pooler = new PgPool();
        try
        {
            await pooler.WriteFilesAsync(new NpgsqlConnectionStringBuilder(primary), new NpgsqlConnectionStringBuilder(standby), writeFunctions);
            pooler.Start();
            await pooler.AnswersAsync(primary);
            return pooler;
        }
        catch
        {
            await pooler.DisposeAsync();
            throw;
        }
    }

    /// <summary>The same connection, through the pooler.</summary>
    public string Through(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString) { Port = _port }.ConnectionString;

    /// <summary>Requests an immediate end: a killed pgpool leaves its children and its shared memory behind.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_program is { HasExited: false })
        {
            await _program.SignalAsync("INT");
            await Eventually.HoldsAsync(() => _program.HasExited, "pgpool had ended");
        }

        await (_program?.DisposeAsync() ?? ValueTask.CompletedTask);
        Directory.Delete(_folder, recursive: true);
    }

    private void Start() => _program = new ServerProgram(
        _folder, "pgpool", ServerProgram.Find("pgpool")!, "-n", "-D", "-f", Settings, "-a", InFolder("pool_hba.conf"), "-F", InFolder("pcp.conf"));

    private string InFolder(string file) => Path.Combine(_folder, file);

    private async Task WriteFilesAsync(NpgsqlConnectionStringBuilder primary, NpgsqlConnectionStringBuilder standby, string writeFunctions)
    {
        string password = File.ReadAllText(primary.Passfile!).TrimEnd().Split(':')[^1];
        var files = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [InFolder("pool_passwd")] = $"{primary.Username}:TEXT{password}\n",
            [InFolder("pool_hba.conf")] = $"host all all {Host}/32 scram-sha-256\n",
            [InFolder("pcp.conf")] = "",
            [Settings] = string.Create(CultureInfo.InvariantCulture, $"""
                backend_clustering_mode = 'streaming_replication'
                backend_hostname0 = '{Host}'
                backend_port0 = {primary.Port}
                backend_weight0 = 0
                backend_flag0 = 'ALWAYS_PRIMARY|DISALLOW_TO_FAILOVER'
                backend_hostname1 = '{Host}'
                backend_port1 = {standby.Port}
                backend_weight1 = 1
                backend_flag1 = 'DISALLOW_TO_FAILOVER'
                load_balance_mode = on
                write_function_list = '{writeFunctions}'
                delay_threshold = 0
                sr_check_period = 0
                health_check_period = 0
                listen_addresses = '{Host}'
                port = {_port}
                socket_dir = '{_folder}'
                pcp_listen_addresses = '{Host}'
                pcp_port = {LoopbackPort.Free()}
                pcp_socket_dir = '{_folder}'
                wd_ipc_socket_dir = '{_folder}'
                pid_file_name = '{InFolder("own.pid")}'
                logdir = '{_folder}'
                log_per_node_statement = on
                enable_pool_hba = on
                pool_passwd = '{InFolder("pool_passwd")}'
                num_init_children = 8
                max_pool = 2

                """),
        };
        await ServerProgram.ChownAsync(_folder);
        foreach ((string file, string text) in files)
        {
            ClusterFolder.WritePrivate(file, text);
            await ServerProgram.ChownAsync(file);
        }
    }

    private async Task AnswersAsync(string connectionString)
    {
        await Eventually.HoldsAsync(
            async () =>
            {
                try
                {
                    await using var connection = new NpgsqlConnection($"{Through(connectionString)};Pooling=false");
                    await connection.OpenAsync();
                    return true;
                }
                catch (NpgsqlException) when (!_program!.HasExited)
                {
                    return false;
                }
                catch (NpgsqlException refused)
                {
                    throw new InvalidOperationException($"pgpool ended: {_program!.LastWords}", refused);
                }
            },
            "pgpool accepted a connection");
    }
}
