using System.Diagnostics;
using Dapper;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Operator actions on many sagas.</summary>
public sealed class BatchTests(PostgresCluster cluster, ITestOutputHelper output) : PostgresTest(cluster)
{
    private static readonly OperatorNote s_note = new("ann", "a bad release");

    [Theory]
    [InlineData(OperatorActionKind.Cancel)]
    [InlineData(OperatorActionKind.Hold)]
    [InlineData(OperatorActionKind.Abandon)]
    public async Task Each_saga_gets_its_own_result_and_each_change_its_own_record(OperatorActionKind kind)
    {
        Membership us = await Db.JoinAsync();
        Membership others = await Db.JoinAsync();
        SagaId[] running = [await Db.CreateSagaAsync(us), await Db.CreateSagaAsync(others), await Db.CreateSagaAsync(us)];
        SagaId ended = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, ended, SagaState.Succeeded);
        var unknown = SagaId.NewAt(DateTimeOffset.UtcNow);
        var action = new SagaAction(kind, s_note) { Condition = new OperatorActionCondition { EvenIfOwnerAnswers = true } };

        IReadOnlyList<OperatorActionResult> results =
            await Db.Operations.PerformAsync(action, [running[0], ended, running[1], unknown, running[2]], CancellationToken.None);

        results.Select(result => result.GetType().Name).Should().Equal("Done", "Superseded", "Done", "NoSuchSaga", "Done");
        (await Db.QueryAsync<string>("select string_agg(format('%s %s %s %s', action, saga_id, actor, reason), ',' order by saga_id) from saga_recovery.saga_operator_action")).Should().Be(string.Join(',', running.OrderBy(id => id.ToString(), StringComparer.Ordinal).Select(id => $"{SagaNames.Of(kind)} {id} ann a bad release")));
        (await Db.QueryAsync<long>("select count(distinct coordinator_id) from saga_recovery.saga_operator_action")).Should().Be(2);

