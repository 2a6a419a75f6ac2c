using System.Net;
using System.Text.Json;
using ControlPlane.Tests.Support;
using Npgsql;

namespace ControlPlane.Tests;

public sealed class CrashTests(PostgresCluster postgres) : DatabaseTests(postgres)
{
    private const int Kills = 6;
    private const int Clients = 24;

    /// <summary>To the crash-loop guard, a kill that follows a recovery closely is blamed on a saga: it would defer the rest.</summary>
    private const string Unguarded = "--SagaRecovery:HoldAfterCrashes=0";

    [Fact]
    public async Task Killed_again_and_again_under_load_it_finishes_every_saga_and_keeps_every_promise()
    {
        await using var services = new Succession(await StartServiceAsync(Unguarded));
        await using var load = new ProjectLoad(() => services.Present, Clients);
        List<Guid> demos = [];
        for (int kill = 1; kill <= Kills; kill++)
        {
            ServiceProcess service = services.Present;
            demos.Add(await service.StartDemoSagaAsync());
            int answered = load.Promised.Count;
            await Eventually.HoldsAsync(() => load.Promised.Count > answered + (Clients * kill / 2), "the load was in full swing");

            await Eventually.HoldsAsync(() => IsCaughtInFullSwingAsync(service, demos.Count), "it was caught with sagas of the load in flight");
            await service.KillAsync();
            await Ledger.ServiceHasDisconnectedAsync();
            IReadOnlyList<Guid> inFlight = await Ledger.SagasInProgressAsync();
            inFlight.Should().Contain(demos).And.HaveCountGreaterThan(demos.Count, "sagas of the load were in flight");

            service = await services.ReplaceAsync(await StartServiceAsync(Unguarded));
            JsonElement pass = await FirstPassAsync(service);
            pass.GetProperty("recovered").GetInt32().Should().Be(inFlight.Count);
            service.SagasLogged("recovered saga:").Should().BeEquivalentTo(inFlight, "each is resumed, and once");
        }

        await load.EndAsync();
        ServiceProcess last = services.Present;
        foreach (Guid demo in demos)
        {
            (await last.ReleaseDemoSagaAsync(demo)).StatusCode.Should().Be(HttpStatusCode.NoContent);
        }

        await Eventually.HoldsAsync(async () => (await Ledger.SagasInProgressAsync()).Count == 0, "every saga was finished");
        (await Ledger.SagasByStateAsync()).Keys.Should().BeSubsetOf(["project-create succeeded", "demo succeeded"]);
        (await Ledger.SucceededSagasThatDoNotAddUpAsync()).Should().Be(0);
        IReadOnlySet<string> whole = await Ledger.WholeProjectsAsync();
        (await Ledger.ProjectsAsync()).Should().Be(whole.Count, "no project is unfinished");
        load.Promised.Should().BeSubsetOf(whole).And.OnlyHaveUniqueItems().And.HaveCountGreaterThan(Kills * Clients);

        JsonElement totals = (await last.StatusAsync()).GetProperty("totals");
        totals.GetProperty("failed").GetInt64().Should().Be(0);
        totals.GetProperty("protocolViolations").GetInt64().Should().Be(0);
        (await last.TerminateAsync()).Should().Be(0);
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
    public async Task Stopped_with_sagas_in_flight_it_ends_cleanly_and_they_continue_at_the_next_start()
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

    /// <summary>
    /// Stops the process at once, and continues it if all clients were between two sagas just then: a test that
    /// is slower than the service leaves it idle.
    /// </summary>
    private async Task<bool> IsCaughtInFullSwingAsync(ServiceProcess service, int demos)
    {
        await service.SignalAsync("STOP");
        await Ledger.ServerIsDoneAsync();
        if ((await Ledger.SagasInProgressAsync()).Count > demos)
        {
            return true;
        }

        await service.SignalAsync("CONT");
        return false;
    }

    private static async Task<JsonElement> FirstPassAsync(ServiceProcess service)
    {
        JsonElement pass = await service.FirstPassAsync();
        pass.GetProperty("start").GetProperty("iteration").GetInt64().Should().Be(1);
        return pass;
    }

    /// <summary>One process after the other; the current one ends with the test, even if that fails.</summary>
    private sealed class Succession(ServiceProcess first) : IAsyncDisposable
    {
        private volatile ServiceProcess _present = first;

        public ServiceProcess Present => _present;

        public async Task<ServiceProcess> ReplaceAsync(ServiceProcess next)
        {
            ServiceProcess former = _present;
            _present = next;
            await former.DisposeAsync();
            return next;
        }

        public ValueTask DisposeAsync() => _present.DisposeAsync();
    }
}
