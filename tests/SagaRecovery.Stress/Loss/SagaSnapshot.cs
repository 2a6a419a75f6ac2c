using System.Data;
using Dapper;
using Npgsql;

namespace SagaRecovery.Stress.Loss;

/// <summary>A saga as one server has it.</summary>
/// <param name="Id">The saga.</param>
/// <param name="State">Its state, in the words of the table.</param>
/// <param name="Project">The project that it creates; null: none.</param>
internal sealed record SagaRow(Guid Id, string State, string? Project)
{
    public bool IsInProgress => State is "running" or "unwinding";
}

/// <summary>An event of a saga's log.</summary>
internal readonly record struct LoggedEvent(Guid Saga, int Node, string Type);

/// <summary>The sagas and events that one server has from one moment on, and all sagas that it has in progress.</summary>
internal sealed record SagaSnapshot(IReadOnlyDictionary<Guid, SagaRow> Sagas, IReadOnlySet<LoggedEvent> Events)
{
    private const string SelectSagas = """
        select id, state, case when name = 'project-create' then params ->> 'name' end
        from saga_recovery.saga
        where time_created >= @since or state in ('running', 'unwinding')
            or id in (select saga_id from saga_recovery.saga_node_event where event_time >= @since)
        """;

    private const string SelectEvents = "select saga_id, node_id, event_type from saga_recovery.saga_node_event where event_time >= @since";

    public IEnumerable<Guid> InProgress => Sagas.Values.Where(saga => saga.IsInProgress).Select(saga => saga.Id);

    /// <param name="connectionString">The server; a standby is sufficient.</param>
    /// <param name="since">Early enough that no older row matters.</param>
    public static async Task<SagaSnapshot> ReadAsync(string connectionString, DateTimeOffset since)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using NpgsqlTransaction oneMoment = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead);
        var sagas = await connection.QueryAsync<(Guid Id, string State, string? Project)>(SelectSagas, new { since }, oneMoment);
        var events = await connection.QueryAsync<(Guid Saga, int Node, string Type)>(SelectEvents, new { since }, oneMoment);
        return new SagaSnapshot(
            sagas.Select(row => new SagaRow(row.Id, row.State, row.Project)).ToDictionary(saga => saga.Id),
            events.Select(row => new LoggedEvent(row.Saga, row.Node, row.Type)).ToHashSet());
    }
}
