using System.Data.Common;

namespace SagaRecovery.Storage;

/// <summary>Classifies database errors by their cause.</summary>
internal static class RefusedData
{
    /// <summary>Returns true if the database rejected the data itself, so that a retry would fail in the same way.</summary>
    /// <remarks>SQLSTATE classes 22 (data exception), 23 (integrity constraint violation) and 54 (program limit exceeded).</remarks>
    public static bool IsForTheData(this DbException exception) => exception.SqlState is ['2', '2' or '3', ..] or ['5', '4', ..];
}
