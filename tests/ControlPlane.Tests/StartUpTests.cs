using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using EmbeddedPostgres;
using Npgsql;

namespace ControlPlane.Tests;

public sealed class StartUpTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("control-plane-tests-").FullName;

    private string DataFolder => $"--ControlPlane:DataFolder={_folder}";

    private string ClusterFolder => Path.Combine(_folder, "postgres");

    public ValueTask InitializeAsync()
    {
        if (!OperatingSystem.IsWindows())
        {
            // as root, the database runs as another user, who needs access
            File.SetUnixFileMode(_folder, (UnixFileMode)0b111_101_101);
        }

        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (PrivateCluster.Find(ClusterFolder) is { } left)
        {
            await left.RemoveAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task It_starts_without_Postgres_and_works_once_Postgres_is_up()
    {
        await using ThrowawayCluster postgres = await ThrowawayCluster.StartAsync();
        string database = await postgres.NewDatabaseAsync();
        await postgres.Cluster.StopAsync();

        await using ServiceProcess service = await ServiceProcess.StartAsync(database, Guid.NewGuid(), "--ControlPlane:StartTimeout=00:00:01");
        using HttpResponseMessage early = await service.CreateProjectAsync("alpha");
        early.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        early.Headers.RetryAfter.Should().NotBeNull();
        (await service.Http.GetAsync("/v1/projects")).StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        (await service.Http.GetStringAsync("/saga-recovery")).Should().Contain("(not joined yet)");

        await postgres.Cluster.StartAsync();
        int tries = 0; // a start that exceeds its limit of a second is answered 503 and may take its name all the same
        await Eventually.HoldsAsync(
            async () => (await service.CreateProjectAsync($"alpha-{++tries}")).StatusCode == HttpStatusCode.Created, "a project could be created");
        (await service.TerminateAsync()).Should().Be(0);
    }

    [Fact]
    public async Task It_outlives_a_crash_of_Postgres_and_what_was_in_flight_ends_well()
    {
        await using ThrowawayCluster postgres = await ThrowawayCluster.StartAsync();
        string database = await postgres.NewDatabaseAsync();
        var ledger = new Ledger(database);
        await using ServiceProcess service = await ServiceProcess.StartAsync(database, Guid.NewGuid());
        (await service.CreateProjectAsync("before")).StatusCode.Should().Be(HttpStatusCode.Created);
        Guid demo = await service.StartDemoSagaAsync();

        Task<HttpResponseMessage>[] inFlight = [.. Enumerable.Range(0, 40).Select(i => service.CreateProjectAsync($"during-{i}"))];
        await Task.WhenAny(inFlight);
        await postgres.Cluster.StopAsync(StopMode.Immediate);
        await postgres.Cluster.StartAsync();
        HttpResponseMessage[] answers = await Task.WhenAll(inFlight);

        answers.Select(answer => answer.StatusCode).Should().OnlyContain(status => status == HttpStatusCode.Created || status == HttpStatusCode.ServiceUnavailable);
        (await service.CreateProjectAsync("after")).StatusCode.Should().Be(HttpStatusCode.Created);
        (await service.ReleaseDemoSagaAsync(demo)).StatusCode.Should().Be(HttpStatusCode.NoContent);
        await Eventually.HoldsAsync(async () => (await ledger.SagasInProgressAsync()).Count == 0, "every saga was finished");
        IReadOnlySet<string> whole = await ledger.WholeProjectsAsync();
        (await ledger.ProjectsAsync()).Should().Be(whole.Count);
        whole.Should().Contain(answers.Zip(Enumerable.Range(0, 40))
            .Where(pair => pair.First.StatusCode == HttpStatusCode.Created).Select(pair => $"during-{pair.Second}"));
        (await ledger.SagasByStateAsync()).Keys.Should().BeEquivalentTo("project-create succeeded", "demo succeeded");
        (await ledger.SucceededSagasThatDoNotAddUpAsync()).Should().Be(0);
    }

    [Fact]
    public async Task The_private_cluster_outlives_a_kill_and_is_found_again_with_the_same_coordinator()
    {
        Guid demo;
        await using (ServiceProcess first = await ServiceProcess.StartAsync([DataFolder]))
        {
            first.Output.Should().Contain(line => line.Contains("private Postgres cluster created", StringComparison.Ordinal));
            (await first.CreateProjectAsync("alpha")).StatusCode.Should().Be(HttpStatusCode.Created);
            demo = await first.StartDemoSagaAsync();
            await first.KillAsync();
        }

        PrivateCluster.Find(ClusterFolder)!.IsRunning.Should().BeTrue();
        await using ServiceProcess second = await ServiceProcess.StartAsync([DataFolder]);
        second.Output.Should().Contain(line => line.Contains("private Postgres cluster found running", StringComparison.Ordinal));
        (await second.Http.GetAsync("/v1/projects/alpha")).StatusCode.Should().Be(HttpStatusCode.OK);
        (await second.ReleaseDemoSagaAsync(demo)).StatusCode.Should().Be(HttpStatusCode.NoContent);
        await Eventually.HoldsAsync(
            () => second.Output.Any(line => line.Contains($"saga {demo} (demo) succeeded", StringComparison.Ordinal)), "the saga was finished");
        (await second.Http.GetStringAsync("/saga-recovery")).Should().Contain("incarnation 2");
        (await second.TerminateAsync()).Should().Be(0);
        PrivateCluster.Find(ClusterFolder)!.IsRunning.Should().BeTrue();

        await RunPostgresCommandAsync("status", $"runs on 127.0.0.1:{PrivateCluster.Find(ClusterFolder)!.Port}");
        await RunPostgresCommandAsync("stop", "Stopped the private Postgres cluster");
        PrivateCluster.Find(ClusterFolder)!.IsRunning.Should().BeFalse();
        await RunPostgresCommandAsync("stop", "was not running");
        await RunPostgresCommandAsync("remove", "Stopped and removed");
        Directory.Exists(ClusterFolder).Should().BeFalse();
    }

    [Fact]
    public async Task Without_Postgres_binaries_it_names_in_one_line_what_to_install()
    {
        (int exitCode, IReadOnlyCollection<string> errors) = await ServiceProcess.RunToItsEndAsync(
            DataFolder, $"--ControlPlane:PostgresBinFolder={_folder}");

        exitCode.Should().Be(1);
        errors.Should().ContainSingle().Which.Should().Contain("PostgreSQL server binaries were not found").And.Contain("install postgresql");
    }

    [Theory]
    [InlineData("--SagaRecovery:Period=00:00:00", "SagaRecovery:Period")]
    [InlineData("--SagaRecovery:MaxConcurrency=0", "SagaRecovery:MaxConcurrency")]
    [InlineData("--SagaRecovery:CoordinatorId=00000000-0000-0000-0000-000000000000", "SagaRecovery:CoordinatorId")]
    [InlineData("--SagaRecovery:CoordinatorId=0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a1", "SagaRecovery:CoordinatorId")]
    [InlineData("--SagaRecovery:Period=soon", "SagaRecovery:Period")]
    [InlineData("--ControlPlane:StartTimeout=soon", "ControlPlane:StartTimeout")]
    [InlineData("--ConnectionStrings:Sagas=nonsense", "ConnectionStrings:Sagas")]
    [InlineData("--urls=nonsense", "--urls")]
    public async Task A_setting_that_makes_no_sense_is_named_in_one_line(string setting, string named)
    {
        (int exitCode, IReadOnlyCollection<string> errors) = await ServiceProcess.RunToItsEndAsync(
            DataFolder, "--urls=http://127.0.0.1:0", "--ConnectionStrings:Sagas=Host=127.0.0.1;Port=1", setting);

        exitCode.Should().Be(1);
        errors.Should().ContainSingle().Which.Should().Contain(named);
    }

    [Fact]
    public async Task An_address_that_is_taken_is_named_before_anything_is_joined()
    {
        using var squatter = new TcpListener(IPAddress.Loopback, 0);
        squatter.Start();
        string url = $"http://127.0.0.1:{((IPEndPoint)squatter.LocalEndpoint).Port}";

        (int exitCode, IReadOnlyCollection<string> errors) = await ServiceProcess.RunToItsEndAsync("--urls", url, DataFolder);

        exitCode.Should().Be(1);
        errors.Should().ContainSingle().Which.Should().Contain(url);
        Directory.EnumerateFileSystemEntries(_folder).Should().BeEmpty();
    }

    [Fact]
    public async Task A_password_given_in_a_connection_string_is_not_logged()
    {
        var connection = new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = 1, Username = "someone", Password = "swordfish", Database = "x" };
        await using ServiceProcess service = await ServiceProcess.StartAsync(connection.ConnectionString, Guid.NewGuid(), "--ControlPlane:StartTimeout=00:00:01");
        using HttpResponseMessage refused = await service.CreateProjectAsync("alpha");

        service.Output.Should().NotContain(line => line.Contains("swordfish", StringComparison.Ordinal));
        (await refused.Content.ReadAsStringAsync()).Should().NotContain("swordfish");
    }

    [Fact]
    public async Task The_operators_token_is_made_once_for_its_owner_alone_to_read_and_never_logged()
    {
        var connection = new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = 1, Username = "someone", Database = "x" };
        string[] settings = [$"--ConnectionStrings:Sagas={connection}", DataFolder, "--ControlPlane:OperatorToken="];
        string file = Path.Combine(_folder, "operator-token");

        await using (ServiceProcess first = await ServiceProcess.StartAsync(settings))
        {
            first.Output.Should().Contain(line => line.Contains(file, StringComparison.Ordinal));
        }

        string token = await File.ReadAllTextAsync(file);
        if (!OperatingSystem.IsWindows())
        {
            File.GetUnixFileMode(file).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        await using ServiceProcess second = await ServiceProcess.StartAsync(settings);
        (await PauseAsync(second, token.Trim())).Should().Be(HttpStatusCode.ServiceUnavailable, "it is authorized, and Postgres is away");
        (await PauseAsync(second, token.Trim() + "x")).Should().Be(HttpStatusCode.Unauthorized);
        (await PauseAsync(second, "")).Should().Be(HttpStatusCode.Unauthorized);
        (await File.ReadAllTextAsync(file)).Should().Be(token);
        second.Output.Should().NotContain(line => line.Contains(token.Trim(), StringComparison.Ordinal));
    }

    private static async Task<HttpStatusCode> PauseAsync(ServiceProcess service, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/saga-recovery/pause")
        {
            Headers = { Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"ann:{token}"))) },
            Content = JsonContent.Create(new { reason = "a look" }),
        };
        using HttpResponseMessage response = await service.Http.SendAsync(request);
        return response.StatusCode;
    }

    private async Task RunPostgresCommandAsync(string verb, string says)
    {
        await using var command = new RunningProgram("ControlPlane", "postgres", verb, DataFolder);
        (await command.ExitCodeAsync()).Should().Be(0);
        command.Output.First().Should().Contain(says);
    }
}
