using System.Diagnostics;
using EmbeddedPostgres;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Joins on a server that is restarted, and on one that is restored from a backup while processes run on.</summary>
public sealed class JoinHistoryTests : IAsyncLifetime
{
    private readonly CoordinatorId _id = new(Guid.NewGuid());
    private readonly List<SagaDatabase> _processes = [];
    private ThrowawayCluster _cluster = null!;
    private string _database = "";

    private string DataFolder => Path.Combine(_cluster.Cluster.Folder, "pgdata");

    private string Backup => Path.Combine(_cluster.Cluster.Folder, "backup");

    public async ValueTask InitializeAsync()
    {
        _cluster = await ThrowawayCluster.StartAsync();
        _database = await _cluster.NewDatabaseAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (SagaDatabase process in _processes)
        {
            await process.DisposeAsync();
        }

        await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task A_process_whose_server_is_restarted_joins_again_and_continues()
    {
        (SagaDatabase us, Membership before) = await JoinAsync();
        SagaId saga = await us.CreateSagaAsync(before);
        await us.Controls.RecordInFlightAsync(before, [saga], CancellationToken.None);
        await RestartAsync();

        await LostAsync(() => us.ListAsync(before));
        await LostAsync(() => us.LoadAsync(before, saga));
        await LostAsync(() => us.CreateSagaAsync(before));
        await LostAsync(() => us.AppendAsync(before, saga, events: SagaDatabase.Event(0, NodeEventType.Started)));
        await LostAsync(() => us.Controls.ReadControlsAsync(before, CancellationToken.None));
        await LostAsync(() => us.Controls.RunHeartbeatAsync(before, new CoordinatorProfile("1.0", Definitions: null), TimeSpan.FromSeconds(1), _ => { }, CancellationToken.None));
        Membership after = await us.NewStore().RejoinAsync(before, CancellationToken.None);

        after.Incarnation.Value.Should().Be(before.Incarnation.Value + 1);
        (await us.AppendAsync(after, saga, events: SagaDatabase.Event(0, NodeEventType.Started))).Should().BeTrue();
        (await us.QueryAsync<long>("select incarnation from saga_recovery.saga_in_flight")).Should().Be(after.Incarnation.Value, "it is in flight here");
        await LostAsync(() => us.AppendAsync(before, saga, events: SagaDatabase.Event(0, NodeEventType.Succeeded)));
    }

    [Fact]
    public async Task A_repeated_join_whose_answer_was_lost_stays_in_place()
    {
        (SagaDatabase us, Membership before) = await JoinAsync();
        await RestartAsync();

        Membership unanswered = await us.NewStore().RejoinAsync(before, CancellationToken.None);
        Membership answered = await us.NewStore().RejoinAsync(before, CancellationToken.None);

        answered.Should().Be(unanswered, "the first try had landed");
        await LostAsync(() => us.ListAsync(before));
        (await us.ListAsync(answered)).Should().BeEmpty();
    }

    [Fact]
    public async Task A_write_with_an_older_join_of_its_own_process_fails_as_lost_and_not_as_fenced()
    {
        (SagaDatabase us, Membership first) = await JoinAsync();
        SagaId saga = await us.CreateSagaAsync(first);
        await RestartAsync();
        Membership second = await us.NewStore().RejoinAsync(first, CancellationToken.None);
        await RestartAsync();
        Membership third = await us.NewStore().RejoinAsync(second, CancellationToken.None);

        await LostAsync(() => us.AppendAsync(first, saga, events: SagaDatabase.Event(0, NodeEventType.Started)));
        await LostAsync(() => us.ListAsync(first));
        await LostAsync(() => us.LoadAsync(second, saga));
        (await us.AppendAsync(third, saga, events: SagaDatabase.Event(0, NodeEventType.Started))).Should().BeTrue();
    }

    [Fact]
    public async Task An_incarnation_assigned_twice_lets_one_process_write()
    {
        (SagaDatabase first, Membership zero) = await JoinAsync();
        SagaId saga = await first.CreateSagaAsync(zero);
        await BackUpAsync();
        (SagaDatabase lost, Membership one) = await JoinAsync();
        await RestoreAsync();
        (SagaDatabase present, Membership other) = await JoinAsync();

        other.Incarnation.Should().Be(one.Incarnation, "the database has forgotten that it had assigned this number");
        await FencedAsync(() => lost.AppendAsync(one, saga, events: SagaDatabase.Event(0, NodeEventType.Started)));
        await FencedAsync(() => lost.ListAsync(one));
        await FencedAsync(() => lost.NewStore().RejoinAsync(one, CancellationToken.None));
        await FencedAsync(() => first.ListAsync(zero));
        (await present.AppendAsync(other, saga, events: SagaDatabase.Event(0, NodeEventType.Started))).Should().BeTrue();
    }

    [Fact]
    public async Task A_process_whose_join_was_lost_joins_again_if_no_other_has_since()
    {
        (SagaDatabase first, Membership zero) = await JoinAsync();
        SagaId saga = await first.CreateSagaAsync(zero);
        await BackUpAsync();
        (SagaDatabase lost, Membership one) = await JoinAsync();
        await RestoreAsync();

        await LostAsync(() => lost.ListAsync(one));
        Membership again = await lost.NewStore().RejoinAsync(one, CancellationToken.None);

        again.Incarnation.Value.Should().BeGreaterThan(one.Incarnation.Value, "a number is not given twice to one process");
        (await lost.ListAsync(again)).Should().ContainSingle(candidate => candidate.SagaId == saga);
        await FencedAsync(() => first.NewStore().RejoinAsync(zero, CancellationToken.None));
    }

    [Fact]
    public async Task A_process_whose_row_was_lost_as_a_whole_joins_again()
    {
        (SagaDatabase us, Membership before) = await JoinAsync();
        await us.ExecuteAsync("delete from saga_recovery.saga_coordinator");

        await LostAsync(() => us.ListAsync(before));
        Membership after = await us.NewStore().RejoinAsync(before, CancellationToken.None);

        (await us.ListAsync(after)).Should().BeEmpty();
    }

    [Fact]
    public async Task A_table_that_was_restored_from_a_dump_is_another_though_the_server_is_the_same()
    {
        (SagaDatabase us, Membership before) = await JoinAsync();
        await us.ExecuteAsync(
            """
            begin;
            alter table saga_recovery.saga_coordinator rename to dumped;
            create table saga_recovery.saga_coordinator (like saga_recovery.dumped including all);
            insert into saga_recovery.saga_coordinator select * from saga_recovery.dumped;
            drop table saga_recovery.dumped cascade;
            commit;
            """);

        await LostAsync(() => us.ListAsync(before));
        await LostAsync(() => us.CreateSagaAsync(before));
        Membership after = await us.NewStore().RejoinAsync(before, CancellationToken.None);

        (await us.ListAsync(after)).Should().BeEmpty();
        await us.CreateSagaAsync(after);
    }

    [Fact]
    public async Task A_process_that_joined_again_without_an_answer_joins_once_more()
    {
        (SagaDatabase us, Membership before) = await JoinAsync();
        await RestartAsync();
        await us.NewStore().RejoinAsync(before, CancellationToken.None); // and the answer is lost

        Membership after = await us.NewStore().RejoinAsync(before, CancellationToken.None);

        (await us.ListAsync(after)).Should().BeEmpty();
    }

    [Fact]
    public async Task Of_a_process_and_its_predecessor_that_live_on_one_joins_again_and_the_other_is_fenced()
    {
        (SagaDatabase first, Membership zero) = await JoinAsync();
        await BackUpAsync();
        (SagaDatabase second, Membership one) = await JoinAsync();
        await RestoreAsync(); // the row names the first again, and both have known it so

        Membership winner = await first.NewStore().RejoinAsync(zero, CancellationToken.None);

        await FencedAsync(() => second.NewStore().RejoinAsync(one, CancellationToken.None));
        (await first.ListAsync(winner)).Should().BeEmpty();
    }

    [Fact]
    public async Task Revoking_all_joins_fences_every_live_process()
    {
        (SagaDatabase us, Membership before) = await JoinAsync();
        await us.CreateSagaAsync(before);

        int revoked = await us.Operations.RevokeJoinsAsync(new OperatorNote("ann", "restored from Tuesday"), CancellationToken.None);

        revoked.Should().Be(1);
        await FencedAsync(() => us.CreateSagaAsync(before));
        await FencedAsync(() => us.NewStore().RejoinAsync(before, CancellationToken.None));
        (SagaDatabase next, Membership after) = await JoinAsync();
        (await next.ListAsync(after)).Should().ContainSingle();
        (await next.Controls.ReadControlsAsync(after, CancellationToken.None)).RecentActions.Should().ContainSingle()
            .Which.Should().Match<OperatorAction>(action => action.Kind == OperatorActionKind.Revoke && action.Note.Actor == "ann" && OperatorActionText.On(action) == "all joins");
    }

    private static async Task LostAsync(Func<Task> ask) => await ask.Should().ThrowAsync<JoinLostException>();

    private static async Task FencedAsync(Func<Task> ask) => await ask.Should().ThrowAsync<CoordinatorFencedException>();

    /// <summary>A process of its own: it shares nothing with the others but the database.</summary>
    private async Task<(SagaDatabase Process, Membership Member)> JoinAsync()
    {
        var process = new SagaDatabase(_database);
        _processes.Add(process);
        return (process, await process.JoinAsync(_id));
    }

    private async Task RestartAsync()
    {
        await _cluster.Cluster.StopAsync();
        await _cluster.Cluster.StartAsync();
    }

    private async Task BackUpAsync()
    {
        await _cluster.Cluster.StopAsync();
        await CopyAsync(DataFolder, Backup);
        await _cluster.Cluster.StartAsync();
    }

    private async Task RestoreAsync()
    {
        await _cluster.Cluster.StopAsync();
        Directory.Delete(DataFolder, recursive: true);
        await CopyAsync(Backup, DataFolder);
        await _cluster.Cluster.StartAsync();
    }

    private static async Task CopyAsync(string from, string to)
    {
        using Process copy = Process.Start("cp", ["-a", from, to]);
        await copy.WaitForExitAsync();
        copy.ExitCode.Should().Be(0);
    }
}
