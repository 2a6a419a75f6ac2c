using System.Net;
using System.Text.Json;
using ControlPlane.Tests.Support;

namespace ControlPlane.Tests;

public sealed class TakeOverTests(PostgresCluster postgres) : DatabaseTests(postgres)
{
    [Fact]
    public async Task A_second_process_under_the_same_coordinator_id_fences_the_first_and_takes_its_sagas()
    {
        await using ServiceProcess older = await StartServiceAsync();
        (await older.CreateProjectAsync("before")).EnsureSuccessStatusCode();
        Guid demo = await older.StartDemoSagaAsync();

        await using ServiceProcess newer = await StartServiceAsync();
        (await newer.CreateProjectAsync("after")).StatusCode.Should().Be(HttpStatusCode.Created);
        newer.SagasLogged("recovered saga:").Should().Equal(demo);

        await ShouldRefuseAsync(await older.CreateProjectAsync("too-late"));
        await ShouldRefuseAsync(await older.Http.PostAsync("/demo-sagas", content: null));
        await ShouldRefuseAsync(await older.Http.DeleteAsync("/v1/projects/before"));
        await ShouldRefuseAsync(await older.ReleaseDemoSagaAsync(demo));
        string status = await older.Http.GetStringAsync("/saga-recovery");
        status.Should().Contain("FENCED by incarnation 2");
        older.Output.Should().ContainSingle(line => line.Contains(" FTL ", StringComparison.Ordinal)).Which.Should().Contain("fenced: incarnation");
        (await older.StatusAsync()).GetProperty("coordinator").GetProperty("fenced").GetProperty("by").GetInt64().Should().Be(2);

        (await newer.ReleaseDemoSagaAsync(demo)).StatusCode.Should().Be(HttpStatusCode.NoContent);
        await Eventually.HoldsAsync(async () => (await Ledger.SagasInProgressAsync()).Count == 0, "the saga was finished by the newer process");
        (await Ledger.WholeProjectsAsync()).Should().BeEquivalentTo("before", "after");
        (await newer.Http.GetStringAsync("/saga-recovery")).Should().NotContain("FENCED");
        (await older.TerminateAsync()).Should().Be(0);
    }

    [Fact]
    public async Task A_process_that_was_paused_while_another_took_over_writes_nothing_when_it_wakes_up()
    {
        await using ServiceProcess older = await StartServiceAsync();
        Guid demo = await older.StartDemoSagaAsync();
        await older.SignalAsync("STOP");
        Task<HttpResponseMessage> asked = older.CreateProjectAsync("asleep");

        await using ServiceProcess newer = await StartServiceAsync();
        (await newer.CreateProjectAsync("awake")).StatusCode.Should().Be(HttpStatusCode.Created);
        (await newer.ReleaseDemoSagaAsync(demo)).StatusCode.Should().Be(HttpStatusCode.NoContent);
        await Eventually.HoldsAsync(async () => (await Ledger.SagasInProgressAsync()).Count == 0, "the saga was finished by the newer process");
        await older.SignalAsync("CONT");

        await ShouldRefuseAsync(await asked);
        (await Ledger.WholeProjectsAsync()).Should().Equal("awake");
        (await Ledger.SagasByStateAsync()).Should().Equal(new Dictionary<string, long> { ["project-create succeeded"] = 1, ["demo succeeded"] = 1 });
    }

    private static async Task ShouldRefuseAsync(HttpResponseMessage response)
    {
        using (response)
        {
            response.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
            JsonElement problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
            problem.GetProperty("title").GetString().Should().Be("Taken over");
        }
    }
}
