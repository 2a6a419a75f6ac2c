using Npgsql;
using NpgsqlTypes;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The rows of a saga for an archive.</summary>
internal static class ArchivedRows
{
    /// <summary>Reads a row of <see cref="RetentionStatements.ReadSagas"/>.</summary>
    public static ArchivedSaga ToSaga(NpgsqlDataReader row) => new()
    {
        Id = new SagaId(row.GetGuid(0)),
        State = PostgresNames.ToState(row.GetString(1)),
        Definition = new SavedDefinition(row.Hash(2), row.GetString(3), row.GetInt32(4), row.BytesOrNone(5)),
        Parameters = row.BytesOrNone(6),
        Creator = new CoordinatorId(row.GetGuid(7)),
        Owner = row.IsDBNull(8) ? null : new CoordinatorId(row.GetGuid(8)),
        Generation = new AdoptGeneration(row.GetInt64(9)),
        TimeCreated = row.Time(10),
        TimeAdopted = row.Time(11),
        TimeEnded = row.Time(12),
        Deadline = row.TimeOrNull(13),
        Cancellation = row.CancellationOrNull(14),
        Abandonment = row.IsDBNull(17) ? null : new AbandonmentDetails(row.Time(17), row.GetString(18), row.GetString(19)),
        FailedNode = row.IsDBNull(20) ? null : row.GetString(20),
        ErrorCode = row.IsDBNull(21) ? null : row.GetString(21),
        Events = [],
    };

    /// <summary>Reads a row of <see cref="RetentionStatements.ReadEvents"/>.</summary>
    public static (SagaId Id, ArchivedEvent Event) ToEvent(NpgsqlDataReader row) => (new SagaId(row.GetGuid(0)), new ArchivedEvent(
        row.GetInt32(1), PostgresNames.ToEventType(row.GetString(2)), row.BytesOrNone(3), row.Time(4), new CoordinatorId(row.GetGuid(5))));

    /// <summary>Reads a row of <see cref="RetentionStatements.ReadTags"/>.</summary>
    public static (SagaId Id, KeyValuePair<string, string> Tag) ToTag(NpgsqlDataReader row) => (new SagaId(row.GetGuid(0)), new(row.GetString(1), row.GetString(2)));

    /// <summary>Adds the parameters of <see cref="RetentionStatements.ImportSaga"/>.</summary>
    public static void AddImport(NpgsqlBatchCommand import, ArchivedSaga saga, OperatorNote note) => import
        .With(saga.Id.Value)
        .With(saga.Definition.Name)
        .With(SagaNames.Of(saga.State))
        .With(saga.Definition.Hash.ToBytes())
        .WithJson(saga.Parameters)
        .With(saga.Creator.Value)
        .WithNullable(saga.Owner?.Value)
        .With(saga.Generation.Value)
        .With(saga.TimeCreated.ToUniversalTime())
        .With(saga.TimeAdopted.ToUniversalTime())
        .WithNullable(saga.Deadline?.ToUniversalTime())
        .WithNullable(saga.Cancellation?.At.ToUniversalTime())
        .WithText(saga.Cancellation?.Note.Actor)
        .WithText(saga.Cancellation?.Note.Reason)
        .WithNullable(saga.Abandonment?.Time.ToUniversalTime())
        .WithText(saga.Abandonment?.Reason)
        .WithText(saga.Abandonment?.Comment)
        .WithText(saga.FailedNode)
        .WithText(saga.ErrorCode)
        .With(saga.Events.Select(one => one.NodeId).ToArray())
        .With(saga.Events.Select(one => SagaNames.Of(one.Type)).ToArray())
        .WithJson(saga.Events.Select(one => PostgresFence.JsonOrNull(one.Data)).ToArray())
        .With(saga.Events.Select(one => one.Time.ToUniversalTime()).ToArray())
        .With(saga.Events.Select(one => one.Creator.Value).ToArray())
        .With(saga.Tags.Keys.ToArray())
        .With(saga.Tags.Values.ToArray())
        .With(saga.Actions.Select(one => one.Time.ToUniversalTime()).ToArray())
        .With(saga.Actions.Select(one => SagaNames.Of(one.Kind)).ToArray())
        .With(saga.Actions.Select(one => one.Note.Actor).ToArray())
        .With(saga.Actions.Select(one => one.Note.Reason).ToArray())
        .With(saga.Actions.Select(one => one.Coordinator?.Value).ToArray())
        .With(note.Actor)
        .With(note.Reason);

    /// <summary>Adds a text, or a null of that type.</summary>
    public static NpgsqlBatchCommand WithText(this NpgsqlBatchCommand command, string? text)
    {
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Text, Value = text is null ? DBNull.Value : text });
        return command;
    }
}
