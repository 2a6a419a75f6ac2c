using EmbeddedPostgres;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>
/// A primary whose synchronous standby does not answer. A command that runs into its time-out while it waits for it is answered with
/// success and a warning: the commit is on the primary alone, and a fail-over would undo it.
/// </summary>
public sealed class UnreplicatedCommitTests : IAsyncLifetime
{
    private ThrowawayCluster _cluster = null!;
    private SagaDatabase _patient = null!;
    private SagaDatabase _hasty = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await ThrowawayCluster.StartAsync();
        string database = await _cluster.NewDatabaseAsync();
        _patient = new SagaDatabase(database);
        _hasty = new SagaDatabase($"{database};Command Timeout=1", new PostgresStoreOptions());
    }

    public async ValueTask DisposeAsync()
    {
        await _patient.DisposeAsync();
        await _hasty.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    [Theory]
    [InlineData("notice")]
    [InlineData("error")] // hides warnings
    public async Task A_write_that_a_failover_may_undo_counts_as_unanswered_and_is_settled_by_writing_it_again(string messages)
    {
        await SagaDatabase.AlterAsync(_patient.Direct, $"client_min_messages = '{messages}'");
        Membership us = await _patient.JoinAsync();
        SagaId saga = await _patient.CreateSagaAsync(us);
        SagaId other = await _patient.CreateSagaAsync(us);
        await WaitForStandbyAsync("away");

        foreach (Func<Task> write in new Func<Task>[]
        {
            () => _hasty.CreateSagaAsync(us),
            () => AppendAsync(us, saga),
            () => _hasty.NewStore().AbandonAsync(other, us.Of(AdoptGeneration.Initial), new Abandonment("x", "y"), CancellationToken.None),
            () => _hasty.Controls.RunHeartbeatAsync(us, new CoordinatorProfile("1.0", Definitions: null), TimeSpan.FromSeconds(1), _ => { }, CancellationToken.None),
            () => _hasty.JoinAsync(new CoordinatorId(Guid.NewGuid())),
        })
        {
            (await write.Should().ThrowAsync<NpgsqlException>()).Which.Should()
                .Match<NpgsqlException>(unanswered => unanswered.IsTransient && unanswered.Message.Contains("may be undone by a fail-over"));
        }

        (await _patient.CountEventsAsync(saga)).Should().Be(1, "it is on this server, and would be lost with it");
        await WaitForStandbyAsync("");
        (await AppendAsync(us, saga)).Should().BeTrue();
        (await _patient.CountEventsAsync(saga)).Should().Be(1);
        (await _patient.QueryAsync<long>("select count(*) from saga_recovery.saga")).Should().Be(3);
    }

    private Task<bool> AppendAsync(Membership us, SagaId saga) => _hasty.AppendAsync(us, saga, events: SagaDatabase.Event(0, NodeEventType.Started));

    /// <summary>Names the standby that commits wait for, and returns when they do; empty: commits wait for none.</summary>
    private async Task WaitForStandbyAsync(string name)
    {
        await _patient.ExecuteAsync($"alter system set synchronous_standby_names = '{name}'");
        await _patient.ExecuteAsync("select pg_reload_conf()");
        await Eventually.HoldsAsync(async () => await CommitWaitsAsync() == (name.Length > 0), "the server had read its settings");
    }

    private async Task<bool> CommitWaitsAsync()
    {
        await using NpgsqlConnection connection = await _hasty.DataSource.OpenConnectionAsync();
        await using var enableWarnings = new NpgsqlCommand("set client_min_messages = warning", connection);
        await enableWarnings.ExecuteNonQueryAsync();
        bool warned = false;
        connection.Notice += (_, _) => warned = true;
        await using var write = new NpgsqlCommand("select pg_current_xact_id(), pg_logical_emit_message(true, '', '')", connection);
        await write.ExecuteNonQueryAsync();
        return warned;
    }
}
