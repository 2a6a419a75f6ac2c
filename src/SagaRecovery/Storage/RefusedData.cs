using System.Data.Common;

namespace SagaRecovery.Storage;

/// <summary>What a database says of data that it cannot take.</summary>
internal static class RefusedData
{
    /// <summary>
    /// Whether the database refused what it was given, and would again: data exception, integrity violation, program limit exceeded
    /// (SQLSTATE classes 22, 23 and 54).
    /// </summary>
    public static bool IsForTheData(this DbException exception) => exception.SqlState is ['2', '2' or '3', ..] or ['5', '4', ..];
}
