using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ControlPlane.Tests.Support;
using Npgsql;

namespace ControlPlane.Tests;

/// <summary>Requests with an idempotency key, which a client sends again to any process.</summary>
public sealed class RetriedRequestTests(PostgresCluster postgres) : DatabaseTests(postgres)
{
    [Fact]
    public async Task A_repeated_request_gets_the_answer_to_the_first_and_starts_nothing()
    {
        await using ServiceProcess service = await StartServiceAsync();

        using HttpResponseMessage first = await service.CreateProjectWithKeyAsync("once", "key-1");
        using HttpResponseMessage second = await service.CreateProjectWithKeyAsync("once", "key-1");
        using HttpResponseMessage other = await service.CreateProjectWithKeyAsync("twice", "key-1");
        using HttpResponseMessage taken = await service.CreateProjectWithKeyAsync("once", "key-2");

        first.StatusCode.Should().Be(HttpStatusCode.Created);
        second.StatusCode.Should().Be(HttpStatusCode.Created);
        (await IdAsync(second)).Should().Be(await IdAsync(first));
        other.StatusCode.Should().Be(HttpStatusCode.UnprocessableEntity);
        taken.StatusCode.Should().Be(HttpStatusCode.Conflict);
        (await Ledger.WholeProjectsAsync()).Should().Equal("once");
        (await Ledger.SagasByStateAsync()).Should().Equal(new Dictionary<string, long> { ["project-create succeeded"] = 1, ["project-create unwound"] = 1 });
    }

    [Fact]
    public async Task Processes_that_did_not_run_the_saga_answer_created_after_a_take_over_in_the_middle_of_the_request()
    {
        await using ServiceProcess owner = await StartNodeAsync();
        await using ServiceProcess second = await StartNodeAsync();
        await using ServiceProcess third = await StartNodeAsync();
        await using ServiceProcess fourth = await StartNodeAsync();
        await using NpgsqlConnection blocker = new(Database);
        await blocker.OpenAsync();
        await using NpgsqlTransaction block = await blocker.BeginTransactionAsync();
        await ExecuteAsync(blocker, "lock table control_plane.vpc_subnet in exclusive mode");
        Task<HttpResponseMessage> lost = owner.CreateProjectWithKeyAsync("moved", "key");
        await Eventually.HoldsAsync(async () => (await Ledger.SagasInProgressAsync()).Count == 1, "the saga was started");
        Task<HttpResponseMessage>[] retried = [.. new[] { second, third, fourth }.Select(node => node.CreateProjectWithKeyAsync("moved", "key"))];

        await owner.KillAsync();
        await lost.Invoking(answer => answer).Should().ThrowAsync<HttpRequestException>();
        await Eventually.HoldsAsync(
            async () => await ExecuteAsync(blocker, "select adopt_generation from saga_recovery.saga") is 2L, "the saga was taken over", TimeSpan.FromSeconds(60));
        retried.Should().OnlyContain(answer => !answer.IsCompleted);
        await block.CommitAsync();

        HttpResponseMessage[] answers = await Task.WhenAll(retried);
        answers.Should().OnlyContain(answer => answer.StatusCode == HttpStatusCode.Created);
        (await Task.WhenAll(answers.Select(IdAsync))).Distinct().Should().ContainSingle();
        (await Ledger.WholeProjectsAsync()).Should().Equal("moved");
    }

    private Task<ServiceProcess> StartNodeAsync() => ServiceProcess.StartAsync(
        Database,
        Guid.NewGuid(),
        "--SagaRecovery:HeartbeatPeriod=00:00:00.3",
        "--SagaRecovery:TakeOverAfter=00:00:02",
        "--ControlPlane:AnswerTimeout=00:02:00");

    private static async Task<Guid> IdAsync(HttpResponseMessage answer) => (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetGuid();

    private static async Task<object?> ExecuteAsync(NpgsqlConnection connection, string statement)
    {
        await using NpgsqlCommand command = connection.CreateCommand();
        command.CommandText = statement;
        return await command.ExecuteScalarAsync();
    }
}
