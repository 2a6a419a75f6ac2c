using System.Diagnostics;
using Npgsql;

namespace EmbeddedPostgres.Tests;

public sealed class PrivateClusterTests : IAsyncLifetime
{
    private static readonly ClusterOptions Throwaway = new() { Durable = false };

    private readonly string _folder = Directory.CreateTempSubdirectory("private-postgres-tests-").FullName;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (PrivateCluster.Find(_folder) is { } cluster)
        {
            await cluster.RemoveAsync();
        }
        else if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_cluster_is_made_then_found_then_started_again_on_the_same_port_with_what_it_held()
    {
        PrivateCluster made = await PrivateCluster.StartOrFindAsync(_folder, Throwaway);
        made.Origin.Should().Be(ClusterOrigin.Made);
        await made.CreateDatabaseAsync("things");
        await made.CreateDatabaseAsync("things");
        await ExecuteAsync(made, "create table kept (id int); insert into kept values (7)");

        PrivateCluster found = await PrivateCluster.StartOrFindAsync(_folder, Throwaway);
        found.Origin.Should().Be(ClusterOrigin.Found);
        found.Port.Should().Be(made.Port);

        (await made.StopAsync()).Should().BeTrue();
        (await made.StopAsync()).Should().BeFalse("it is not running any more");
        NpgsqlConnection.ClearAllPools();
        PrivateCluster started = await PrivateCluster.StartOrFindAsync(_folder, Throwaway);
        started.Origin.Should().Be(ClusterOrigin.Started);
        started.Port.Should().Be(made.Port, "connection strings stay good");
        (await ExecuteAsync(started, "select id from kept")).Should().Be(7);
    }

    [Fact]
    public async Task After_an_immediate_stop_it_recovers_what_was_committed()
    {
        PrivateCluster cluster = await PrivateCluster.StartOrFindAsync(_folder, Throwaway);
        await cluster.CreateDatabaseAsync("things");
        await ExecuteAsync(cluster, "create table kept (id int); insert into kept values (7)");

        await cluster.StopAsync(StopMode.Immediate);
        NpgsqlConnection.ClearAllPools();
        await cluster.StartAsync();

        (await ExecuteAsync(cluster, "select id from kept")).Should().Be(7);
    }

    [Fact]
    public async Task A_server_that_was_killed_is_started_again_although_its_pid_file_is_left()
    {
        PrivateCluster cluster = await PrivateCluster.StartOrFindAsync(_folder, Throwaway);
        using var server = Process.GetProcessById(ServerProcessId());
        server.Kill();
        await server.WaitForExitAsync();

        (await PrivateCluster.StartOrFindAsync(_folder, Throwaway)).Origin.Should().Be(ClusterOrigin.Started);
    }

    [Fact]
    public async Task A_pid_file_that_names_a_foreign_process_does_not_pass_for_a_running_server()
    {
        PrivateCluster cluster = await PrivateCluster.StartOrFindAsync(_folder, Throwaway);
        await cluster.StopAsync();
        await File.WriteAllTextAsync(PidFile, $"{Environment.ProcessId}\n");

        (await PrivateCluster.StartOrFindAsync(_folder, Throwaway)).Origin.Should().Be(ClusterOrigin.Started);
    }

    [Fact]
    public async Task Another_port_is_used_where_the_former_one_has_been_taken()
    {
        PrivateCluster cluster = await PrivateCluster.StartOrFindAsync(_folder, Throwaway);
        int before = cluster.Port;
        await cluster.StopAsync();
        using var squatter = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, before);
        squatter.Start();

        await cluster.StartAsync();

        cluster.Port.Should().NotBe(before);
        (await ExecuteAsync(cluster, "select 1", "postgres")).Should().Be(1);
    }

    [Fact]
    public async Task Several_that_start_one_folder_at_once_share_one_server()
    {
        PrivateCluster[] clusters = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PrivateCluster.StartOrFindAsync(_folder, Throwaway)));

        clusters.Select(cluster => cluster.Origin).Should().ContainSingle(origin => origin == ClusterOrigin.Made);
        clusters.Select(cluster => cluster.Port).Distinct().Should().ContainSingle();
    }

    [Fact]
    public async Task A_crash_in_the_middle_of_making_it_leaves_nothing_that_passes_for_a_cluster()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "pgdata.unfinished", "base"));

        PrivateCluster.ExistsIn(_folder).Should().BeFalse();
        (await PrivateCluster.StartOrFindAsync(_folder, Throwaway)).Origin.Should().Be(ClusterOrigin.Made);
    }

    [Fact]
    public async Task The_password_has_a_file_of_its_own_that_only_its_owner_reads()
    {
        PrivateCluster cluster = await PrivateCluster.StartOrFindAsync(_folder, Throwaway);

        string password = (await File.ReadAllTextAsync(cluster.PasswordFile)).Trim().Split(':')[^1];
        password.Should().HaveLength(32);
        cluster.ConnectionString("postgres").Should().NotContain(password);
        Directory.GetFiles(_folder).Where(file => file != cluster.PasswordFile)
            .Should().NotContain(file => File.ReadAllText(file).Contains(password));
        if (!OperatingSystem.IsWindows())
        {
            File.GetUnixFileMode(cluster.PasswordFile).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        var wrong = new NpgsqlConnectionStringBuilder(cluster.ConnectionString("postgres")) { Passfile = null, Password = "guess" };
        await FluentActions.Awaiting(() => new NpgsqlConnection(wrong.ConnectionString).OpenAsync())
            .Should().ThrowAsync<PostgresException>().Where(refusal => refusal.SqlState == PostgresErrorCodes.InvalidPassword);
    }

    [Fact]
    public async Task Removing_it_leaves_neither_folder_nor_process()
    {
        PrivateCluster cluster = await PrivateCluster.StartOrFindAsync(_folder, Throwaway);
        int server = ServerProcessId();

        await cluster.RemoveAsync();

        Directory.Exists(_folder).Should().BeFalse();
        CommandLineOf(server).Should().NotContain(_folder);
    }

    [Fact]
    public async Task A_server_that_cannot_start_gives_the_reason_in_one_line()
    {
        ClusterOptions wrong = Throwaway with { Settings = new Dictionary<string, string> { ["shared_buffers"] = "none" } };

        (await FluentActions.Awaiting(() => PrivateCluster.StartOrFindAsync(_folder, wrong)).Should().ThrowAsync<EmbeddedPostgresException>())
            .Which.Message.Should().Contain("shared_buffers").And.NotContain("\n");
    }

    [Fact]
    public void Without_server_binaries_the_message_names_the_package()
    {
        FluentActions.Invoking(() => PostgresBinaries.Find(_folder)).Should().Throw<PostgresNotFoundException>()
            .Which.Message.Should().StartWith("PostgreSQL server binaries were not found").And.Contain("install postgresql").And.NotContain("\n");
    }

    private string PidFile => Path.Combine(_folder, "pgdata", "postmaster.pid");

    private int ServerProcessId() => int.Parse(File.ReadLines(PidFile).First());

    /// <summary>Empty for a process that has stopped.</summary>
    private static string CommandLineOf(int process) =>
        File.Exists($"/proc/{process}/cmdline") ? File.ReadAllText($"/proc/{process}/cmdline") : "";

    private static async Task<object?> ExecuteAsync(PrivateCluster cluster, string sql, string database = "things")
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(cluster.ConnectionString(database));
        await using NpgsqlCommand command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }
}
