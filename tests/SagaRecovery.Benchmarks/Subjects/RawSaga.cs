using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>A saga as a raw reader returns it: the data that recovery needs, JSON as bytes.</summary>
internal sealed record RawSaga(Guid Id, string Name, string State, long Generation, byte[] DefinitionHash, byte[] Parameters)
{
    /// <summary>The columns that are read of a saga, in the order of <see cref="Read(NpgsqlDataReader)"/>.</summary>
    public const string Columns = "id, name, state, adopt_generation, definition_hash, params";

    public List<RawEvent> Events { get; } = [];

    public static RawSaga Read(NpgsqlDataReader reader) => new(
        reader.GetGuid(0), reader.GetString(1), reader.GetString(2), reader.GetInt64(3), reader.GetFieldValue<byte[]>(4), reader.GetFieldValue<byte[]>(5));
}

/// <summary>An event as a raw reader returns it.</summary>
internal readonly record struct RawEvent(int Node, string Type, byte[] Data)
{
    /// <summary>The columns that are read of an event, in the order of <see cref="Read(NpgsqlDataReader)"/>; the saga's id precedes them.</summary>
    public const string Columns = "node_id, event_type, data";

    public static RawEvent Read(NpgsqlDataReader reader) => new(reader.GetInt32(1), reader.GetString(2), reader.GetFieldValue<byte[]>(3));
}
