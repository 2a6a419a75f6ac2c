using Npgsql;
using SagaRecovery.Fencing;

namespace SagaRecovery.Postgres;

/// <summary>
/// The join that stands in a coordinator's row, as one statement saw it. A statement that recovery decides by says so in its first row.
/// </summary>
/// <param name="Token">Which join.</param>
/// <param name="Place">Where the statement was answered: one of the words below.</param>
/// <param name="Incarnation">The number of the join.</param>
internal readonly record struct JoinRow(JoinToken Token, string Place, Incarnation Incarnation)
{
    /// <summary>On the run of the server on which the join was made. Only there it counts.</summary>
    public const string Here = "here";

    /// <summary>On another run or another server: it was started anew, restored or failed over to.</summary>
    public const string Elsewhere = "elsewhere";

    /// <summary>In a transaction that may not write: its settings, or those of its role, database or server, say so.</summary>
    public const string ReadOnly = "read-only";

    /// <summary>On a server in recovery.</summary>
    public const string Standby = "standby";

    public bool Names(Membership member) => Token == member.Token && Place == Here;

    /// <summary>Reads the row at which a reader stands, if there is one.</summary>
    public static async Task<JoinRow?> ReadAsync(NpgsqlDataReader reader, Func<NpgsqlDataReader, JoinRow> read, CancellationToken cancellationToken) =>
        await reader.ReadAsync(cancellationToken).ConfigureAwait(false) ? read(reader) : null;

    /// <summary>From columns in the order of <see cref="Statements.Present"/>.</summary>
    public static JoinRow Of(NpgsqlDataReader row) => new(new JoinToken(row.GetGuid(0)), row.GetString(1), new Incarnation(row.GetInt64(2)));
}
