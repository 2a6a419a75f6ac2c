using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>
/// A pgpool sends reads to a standby and everything else to the primary, one statement at a time, even within a batch. Recovery must never
/// treat the data of a lagging standby as current: a read is complete or it fails.
/// </summary>
public sealed class BehindPgPoolTests(PooledStandby pooled, ITestOutputHelper output) : IClassFixture<PooledStandby>, IAsyncLifetime
{
    private const int Tries = 20;
    private const int Sagas = 8;
    private const string Failure = "failed: ";

    // The statements that pgpool treats as writes, by the functions that they call.
    private const string VolatileFunctions = "";
    private const string SetConfigAlone = "set_config"; // a check that calls it reaches the primary, the reads beside it do not
    private const string NoFunction = "no_function";

    private SagaDatabase Primary { get; set; } = null!;

    public async ValueTask InitializeAsync()
    {
        if (pooled.WhyNot is { } reason)
        {
            output.WriteLine($"not available: {reason}");
            return;
        }

        Primary = new SagaDatabase(await pooled.Servers.NewDatabaseAsync());
    }

    public async ValueTask DisposeAsync()
    {
        if (pooled.WhyNot is null)
        {
            await pooled.Servers.ResumeReplayAsync();
            await Primary.DisposeAsync();
        }
    }

    [Fact]
    public async Task Plain_reads_are_answered_by_the_standby_as_it_is()
    {
        if (pooled.WhyNot is not null)
        {
            return;
        }

        Membership us = await Primary.JoinAsync();
        await StandbyFallsBehindAsync();
        await CreateSagasAsync(us);

        await using SagaDatabase through = await ThroughAsync(prepared: false, VolatileFunctions);
        await ReadsReachTheStandbyAsync(through);
        const string CountSagas = "select count(*) from saga_recovery.saga";
        (await Primary.QueryAsync<long>(CountSagas)).Should().Be(Sagas);
        (await through.QueryAsync<long>(CountSagas)).Should().Be(0, "the standby has seen none of them");

        await pooled.Servers.ResumeReplayAsync();
        await pooled.Servers.CaughtUpAsync();
        (await through.QueryAsync<long>(CountSagas)).Should().Be(Sagas);
    }

    [Theory]
    [InlineData(true, VolatileFunctions)]
    [InlineData(false, VolatileFunctions)]
    [InlineData(true, SetConfigAlone)]
    [InlineData(true, NoFunction)]
    public async Task A_listing_holds_every_saga_or_fails(bool prepared, string writes)
    {
        if (pooled.WhyNot is not null)
        {
            return;
        }

        Membership us = await Primary.JoinAsync();
        await StandbyFallsBehindAsync();
        await CreateSagasAsync(us);

        IReadOnlyList<string> answers = await TryAsync(prepared, writes, async through => $"{(await through.ListAsync(us)).Count} sagas");

        answers.Should().OnlyContain(answer => answer == $"{Sagas} sagas" || IsFailure(answer));
    }

    [Theory]
    [InlineData(true, VolatileFunctions)]
    [InlineData(false, VolatileFunctions)]
    [InlineData(true, SetConfigAlone)]
    [InlineData(true, NoFunction)]
    public async Task A_saga_is_loaded_with_every_event_or_not_at_all(bool prepared, string writes)
    {
        if (pooled.WhyNot is not null)
        {
            return;
        }

        Membership us = await Primary.JoinAsync();
        SagaId old = await Primary.CreateSagaAsync(us);
        await Primary.AppendAsync(us, old, events: SagaDatabase.Event(0, NodeEventType.Started));
        await StandbyFallsBehindAsync();
        await Primary.AppendAsync(us, old, events: SagaDatabase.Event(0, NodeEventType.Succeeded, "{}"));
        SagaId @new = await Primary.CreateSagaAsync(us);
        await Primary.AppendAsync(us, @new, events: SagaDatabase.Event(0, NodeEventType.Started));

        IReadOnlyList<string> answers = await TryAsync(
            prepared, writes, async through => $"events: {string.Join(", ", (await through.LoadAsync(us, old, @new)).Select(Describe))}");

        answers.Should().OnlyContain(answer => answer == "events: 2, 1" || IsFailure(answer));
    }

