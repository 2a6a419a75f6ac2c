using Npgsql;
using SagaRecovery.Fencing;

namespace SagaRecovery.Postgres;

/// <summary>
/// The current join in a coordinator's row, as one statement saw it. Every statement whose results recovery relies on returns it in its
/// first row.
/// </summary>
/// <param name="Token">The token of the join.</param>
/// <param name="Place">The place where the statement ran: one of the constants below.</param>
/// <param name="Incarnation">The number of the join.</param>
internal readonly record struct JoinRow(JoinToken Token, string Place, Incarnation Incarnation)
{
    /// <summary>The run of the server on which the join was made. A join is valid only there.</summary>
    public const string Here = "here";

    /// <summary>Another run or another server, after a restart, a restore or a fail-over.</summary>
    public const string Elsewhere = "elsewhere";

    /// <summary>A read-only transaction, by the settings of the session, role, database or server.</summary>
    public const string ReadOnly = "read-only";

    /// <summary>A server in recovery.</summary>
    public const string Standby = "standby";

    public bool IsJoinOf(Membership member) => Token == member.Token && Place == Here;

    /// <summary>Reads the next row of the current result, or returns null at its end.</summary>
    public static async Task<JoinRow?> ReadAsync(NpgsqlDataReader reader, Func<NpgsqlDataReader, JoinRow> read, CancellationToken cancellationToken) =>
        await reader.ReadAsync(cancellationToken).ConfigureAwait(false) ? read(reader) : null;

    /// <summary>Creates a row from columns in the order of <see cref="Statements.CurrentJoin"/>.</summary>
    public static JoinRow Of(NpgsqlDataReader row) => new(new JoinToken(row.GetGuid(0)), row.GetString(1), new Incarnation(row.GetInt64(2)));
}