        IReadOnlyList<OperatorActionResult> again = await Db.Operations.PerformAsync(action, running, CancellationToken.None);
        again.Should().AllBeOfType(kind is OperatorActionKind.Hold ? typeof(OperatorActionResult.Done) : typeof(OperatorActionResult.Superseded));
    }

    [Fact]
    public async Task Sagas_are_released_together()
    {
        Membership us = await Db.JoinAsync();
        SagaId[] sagas = [await Db.CreateSagaAsync(us), await Db.CreateSagaAsync(us)];
        await Db.Operations.HoldAsync(sagas[0], s_note, CancellationToken.None);

        IReadOnlyList<OperatorActionResult> results =
            await Db.Operations.PerformAsync(new SagaAction(OperatorActionKind.Release, s_note), sagas, CancellationToken.None);

        results[0].Should().BeOfType<OperatorActionResult.Done>();
        results[1].Should().BeOfType<OperatorActionResult.Superseded>().Which.Reason.Should().Be("it is not held");
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_hold")).Should().Be(0);
    }

    [Fact]
    public async Task Abandoning_is_refused_for_the_sagas_whose_owner_answers_alone()
    {
        Membership answers = await Db.JoinAsync();
        Membership silent = await Db.JoinAsync();
        SagaId[] sagas = [await Db.CreateSagaAsync(answers), await Db.CreateSagaAsync(silent)];
        await Db.ExecuteAsync("update saga_recovery.saga_coordinator set time_seen = now() - interval '1 hour' where id = @Id", new { Id = silent.Coordinator.Value });

        IReadOnlyList<OperatorActionResult> results =
            await Db.Operations.PerformAsync(new SagaAction(OperatorActionKind.Abandon, s_note), sagas, CancellationToken.None);

        results[0].Should().BeOfType<OperatorActionResult.OwnerAnswers>().Which.Owner.Id.Should().Be(answers.Coordinator);
        results[1].Should().BeOfType<OperatorActionResult.Done>();
        (await Db.StateOfAsync(sagas[0])).Should().Be("running");
        (await Db.StateOfAsync(sagas[1])).Should().Be("abandoned");
    }

    [Fact]
    public async Task Chosen_sagas_are_reassigned_and_the_others_of_their_owner_are_not()
    {
        Membership gone = await Db.JoinAsync();
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        SagaId[] sagas = [await Db.CreateSagaAsync(gone), await Db.CreateSagaAsync(gone), await Db.CreateSagaAsync(gone)];
        await Db.Controls.ReportShutdownAsync(gone, CancellationToken.None);

        IReadOnlyList<OperatorActionResult> results =
            await Db.Cluster.ReassignAsync([sagas[0], sagas[2]], new ChosenRecipients([]), s_note, CancellationToken.None);

        results.Should().AllBeOfType<OperatorActionResult.Done>();
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga where current_coordinator = @Id", new { Id = taker.Member.Coordinator.Value })).Should().Be(2);
        (await Db.QueryAsync<Guid>("select current_coordinator from saga_recovery.saga where id = @Id", new { Id = sagas[1].Value })).Should().Be(gone.Coordinator.Value);
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_operator_action where action = 'reassign' and saga_id = any (@Ids)", new { Ids = new[] { sagas[0].Value, sagas[2].Value } }))
            .Should().Be(2);
    }

    [Fact]
    public async Task Chosen_sagas_of_an_owner_that_answers_stay()
    {
        Membership owner = await Db.JoinAsync();
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        SagaId saga = await Db.CreateSagaAsync(owner);

        IReadOnlyList<OperatorActionResult> results = await Db.Cluster.ReassignAsync([saga], new ChosenRecipients([taker.Member.Coordinator]), s_note, CancellationToken.None);

        results.Single().Should().BeOfType<OperatorActionResult.OwnerAnswers>();
        (await Db.QueryAsync<Guid>("select current_coordinator from saga_recovery.saga")).Should().Be(owner.Coordinator.Value);
    }

    [Fact]
    public async Task A_saga_that_another_reassignment_gave_to_the_same_taker_meanwhile_is_not_recorded_as_moved()
    {
        Membership gone = await Db.JoinAsync();
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        SagaId[] sagas = [await Db.CreateSagaAsync(gone), await Db.CreateSagaAsync(gone)];
        await Db.Controls.ReportShutdownAsync(gone, CancellationToken.None);
        await using NpgsqlConnection writer = await Db.DataSource.OpenConnectionAsync();
        await writer.ExecuteAsync($"begin; {Db.LockOn(gone.Coordinator, shared: true)}");
        Task<IReadOnlyList<OperatorActionResult>> reassignment = Db.Cluster.ReassignAsync(sagas, new ChosenRecipients([]), s_note, CancellationToken.None);
        await Db.WaitForBlockedSessionAsync();

        await Db.ExecuteAsync(
            "update saga_recovery.saga set current_coordinator = @To, adopt_generation = adopt_generation + 1, adopt_time = clock_timestamp() where id = @Id",
            new { Id = sagas[0].Value, To = taker.Member.Coordinator.Value });
        await writer.ExecuteAsync("commit");

        IReadOnlyList<OperatorActionResult> results = await reassignment;
        results[0].Should().BeOfType<OperatorActionResult.Superseded>();
        results[1].Should().BeOfType<OperatorActionResult.Done>();
        (await Db.QueryAsync<Guid>("select saga_id from saga_recovery.saga_operator_action where action = 'reassign'")).Should().Be(sagas[1].Value);
    }

    [Fact]
    public async Task Two_batches_over_the_same_sagas_at_once_both_end_and_each_saga_is_cancelled_once()
    {
        Membership us = await Db.JoinAsync();
        SagaId[] sagas = [.. await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Db.CreateSagaAsync(us)))];
        var action = new SagaAction(OperatorActionKind.Cancel, s_note);

        IReadOnlyList<OperatorActionResult>[] results = await Task.WhenAll(
            Db.Operations.PerformAsync(action, sagas, CancellationToken.None),
            Db.Operations.PerformAsync(action, [.. sagas.Reverse()], CancellationToken.None));

        results.Sum(batch => batch.Count(result => result is OperatorActionResult.Done)).Should().Be(sagas.Length);
        (await Db.QueryAsync<long>("select count(distinct saga_id) from saga_recovery.saga_operator_action")).Should().Be(sagas.Length);
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_operator_action")).Should().Be(sagas.Length);
    }

    [Fact]
    public async Task Ten_thousand_sagas_take_seconds()
    {
        Membership us = await Db.JoinAsync();
        await Db.CreateSagaAsync(us);
        await Db.ExecuteAsync("""
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator, adopt_generation)
            select gen_random_uuid(), name, creator, definition_hash, params, state, current_coordinator, 1 from saga_recovery.saga, generate_series(1, 9999)
            """);
        var all = (await Db.Operations.ListAsync(new SagaFilter { Limit = 10_000 }, CancellationToken.None)).Select(saga => saga.Id).ToList();
        all.Should().HaveCount(10_000);

        long start = Stopwatch.GetTimestamp();
        foreach (SagaId[] chunk in all.Chunk(500))
        {
            (await Db.Operations.PerformAsync(new SagaAction(OperatorActionKind.Cancel, s_note), chunk, CancellationToken.None)).Should().AllBeOfType<OperatorActionResult.Done>();
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        output.WriteLine($"10,000 sagas cancelled in {elapsed.TotalMilliseconds:F0} ms");
        elapsed.Should().BeLessThan(TimeSpan.FromSeconds(30));
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_operator_action")).Should().Be(10_000);
    }
}