    /// <summary>Without prepared statements, as docs/operations.md requires behind a pgpool.</summary>
    [Theory]
    [InlineData(VolatileFunctions)]
    [InlineData(SetConfigAlone)]
    [InlineData(NoFunction)]
    public async Task A_write_through_it_is_fenced_at_the_primary(string writes)
    {
        if (pooled.WhyNot is not null)
        {
            return;
        }

        await Primary.Schema.CreateAsync();
        await StandbyFallsBehindAsync();

        IReadOnlyList<string> answers = await TryAsync(prepared: false, writes, async through =>
        {
            Membership us = await through.JoinAsync();
            SagaId saga = await through.CreateSagaAsync(us);
            await through.AppendAsync(us, saga, events: [SagaDatabase.Event(0, NodeEventType.Started), SagaDatabase.Event(0, NodeEventType.Succeeded, "{}")]);
            await through.Controls.RecordInFlightAsync(us, [saga], CancellationToken.None);
            await through.Controls.ReadControlsAsync(us, CancellationToken.None);
            await Primary.JoinAsync(us.Coordinator);
            Func<Task> late = () => through.AppendAsync(us, saga, SagaState.Succeeded);
            await late.Should().ThrowAsync<CoordinatorFencedException>();
            return $"events: {await Primary.CountEventsAsync(saga)}, {await Primary.StateOfAsync(saga)}";
        });

        answers.Should().OnlyContain(answer => answer == "events: 2, running" || IsFailure(answer));
    }

    /// <summary>Withholds later writes from the standby.</summary>
    private async Task StandbyFallsBehindAsync()
    {
        await pooled.Servers.CaughtUpAsync();
        await pooled.Servers.PauseReplayAsync();
    }

    private async Task CreateSagasAsync(Membership us)
    {
        for (int i = 0; i < Sagas; i++)
        {
            await Primary.CreateSagaAsync(us);
        }
    }

    private async Task<SagaDatabase> ThroughAsync(bool prepared, string writes) => new(
        await pooled.ThroughAsync(Primary.Direct, writes), new PostgresStoreOptions { PreparedStatements = prepared }, direct: Primary.Direct);

    /// <summary>Queries on a new connection each time.</summary>
    /// <returns>The answers, with a failure in place of each missing one.</returns>
    private async Task<IReadOnlyList<string>> TryAsync(bool prepared, string writes, Func<SagaDatabase, Task<string>> ask)
    {
        var answers = new List<string>();
        for (int i = 0; i < Tries; i++)
        {
            await using SagaDatabase through = await ThroughAsync(prepared, writes);
            try
            {
                answers.Add(await ask(through));
            }
            catch (Exception refused) when (refused is InvalidOperationException or NpgsqlException)
            {
                answers.Add($"{Failure}{refused.Message}");
            }

            await ReadsReachTheStandbyAsync(through); // otherwise the answers, and above all the failures, prove nothing
        }

        foreach (IGrouping<string, string> alike in answers.GroupBy(answer => answer, StringComparer.Ordinal))
        {
            output.WriteLine($"{alike.Count()} times: {alike.Key}");
        }

        return answers;
    }

    private async Task ReadsReachTheStandbyAsync(SagaDatabase through) =>
        (await through.QueryAsync<int>("select inet_server_port()")).Should().Be(
            new NpgsqlConnectionStringBuilder(pooled.Servers.OnStandby(Primary.Direct)).Port, "pgpool sends reads to the standby");

    private static bool IsFailure(string answer) => answer.StartsWith(Failure, StringComparison.Ordinal);

    private static string Describe(LoadedSaga loaded) =>
        loaded is LoadedSaga.Present present ? $"{present.Saga.Events.Count}" : loaded.GetType().Name;
}
