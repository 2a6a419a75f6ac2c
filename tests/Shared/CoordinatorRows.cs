namespace Tests.Shared;

/// <summary>Statements that insert the row of a coordinator, though no process has joined.</summary>
internal static class CoordinatorRows
{
    /// <summary><c>@dead</c> has had no heartbeat for a minute.</summary>
    public const string InsertDead = $"{Insert} (@dead, 1, 'burnt', 7, now() - interval '1 min', gen_random_uuid(), now(), 0)";

    /// <summary><c>@other</c> counts as answering for an hour.</summary>
    public const string InsertAnswering = $"{Insert} (@other, 1, 'elsewhere', 7, now() + interval '1 h', gen_random_uuid(), now(), 0)";

    private const string Insert =
        "insert into saga_recovery.saga_coordinator (id, incarnation, host, process_id, time_seen, token, server_start, table_id) values";
}
