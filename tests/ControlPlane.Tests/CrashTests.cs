using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using ControlPlane.Tests.Support;
using Npgsql;

namespace ControlPlane.Tests;

public sealed class CrashTests(PostgresFixture postgres) : DatabaseTests(postgres)
{
    private const int Kills = 6;
    private const int Clients = 24;

    [Fact]
    public async Task Killed_again_and_again_under_load_it_finishes_every_saga_and_keeps_every_promise()
    {
        using var stop = new CancellationTokenSource();
        ConcurrentBag<string> promised = [];
        ServiceProcess service = await StartServiceAsync();
        Task[] load = [.. Enumerable.Range(0, Clients).Select(client => CreateProjectsAsync(() => service, client, promised, stop.Token))];
        List<Guid> demos = [];
        for (int kill = 1; kill <= Kills; kill++)
        {
            demos.Add(await service.StartDemoSagaAsync());
            int answered = promised.Count;
            await Eventually.HoldsAsync(() => promised.Count > answered + (Clients * kill / 2), "the load was in full swing");

            await service.KillAsync();
            await Ledger.ServiceIsGoneAsync();
            IReadOnlyList<Guid> inFlight = await Ledger.SagasInProgressAsync();
            inFlight.Should().Contain(demos).And.HaveCountGreaterThan(demos.Count, "the load was in full swing");

            ServiceProcess killed = service;
            service = await StartServiceAsync();
            await killed.DisposeAsync();
            JsonElement pass = await FirstPassAsync(service);
            pass.GetProperty("recovered").GetInt32().Should().Be(inFlight.Count);
            service.SagasLogged("recovered saga:").Should().BeEquivalentTo(inFlight, "each is handed over, and once");
        }

        await stop.CancelAsync();
        await Task.WhenAll(load);
        foreach (Guid demo in demos)
        {
            (await service.ReleaseDemoSagaAsync(demo)).StatusCode.Should().Be(HttpStatusCode.NoContent);
        }

        await Eventually.HoldsAsync(async () => (await Ledger.SagasInProgressAsync()).Count == 0, "every saga was finished");
        (await Ledger.SagasByStateAsync()).Keys.Should().BeSubsetOf(["project-create succeeded", "demo succeeded"]);
        (await Ledger.SucceededSagasThatDoNotAddUpAsync()).Should().Be(0);
        IReadOnlySet<string> whole = await Ledger.WholeProjectsAsync();
        (await Ledger.ProjectsAsync()).Should().Be(whole.Count, "no project is unfinished");
        promised.Should().BeSubsetOf(whole).And.OnlyHaveUniqueItems().And.HaveCountGreaterThan(Kills * Clients);

        JsonElement totals = (await service.StatusAsync()).GetProperty("totals");
        totals.GetProperty("failed").GetInt64().Should().Be(0);
        totals.GetProperty("protocolViolations").GetInt64().Should().Be(0);
        (await service.TerminateAsync()).Should().Be(0);
        await service.DisposeAsync();
    }

    [Fact]
    public async Task A_demo_saga_is_released_after_it_was_recovered()
    {
        Guid id;
        await using (ServiceProcess first = await StartServiceAsync())
        {
            id = await first.StartDemoSagaAsync();
            await first.KillAsync();
        }

        await using ServiceProcess second = await StartServiceAsync();
        (await FirstPassAsync(second)).GetProperty("recovered").GetInt32().Should().Be(1);
        (await Ledger.SagasInProgressAsync()).Should().Equal(id);

        (await second.ReleaseDemoSagaAsync(id)).StatusCode.Should().Be(HttpStatusCode.NoContent);

        await Eventually.HoldsAsync(async () => (await Ledger.SagasInProgressAsync()).Count == 0, "the saga was finished");
    }

    [Fact]
    public async Task A_demo_saga_that_is_released_before_it_is_recovered_does_not_wait()
    {
        await using (ServiceProcess first = await StartServiceAsync())
        {
            Guid id = await first.StartDemoSagaAsync();
            await first.KillAsync();
            await using NpgsqlDataSource source = NpgsqlDataSource.Create(Database);
            await using NpgsqlCommand release = source.CreateCommand("update control_plane.demo_saga set time_released = now() where saga_id = $1");
            release.Parameters.AddWithValue(id);
            await release.ExecuteNonQueryAsync();
        }

        await using ServiceProcess second = await StartServiceAsync();

        await Eventually.HoldsAsync(async () => (await Ledger.SagasInProgressAsync()).Count == 0, "the saga was finished");
    }

    [Fact]
    public async Task Told_to_stop_with_sagas_in_flight_it_ends_cleanly_and_they_go_on_at_the_next_start()
    {
        Guid id;
        await using (ServiceProcess first = await StartServiceAsync())
        {
            id = await first.StartDemoSagaAsync();
            (await first.TerminateAsync()).Should().Be(0);
            first.Errors.Should().BeEmpty();
        }

        (await Ledger.SagasInProgressAsync()).Should().Equal(id);
        await using ServiceProcess second = await StartServiceAsync();
        (await FirstPassAsync(second)).GetProperty("recovered").GetInt32().Should().Be(1);
    }

    private static async Task CreateProjectsAsync(Func<ServiceProcess> service, int client, ConcurrentBag<string> promised, CancellationToken stop)
    {
        for (int number = 1; !stop.IsCancellationRequested; number++)
        {
            string name = $"client-{client}-{number}";
            try
            {
                using HttpResponseMessage answer = await service().CreateProjectAsync(name);
                if (answer.StatusCode == HttpStatusCode.Created)
                {
                    promised.Add(name);
                }
            }
            catch (Exception cut) when (cut is HttpRequestException or ObjectDisposedException or OperationCanceledException)
            {
                await Task.Delay(50, CancellationToken.None); // the service is down; what became of the project is not known
            }
        }
    }

    private static async Task<JsonElement> FirstPassAsync(ServiceProcess service)
    {
        JsonElement pass = default;
        await Eventually.HoldsAsync(
            async () => (pass = (await service.StatusAsync()).GetProperty("lastPass")).ValueKind != JsonValueKind.Null, "the first pass was over");
        pass.GetProperty("start").GetProperty("iteration").GetInt64().Should().Be(1);
        return pass;
    }
}
