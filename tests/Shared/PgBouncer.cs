using EmbeddedPostgres;
using Npgsql;

namespace Tests.Shared;

/// <summary>
/// A pgbouncer in transaction mode before one server: each transaction may run on another connection. On a loopback port, in a
/// throw-away folder. Not thread-safe.
/// </summary>
internal sealed class PgBouncer : IAsyncDisposable
{
    private const string Host = "127.0.0.1";

    private readonly string _folder = Directory.CreateTempSubdirectory("pgbouncer-").FullName;
    private readonly int _port = LoopbackPort.Free();
    private ServerProgram? _program;

    private PgBouncer()
    {
    }

    private string Settings => Path.Combine(_folder, "pgbouncer.ini");

    /// <summary>The reason why this machine cannot run one; null: it can.</summary>
    public static string? WhyNot() => ServerProgram.Find("pgbouncer") is null ? "pgbouncer is not installed (tests/install-ha.sh installs it)" : null;

    /// <param name="connectionStrings">The connections through it, to one server.</param>
    public static async Task<PgBouncer> StartAsync(params IReadOnlyList<string> connectionStrings)
    {
        var pooler = new PgBouncer();
        try
        {
            await pooler.WriteFilesAsync([.. connectionStrings.Select(text => new NpgsqlConnectionStringBuilder(text))]);
            pooler.Start();
            await pooler.AnswersAsync(connectionStrings[0]);
            return pooler;
        }
        catch
        {
            await pooler.DisposeAsync();
            throw;
        }
    }

    /// <summary>The same connection, through the pooler. A reset of the session state would also affect the next client.</summary>
    public string Through(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Port = _port, NoResetOnClose = true }.ConnectionString;

    public void Start() => _program = new ServerProgram(_folder, "pgbouncer", ServerProgram.Find("pgbouncer")!, Settings);

    /// <summary>SIGKILL: all connections through it break.</summary>
    public async Task KillAsync() => await (_program?.DisposeAsync() ?? ValueTask.CompletedTask);

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task WriteFilesAsync(IReadOnlyList<NpgsqlConnectionStringBuilder> users)
    {
        string passwords = Path.Combine(_folder, "users");
        ClusterFolder.WritePrivate(passwords, string.Concat(users.Select(user => $"\"{user.Username}\" \"{user.Password ?? InFile(user.Passfile!)}\"\n")));
        ClusterFolder.WritePrivate(Settings, $"""
            [databases]
            * = host={Host} port={users[0].Port}
            [pgbouncer]
            pool_mode = transaction
            listen_addr = {Host}
            listen_port = {_port}
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = {passwords}
            max_client_conn = 500
            default_pool_size = 20
            server_login_retry = 1

            """);
        foreach (string path in new[] { _folder, passwords, Settings })
        {
            await ServerProgram.ChownAsync(path);
        }
    }

    private static string InFile(string passwordFile) => File.ReadAllText(passwordFile).TrimEnd().Split(':')[^1];

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
            },
            "pgbouncer accepted a connection");
    }
}
